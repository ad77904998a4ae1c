"""One task: its handler on a thread, its conditions watched, its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pyruntime.tasks.conditions import Conditions
from pyruntime.tasks.request import ProcessingTaskRequest
from pyruntime.tasks.task import LaunchHandler, ProcessingTask


class Runner:
    """interval: seconds between looks at the conditions of what runs."""

    def __init__(self, conditions: Conditions, interval: float) -> None:
        self._conditions, self._interval = conditions, interval
        self._threads: list[threading.Thread] = []
        self._stop = ""
        self._task: ProcessingTask | None = None

    def stop(self, reason: str) -> None:
        """Expire what runs, and at once whatever is started later."""
        self._stop = reason
        if (task := self._task) is not None:
            task.news.set()

    def abandoned(self) -> bool:
        """Whether a handler of a task that is over still runs: nothing else should be started beside it."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return bool(self._threads)

    def run(self, request: ProcessingTaskRequest, handler: LaunchHandler) -> ProcessingTask:
        """The task when it is over: completed, crashed, or not ended `grace` seconds after it expired."""
        task = self._task = ProcessingTask(request)
        worker = self._thread("task", lambda: self._launch(task, handler))
        try:
            reason = self._watch(task)
        except BaseException:  # Ctrl-C in a program that does not catch it: the handler still runs
            self._threads += [worker, self._thread("expiration", lambda: task.expire("interrupted"))]
            raise
        if reason:
            expirer = self._thread("expiration", lambda: self._guarded(task, lambda: task.expire(reason)))
            if not task.done.wait(request.grace):
                task.set_task_completed(False, f"{reason}; it did not end within {request.grace:g} s")
                self._threads += [worker, expirer]
        return task

    def _thread(self, what: str, run: Callable[[], None]) -> threading.Thread:
        """Daemons: a program that ends does not wait for them."""
        thread = threading.Thread(target=run, name=f"background-{what}", daemon=True)
        thread.start()
        return thread

    def _launch(self, task: ProcessingTask, handler: LaunchHandler) -> None:
        def run() -> None:
            answer = handler(task)
            if isinstance(answer, bool):
                task.set_task_completed(answer)

        self._guarded(task, run)

    @staticmethod
    def _guarded(task: ProcessingTask, run: Callable[[], None]) -> None:
        try:
            run()
        except BaseException as error:  # a thread that dies of it would leave the scheduler waiting
            task.crash(f"{type(error).__name__}: {error}")

    def _watch(self, task: ProcessingTask) -> str:
        """Wait until the task is over; "" then, or why it has to end before."""
        request = task.request
        end = None if request.max_duration is None else time.monotonic() + request.max_duration
        while True:
            if task.done.is_set():
                return ""
            if self._stop:
                return self._stop
            left = self._interval if end is None else min(self._interval, end - time.monotonic())
            if left <= 0:
                return f"it ran for {request.max_duration:g} s, its longest time"
            unmet = self._conditions.unmet(request, running=True)
            if unmet:
                return "; ".join(f"{one.name}: {one.detail}" for one in unmet)
            task.news.wait(left)
