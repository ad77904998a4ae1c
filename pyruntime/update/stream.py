"""Who follows a task: a loop over its events, one at a time while the task waits, and coroutines that await its end."""

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


class Waiters:
    """Coroutines, of any event loops, that wait for the end of a task."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    async def wait(self) -> None:
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if self._ended:
                return
            self._waiting.append((loop, over))
        await over

    def end(self) -> None:
        """Wake them all; who comes later does not wait."""
        with self._lock:
            self._ended = True
            waiting, self._waiting = self._waiting, []
        for loop, over in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, over)


def _resolve(over: asyncio.Future[None]) -> None:
    """Wake those who await the end, unless they gave up."""
    if not over.done():
        over.set_result(None)
