"""Two updates of one model at once: the second one is told who is at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pyruntime import GenerationWarning, MLModel, MLUpdateTask, ModelIOError, UpdateLocked, generations, rollback
from pyruntime.update import MLUpdateProgressHandlers, UpdateEvent
from tests.small_models import X

HOLDER = """
import sys, time
from pyruntime.compiled.locks import UpdateLock
lock = UpdateLock(sys.argv[1], "it")
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(stickers: Path) -> Path:
    place = stickers.with_suffix(".mlmodelc")
    MLModel(stickers).write(place)
    return place


class Paused:
    """An update that waits at its beginning until it is let go."""

    def __init__(self, model: Any, data: Any, **more: Any) -> None:
        self.began, self.go = threading.Event(), threading.Event()

        def wait(_: Any) -> None:
            self.began.set()
            assert self.go.wait(30)

        handlers = MLUpdateProgressHandlers(UpdateEvent.TRAINING_BEGIN, wait)
        self.task = MLUpdateTask(model, data, progress_handlers=handlers, **more)
        self.task.resume()
        assert self.began.wait(30)

    def finish(self) -> MLUpdateTask:
        self.go.set()
        assert self.task.wait(30)
        return self.task


def run(*arguments: Any, **more: Any) -> MLUpdateTask:
    task = MLUpdateTask(*arguments, **more)
    task.resume()
    assert task.wait(30)
    return task


class Holder:
    """Another process that holds a lock."""

    def __init__(self, lock: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "held\n"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def holder(path: Path) -> Any:
    made = Holder(path / "update.lock")
    yield made
    made.kill()


def test_a_second_update_in_this_process_is_refused_and_predictions_are_not(path: Path, examples: Any) -> None:
    first = Paused(path, examples)
    second = run(path, examples)
    assert isinstance(second.error, UpdateLocked)
    assert second.error.process == os.getpid()
    assert f"{path} is being updated by this process {os.getpid()} since 20" in str(second.error)
    assert MLModel(path).predict({"x": X})["label"] == "unknown"
    assert first.finish().error is None
    assert run(path, examples).error is None
    assert "update.lock" not in os.listdir(path)


def test_the_lock_is_held_until_the_completion_handler_has_written(path: Path, examples: Any) -> None:
    during: list[Any] = []

    def write(context: Any) -> None:
        during.append(run(path, examples).error)
        context.model.write(path)

    task = run(path, examples, completion_handler=write)
    assert task.error is None
    assert isinstance(during[0], UpdateLocked)
    assert [g.number for g in generations(path)] == [1, 2]


def test_another_process_is_named_and_its_death_frees_the_lock(path: Path, examples: Any, holder: Holder) -> None:
    task = run(path, examples)
    assert isinstance(task.error, UpdateLocked)
    assert task.error.process == holder.process.pid
    assert f"the process {holder.process.pid} since {task.error.since}" in str(task.error)
    model = MLModel(path)
    model.author = "me"
    for work in (lambda: model.write(path), lambda: rollback(path, 1)):
        with pytest.raises(ModelIOError, match=f"process {holder.process.pid} is updating it since"):
            work()
    assert [g.number for g in generations(path)] == [1]
    holder.kill()
    assert (path / "update.lock").exists()
    model.write(path)
    assert run(path, examples).error is None


@pytest.mark.parametrize("text", ["", "no number\n", f"{os.getpid()} 2026-01-01T00:00:00Z\n", "9" * 90, "1 x\n"])
def test_stale_text_is_not_believed(path: Path, examples: Any, text: str) -> None:
    (path / "update.lock").write_text(text)
    assert run(path, examples).error is None


@pytest.mark.parametrize("text", ["", "garbage", "999999999 2026-01-01T00:00:00Z"])
def test_a_lock_whose_holder_does_not_say_who_it_is_still_counts(
    path: Path, examples: Any, holder: Holder, text: str
) -> None:
    (path / "update.lock").write_text(text)
    task = run(path, examples)
    assert isinstance(task.error, UpdateLocked)
    assert task.error.process is None
    assert "another process" in str(task.error)


def test_a_copy_of_the_file_and_one_that_is_not_exclusive_need_no_lock(
    path: Path, stickers: Path, examples: Any, holder: Holder
) -> None:
    assert run(stickers, examples).error is None
    assert run(path, examples, exclusive=False).error is None


def test_a_directory_that_may_not_be_written_needs_no_lock(stickers: Path, examples: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "m.mlmodelc"
        MLModel(stickers).write(place)
        os.chmod(name, 0o755)
        os.chmod(place, 0o555)
        model = MLModel(place)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)
        try:
            first = Paused(model, examples)
            assert run(model, examples).error is None
            assert first.finish().error is None
        finally:
            os.seteuid(before)
            os.chmod(place, 0o755)
        assert "update.lock" not in os.listdir(place)


def test_what_learned_in_memory_is_still_that_model(path: Path, examples: Any) -> None:
    learned = run(path, examples).context.model
    first = Paused(learned, examples)
    assert isinstance(run(path, examples).error, UpdateLocked)
    assert first.finish().error is None


def test_a_failed_update_frees_the_lock(path: Path, examples: Any) -> None:
    for _ in range(2):
        task = run(path, [{"x": X[:3], "label": "a"}])
        assert not isinstance(task.error, UpdateLocked)
        assert task.error is not None
    cancelled = MLUpdateTask(path, examples)
    cancelled.cancel()
    assert cancelled.wait(30)
    assert run(path, examples).error is None


def test_a_forked_child_does_not_keep_the_lock(path: Path, examples: Any) -> None:
    first = Paused(path, examples)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    try:
        assert first.finish().error is None
        assert run(path, examples).error is None
    finally:
        os.close(writer)
        os.waitpid(child, 0)
        os.close(reader)


def test_a_task_of_a_path_begins_with_the_newest_generation(path: Path, examples: Any) -> None:
    late, held = MLUpdateTask(path, examples), MLModel(path)
    run(path, examples[:3]).context.model.write(path)
    late.resume()
    assert late.wait(30)
    assert isinstance(late.error, UpdateLocked)
    assert "got generation 2 after this task opened generation 1" in str(late.error)
    assert "update.lock" not in os.listdir(path)
    with pytest.warns(GenerationWarning):
        run(held, examples).context.model.write(path)


WORKER = """
import sys
from pyruntime import MLUpdateTask, UpdateLocked
import numpy as np
path, label = sys.argv[1:]
done = 0
for i in range(60):
    example = {"x": np.full(40, i / 10, np.float32), "label": f"{label}{i}"}
    handler = lambda context: context.task.error or context.model.write(path, keep_generations=1000)
    task = MLUpdateTask(path, [example], completion_handler=handler)
    task.resume()
    task.wait()
    if not task.error:
        done += 1
        if done == 5:
            break
    elif not isinstance(task.error, UpdateLocked):
        raise task.error
print(done)
"""


def test_processes_that_learn_at_once_lose_nothing(path: Path) -> None:
    """Each update is written on top of the one before: the last model knows every label that was accepted."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WORKER, str(path), name], stdout=subprocess.PIPE, text=True
        )
        for name in "ab"
    ]
    done = [int(worker.communicate(timeout=120)[0]) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    found = generations(path)
    assert [g.number for g in found] == list(range(1, 2 + sum(done)))
    assert all(after.provenance.parent == before.model_hash for before, after in pairwise(found))
    assert sum(done) > 2
    d = found[0].diff(found[-1])
    assert len(d.examples_added) == sum(done)


def test_one_checkpoint_serves_one_update(tmp_path: Path) -> None:
    from tests.training.test_task import EXAMPLES, regression

    model, place = MLModel(regression(epochs=2)), tmp_path / "update"
    first = Paused(model, EXAMPLES, checkpoint=place)
    second = run(model, EXAMPLES, checkpoint=place)
    assert isinstance(second.error, UpdateLocked)
    assert f"the checkpoint {place} is being updated by this process" in str(second.error)
    assert run(model, EXAMPLES).error is None
    assert first.finish().error is None
    assert list(tmp_path.iterdir()) == []
