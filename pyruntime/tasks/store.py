"""Requests and what became of them, in an SQLite file that survives power cuts.

Each call is one transaction over a connection of its own: several processes may use the file, and a process that is
killed leaves the state before or after.
"""

from __future__ import annotations

import os
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from pyruntime.tasks.errors import SchedulerUnavailable, TooManyPendingTaskRequests
from pyruntime.tasks.request import ProcessingTaskRequest

VERSION = 1
PATIENCE = 10.0  # seconds that one process waits for another's transaction
KEPT = 200  # outcomes of different identifiers
SCHEMA = """
CREATE TABLE pending (
    identifier TEXT PRIMARY KEY, token TEXT NOT NULL, request TEXT NOT NULL, submitted REAL NOT NULL,
    attempts INTEGER NOT NULL, boot TEXT NOT NULL, not_before REAL NOT NULL, delay REAL NOT NULL);
CREATE TABLE running (
    identifier TEXT PRIMARY KEY, token TEXT NOT NULL, request TEXT NOT NULL, submitted REAL NOT NULL,
    attempts INTEGER NOT NULL, boot TEXT NOT NULL, pid INTEGER NOT NULL, started REAL NOT NULL);
CREATE TABLE outcomes (
    identifier TEXT PRIMARY KEY, ended REAL NOT NULL, seconds REAL NOT NULL, result TEXT NOT NULL,
    error TEXT NOT NULL, attempts INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class Wait:
    """Not before a moment of this boot; in another boot, not before `delay` seconds of it."""

    boot: str = ""
    not_before: float = 0.0
    delay: float = 0.0

    def left(self, boot: str, since_boot: float) -> float:
        """Seconds still to wait."""
        return (self.not_before if boot == self.boot else self.delay) - since_boot


@dataclass(frozen=True)
class Entry:
    """A pending request.  token: of this submission.  attempts: that crashed."""

    request: ProcessingTaskRequest
    token: str
    submitted: float
    attempts: int
    wait: Wait


@dataclass(frozen=True)
class Run:
    """A request that runs, or did when its process ended."""

    request: ProcessingTaskRequest
    attempts: int
    boot: str
    pid: int
    started: float


@dataclass(frozen=True)
class Outcome:
    """How the last run of an identifier ended: succeeded, failed, expired or crashed.

    ended: seconds since 1970.  attempts: crashes in a row.
    """

    identifier: str
    result: str
    error: str
    ended: float
    seconds: float
    attempts: int = 0


class Store:
    """The file at `path`, made when it is first used.  Everything raises SchedulerUnavailable."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)) as connection:
                self._prepare(connection)
                connection.execute("BEGIN IMMEDIATE")
                try:
                    self._migrate(connection)
                    yield connection
                except BaseException:
                    if connection.in_transaction:  # SQLite ends it by itself when the disk is full
                        connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SchedulerUnavailable(
                f"the requests in {self.path} cannot be read or written: {reason}; "
                "if the file is damaged, remove it and submit again"
            ) from None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the log beside the file open: else each transaction makes and removes it, and memory cards wear."""
        with self._transaction():
            pass
        with closing(sqlite3.connect(self.path, timeout=PATIENCE, check_same_thread=False)) as connection:
            with suppress(sqlite3.Error):  # it is a kindness only
                connection.execute("PRAGMA user_version").fetchone()
            yield

    @staticmethod
    def _prepare(connection: sqlite3.Connection) -> None:
        """A write-ahead log that is brought to the disk at each commit; where it cannot be, SQLite keeps a journal."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:
                # SQLite does not wait here for another that makes the file at the same time
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.01)
        connection.execute("PRAGMA synchronous=FULL")

    def _migrate(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise SchedulerUnavailable(
                f"{self.path} was written by a newer release (its version is {version}, this one knows {VERSION})"
            )
        if version == 0:
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={VERSION}")

    # pending

    def submit(self, request: ProcessingTaskRequest, now: float, limit: int) -> None:
        """Add, or replace the one of the same identifier.  Raises TooManyPendingTaskRequests."""
        with self._transaction() as connection:
            others = connection.execute("SELECT count(*) FROM pending WHERE identifier != ?", (request.identifier,))
            if (count := others.fetchone()[0]) >= limit:
                raise TooManyPendingTaskRequests(
                    f"{count} requests are pending, at most {limit} may be; cancel one before {request.identifier!r}"
                )
            self._put(connection, Entry(request, uuid.uuid4().hex, now, 0, Wait()))

    @staticmethod
    def _put(connection: sqlite3.Connection, entry: Entry) -> None:
        wait = entry.wait
        values = (entry.request.identifier, entry.token, entry.request.to_json(), entry.submitted, entry.attempts)
        connection.execute(
            "INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, wait.boot, wait.not_before, wait.delay),
        )

    def pending(self) -> list[Entry]:
        """In the order of submission."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT request, token, submitted, attempts, boot, not_before, delay FROM pending"
                " ORDER BY submitted, rowid"
            ).fetchall()
        return [
            Entry(ProcessingTaskRequest.from_json(request), token, submitted, attempts, Wait(*wait))
            for request, token, submitted, attempts, *wait in rows
        ]

    def cancel(self, identifier: str | None) -> int:
        """How many were pending.  None: all."""
        with self._transaction() as connection:
            done = connection.execute("DELETE FROM pending WHERE ?1 IS NULL OR identifier = ?1", (identifier,))
            return done.rowcount

    # running

    def begin(self, entry: Entry, boot: str, now: float) -> bool:
        """Move a request from pending to running; False when it was cancelled or replaced meanwhile."""
        identifier = entry.request.identifier
        with self._transaction() as connection:
            gone = connection.execute(
                "DELETE FROM pending WHERE identifier = ? AND token = ?", (identifier, entry.token)
            ).rowcount
            if gone:
                values = (identifier, entry.token, entry.request.to_json(), entry.submitted, entry.attempts)
                connection.execute(
                    "INSERT OR REPLACE INTO running VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*values, boot, os.getpid(), now)
                )
        return bool(gone)

    def running(self) -> list[Run]:
        with self._transaction() as connection:
            rows = connection.execute("SELECT request, attempts, boot, pid, started FROM running").fetchall()
        return [Run(ProcessingTaskRequest.from_json(row[0]), *row[1:]) for row in rows]

    def end(self, request: ProcessingTaskRequest, outcome: Outcome, again: Entry | None = None) -> None:
        """The run of a request is over.  again: pending from now on, unless another request took its place."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM running WHERE identifier = ?", (request.identifier,))
            connection.execute(
                "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?)",
                (request.identifier, outcome.ended, outcome.seconds, outcome.result, outcome.error, outcome.attempts),
            )
            connection.execute(
                "DELETE FROM outcomes WHERE identifier NOT IN"
                " (SELECT identifier FROM outcomes ORDER BY ended DESC LIMIT ?)",
                (KEPT,),
            )
            there = connection.execute("SELECT 1 FROM pending WHERE identifier = ?", (request.identifier,)).fetchone()
            if again is not None and not there:
                self._put(connection, again)

    def outcomes(self) -> list[Outcome]:
        """The last one of each identifier, newest first."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT identifier, result, error, ended, seconds, attempts FROM outcomes ORDER BY ended DESC"
            ).fetchall()
        return [Outcome(*row) for row in rows]
