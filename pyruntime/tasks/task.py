"""A task that runs: what a launch handler gets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pyruntime.tasks.request import ProcessingTaskRequest

ExpirationHandler = Callable[[], Any]
LaunchHandler = Callable[["ProcessingTask"], Any]


class ProcessingTask:
    """BGProcessingTask: one run of a request, on a thread of its own.

    A launch handler sets `expiration_handler`, does its work, and calls `set_task_completed`, from any thread.
    Returning True or False does the same.  A handler that raises is tried again later.
    """

    def __init__(self, request: ProcessingTaskRequest) -> None:
        self.request = request
        self.done = threading.Event()
        """Set when the task is over for the scheduler."""
        self.news = threading.Event()
        """Set when the scheduler should look: the task is over, or has to be."""
        self.success = False
        self.error = ""
        self.crashed = False
        self.after: Callable[[], Any] | None = None
        """Called when it is noted that the task is over, and not when the process ended before: to clean up."""
        self._lock = threading.Lock()
        self._reason = ""
        self._handler: ExpirationHandler | None = None

    @property
    def identifier(self) -> str:
        return self.request.identifier

    @property
    def is_expired(self) -> bool:
        """Whether it has to end: for handlers that look now and then instead of being called."""
        return bool(self._reason)

    @property
    def expiration_reason(self) -> str:
        """The condition that ended, for people; "" while all hold."""
        return self._reason

    @property
    def expiration_handler(self) -> ExpirationHandler | None:
        """Called once when a condition ends; it has `request.grace` seconds to bring about `set_task_completed`."""
        return self._handler

    @expiration_handler.setter
    def expiration_handler(self, handler: ExpirationHandler | None) -> None:
        with self._lock:
            late = bool(self._reason) and not self.done.is_set()
            self._handler = None if late else handler
        if late and handler is not None:
            handler()

    def set_task_completed(self, success: bool, error: str = "") -> None:
        """The work is over.  To try again later submit a request before.  Only the first call counts.

        error: for `pyruntime tasks status`.
        """
        with self._lock:
            if not self.done.is_set():
                self.success, self.error = bool(success), error
                self._handler = None
                self._over()

    def crash(self, error: str) -> None:
        """For the scheduler: the handler raised."""
        with self._lock:
            if not self.done.is_set():
                self.crashed, self.error = True, error
                self._over()

    def _over(self) -> None:
        self.done.set()
        self.news.set()

    def expire(self, reason: str) -> None:
        """For the scheduler: a condition ended.  Runs the expiration handler, which is then forgotten."""
        with self._lock:
            if self._reason or self.done.is_set():
                return
            self._reason = reason
            handler, self._handler = self._handler, None
        if handler is not None:
            handler()

    def __repr__(self) -> str:
        state = "completed" if self.done.is_set() else "expired" if self._reason else "running"
        return f"ProcessingTask({self.identifier!r}, {state})"
