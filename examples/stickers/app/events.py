"""What happens, told to every open page: server-sent events."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

MOST_PAGES = 16
QUIET = 5.0
"""Seconds without an event after which a line is sent that says nothing: so that gone pages are noticed."""

_WAITING = 256  # events that one page may be behind; a slower one is let go and comes again by itself
_RETRY = b"retry: 1000\n\n"  # ms until a page whose stream broke comes again
_END = b""


class TooManyPages(Exception):
    """More open pages than are served."""


class Listener:
    """One page's events from now on; close it."""

    def __init__(self, leave: Callable[[Listener], None]) -> None:
        self.waiting: queue.Queue[bytes] = queue.Queue(_WAITING)
        self._leave = leave

    def __iter__(self) -> Iterator[bytes]:
        """Messages, until the program ends or the page is let go."""
        while True:
            try:
                message = self.waiting.get(timeout=QUIET)
            except queue.Empty:
                message = b": quiet\n\n"
            if message == _END:
                return
            yield message

    def close(self) -> None:
        self._leave(self)


class Events:
    """Pages that listen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: set[Listener] = set()
        self._closed = False

    def publish(self, kind: str, data: Any) -> None:
        """Tell every page; never waits."""
        message = event(kind, data)
        with self._lock:
            for page in [*self._pages]:
                try:
                    page.waiting.put_nowait(message)
                except queue.Full:
                    self._end(page)

    def listen(self, first: bytes) -> Listener:
        """A page that gets `first`, then everything from now on.  Raises TooManyPages."""
        page = Listener(self._leave)
        page.waiting.put_nowait(_RETRY + first)
        with self._lock:
            if self._closed or len(self._pages) >= MOST_PAGES:
                raise TooManyPages
            self._pages.add(page)
        return page

    def close(self) -> None:
        """End every stream; nobody can listen any more."""
        with self._lock:
            self._closed = True
            for page in [*self._pages]:
                self._end(page)

    def _leave(self, page: Listener) -> None:
        with self._lock:
            self._pages.discard(page)

    def _end(self, page: Listener) -> None:
        self._pages.discard(page)
        if page.waiting.full():
            page.waiting.get_nowait()
        page.waiting.put_nowait(_END)


def event(kind: str, data: Any) -> bytes:
    """One message as it is sent."""
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode(errors="replace")
