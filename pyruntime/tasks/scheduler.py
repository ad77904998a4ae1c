"""TaskScheduler: keeps requests, and runs them one after the other when their conditions hold."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, replace

from pyruntime.tasks.clock import Clock
from pyruntime.tasks.conditions import Condition, Conditions
from pyruntime.tasks.errors import TaskNotPermitted
from pyruntime.tasks.lock import exclusive
from pyruntime.tasks.machine import Machine
from pyruntime.tasks.request import ProcessingTaskRequest
from pyruntime.tasks.running import Runner
from pyruntime.tasks.store import Entry, Outcome, Run, Store, Wait
from pyruntime.tasks.task import LaunchHandler

LIMIT = 10
"""Requests that may be pending, as with BGTaskScheduler."""
FIRST_DELAY, LONGEST_DELAY = 60.0, 6 * 3600.0
"""Seconds to wait after the first crash, doubled with each, and at most."""
POLL = 30.0


def state_folder() -> str:
    """Where this user's programs keep what must survive: $XDG_STATE_HOME/pyruntime, ~/.local/state by default."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):  # the standard says to ignore relative ones
        base = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "pyruntime")


@dataclass(frozen=True)
class PendingStatus:
    """A pending request, and why it does not run yet.  permitted: somebody here has a handler for it."""

    request: ProcessingTaskRequest
    attempts: int
    seconds_left: float
    unmet: tuple[Condition, ...]
    permitted: bool


@dataclass(frozen=True)
class SchedulerStatus:
    """All that is known: what waits, what runs, how the last run of each identifier ended."""

    pending: tuple[PendingStatus, ...]
    running: tuple[Run, ...]
    outcomes: tuple[Outcome, ...]


class _Shared:
    """The scheduler of this user's requests, made when it is first asked for."""

    scheduler: TaskScheduler | None = None

    def __get__(self, instance: object, owner: type[TaskScheduler]) -> TaskScheduler:
        if _Shared.scheduler is None:
            _Shared.scheduler = owner()
        return _Shared.scheduler


class TaskScheduler:
    """BGTaskScheduler: run work when the machine has time, power and coolness for it.

    path: the file of requests, shared by programs and reboots; by default tasks.db in `state_folder()`.
    machine, clock: where conditions and time are read.
    limit: pending requests.  poll: seconds between looks at what waits.  interval: between looks at the conditions of
    what runs.

        scheduler = TaskScheduler.shared
        scheduler.register("nightly", launch)               # launch(task) works and calls task.set_task_completed(True)
        scheduler.submit(ProcessingTaskRequest("nightly", requires_external_power=True))
        scheduler.run_forever()                             # or: systemd, see `pyruntime tasks install`
    """

    shared = _Shared()

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        machine: Machine | None = None,
        clock: Clock | None = None,
        limit: int = LIMIT,
        poll: float = POLL,
        interval: float = 5.0,
    ) -> None:
        self._store = Store(os.path.join(state_folder(), "tasks.db") if path is None else path)
        self.machine, self._clock = machine or Machine(), clock or Clock()
        self._limit, self._poll = limit, poll
        self._handlers: dict[str, LaunchHandler] = {}
        self._kinds: dict[str, LaunchHandler] = {}
        self._conditions = Conditions(self.machine, self.folder, self._clock.since_boot)
        self._runner = Runner(self._conditions, interval)
        self._wake = threading.Event()
        self._stopped = threading.Event()

    def become_shared(self) -> None:
        """From now on this one is TaskScheduler.shared."""
        _Shared.scheduler = self

    @property
    def path(self) -> str:
        """The file of requests."""
        return self._store.path

    @property
    def folder(self) -> str:
        """Where the file lies; checkpoints of updates are beside it."""
        return os.path.dirname(self._store.path)

    # what programs ask for

    def register(self, identifier: str, launch_handler: LaunchHandler) -> None:
        """What to do for requests of `identifier`.  Raises TaskNotPermitted for the second handler of one."""
        self._file(self._handlers, identifier, launch_handler)

    def register_handler(self, name: str, launch_handler: LaunchHandler) -> None:
        """What to do for requests whose `handler` is `name`, whatever their identifier."""
        self._file(self._kinds, name, launch_handler)

    def handles(self, name: str) -> bool:
        """Whether an identifier, or a handler's name, is registered."""
        return name in self._handlers or name in self._kinds

    @staticmethod
    def _file(table: dict[str, LaunchHandler], name: str, handler: LaunchHandler) -> None:
        if not callable(handler):
            raise TypeError(f"launch handler of {name!r}: expected something to call, got a {type(handler).__name__}")
        if name in table:
            raise TaskNotPermitted(
                f"{name!r} has a launch handler already: register each one once, when a program starts"
            )
        table[name] = handler

    def submit(self, request: ProcessingTaskRequest) -> None:
        """Keep a request until its conditions hold.  It replaces a pending one of the same identifier.

        Raises TaskNotPermitted for an identifier without a handler, TooManyPendingTaskRequests, SchedulerUnavailable.
        """
        if self._handler(request) is None:
            known = ", ".join(map(repr, [*self._handlers, *self._kinds])) or "nobody registered any"
            raise TaskNotPermitted(
                f"no launch handler for {request.identifier!r} is registered ({known}); register it first"
            )
        self._store.submit(request, self._clock.wall(), self._limit)
        self._wake.set()

    def cancel(self, identifier: str) -> bool:
        """Forget a pending request; whether there was one.  A running task goes on."""
        return self._store.cancel(identifier) > 0

    def cancel_all(self) -> int:
        """Forget all pending requests; how many there were."""
        return self._store.cancel(None)

    def pending(self) -> list[ProcessingTaskRequest]:
        """Requests that wait, in the order of submission."""
        return [entry.request for entry in self._store.pending()]

    def status(self) -> SchedulerStatus:
        """What waits and why, what runs, what has run."""
        waiting = [
            PendingStatus(
                entry.request, entry.attempts, max(self._seconds_left(entry), 0.0),
                tuple(self._conditions.unmet(entry.request)), self._handler(entry.request) is not None,
            )
            for entry in self._store.pending()
        ]  # fmt: skip
        return SchedulerStatus(tuple(waiting), tuple(self._store.running()), tuple(self._store.outcomes()))

    def is_alive(self, run: Run) -> bool:
        """Whether the process of what is noted as running is there; if not, `run_pending` finds that out."""
        try:
            os.kill(run.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return run.boot == self._clock.boot()

    # running

    def run_pending(self) -> list[Outcome]:
        """Run what may run now, each request once, one after the other; how they ended.

        Nothing when another scheduler runs tasks of the same file at this moment.
        """
        ended: list[Outcome] = []
        with exclusive(f"{self._store.path}.lock") as alone, self._store.held():
            if not alone or self._runner.abandoned():
                return ended
            self._recover()
            for entry in self._store.pending():
                if self._stopped.is_set() or self._runner.abandoned():
                    break
                outcome = self._run_if_due(entry)
                if outcome is not None:
                    ended.append(outcome)
        return ended

    def run_forever(self) -> None:
        """Run tasks as their conditions come to hold, until `stop`, or until one does not end after its grace time.

        In between it sleeps.  It looks again when something is submitted here, when a date comes, and every `poll`
        seconds: for conditions, clocks that were set, and requests of other programs.
        """
        with self._store.held():
            while not self._stopped.is_set():
                self._wake.clear()
                self.run_pending()
                if self._runner.abandoned():
                    return
                if not self._stopped.is_set():
                    self._wake.wait(self._next_look())

    def stop(self) -> None:
        """End `run_forever` and `run_pending`; a running task expires first.

        From a signal handler, call it on a thread.
        """
        self._stopped.set()
        self._runner.stop("the scheduler stops")
        self._wake.set()

    @property
    def abandoned(self) -> bool:
        """Whether a handler still runs after its grace time: only the end of this process ends it."""
        return self._runner.abandoned()

    def _next_look(self) -> float:
        left = [seconds for entry in self._store.pending() if (seconds := self._seconds_left(entry)) > 0]
        return max(min([self._poll, *left]), 0.01)

    def _handler(self, request: ProcessingTaskRequest) -> LaunchHandler | None:
        return self._handlers.get(request.identifier) or self._kinds.get(request.handler)

    def _seconds_left(self, entry: Entry) -> float:
        """Until its date by the wall clock, and until a crashed one may be tried again by a clock that nobody sets."""
        begin = entry.request.begin_time()
        until = 0.0 if begin is None else begin - self._clock.wall()
        return max(until, entry.wait.left(self._clock.boot(), self._clock.since_boot()))

    def _run_if_due(self, entry: Entry) -> Outcome | None:
        handler = self._handler(entry.request)
        if handler is None or self._seconds_left(entry) > 0 or self._conditions.unmet(entry.request):
            return None
        if not self._store.begin(entry, self._clock.boot(), self._clock.wall()):
            return None
        started = self._clock.since_boot()
        task = self._runner.run(entry.request, handler)
        result = "crashed" if task.crashed else "expired" if task.is_expired else "succeeded"
        if result == "succeeded" and not task.success:
            result = "failed"
        if result == "expired" and task.success:
            result = "succeeded"
        error = task.error or (task.expiration_reason if result == "expired" else "")
        outcome = Outcome(
            entry.request.identifier, result, error, self._clock.wall(), self._clock.since_boot() - started
        )
        outcome = self._end(entry.request, entry.attempts, outcome)
        if task.after is not None:
            task.after()
        return outcome

    def known_requests(self) -> list[ProcessingTaskRequest]:
        """Those that wait or run."""
        return [*self.pending(), *(run.request for run in self._store.running())]

    def _recover(self) -> None:
        """With the lock in hand nothing can be running: what is noted as such was killed."""
        for run in self._store.running():
            why = (
                f"process {run.pid} ended while it ran" if run.boot == self._clock.boot()
                else "the machine restarted while it ran"
            )  # fmt: skip
            self._end(
                run.request, run.attempts, Outcome(run.request.identifier, "crashed", why, self._clock.wall(), 0.0)
            )

    def _end(self, request: ProcessingTaskRequest, attempts: int, outcome: Outcome) -> Outcome:
        """Note it, and let a crashed one wait for its next attempt."""
        if outcome.result != "crashed":
            self._store.end(request, outcome)
            return outcome
        attempts += 1
        if attempts >= request.max_attempts:
            error = f"{outcome.error}; given up after {attempts} attempts, submit it again to go on"
            outcome = replace(outcome, result="failed", error=error, attempts=attempts)
            self._store.end(request, outcome)
            return outcome
        delay = min(FIRST_DELAY * 2.0 ** (attempts - 1), LONGEST_DELAY)
        wait = Wait(self._clock.boot(), self._clock.since_boot() + delay, delay)
        outcome = replace(outcome, attempts=attempts)
        self._store.end(request, outcome, Entry(request, os.urandom(16).hex(), self._clock.wall(), attempts, wait))
        return outcome
