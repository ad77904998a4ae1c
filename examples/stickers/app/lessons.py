"""What a person does to the model: one change at a time, in the order they came, kept before it is answered."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import pyruntime
from app.book import Book, Page, Taught
from app.events import Events
from app.labels import read_label
from app.pictures import SIZE, Drawing, centred
from app.pupil import Answer, Knowledge, Pupil

MOST_STICKERS = 40
MOST_PER_STICKER = 40
MOST_DRAWINGS = 600
MOST_AT_ONCE = 12
"""Drawings in one lesson."""

STARTERS = ("cat", "flower", "house", "star", "sun")
"""Stickers that a new model is taught before its first page opens, from the shipped drawings."""

_TAUGHT, _ASKED = 5, 20  # shipped drawings of each starter that it learns, and that it is then asked about
_WAITING = 8  # changes that may wait for their turn
_UNDOS = 20
_PROGRESS = 0.05  # s between two reports of how far learning has come
_log = logging.getLogger("stickers")
T = TypeVar("T")


class Refused(Exception):
    """What cannot be done, said so that a person can read it.  status: of HTTP."""

    def __init__(self, message: str, status: int = 409) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class _Before:
    """What `undo` goes back to."""

    what: str
    drawings: Page


class School:
    """The live model, and everything that changes it.

    Predictions may come from any thread and never wait.  Changes are made one after the other on one thread.  Raises
    BookError, UnfitModel, or what MLModel raises.
    """

    def __init__(self, folder: Path, model: Path, shipped: Path, *, starters: bool = True) -> None:
        self.events = Events()
        self._pupil = Pupil(model)
        self._shipped = _shipped(shipped)
        self._book = Book(folder)
        self._path = folder / "Stickers.mlmodelc"
        self._undo: tuple[_Before, ...] = ()
        self._room = threading.BoundedSemaphore(_WAITING)
        self._worker = ThreadPoolExecutor(1, "lessons")
        self._seconds = 0.0
        try:
            self._knows = self._opened(starters)
            self._exam = self._examine(self._knows)
        except BaseException:
            self.close()
            raise

    def _opened(self, starters: bool) -> Knowledge:
        """The kept model when it is that of the book, else the model learned again from the book."""
        drawings = self._book.drawings
        if self._book.is_new:
            first = self._starters() if starters else ()
            knows = self._pupil.learn(self._pupil.nothing(), first)
            self._book.replace(first)
            self._keep(knows, alone=True)
            return knows
        kept = self._pupil.read(self._path, drawings)
        if kept is None:
            _log.info("the kept model is not that of the %d drawings: learning them again", len(drawings))
            kept = self._pupil.learn(self._pupil.nothing(), drawings)
            self._keep(kept, alone=True)
        return kept

    def _starters(self) -> Page:
        taught: list[Taught] = []
        for label, drawings in self._shipped.items():
            for pixels in drawings[:_TAUGHT]:
                taught.append(Taught(len(taught) + 1, label, pixels, self._pupil.unknown, 0.0, True))
        return tuple(taught)

    def close(self) -> None:
        """Finish what was begun, then end."""
        self._worker.shutdown(wait=True)
        self.events.close()
        self._book.close()

    # What may be asked at any time.

    def ask(self, drawing: Drawing) -> Answer:
        """What the model says now."""
        return self._pupil.ask(self._knows, drawing)

    def drawing(self, key: int) -> Taught | None:
        """A taught drawing by its number."""
        return next((d for d in self._knows.drawings if d.id == key), None)

    def state(self) -> dict[str, Any]:
        """What a page shows: stickers, numbers, limits."""
        knows, undo = self._knows, self._undo
        points = knows.points(knows.vectors).tolist()
        stickers: dict[str, dict[str, Any]] = {}
        for d, point in zip(knows.drawings, points, strict=True):
            sticker = stickers.setdefault(d.label, {"label": d.label, "drawings": []})
            entry = {"id": d.id, "said": d.said, "share": round(d.share, 4), "starter": d.starter}
            sticker["drawings"].append(entry | {"point": [round(x, 4) for x in point]})
        right, asked = self._exam
        return {
            "stickers": [*stickers.values()],
            "undo": undo[-1].what if undo else None,
            "exam": {"right": right, "asked": asked},
            "seconds": self._seconds,
            "numbers": self._pupil.width,
            "limits": {
                "stickers": MOST_STICKERS,
                "perSticker": MOST_PER_STICKER,
                "drawings": MOST_DRAWINGS,
                "atOnce": MOST_AT_ONCE,
            },
        }

    # Changes.  Each answers when it is on the disk.

    def teach(self, name: object, drawings: Sequence[Drawing]) -> dict[str, Any]:
        """Learn drawings of a sticker.  Raises Refused, BadLabel, or the update's error; then nothing has changed."""
        if not 1 <= len(drawings) <= MOST_AT_ONCE:
            raise Refused(f"expected 1 to {MOST_AT_ONCE} drawings at once, got {len(drawings)}", 400)
        return self._in_turn(lambda: self._teach(name, drawings))

    def forget(self, what: str, is_forgotten: Callable[[Taught], bool]) -> dict[str, Any]:
        """Forget the drawings for which this is true.  Raises Refused when there are none."""
        return self._in_turn(lambda: self._forget(what, is_forgotten))

    def undo(self) -> dict[str, Any]:
        """Take back the last change.  Raises Refused when there is none since the program began."""
        return self._in_turn(self._go_back)

    def _in_turn(self, change: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise Refused("several changes are waiting already; try again in a moment", 503)
        try:
            future = self._worker.submit(change)
        except RuntimeError:
            self._room.release()
            raise Refused("the program is ending", 503) from None
        future.add_done_callback(lambda _: self._room.release())
        return future.result()

    def _teach(self, name: object, drawings: Sequence[Drawing]) -> dict[str, Any]:
        knows, pupil = self._knows, self._pupil
        label = read_label(name, knows.labels, pupil.unknown)
        self._check_room(label, len(drawings))
        first = self._book.next_id
        before = [pupil.predict(knows.model, pixels) for pixels in drawings]
        taught = tuple(
            Taught(first + i, label, pixels, said, shares.get(said, 0.0), False)
            for i, (pixels, (said, shares)) in enumerate(zip(drawings, before, strict=True))
        )
        after = self._retest(knows, taught)
        exam = self._exam
        self._become(f"teaching “{label}”", knows.drawings + taught)
        result = {
            "label": label,
            "drawings": [d.id for d in taught],
            "before": [_said(label, *answer) for answer in before],
            "after": [_said(label, *answer) for answer in after],
            "exam": [{"right": right, "asked": asked} for right, asked in (exam, self._exam)],
            "seconds": self._seconds,
        }
        self.events.publish("learned", result)
        return result

    def _check_room(self, label: str, more: int) -> None:
        labels = [d.label for d in self._knows.drawings]
        if label not in labels and len(set(labels)) >= MOST_STICKERS:
            raise Refused(f"there are {MOST_STICKERS} stickers already; forget one first")
        if labels.count(label) + more > MOST_PER_STICKER:
            raise Refused(f"“{label}” would have more than {MOST_PER_STICKER} drawings; forget some of them first")
        if len(labels) + more > MOST_DRAWINGS:
            raise Refused(f"there would be more than {MOST_DRAWINGS} drawings; forget some first")

    def _retest(self, knows: Knowledge, taught: Page) -> list[tuple[str, dict[str, float]]]:
        """What the model will say about each drawing when it has learned the others, but not this one.

        Asked about a drawing that it remembers, a k-NN is always right; that would show nothing.
        """
        if len(taught) < 2:
            return []
        answers = []
        for one in taught:
            others = self._pupil.learn(knows, [d for d in taught if d is not one])
            answers.append(self._pupil.predict(others.model, one.pixels))
        return answers

    def _forget(self, what: str, is_forgotten: Callable[[Taught], bool]) -> dict[str, Any]:
        drawings = self._knows.drawings
        left = tuple(d for d in drawings if not is_forgotten(d))
        if len(left) == len(drawings):
            raise Refused(f"{what} is not known", 404)
        self._become(f"forgetting {what}", left)
        return {"forgotten": len(drawings) - len(left)}

    def _go_back(self) -> dict[str, Any]:
        if not self._undo:
            raise Refused("there is nothing to undo")
        last = self._undo[-1]
        self._become(last.what, last.drawings, self._undo[:-1])
        return {"undone": last.what}

    def _become(self, what: str, drawings: Page, undo: tuple[_Before, ...] | None = None) -> None:
        """Learn, keep, swap, tell.  When learning or keeping fails, everything is as it was.

        undo: what can be undone afterwards; this change too, unless it is given.
        """
        old = self._knows
        start = time.perf_counter()
        new = self._pupil.become(old, drawings, _Progress(self.events, what))
        self._seconds = time.perf_counter() - start
        self._book.replace(drawings)
        self._undo = (*self._undo, _Before(what, old.drawings))[-_UNDOS:] if undo is None else undo
        self._knows = new
        self._keep(new, alone=not {d.id for d in old.drawings} <= {d.id for d in drawings})
        self._exam = self._examine(new)
        self.events.publish("state", self.state())

    def _keep(self, knows: Knowledge, *, alone: bool) -> None:
        """The compiled model.  The book is kept already: a full disk here costs time at the next start, and no more."""
        try:
            self._pupil.write(knows, self._path, alone=alone)
        except pyruntime.MLModelError as error:
            _log.warning("%s; it will be learned again from the drawings at the next start", error)

    def _examine(self, knows: Knowledge) -> tuple[int, int]:
        """(right, asked): shipped drawings that were never taught, of the starters that are still known."""
        right = asked = 0
        for label in knows.labels:
            for pixels in self._shipped.get(label, ())[_TAUGHT : _TAUGHT + _ASKED]:
                right += self._pupil.predict(knows.model, pixels)[0] == label
                asked += 1
        return right, asked


class _Progress:
    """Tells the pages how far learning has come; not more often than they can show."""

    def __init__(self, events: Events, what: str) -> None:
        self._events, self._what, self._next = events, what, 0.0

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if now >= self._next or done == of:
            self._next = now + _PROGRESS
            self._events.publish("progress", {"what": self._what, "done": done, "of": of})


def _said(label: str, said: str, shares: dict[str, float]) -> dict[str, Any]:
    """An answer about a drawing of `label`."""
    return {"said": said, "share": round(shares.get(label, 0.0), 4)}


def _shipped(path: Path) -> dict[str, list[Drawing]]:
    """The shipped drawings of the starters, in the middle of their sheets, as the page sends them."""
    with np.load(path) as file:
        images, labels = file["images"], file["labels"]
    assert images.shape[1:] == (SIZE, SIZE)
    return {label: [centred(image) for image in images[labels == label]] for label in STARTERS}
