"""Requests and tasks: what is kept, what runs, how it ends."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pyruntime.errors import MLModelError
from pyruntime.tasks import (
    ProcessingTask,
    ProcessingTaskRequest,
    SchedulerUnavailable,
    TaskNotPermitted,
    TaskScheduler,
    TaskSchedulerError,
    TooManyPendingTaskRequests,
)
from pyruntime.tasks.store import Store

from .fake import FakeClock, FakeScheduler


def done(task: ProcessingTask) -> None:
    task.set_task_completed(True)


def results(scheduler: TaskScheduler) -> dict[str, tuple[str, str]]:
    return {outcome.identifier: (outcome.result, outcome.error) for outcome in scheduler.status().outcomes}


def another(scheduler: FakeScheduler) -> FakeScheduler:
    """As after a restart of the program."""
    folder = Path(scheduler.folder).parent
    return FakeScheduler(folder, machine=scheduler.board, clock=scheduler.time)


# requests


def test_a_request_comes_back_from_the_file_as_it_was(scheduler: FakeScheduler, tmp_path: Path) -> None:
    request = ProcessingTaskRequest(
        "nightly ' \" \x00 é", True, True, datetime(2027, 1, 31, 2, tzinfo=timezone.utc), False, None, True, 1, 2,
        str(tmp_path), None, 0.5, 3, "", {"a": [1, None, "b"]},
    )  # fmt: skip
    scheduler.register(request.identifier, done)
    scheduler.submit(request)
    assert another(scheduler).pending() == [request]


def test_the_second_request_of_an_identifier_replaces_the_first(scheduler: FakeScheduler) -> None:
    for name in "ab":
        scheduler.register(name, done)
    scheduler.submit(ProcessingTaskRequest("a"))
    scheduler.submit(ProcessingTaskRequest("b"))
    scheduler.submit(ProcessingTaskRequest("a", requires_external_power=True))
    assert {one.identifier: one.requires_external_power for one in scheduler.pending()} == {"a": True, "b": False}


def test_unregistered_identifiers_are_not_permitted(scheduler: FakeScheduler) -> None:
    scheduler.register("a", done)
    with pytest.raises(TaskNotPermitted, match=r"no launch handler for 'b' is registered \('a'\)") as caught:
        scheduler.submit(ProcessingTaskRequest("b"))
    assert caught.value.scheduler_code == 3
    assert isinstance(caught.value, MLModelError)
    with pytest.raises(TaskNotPermitted, match="'a' has a launch handler already"):
        scheduler.register("a", done)
    with pytest.raises(TypeError, match="expected something to call"):
        scheduler.register("c", "done")  # type: ignore[arg-type]


def test_ten_requests_may_be_pending(scheduler: FakeScheduler) -> None:
    for i in range(11):
        scheduler.register(str(i), done)
    for i in range(10):
        scheduler.submit(ProcessingTaskRequest(str(i)))
    with pytest.raises(TooManyPendingTaskRequests, match="10 requests are pending, at most 10") as caught:
        scheduler.submit(ProcessingTaskRequest("10"))
    assert caught.value.scheduler_code == 2
    scheduler.submit(ProcessingTaskRequest("3"))  # replaces: no more than before
    assert scheduler.cancel("4")
    scheduler.submit(ProcessingTaskRequest("10"))


def test_cancel(scheduler: FakeScheduler) -> None:
    for name in "abc":
        scheduler.register(name, done)
        scheduler.submit(ProcessingTaskRequest(name))
    assert scheduler.cancel("b")
    assert not scheduler.cancel("b")
    assert [one.identifier for one in scheduler.pending()] == ["a", "c"]
    assert scheduler.cancel_all() == 2
    assert scheduler.pending() == scheduler.run_pending() == []


@pytest.mark.parametrize(
    "bad",
    [
        {"identifier": ""}, {"identifier": "x" * 256}, {"identifier": 3}, {"max_temperature": float("nan")},
        {"max_duration": -1}, {"min_free_storage": -5}, {"grace": float("inf")}, {"max_attempts": 0},
        {"earliest_begin_date": float("nan")}, {"earliest_begin_date": "tomorrow"}, {"payload": {"a": object()}},
        {"payload": {"a": float("inf")}},
    ],
    ids=str,
)  # fmt: skip
def test_requests_that_cannot_be_meant(bad: dict[str, Any]) -> None:
    with pytest.raises(TaskSchedulerError):
        ProcessingTaskRequest(**{"identifier": "a", **bad})


# dates, clocks, back-off


@pytest.mark.parametrize("kind", ["aware", "seconds"])
def test_nothing_runs_before_its_date(scheduler: FakeScheduler, kind: str) -> None:
    seconds = scheduler.time.now + 3600
    date = datetime.fromtimestamp(seconds, timezone(timedelta(hours=9))) if kind == "aware" else seconds
    scheduler.register("a", done)
    scheduler.submit(ProcessingTaskRequest("a", earliest_begin_date=date))
    scheduler.time.pass_by(3599)
    assert scheduler.run_pending() == []
    assert scheduler.status().pending[0].seconds_left == pytest.approx(1)
    scheduler.time.now -= 7200  # somebody sets the clock: the date is a date
    scheduler.time.pass_by(60)
    assert scheduler.run_pending() == []
    scheduler.time.now += 7200
    assert [one.result for one in scheduler.run_pending()] == ["succeeded"]


def crash(task: ProcessingTask) -> None:
    raise ValueError("not today")


def test_a_crash_is_tried_again_later_and_reported(scheduler: FakeScheduler) -> None:
    scheduler.register("a", crash)
    scheduler.submit(ProcessingTaskRequest("a", max_attempts=4))
    for attempt, delay in enumerate((60, 120, 240), 1):
        (outcome,) = scheduler.run_pending()
        assert (outcome.result, outcome.error, outcome.attempts) == ("crashed", "ValueError: not today", attempt)
        scheduler.time.now += 10 * 24 * 3600.0  # a clock that is set does not shorten it
        scheduler.time.up += delay - 1.0
        assert scheduler.run_pending() == []
        scheduler.time.up += 1.0
    (outcome,) = scheduler.run_pending()
    assert outcome.result == "failed"
    assert outcome.error == "ValueError: not today; given up after 4 attempts, submit it again to go on"
    assert scheduler.pending() == []
    assert results(another(scheduler))["a"][0] == "failed"


def test_in_another_boot_the_wait_counts_from_its_start(scheduler: FakeScheduler) -> None:
    scheduler.register("a", crash)
    scheduler.submit(ProcessingTaskRequest("a"))
    scheduler.run_pending()
    scheduler.time.reboot(up=20)
    assert scheduler.run_pending() == []
    scheduler.time.up = 61
    assert len(scheduler.run_pending()) == 1


def test_the_wait_ends_at_six_hours(scheduler: FakeScheduler) -> None:
    scheduler.register("a", crash)
    scheduler.submit(ProcessingTaskRequest("a", max_attempts=50))
    for _ in range(20):
        assert len(scheduler.run_pending()) == 1
        assert scheduler.status().pending[0].seconds_left <= 6 * 3600
        scheduler.time.pass_by(6 * 3600)


# runs


def test_tasks_run_once_in_order_and_are_told_what_they_are(scheduler: FakeScheduler) -> None:
    ran = []

    def launch(task: ProcessingTask) -> bool:
        ran.append((task.identifier, task.request.payload, threading.current_thread() is threading.main_thread()))
        scheduler.submit(task.request)  # for another day
        return task.identifier == "b"

    for name in "ba":
        scheduler.register(name, launch)
        scheduler.submit(ProcessingTaskRequest(name, payload={"n": name}))
    assert [one.result for one in scheduler.run_pending()] == ["succeeded", "failed"]
    assert ran == [("b", {"n": "b"}, False), ("a", {"n": "a"}, False)]
    assert len(scheduler.pending()) == 2
    assert scheduler.status().running == ()


def test_a_task_may_end_on_another_thread_than_its_handler(scheduler: FakeScheduler) -> None:
    def launch(task: ProcessingTask) -> None:
        threading.Timer(0.02, task.set_task_completed, (True,)).start()

    scheduler.register("a", launch)
    scheduler.submit(ProcessingTaskRequest("a"))
    assert [one.result for one in scheduler.run_pending()] == ["succeeded"]


def test_only_the_first_end_counts(scheduler: FakeScheduler) -> None:
    def launch(task: ProcessingTask) -> None:
        task.set_task_completed(False, "the first")
        task.set_task_completed(True)
        raise ValueError("late")

    scheduler.register("a", launch)
    scheduler.submit(ProcessingTaskRequest("a"))
    scheduler.run_pending()
    assert results(scheduler) == {"a": ("failed", "the first")}


def test_conditions_decide(scheduler: FakeScheduler) -> None:
    scheduler.register("a", done)
    scheduler.submit(ProcessingTaskRequest("a", requires_external_power=True))
    scheduler.board.battery()
    assert scheduler.run_pending() == []
    (waiting,) = scheduler.status().pending
    assert [(one.name, one.detail) for one in waiting.unmet] == [("external power", "on battery")]
    scheduler.board.battery("Charging", "1")
    assert len(scheduler.run_pending()) == 1


class Worker:
    """A handler that works until it is told to stop, or forever."""

    def __init__(self, scheduler: FakeScheduler, *, obeys: bool = True) -> None:
        self.scheduler, self.obeys = scheduler, obeys
        self.over = threading.Event()
        self.calls = 0
        self.reason = ""

    def __call__(self, task: ProcessingTask) -> None:
        def expired() -> None:
            self.calls += 1
            self.reason = task.expiration_reason
            if self.obeys:
                self.scheduler.submit(task.request)
                self.over.set()

        task.expiration_handler = expired
        self.scheduler.board.battery()  # the plug is pulled while it works
        assert self.over.wait(30)
        task.set_task_completed(False, "to be continued")


def test_a_condition_that_ends_expires_the_task(scheduler: FakeScheduler) -> None:
    worker = Worker(scheduler)
    scheduler.register("a", worker)
    scheduler.submit(ProcessingTaskRequest("a", requires_external_power=True))
    assert [(one.result, one.error) for one in scheduler.run_pending()] == [("expired", "to be continued")]
    assert (worker.calls, worker.reason) == (1, "external power: on battery")
    assert [one.identifier for one in scheduler.pending()] == ["a"], "submitted again by the handler"
    assert scheduler.run_pending() == []


def test_a_task_that_does_not_end_is_left_alone_after_its_grace_time(scheduler: FakeScheduler) -> None:
    worker = Worker(scheduler, obeys=False)
    scheduler.register("a", worker)
    scheduler.register("b", done)
    scheduler.submit(ProcessingTaskRequest("a", requires_external_power=True, grace=0.05))
    scheduler.submit(ProcessingTaskRequest("b"))
    try:
        (outcome,) = scheduler.run_pending()
        assert outcome.result == "expired"
        assert outcome.error == "external power: on battery; it did not end within 0.05 s"
        assert scheduler.abandoned
        assert [one.identifier for one in scheduler.pending()] == ["b"], "nothing runs beside it"
        scheduler.run_forever()  # gives up at once, for the process to end
    finally:
        worker.over.set()


def test_without_an_expiration_handler_the_task_is_unsuccessful(scheduler: FakeScheduler) -> None:
    seen = []

    def launch(task: ProcessingTask) -> None:
        scheduler.board.heat(90)
        while not task.is_expired:
            task.news.wait(0.01)
        seen.append(task.expiration_reason)

    scheduler.register("a", launch)
    scheduler.submit(ProcessingTaskRequest("a", grace=0.1))
    (outcome,) = scheduler.run_pending()
    assert outcome.result == "expired"
    assert seen == ["temperature: 90.0 °C (cpu-thermal), at most 75 °C"]
    assert scheduler.pending() == []


def test_a_handler_set_after_the_end_of_a_condition_is_called_at_once(scheduler: FakeScheduler) -> None:
    called = []

    def launch(task: ProcessingTask) -> None:
        scheduler.board.heat(90)
        while not task.is_expired:
            task.news.wait(0.01)
        task.expiration_handler = lambda: called.append(1)
        task.set_task_completed(bool(called))

    scheduler.register("a", launch)
    scheduler.submit(ProcessingTaskRequest("a"))
    assert [one.result for one in scheduler.run_pending()] == ["succeeded"]


def test_ctrl_c_expires_a_task_and_nothing_runs_beside_it(
    scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired, over = threading.Event(), threading.Event()

    def launch(task: ProcessingTask) -> None:
        task.expiration_handler = expired.set
        over.wait(30)

    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    scheduler.register("a", launch)
    scheduler.submit(ProcessingTaskRequest("a"))
    with monkeypatch.context() as patch:
        patch.setattr(scheduler._runner, "_watch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            scheduler.run_pending()
    assert expired.wait(30)
    scheduler.time.pass_by(3600)
    assert scheduler.run_pending() == []
    assert scheduler.status().running, "it still does"
    over.set()
    while scheduler.abandoned:
        over.wait(0.01)
    assert scheduler.run_pending() == []
    assert results(scheduler)["a"][0] == "crashed"


def test_a_full_disk_keeps_what_was_there(scheduler: FakeScheduler) -> None:
    scheduler.register("a", done)
    scheduler.register("b", done)
    scheduler.submit(ProcessingTaskRequest("a"))
    connect = sqlite3.connect

    def full(*arguments: Any, **more: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **more)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", full)
        with pytest.raises(SchedulerUnavailable, match="full"):
            scheduler.submit(ProcessingTaskRequest("b", payload={"text": "x" * 100_000}))
    assert [one.identifier for one in scheduler.pending()] == ["a"]
    assert len(scheduler.run_pending()) == 1


def test_the_longest_time_expires_a_task(scheduler: FakeScheduler) -> None:
    def launch(task: ProcessingTask) -> None:
        task.expiration_handler = lambda: task.set_task_completed(False, task.expiration_reason)

    scheduler.register("a", launch)
    scheduler.submit(ProcessingTaskRequest("a", max_duration=0.05))
    assert [one.error for one in scheduler.run_pending()] == ["it ran for 0.05 s, its longest time"]


def test_an_expiration_handler_that_raises_is_a_crash(scheduler: FakeScheduler) -> None:
    def launch(task: ProcessingTask) -> None:
        task.expiration_handler = lambda: crash(task)
        scheduler.board.heat(90)

    scheduler.register("a", launch)
    scheduler.submit(ProcessingTaskRequest("a"))
    assert [(one.result, one.error) for one in scheduler.run_pending()] == [("crashed", "ValueError: not today")]


# the loop, two schedulers, the file


def test_the_loop_runs_what_is_submitted_and_stops(tmp_path: Path) -> None:
    scheduler = FakeScheduler(tmp_path, poll=600.0)
    ran = threading.Event()
    working = Worker(scheduler)
    scheduler.register("short", lambda task: ran.set() or True)
    scheduler.register("long", working)
    loop = threading.Thread(target=scheduler.run_forever)
    loop.start()
    scheduler.submit(ProcessingTaskRequest("short"))
    assert ran.wait(30)
    scheduler.submit(ProcessingTaskRequest("long"))
    assert scheduler.board is not None
    stopper = threading.Timer(0.05, scheduler.stop)
    stopper.start()
    loop.join(30)
    assert not loop.is_alive()
    assert results(scheduler)["short"][0] == "succeeded"


def test_many_that_make_the_file_at_once(tmp_path: Path) -> None:
    for i in range(10):
        path, together = tmp_path / str(i) / "tasks.db", threading.Barrier(4)

        def look(path: Path = path, together: threading.Barrier = together) -> list[Any]:
            together.wait()
            return Store(path).pending()

        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(look) for _ in range(4)]
            assert [future.result() for future in futures] == [[]] * 4


def test_the_loop_sleeps_until_the_next_date(tmp_path: Path) -> None:
    class Counting(FakeScheduler):
        looks = 0

        def run_pending(self) -> Any:
            self.looks += 1
            return super().run_pending()

    from pyruntime.tasks import Clock

    scheduler = Counting(tmp_path, poll=600.0, clock=Clock())
    scheduler.register("a", lambda task: threading.Thread(target=scheduler.stop).start() or True)
    scheduler.submit(ProcessingTaskRequest("a", earliest_begin_date=Clock().wall() + 0.3))
    scheduler.run_forever()
    assert results(scheduler)["a"][0] == "succeeded"
    assert scheduler.looks <= 4, "a handful, and no busy waiting"


def test_two_schedulers_do_not_run_at_once(scheduler: FakeScheduler) -> None:
    second = another(scheduler)
    seen = []

    def launch(task: ProcessingTask) -> bool:
        second.submit(ProcessingTaskRequest("a"))
        seen.append(second.run_pending())
        seen.append([run.request.identifier for run in second.status().running if second.is_alive(run)])
        return True

    scheduler.register("a", launch)
    second.register("a", done)
    scheduler.submit(ProcessingTaskRequest("a"))
    assert len(scheduler.run_pending()) == 1
    assert seen == [[], ["a"]]
    assert len(second.run_pending()) == 1


def test_a_request_without_a_handler_here_waits_for_its_program(scheduler: FakeScheduler) -> None:
    scheduler.register("a", done)
    scheduler.submit(ProcessingTaskRequest("a"))
    other = another(scheduler)
    assert other.run_pending() == []
    assert not other.status().pending[0].permitted


def test_a_request_that_is_cancelled_or_replaced_at_the_last_moment_does_not_run(scheduler: FakeScheduler) -> None:
    other = another(scheduler)
    other.register("b", done)

    def launch(task: ProcessingTask) -> bool:
        other.cancel("b")
        return True

    scheduler.register("a", launch)
    scheduler.register("b", crash)
    for name in "ab":
        scheduler.submit(ProcessingTaskRequest(name))
    assert [one.identifier for one in scheduler.run_pending()] == ["a"]


def test_a_newer_file_and_a_damaged_one_are_refused_and_kept(scheduler: FakeScheduler) -> None:
    scheduler.pending()
    with sqlite3.connect(scheduler.path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(SchedulerUnavailable, match="newer release") as caught:
        scheduler.pending()
    assert caught.value.scheduler_code == 1
    Path(scheduler.path).write_bytes(b"not a database, " * 400)
    with pytest.raises(SchedulerUnavailable, match="if the file is damaged, remove it"):
        scheduler.pending()
    assert Path(scheduler.path).read_bytes().startswith(b"not a database")


def test_the_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SchedulerUnavailable):
        TaskScheduler(tmp_path / "file" / "tasks.db").pending()


def test_commits_are_brought_to_the_disk_and_readers_do_not_wait(scheduler: FakeScheduler) -> None:
    scheduler.register("a", done)
    scheduler.submit(ProcessingTaskRequest("a"))
    with sqlite3.connect(scheduler.path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()


def test_the_shared_scheduler_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pyruntime.tasks import scheduler as module

    monkeypatch.setattr(module._Shared, "scheduler", None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert TaskScheduler.shared is TaskScheduler.shared
    assert TaskScheduler.shared.path == str(tmp_path / "pyruntime" / "tasks.db")
    mine = TaskScheduler(tmp_path / "mine.db", clock=FakeClock())
    mine.become_shared()
    assert TaskScheduler.shared is mine
