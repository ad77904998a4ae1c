"""Every drawing that was taught, on the disk.

The book is what must not be lost: the model can be learned from it again.  A change is one transaction of SQLite, on
the disk before the person is told that it is learned; a killed program, or a board whose power went, has the change as
a whole or not at all.  What is forgotten is overwritten in the file too.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from app.pictures import SIZE, Drawing

FORMAT = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS drawings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: pages keep pictures by it
    label TEXT NOT NULL,
    pixels BLOB NOT NULL,
    said TEXT NOT NULL,
    share REAL NOT NULL,
    starter INTEGER NOT NULL
);
"""


class BookError(Exception):
    """The book cannot be opened or written; the message says what to do."""


@dataclass(frozen=True, eq=False)
class Taught:
    """A drawing that was taught.  said, share: what the model answered before it learned it, and how surely."""

    id: int
    label: str
    pixels: Drawing
    said: str
    share: float
    starter: bool


Page = tuple[Taught, ...]


class Book:
    """The drawings in `folder`, which is made when it is not there; one program at a time.

    is_new: whether nothing was ever written here.  Raises BookError.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "drawings.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BookError(f"{folder} cannot be used: {error.strerror}; choose another folder with --data") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise BookError(f"{folder} is in use by another stickers program; stop it, or use another --data") from None
        try:
            self._open()
        except (sqlite3.Error, ValueError) as error:
            os.close(self._lock)
            raise BookError(
                f"{self.path} cannot be read: {error}; move it away to begin anew, or bring back a copy of it"
            ) from None

    def _open(self) -> None:
        self._database = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        os.chmod(self.path, 0o600)
        run = self._database.execute
        run("PRAGMA synchronous = FULL")
        run("PRAGMA secure_delete = ON")
        version = run("PRAGMA user_version").fetchone()[0]
        if version not in (0, FORMAT):
            raise ValueError(f"it has format {version}, this program reads {FORMAT}")
        self.is_new = version == 0
        self._database.executescript(_TABLES)
        rows = run("SELECT id, label, pixels, said, share, starter FROM drawings ORDER BY id").fetchall()
        self.drawings: Page = tuple(_taught(*row) for row in rows)
        last = run("SELECT seq FROM sqlite_sequence WHERE name = 'drawings'").fetchone()
        self.next_id = (last[0] if last else 0) + 1

    def replace(self, drawings: Page) -> None:
        """The book has these drawings and no others, in one step.  Raises BookError; the book is then as it was."""
        old, new = {d.id for d in self.drawings}, {d.id for d in drawings}
        gone = [(i,) for i in old - new]
        added = [(d.id, d.label, d.pixels.tobytes(), d.said, d.share, d.starter) for d in drawings if d.id not in old]
        run = self._database.execute
        try:
            run("BEGIN IMMEDIATE")
            self._database.executemany("DELETE FROM drawings WHERE id = ?", gone)
            self._database.executemany("INSERT INTO drawings VALUES (?, ?, ?, ?, ?, ?)", added)
            run(f"PRAGMA user_version = {FORMAT}")
            run("COMMIT")
        except sqlite3.Error as error:
            if self._database.in_transaction:
                run("ROLLBACK")
            raise BookError(f"{self.path} cannot be written: {error}; nothing was changed") from None
        self.drawings = drawings
        self.next_id = max([self.next_id, *(i + 1 for i in new)])

    def close(self) -> None:
        self._database.close()
        os.close(self._lock)


def digest(drawings: Page) -> str:
    """Of what a model learns from: labels and pixels, in their order."""
    hashed = sha256()
    for drawing in drawings:
        name = drawing.label.encode()
        hashed.update(len(name).to_bytes(4, "little") + name + drawing.pixels.tobytes())
    return hashed.hexdigest()


def _taught(key: int, label: str, pixels: bytes, said: str, share: float, starter: int) -> Taught:
    if len(pixels) != SIZE * SIZE:
        raise ValueError(f"drawing {key} has {len(pixels)} pixels, expected {SIZE * SIZE}")
    return Taught(key, label, np.frombuffer(pixels, np.uint8).reshape(SIZE, SIZE), said, share, bool(starter))
