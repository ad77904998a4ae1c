"""The application's questions and answers over HTTP, as its page uses them."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any

import numpy as np
import pytest

from .conftest import Drawing, Running, Start, png

Drawings = dict[str, list[Drawing]]
STARTERS = {"cat": 5, "flower": 5, "house": 5, "star": 5, "sun": 5}


def test_it_knows_five_stickers_from_the_start(running: Running, drawings: Drawings) -> None:
    assert running.labels() == STARTERS
    asked = [(label, drawing) for label in STARTERS for drawing in drawings[label][5:15]]
    right = sum(running.guess(drawing)["label"] == label for label, drawing in asked)
    assert right >= 0.75 * len(asked), "of drawings that it never saw"
    exam = running.state()["exam"]
    assert exam["asked"] == 100 and exam["right"] >= 75


def test_an_answer_says_how_sure_it_is_and_why(running: Running, drawings: Drawings) -> None:
    answer = running.guess(drawings["house"][20])
    shares = [each["share"] for each in answer["shares"]]
    assert answer["label"] == answer["shares"][0]["label"] == "house"
    assert shares == sorted(shares, reverse=True) and abs(sum(shares) - 1) < 1e-3
    known = {d["id"]: s["label"] for s in running.state()["stickers"] for d in s["drawings"]}
    assert len(answer["near"]) == 5
    assert all(known[each["id"]] == each["label"] for each in answer["near"])
    assert len(answer["point"]) == 2


def test_a_sticker_is_learned_shown_and_forgotten(running: Running, drawings: Drawings) -> None:
    answer = running.teach("fish", drawings["fish"][:5])
    assert answer.status == 201
    result = answer.json
    assert all(said["said"] in STARTERS for said in result["before"]), "it had never seen a fish"
    assert sum(said["said"] == "fish" for said in result["after"]) >= 4, "each asked without having been learned"
    assert [exam["asked"] for exam in result["exam"]] == [100, 100]
    assert running.labels() == STARTERS | {"fish": 5}
    right = sum(running.guess(drawing)["label"] == "fish" for drawing in drawings["fish"][5:25])
    assert right >= 14
    picture = running.ask("GET", f"/api/drawings/{result['drawings'][0]}.png")
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.body == png(drawings["fish"][0]), "pixels as they were sent"
    assert running.ask("DELETE", f"/api/drawings/{result['drawings'][0]}").json == {"forgotten": 1}
    assert running.ask("GET", f"/api/drawings/{result['drawings'][0]}.png").status == 404
    assert running.ask("DELETE", "/api/stickers/fish").json == {"forgotten": 4}
    assert running.labels() == STARTERS


def test_changes_are_undone_one_by_one(start: Start, drawings: Drawings) -> None:
    running = start()
    house = running.guess(drawings["house"][20])
    assert running.state()["undo"] is None
    assert running.post("/api/undo", {}).status == 409
    running.teach("fish", drawings["fish"][:2])
    assert running.state()["undo"] == "teaching “fish”"
    running.ask("DELETE", "/api/stickers/house")
    assert "house" not in running.labels()
    assert running.post("/api/undo", {}).json == {"undone": "forgetting “house”"}
    assert running.labels() == STARTERS | {"fish": 2}
    assert running.post("/api/undo", {}).json == {"undone": "teaching “fish”"}
    assert running.labels() == STARTERS
    again = running.guess(drawings["house"][20])
    assert {**again, "seconds": 0} == {**house, "seconds": 0}, "as if nothing had ever happened"


def test_names_differ_by_more_than_upper_and_lower_case(start: Start, drawings: Drawings) -> None:
    running = start(starters=False)
    assert running.labels() == {}
    assert running.guess(drawings["sun"][0]) | {"seconds": 0, "point": 0} == {
        "label": "unknown", "shares": [], "near": [], "isNew": True, "seconds": 0, "point": 0,
    }  # fmt: skip
    assert running.teach("  Großer\tHund ", drawings["cat"][:1]).json["label"] == "Großer Hund"
    assert running.teach("GROSSER HUND", drawings["cat"][1:2]).json["label"] == "Großer Hund"
    assert running.teach("❤️", drawings["star"][:1]).json["label"] == "❤️"
    assert running.labels() == {"Großer Hund": 2, "❤️": 1}
    assert running.ask("DELETE", "/api/stickers/Gro%C3%9Fer%20Hund").json == {"forgotten": 2}
    assert running.ask("DELETE", "/api/stickers/%E2%9D%A4%EF%B8%8F").json == {"forgotten": 1}
    assert running.labels() == {}, "and it knows nothing again"
    assert running.guess(drawings["sun"][0])["label"] == "unknown"


class Page:
    """Listens as a page does."""

    def __init__(self, running: Running) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        self.connection.request("GET", "/api/events", headers=running.headers)
        self.response = self.connection.getresponse()
        assert self.response.headers["Content-Type"] == "text/event-stream"
        assert self.response.readline() + self.response.readline() == b"retry: 1000\n\n"

    def next(self) -> tuple[str, Any]:
        kind, data = (self.response.readline().decode().strip().split(": ", 1)[1] for _ in range(2))
        self.response.readline()
        return kind, json.loads(data)

    def until(self, kind: str) -> list[tuple[str, Any]]:
        events = [self.next()]
        while events[-1][0] != kind:
            events.append(self.next())
        return events


def test_every_open_page_sees_how_it_learns(start: Start, drawings: Drawings) -> None:
    running = start()
    pages = [Page(running), Page(running)]
    for page in pages:
        assert page.next() == ("state", running.state())
    running.teach("fish", drawings["fish"][:4])
    for page in pages:
        *progress, (_, state), (_, learned) = page.until("learned")
        assert progress[-1] == ("progress", {"what": "teaching “fish”", "done": 4, "of": 4})
        assert {kind for kind, _ in progress} == {"progress"}
        assert state["undo"] == "teaching “fish”" and learned["label"] == "fish"
    assert running.stop() == 0
    assert pages[0].response.readline() == b"", "streams end with the program"


def test_more_pages_than_are_served_are_refused_and_closed_ones_make_room() -> None:
    from app.events import MOST_PAGES, Events, TooManyPages, event

    events = Events()
    pages = [events.listen(event("state", 1)) for _ in range(MOST_PAGES)]
    with pytest.raises(TooManyPages):
        events.listen(b"")
    pages[0].close()
    assert next(iter(events.listen(event("state", 2)))) == b"retry: 1000\n\nevent: state\ndata: 2\n\n"


def test_a_page_that_is_too_slow_is_let_go_and_holds_up_nobody() -> None:
    from app.events import Events, event

    events = Events()
    slow = events.listen(event("state", 0))
    for number in range(1000):
        events.publish("progress", number)
    received = [*slow]
    assert 100 < len(received) < 1000, "then its stream ends, and it comes again"


def test_lessons_from_everywhere_come_one_after_the_other(start: Start, drawings: Drawings) -> None:
    running = start()
    answers: list[Any] = []

    def person(label: str, number: int) -> None:
        for i in range(3):
            answers.append((label, running.teach(label, drawings[label][number * 10 + i :][:1])))

    def curious() -> None:
        for drawing in drawings["sun"][5:20]:
            assert running.guess(drawing)["label"] in {*STARTERS, "fish", "umbrella"}

    people = [threading.Thread(target=person, args=(label, n)) for label in ("fish", "umbrella") for n in range(2)]
    people += [threading.Thread(target=curious) for _ in range(2)]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert {answer.status for _, answer in answers} == {201}
    ids = [key for _, answer in answers for key in answer.json["drawings"]]
    assert len(set(ids)) == 12, "every drawing has a number of its own"
    assert running.labels() == STARTERS | {"fish": 6, "umbrella": 6}


def test_the_map_shows_stickers_apart(running: Running) -> None:
    """Between stickers is more distance than inside them: the oracle is the ratio of variances, computed here."""
    stickers = running.state()["stickers"]
    groups = [np.array([d["point"] for d in s["drawings"]]) for s in stickers if len(s["drawings"]) == 5]
    inside = np.mean([group.var(axis=0).sum() for group in groups])
    between = np.array([group.mean(axis=0) for group in groups]).var(axis=0).sum()
    assert between > inside
