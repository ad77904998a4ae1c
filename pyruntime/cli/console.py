"""What a person sees: results on stdout, all else on stderr.  Colour and moving bars only on a terminal."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol, TextIO

from pyruntime.tables import printable

PIPE_WIDTH = 100
"""Columns when nobody says how wide the reader's screen is."""
PATIENCE = 1.0
"""Seconds of work that need no lines of progress."""


class Progress(Protocol):
    """Told how far a long work is."""

    def __call__(self, done: float, note: str = "") -> None: ...


class Picture(Protocol):
    """Lines of text for a terminal of that width, with ANSI colours or without, in characters of its encoding."""

    def __call__(self, width: int, colour: bool, encoding: str) -> str: ...


class Console:
    """quiet: nothing on stderr but errors."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._said: set[str] = set()

    @property
    def width(self) -> int:
        return max(shutil.get_terminal_size((PIPE_WIDTH, 24)).columns, 40) if _is_terminal(sys.stdout) else PIPE_WIDTH

    def print(self, text: str = "") -> None:
        """A line of the result."""
        sys.stdout.write(_encodable(text, sys.stdout) + "\n")

    def json(self, value: Any) -> None:
        """The result as JSON.  Numbers that JSON lacks (NaN, infinity) become null."""
        self.print(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False))

    def note(self, text: str) -> None:
        """Something to know on the way."""
        if not self.quiet:
            _stderr(printable(text))

    def note_once(self, text: str) -> None:
        """A note that is the same for many examples."""
        if text not in self._said:
            self._said.add(text)
            self.note(text)

    def error(self, text: str) -> None:
        _stderr(f"pyruntime: {printable(text)}")

    def heading(self, text: str) -> str:
        """The text in bold where a terminal shows the result."""
        return f"\x1b[1m{text}\x1b[0m" if _is_terminal(sys.stdout) and _colour() else text

    @property
    def shows_results(self) -> bool:
        """Results appear on a terminal as they are printed, so they are their own progress."""
        return _is_terminal(sys.stdout)

    @contextmanager
    def progress(self, what: str, total: float, picture: Picture | None = None) -> Iterator[Progress]:
        """A bar for a work of `total` steps: it moves on a terminal, and is a line per tenth elsewhere.

        picture: what the terminal shows above the bar.
        """
        if self.quiet:
            yield _silent
        elif _is_terminal(sys.stderr) and (bar := _rich_bar(what, total, picture)):
            with bar as report:
                yield report
        else:
            yield _Lines(what, total)


def no_progress() -> AbstractContextManager[Progress]:
    """For work that is short."""
    return nullcontext(_silent)


def _silent(done: float, note: str = "") -> None:
    """Says nothing."""


class _Lines:
    """Progress as lines, at most one per tenth of the work, and none for what is done in a moment."""

    def __init__(self, what: str, total: float) -> None:
        self.total, self.next = max(total, 1e-9), 0.0
        self.start = time.monotonic() + PATIENCE
        _stderr(f"{what} …")

    def __call__(self, done: float, note: str = "") -> None:
        if (done >= self.next or done >= self.total) and time.monotonic() > self.start:
            self.next = (math.floor(10 * done / self.total) + 1) * self.total / 10
            _stderr(f"  {round(100 * min(done / self.total, 1)):3d} %{'  ' + printable(note) if note else ''}")


def _rich_bar(what: str, total: float, picture: Picture | None) -> Any:
    """A context manager that gives a Progress; None when rich is not installed."""
    try:
        from rich.console import Console as RichConsole
        from rich.console import RenderableType
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress
        from rich.text import Text
    except ImportError:
        return None

    screen = RichConsole(stderr=True)

    class Pictured(RichProgress):
        def get_renderables(self) -> Iterator[RenderableType]:
            if picture:
                shown = picture(screen.width, _colour(), screen.encoding)
                yield Text.from_ansi(shown, no_wrap=True, overflow="crop")
            yield from super().get_renderables()

    @contextmanager
    def bar() -> Iterator[Progress]:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        note_column = TextColumn("{task.fields[note]}", markup=False)
        # Redirection would move results from a piped stdout to the terminal.
        with Pictured(
            *columns,
            note_column,
            console=screen,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as progress:
            task = progress.add_task(what, total=total, note="")
            shown = (lambda note: "") if picture else printable  # a picture says it already
            yield lambda done, note="": progress.update(task, completed=done, note=shown(note))

    return bar()


def _colour() -> bool:
    """NO_COLOR, when set to anything, turns colours off (no-color.org); so does a terminal that has none."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _is_terminal(stream: TextIO) -> bool:
    return stream is not None and stream.isatty()


def _stderr(line: str) -> None:
    try:
        sys.stderr.write(_encodable(line, sys.stderr) + "\n")
        sys.stderr.flush()
    except OSError:
        pass  # nobody reads along; that is no reason to stop the work


def _encodable(text: str, stream: TextIO) -> str:
    """The text, with escapes for what the stream's encoding lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _plain(value: Any) -> Any:
    """Dictionaries, lists, texts and finite numbers only."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
