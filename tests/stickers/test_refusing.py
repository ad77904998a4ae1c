"""What strangers may send: pictures, names, bodies, headers, paths, hosts, tokens.  Nothing of it breaks it."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import struct
import threading
import time
import zlib
from typing import Any

import numpy as np
import pytest

from .conftest import EXAMPLE, Drawing, Running, Start, lesson, png

Drawings = dict[str, list[Drawing]]
SHEET = np.full((28, 28), 255, np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


GOOD = png(SHEET)
HEAD, TAIL = GOOD[:33], GOOD[33:]
PICTURES = {
    "empty": (b"", "PNG"),
    "no picture": (b"hello", "PNG"),
    "another format": (png(SHEET, "BMP"), "PNG"),
    "a GIF named PNG": (png(SHEET, "GIF"), "PNG"),
    "too large": (png(np.full((29, 28), 255, np.uint8)), "28 x 28 pixels, got 28 x 29"),
    "a bomb": (
        GOOD[:8] + chunk(b"IHDR", struct.pack(">II", 50000, 50000) + GOOD[24:29]) + TAIL,
        "got 50000 x 50000",
    ),
    "a bomb of text": (HEAD + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 22))) + TAIL, "plain PNG"),
    "a profile": (HEAD + chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1 << 20))) + TAIL, "plain PNG"),
    "animated": (HEAD + chunk(b"acTL", bytes(8)) + TAIL, "plain PNG"),
    "two heads": (HEAD + HEAD[8:] + TAIL, "plain PNG"),
    "cut off": (GOOD[:-20], "cut off"),
    "something behind it": (GOOD + b"<script>", "something follows"),
    "damaged": (HEAD + chunk(b"IDAT", b"\x78\x9cgarbage") + chunk(b"IEND", b""), "damaged"),
    "without pixels": (HEAD + chunk(b"IEND", b""), "damaged"),
    "an absurd length": (HEAD + b"\xff\xff\xff\xffIDAT" + TAIL, "cut off"),
    "heavy": (HEAD + chunk(b"tRNS", bytes(9000)) + TAIL, "at most"),
    "blank": (png(np.zeros((28, 28), np.uint8)), "empty"),
}


@pytest.mark.parametrize("what", PICTURES)
def test_pictures_are_refused_before_they_are_decoded(what: str) -> None:
    from app.pictures import BadPicture, read_drawing

    data, reason = PICTURES[what]
    with pytest.raises(BadPicture, match=reason):
        read_drawing(data)


@pytest.mark.parametrize("cut", range(0, len(GOOD), 7))
def test_no_cut_of_a_picture_passes(cut: int) -> None:
    from app.pictures import BadPicture, read_drawing

    assert (read_drawing(GOOD) == SHEET).all()
    with pytest.raises(BadPicture):
        read_drawing(GOOD[:cut])


def test_a_changed_byte_of_a_picture_changes_it_or_refuses_it() -> None:
    from app.pictures import BadPicture, read_drawing

    refused = 0
    for place in range(len(GOOD)):
        for value in (0, 1, 0x7F, 0xFF):
            changed = bytearray(GOOD)
            changed[place] = value
            try:
                assert read_drawing(bytes(changed)).shape == (28, 28)
            except BadPicture:
                refused += 1
    assert refused > 2 * len(GOOD)


def test_pictures_with_colours_and_alpha_are_read() -> None:
    from app.pictures import read_drawing

    colours = np.zeros((28, 28, 4), np.uint8)
    colours[5:9, 5:9] = 255
    assert (read_drawing(png(colours))[5:9, 5:9] == 255).all()


UNSEEN = "cannot be shown"
NAMES: list[tuple[Any, str]] = [
    (None, "missing"), (7, "missing"), (["cat"], "missing"), ("", "empty"), (" \t\n ", "empty"), ("x" * 25, "too long"),
    ("x" + " " * 10**6, "too long"), ("a\0b", UNSEEN), ("\u202etac", UNSEEN), ("\ud800", UNSEEN), ("\ue000", UNSEEN),
    ("Unknown", "another name"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "reason"), NAMES, ids=range(len(NAMES)))
def test_names_that_cannot_be_are_refused(name: Any, reason: str) -> None:
    from app.labels import BadLabel, read_label

    with pytest.raises(BadLabel, match=reason):
        read_label(name, ["cat"], "unknown")


def test_markup_in_a_name_stays_a_name(start: Start, drawings: Drawings) -> None:
    running = start(starters=False)
    name = "<img src=x onerror=a()>"
    assert running.teach(name, drawings["cat"][:1]).json["label"] == name
    answer = running.ask("GET", "/api/state")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


JSON = "application/json"
BODIES: dict[str, tuple[str, bytes, str, int]] = {
    "no JSON": ("/api/lessons", b"{", JSON, 400),
    "deep JSON": ("/api/lessons", b"[" * 100_000, JSON, 400),
    "bytes": ("/api/lessons", b"\xff\xfe", JSON, 400),
    "a list": ("/api/lessons", b"[]", JSON, 400),
    "nothing": ("/api/lessons", b"{}", JSON, 400),
    "no drawings": ("/api/lessons", b'{"label": "cat", "drawings": []}', JSON, 400),
    "numbers": ("/api/lessons", b'{"label": "cat", "drawings": [1]}', JSON, 400),
    "no base64": ("/api/lessons", b'{"label": "cat", "drawings": ["\xc3\xa9"]}', JSON, 400),
    "many drawings": ("/api/lessons", json.dumps(lesson("cat", [SHEET] * 13)).encode(), JSON, 400),
    "a form": ("/api/lessons", b"label=cat", "application/x-www-form-urlencoded", 415),
    "a plain text": ("/api/undo", b"{}", "text/plain", 415),
    "another picture": ("/api/ask", GOOD, "image/jpeg", 415),
    "too large": ("/api/ask", GOOD + bytes(10_000), "image/png", 413),
    "far too large": ("/api/lessons", bytes(400_000), JSON, 413),
}


@pytest.mark.parametrize("what", BODIES)
def test_bodies_that_cannot_be_are_refused_with_a_sentence(running: Running, what: str) -> None:
    path, body, kind, status = BODIES[what]
    before = running.labels()
    answer = running.ask("POST", path, body, Content_Type=kind)
    assert (answer.status, bool(answer.json["error"])) == (status, True)
    assert running.labels() == before


def test_a_lesson_with_one_bad_drawing_teaches_nothing(running: Running, drawings: Drawings) -> None:
    data = lesson("fish", drawings["fish"][:3])
    data["drawings"][1] = base64.b64encode(b"nonsense").decode()
    assert running.post("/api/lessons", data).status == 400
    assert "fish" not in running.labels()


PATHS = [
    "/../serve.py", "/..%2fserve.py", "/%2e%2e/serve.py", "/web/main.js", "/index.html/..", "//etc/passwd", "/token",
    "/.", "/drawings.sqlite", "/api", "/api/drawings/../state", "/api/drawings/99999.png", "/api/drawings/-1.png",
    "/api/drawings/1e3.png", "/api/drawings/%31.png", "/api/drawings/" + "9" * 400 + ".png", "/main.js%00",
    "/STYLE.CSS",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_paths_lead_nowhere_else(running: Running, path: str) -> None:
    answer = running.ask("GET", path)
    assert answer.status in (400, 404)
    assert b"import" not in answer.body and b"root:" not in answer.body


def test_only_the_methods_that_are_meant(running: Running) -> None:
    assert running.ask("POST", "/", b"", Content_Type=JSON).status == 405
    assert running.ask("GET", "/api/lessons").status == 405
    assert running.ask("DELETE", "/api/state").status == 405
    for method in ("PUT", "TRACE", "OPTIONS", "CONNECT", "PROPFIND"):
        assert running.ask(method, "/api/state").status == 501


def test_every_answer_forbids_what_the_page_does_not_need(running: Running) -> None:
    for path in ("/", "/main.js", "/style.css", "/api/state", "/nothing"):
        headers = running.ask("GET", path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Server" not in headers or "Python" not in headers["Server"]


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    for file in (EXAMPLE / "app" / "web").iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text and "innerHTML" not in text and "eval(" not in text, file.name


def test_files_of_the_page_are_sent_again_only_when_they_changed(running: Running) -> None:
    first = running.ask("GET", "/main.js")
    again = running.ask("GET", "/main.js", If_None_Match=first.headers["ETag"])
    assert (first.status, again.status, again.body) == (200, 304, b"")


@pytest.mark.parametrize(
    ("headers", "is_answered"),
    [
        ({}, True),
        ({"Host": "localhost:{port}"}, True),
        ({"Host": "[::1]:{port}"}, True),
        ({"Host": "LOCALHOST:{port}"}, True),
        ({"Host": "evil.example:{port}"}, False),
        ({"Host": "localhost.evil.example:{port}"}, False),
        ({"Host": "localhost:1"}, False),
        ({"Host": "localhost"}, False),
        ({"Host": "192.168.1.7:{port}"}, False),
        ({"Host": ""}, False),
        ({"Host": "localhost:{port}@evil.example"}, False),
        ({"Origin": "http://127.0.0.1:{port}"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "https://127.0.0.1:{port}"}, False),
        ({"Origin": "http://127.0.0.1:1"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
    ],
    ids=str,
)
def test_other_sites_are_not_answered(running: Running, headers: dict[str, str], is_answered: bool) -> None:
    """DNS rebinding (Host), requests that another page makes this browser send (Origin, Sec-Fetch-Site)."""
    given = {name.replace("-", "_"): value.format(port=running.port) for name, value in headers.items()}
    assert running.ask("GET", "/api/state", **given).status == (200 if is_answered else 403)
    undone = running.ask("POST", "/api/undo", b"{}", Content_Type=JSON, **given)
    assert undone.status == (409 if is_answered else 403)


def test_a_link_to_the_page_works_from_anywhere(running: Running) -> None:
    assert running.ask("GET", "/", Sec_Fetch_Site="cross-site").status == 200


def test_the_network_needs_the_token(start: Start) -> None:
    token = "a-token-of-a-test"
    running = start(token=token)
    for path in ("/", "/main.js", "/api/state", "/?token=", "/?token=x", f"/api/state?token={token}", "/?token=%ff"):
        assert running.ask("GET", path).status == 403
    for cookie in (f"stickers-{running.port}=x", f"stickers={token}", "=;=;", "\xff=\xff"):
        assert running.ask("GET", "/api/state", Cookie=cookie).status == 403
    page = running.ask("GET", f"/?token={token}")
    cookie = page.headers["Set-Cookie"]
    assert page.status == 200 and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    running.headers["Cookie"] = cookie.split(";")[0]
    assert running.ask("GET", "/api/state").status == 200
    assert running.ask("GET", "/api/state", Host=f"192.168.1.7:{running.port}").status == 200, "however it is called"
    assert running.ask("GET", "/api/state", Host=f"evil.example:{running.port}").status == 403
    assert running.ask("GET", "/api/state", Origin="http://evil.example").status == 403


def raw(running: Running, *pieces: bytes, pause: float = 0.0) -> bytes:
    """What comes back for bytes that may not be HTTP."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


POST = b"POST /api/ask HTTP/1.1\r\n{host}Content-Type: image/png\r\n"
NOT_HTTP = {
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    "one word": (b"GET\r\n\r\n", b"400"),
    "version": (b"GET / HTTP/9.9\r\n\r\n", b"505"),
    "long line": (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
    "long header": (b"GET / HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", b"431"),
    "no host": (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b"403"),
    "chunked": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
    "negative": (POST + b"Content-Length: -5\r\n\r\n", b"411"),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", b"411"),
    "absurd length": (POST + b"Content-Length: 99999999999\r\n\r\n", b"411"),
    "no address": (b"GET http://[ HTTP/1.1\r\n{host}\r\n", b"400"),
    "short body": (POST + b"Content-Length: 500\r\n\r\nshort", b"400"),
    "smuggled": (
        POST.replace(b"ask", b"x") + b"Content-Length: 40\r\n\r\nGET /api/state HTTP/1.1\r\n{host}\r\n",
        b"404",
    ),
}


@pytest.mark.parametrize("what", NOT_HTTP)
def test_what_is_not_quite_http_gets_an_answer_and_is_closed(running: Running, what: str) -> None:
    sent, status = NOT_HTTP[what]
    answer = raw(running, sent.replace(b"{host}", f"Host: localhost:{running.port}\r\n".encode()))
    first = answer.split(b"\r\n", 1)[0]
    assert status in first, answer[:300]
    assert answer.count(b"HTTP/1.1 ") == 1, "nothing of a body that was not read counts as another request"
    assert running.ask("GET", "/api/state").status == 200


def test_two_requests_share_a_connection(running: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    for _ in range(3):
        connection.request("POST", "/api/ask", GOOD, {"Content-Type": "image/png"})
        assert connection.getresponse().read().startswith(b'{"label"')
    connection.request("POST", "/api/ask", b"nonsense", {"Content-Type": "image/png"})
    response = connection.getresponse()
    assert response.status == 400 and response.read() and not response.will_close, "its body was read"
    connection.close()


def test_a_request_that_drips_in_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte in time, but not the whole: the deadline is the request's."""
    import app.server as server

    monkeypatch.setattr(server, "PATIENCE", 0.3)
    ours, theirs = socket.socketpair()

    def drip(reader: Any, count: int) -> None:
        for _ in range(count):
            theirs.sendall(b"G")
            reader.readinto(bytearray(1))
            time.sleep(0.02)

    with ours, theirs:
        theirs.sendall(b"G")
        reader = server._Socket(ours)
        assert reader.readinto(bytearray(1)) == 1, "the first byte"
        with pytest.raises(TimeoutError):
            drip(reader, 100)


def test_more_connections_than_are_served_are_turned_away_at_once(start: Start) -> None:
    from app.server import MOST_CONNECTIONS

    running = start(starters=False)
    silent = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(MOST_CONNECTIONS)]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if running.ask("GET", "/api/state").status == 503:
                break
        except OSError:
            pass
    else:
        pytest.fail("more connections than there may be are all served")
    for each in silent:
        each.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if running.ask("GET", "/api/state").status == 200:
                return
        except OSError:
            pass
    pytest.fail("connections that are gone still count")


def test_only_so_many_changes_wait(start: Start, drawings: Drawings, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.pupil import Pupil

    begun, go_on, become = threading.Event(), threading.Event(), Pupil.become

    def slow(*given: Any) -> Any:
        begun.set()
        go_on.wait(30)
        return become(*given)

    running = start(starters=False)
    monkeypatch.setattr(Pupil, "become", slow)
    statuses: list[int] = []

    def teach(number: int) -> None:
        statuses.append(running.teach(f"name {number}", drawings["cat"][:1]).status)

    people = [threading.Thread(target=teach, args=(i,)) for i in range(12)]
    for person in people:
        person.start()
    begun.wait(30)
    while len(statuses) < 4:
        time.sleep(0.01)
    assert statuses == [503] * 4, "refused at once, while the others wait"
    assert running.guess(drawings["cat"][0])["label"] == "unknown", "questions do not wait"
    go_on.set()
    for person in people:
        person.join()
    assert sorted(statuses) == [201] * 8 + [503] * 4
    assert len(running.labels()) == 8


@pytest.mark.parametrize("limit", ["MOST_STICKERS", "MOST_PER_STICKER", "MOST_DRAWINGS"])
def test_there_is_an_end_to_what_it_keeps(limit: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import app.lessons as lessons

    monkeypatch.setattr(lessons, limit, 2)
    school = lessons.School(tmp_path, EXAMPLE / "Sticker.mlmodel", EXAMPLE / "drawings.npz", starters=False)
    try:
        for i in range(2):
            school.teach(f"name {i}" if limit == "MOST_STICKERS" else "name", [SHEET])
        with pytest.raises(lessons.Refused, match="forget"):
            school.teach("name 2" if limit == "MOST_STICKERS" else "name", [SHEET])
    finally:
        school.close()
