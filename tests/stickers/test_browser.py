"""The page in a real browser without a screen: strokes by mouse, finger and keys, answers, lessons, forgetting.

Needs Playwright (make test ORACLES=1) and a Chromium or Chrome of the system, found on the PATH or named by
PYRUNTIME_BROWSER.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Running, Start
from .drawn import Stroke, cat, house, rocket

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make test ORACLES=1")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LEAN = ("--disable-dev-shm-usage", "--disable-gpu", "--renderer-process-limit=1")
PI, PHONE = (800, 480), (390, 844)
Open = Callable[..., Any]


def runs(path: str | None) -> bool:
    """Whether it is a browser; some systems have a program of that name that only says how to install one."""
    return path is not None and subprocess.run([path, "--version"], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = os.environ.get("PYRUNTIME_BROWSER") or next(filter(runs, map(shutil.which, BROWSERS)), None)
    if "LD_PRELOAD" in os.environ:
        pytest.skip("a sanitizer is loaded, which a browser does not survive")
    if path is None:
        pytest.skip(
            f"no browser here: none of {', '.join(BROWSERS)} on the PATH runs, and PYRUNTIME_BROWSER is not set"
        )
    with playwright.sync_playwright() as driver:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium has none for root
        running = driver.chromium.launch(executable_path=path, args=[*sandbox, *LEAN])
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Opens the page; at the end, whatever the browser complained about fails the test."""
    complaints: list[str] = []
    contexts = []

    def open_at(url: str, size: tuple[int, int] = PI, **options: Any) -> Any:
        view = {"width": size[0], "height": size[1]}
        context = browser.new_context(viewport=view, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # ms; a busy machine may take its time
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: complaints.append(request.url) if not is_own(request.url, url) else None)
        page.goto(url)
        page.wait_for_selector("#wall img, #invite")
        return page

    yield open_at
    for context in contexts:
        context.close()
    expected = ("net::ERR", "Failed to load resource")  # while the program is being restarted
    assert [text for text in complaints if not any(word in text for word in expected)] == []


def is_own(asked: str, url: str) -> bool:
    return asked.startswith((url.split("?")[0], "blob:", "data:"))


def draw(page: Any, strokes: list[Stroke]) -> None:
    box = page.locator("#pad").bounding_box()
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()


def sees(page: Any, label: str) -> None:
    page.wait_for_function("label => document.getElementById('pill').textContent.startsWith(label + ' ')", arg=label)


def teach(page: Any, name: str, drawings: list[list[Stroke]]) -> None:
    page.click("#tab-teach")
    page.fill("#name", name)
    for strokes in drawings:
        draw(page, strokes)
        page.click("#add")
    page.click("#learn")
    page.wait_for_selector("#lesson-done h2")


def test_it_says_what_is_drawn_and_why(running: Running, open_page: Open) -> None:
    page = open_page(running.url)
    assert page.locator("#wall figcaption").all_inner_texts() == ["cat", "flower", "house", "star", "sun"]
    draw(page, cat())
    sees(page, "cat")
    assert page.inner_text("#word") == "cat"
    assert page.locator("#bars .bar").first.inner_text().split() == ["cat", "100", "%"]
    assert page.locator("#near figcaption").all_inner_texts() == ["cat"] * 5
    page.wait_for_function(
        "() => [...document.querySelectorAll('#near img')].every(image => image.naturalWidth === 28)"
    )
    page.click("#clear")
    assert page.is_visible("#invite") and page.is_hidden("#answer") and page.is_hidden("#pill")
    draw(page, house())
    sees(page, "house")
    for _ in house():
        page.click("#undo-stroke")
    assert page.is_visible("#invite") and page.is_disabled("#undo-stroke")
    page.click("#tab-inside")
    assert page.locator("#map circle").count() == 25
    draw(page, house())
    page.wait_for_selector("#map circle.now")
    assert page.locator("#map line").count() == 5


def test_it_learns_a_sticker_and_keeps_it(start: Start, open_page: Open) -> None:
    running = start()
    page, phone = open_page(running.url), open_page(running.url, PHONE)
    draw(page, rocket(0.02))
    page.wait_for_selector("#answer", state="visible")
    assert page.inner_text("#word") != "rocket"
    page.click("#clear")
    teach(page, "rocket", [rocket(0.0), rocket(0.03), rocket(0.06)])
    result = page.inner_text("#lesson-done")
    assert result.startswith("Learned rocket in") and "Before, it named 0 of 3 right" in result
    assert page.get_attribute("#progress", "aria-valuetext") == "teaching “rocket”: 3 of 3"
    phone.wait_for_function("() => document.querySelectorAll('#wall figure').length === 6")
    draw(phone, rocket(0.02))
    sees(phone, "rocket")
    page.reload()
    page.wait_for_selector("#wall img")
    draw(page, rocket(0.04))
    sees(page, "rocket")
    running.stop()
    page.wait_for_selector("#offline", state="visible")
    start(port=running.port)
    page.wait_for_selector("#offline", state="hidden")
    page.click("#clear")
    draw(page, rocket(0.01))
    sees(page, "rocket")
    page.click("#tab-album")
    assert page.locator(".sticker").last.locator("img").count() == 3


def test_what_was_taught_is_forgotten_and_brought_back(start: Start, open_page: Open) -> None:
    running = start()
    page = open_page(running.url)
    page.click("#tab-album")
    page.locator(".sticker", has_text="star").locator(".thumb").first.click()
    page.click("text=Forget this drawing")
    page.wait_for_function("() => document.getElementById('album-count').textContent === '5 stickers, 24 drawings'")
    page.locator(".sticker", has_text="star").locator(".thumb").first.click()
    page.click("text=Forget all of star")
    page.wait_for_function("() => document.getElementById('album-count').textContent === '4 stickers, 20 drawings'")
    assert running.labels() == {"cat": 5, "flower": 5, "house": 5, "sun": 5}
    page.click("#toast button")
    page.wait_for_function("() => document.getElementById('album-count').textContent === '5 stickers, 24 drawings'")
    page.click("#undo-change")
    page.wait_for_function("() => document.getElementById('album-count').textContent === '5 stickers, 25 drawings'")
    page.wait_for_selector("#undo-change", state="hidden")


def test_names_are_shown_as_text_whatever_they_hold(start: Start, open_page: Open) -> None:
    page = open_page(start(starters=False).url)
    name = "<img src=x onerror=1>"
    teach(page, name, [cat()])
    assert page.inner_text("#lesson-done .word") == name
    page.click("#tab-album")
    assert name in page.inner_text(".sticker h3")
    assert page.locator("img[src=x]").count() == 0


def test_a_finger_draws_and_a_palm_does_not(running: Running, open_page: Open) -> None:
    page = open_page(running.url, has_touch=True)
    touch = page.context.new_cdp_session(page)
    box = page.locator("#pad").bounding_box()
    palm = {"x": box["x"] + 0.9 * box["width"], "y": box["y"] + 0.95 * box["height"], "id": 2}

    def send(kind: str, points: list[dict[str, Any]]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for i, stroke in enumerate(house()):
        points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": 1} for x, y in stroke]
        send("touchStart", [points[0]])
        if i == 0:
            send("touchStart", [points[0], palm])
        for point in points[1:]:
            send("touchMove", [point, palm] if i == 0 else [point])
        send("touchEnd", [])
    sees(page, "house")
    for _ in house():
        page.click("#undo-stroke")
    assert page.is_disabled("#undo-stroke"), "four strokes, none of them the palm's"


def test_everything_can_be_done_with_keys(running: Running, open_page: Open) -> None:
    page = open_page(running.url)
    page.focus("#tab-guess")
    for tab in ("teach", "album", "inside", "guess"):
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.id") == f"tab-{tab}" and page.is_visible(f"#{tab}")
    page.focus("#pad")
    for key in ("ArrowUp", "Space", "Shift+ArrowDown", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowLeft", "Space"):
        page.keyboard.press(key)
    page.wait_for_selector("#answer", state="visible")
    page.keyboard.press("Backspace")
    page.wait_for_selector("#invite", state="visible")


def test_a_kiosk_has_a_keyboard_on_the_page(running: Running, open_page: Open) -> None:
    page = open_page(running.url + "?keyboard")
    page.click("#tab-teach")
    page.click("#name")
    for letter in "my-cats":
        page.click(f"#keyboard button:text-is('{letter}')")
    page.click("#keyboard .delete")
    page.click("#keyboard .space")
    page.click("#keyboard button:text-is('1')")
    assert page.input_value("#name") == "my-cat 1"
    page.click("#keyboard .done")
    assert page.is_hidden("#keyboard")


def test_the_token_leaves_the_address_and_stays_good(start: Start, open_page: Open) -> None:
    running = start(token="a-token-of-a-test")
    page = open_page(running.url + "?token=a-token-of-a-test")
    page.wait_for_function("() => location.search === ''")
    page.reload()
    draw(page, cat())
    sees(page, "cat")


LOOK = (Path(__file__).parent / "look.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("size", "scheme"), [(PI, "light"), (PHONE, "dark"), ((320, 568), "light"), ((1280, 800), "dark")], ids=str
)
def test_it_fits_the_screen_the_finger_and_the_eye(
    running: Running, open_page: Open, size: tuple[int, int], scheme: str
) -> None:
    page = open_page(running.url, size, color_scheme=scheme)
    draw(page, cat()[:3])
    page.wait_for_selector("#answer", state="visible")
    for tab in ("guess", "teach", "album", "inside"):
        page.click(f"#tab-{tab}")
        nothing: dict[str, list[str]] = {"small": [], "outside": [], "weak": [], "nameless": []}
        assert page.evaluate(LOOK) == nothing, "a finger misses it, it does not fit, nobody can read or name it"
        if size == PI:
            assert page.evaluate("document.scrollingElement.scrollHeight <= innerHeight"), "a kiosk does not scroll"
