"""Events of a task for a loop in another thread, one at a time: the task waits while the loop's body runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

from pyruntime.update.context import MLUpdateContext, UpdateEvent


class EventStream:
    """One writer, one reader.  After `close` by the reader the writer never waits; after `end` the reader stops."""

    def __init__(self, events: UpdateEvent) -> None:
        self._events = events
        self._changed = threading.Condition()
        self._context: MLUpdateContext | None = None
        self._ended = self._closed = False

    def wants(self, event: UpdateEvent) -> bool:
        return bool(event & self._events) and not self._closed

    def put(self, context: MLUpdateContext) -> None:
        """Hand over a context, and wait until the reader comes back for the next one."""
        if not self.wants(context.event):
            return
        with self._changed:
            self._context = context
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._context is None or self._closed)

    def __iter__(self) -> Iterator[MLUpdateContext]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._context is not None or self._ended)
                context = self._context
            if context is None:
                return
            yield context
            with self._changed:
                self._context = None
                self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def resolve(over: asyncio.Future[None]) -> None:
    """Wake those who await the end, unless they gave up."""
    if not over.done():
        over.set_result(None)
