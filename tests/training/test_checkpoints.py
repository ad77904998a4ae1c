"""An update that ends at any moment goes on to the same bits as one that did not; test_kills.py kills the process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import DamageWarning, MLModel, MLModelConfiguration, MLUpdateProgressHandlers, MLUpdateTask
from pyruntime.errors import UpdateCancelled, UpdateError
from pyruntime.update import checkpoint as files

from .networks import ALL, Record, update
from .test_task import EXAMPLES, regression

KEYS = ("a:weights", "a:biases", "b:weights", "b:biases")
OPTIMIZERS: dict[str, Any] = {"sgd": {}, "momentum": {"momentum": 0.9}, "adam": {"adam": True, "rate": 0.01}}


class PowerCut(BaseException):
    """The update ends here."""


def attempt(spec: Any, path: Path, cut: int | None, **more: Any) -> tuple[MLUpdateTask, Record]:
    """One run; after `cut` events it ends."""
    record = Record()

    def note(context: Any) -> None:
        record.note(context)
        if cut is not None and len(record.events) > cut:
            raise PowerCut

    handlers = MLUpdateProgressHandlers(ALL, note)
    configuration = MLModelConfiguration(threads=1)
    more = {"checkpoint_seconds": 0.0} | more
    task = MLUpdateTask(
        MLModel(spec, configuration=configuration), EXAMPLES, progress_handlers=handlers, checkpoint=path, **more
    )
    task.resume()
    assert task.wait(60)
    return task, record


def weights_of(task: MLUpdateTask) -> list[bytes]:
    assert task.error is None
    return [task.context.model.parameter_value(key).tobytes() for key in KEYS]


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_power_cuts_at_every_kind_of_moment(optimizer: Any, tmp_path: Path) -> None:
    spec = regression(shuffle=True, seed=3, epochs=4, **optimizer)
    whole, wanted = update(spec, EXAMPLES)
    path = tmp_path / "update"
    rng = np.random.default_rng(5)
    for _ in range(5):
        losses: list[float] = []
        while True:
            task, record = attempt(spec, path, int(rng.integers(1, 12)))
            losses += record.epoch_losses
            if task.error is None:
                break
            assert "PowerCut" in str(task.error)
        assert weights_of(task) == weights_of(whole)
        assert losses[-1] == wanted.epoch_losses[-1]
        assert not path.exists(), "a completed update removes its checkpoint"


def test_a_seed_that_was_drawn_and_a_rate_that_was_changed_are_kept(tmp_path: Path) -> None:
    spec, path = regression(shuffle=True, epochs=5), tmp_path / "update"

    def run(cut: int | None) -> MLUpdateTask:
        def note(context: Any) -> None:
            if context.metrics.get("epochIndex") == 1 and context.event.name == "EPOCH_END":
                context.task.resume({"learningRate": 0.01})
            seeds.append(context.parameters["seed"])
            rates.append(context.parameters["learningRate"])
            if cut is not None and context.metrics.get("epochIndex") == cut:
                raise PowerCut

        handlers = MLUpdateProgressHandlers(ALL, note)
        task = MLUpdateTask(
            MLModel(spec), EXAMPLES, progress_handlers=handlers, checkpoint=path, checkpoint_seconds=0.0
        )
        task.resume()
        task.wait()
        return task

    seeds: list[int] = []
    rates: list[float] = []
    run(3)
    drawn = seeds[0]
    cut = len(rates)
    done = run(None)
    assert done.error is None
    assert set(seeds[cut + 1 :]) == {drawn}
    assert set(rates[cut + 1 :]) == {0.01}


def test_cancel_keeps_what_was_done(tmp_path: Path) -> None:
    spec, path = regression(epochs=4), tmp_path / "update"
    whole, _ = update(spec, EXAMPLES)
    told: list[int] = []

    def cancel(context: Any) -> None:
        told.append(1)
        if len(told) == 6:
            context.task.cancel()

    task = MLUpdateTask(
        MLModel(spec), EXAMPLES, progress_handlers=MLUpdateProgressHandlers(ALL, cancel), checkpoint=path
    )
    task.resume()
    task.wait()
    assert isinstance(task.error, UpdateCancelled)
    again, record = attempt(spec, path, None)
    assert record.events[1][1]["miniBatchIndex"] > 0
    assert weights_of(again) == weights_of(whole)


# what a checkpoint may not be


def test_another_update_and_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "update"
    attempt(regression(epochs=4), path, 6)
    whole = path.read_bytes()
    for other in (regression(epochs=5), regression(epochs=4, momentum=0.5), regression(epochs=4, size=5)):
        task, _ = attempt(other, path, None)
        assert "another update" in str(task.error)
        assert path.read_bytes() == whole
    Path(f"{path}.previous").unlink()
    for damaged in damages(whole):
        path.write_bytes(damaged)
        task, _ = attempt(regression(epochs=4), path, None)
        assert isinstance(task.error, files.CheckpointError)
        assert "damaged" in str(task.error)
        assert path.read_bytes() == damaged


def damages(whole: bytes) -> list[bytes]:
    return [whole[:-1], whole[:100], b"", whole[:200] + b"?" + whole[201:], b"x" * len(whole)]


@pytest.mark.filterwarnings("ignore::pyruntime.DamageWarning")
def test_a_damaged_checkpoint_gives_the_one_before_and_the_same_bits(tmp_path: Path) -> None:
    spec, path = regression(shuffle=True, seed=3, epochs=4), tmp_path / "update"
    previous = Path(f"{path}.previous")
    uncut, _ = update(spec, EXAMPLES)
    attempt(spec, path, 6)
    newest, older = path.read_bytes(), previous.read_bytes()
    for damaged in damages(newest):
        path.write_bytes(damaged)
        previous.write_bytes(older)
        with pytest.warns(DamageWarning, match=r"update is damaged; the update goes on from .*update\.previous"):
            task, _ = attempt(spec, path, 1)
        assert "PowerCut" in str(task.error)
        assert previous.read_bytes() == older, "a damaged file does not push out a good one"
        assert weights_of(attempt(spec, path, None)[0]) == weights_of(uncut)
        assert list(tmp_path.iterdir()) == []
    previous.write_bytes(older)  # the power went between two renames
    assert weights_of(attempt(spec, path, None)[0]) == weights_of(uncut)


def test_another_updates_checkpoint_before_is_not_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "update"
    attempt(regression(epochs=5), path, 6)
    path.write_bytes(b"")
    task, _ = attempt(regression(epochs=4), path, None)
    assert "damaged" in str(task.error)


def test_a_checkpoint_that_cannot_be_written(tmp_path: Path) -> None:
    task, _ = attempt(regression(), tmp_path / "no folder" / "update", None)
    assert type(task.error) is UpdateError
    assert "checkpoint" in str(task.error)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, path = regression(epochs=4), tmp_path / "update"
    whole, _ = update(spec, EXAMPLES)
    attempt(spec, path, 6)
    kept = path.read_bytes()
    with monkeypatch.context() as patch:

        def full(_handle: int) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(os, "fsync", full)
        task, _ = attempt(spec, path, None)
    assert "No space left" in str(task.error)
    assert path.read_bytes() == kept
    assert sorted(os.listdir(tmp_path)) == ["update", "update.previous"]
    assert weights_of(attempt(spec, path, None)[0]) == weights_of(whole)


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Boards without a battery start in 1970 and jump when the network answers; only time that passes counts."""
    passed = [0.0]

    def day() -> float:
        passed[0] += 1.0
        return 1e9 * (-1) ** int(passed[0])

    monkeypatch.setattr("time.time", day)
    monkeypatch.setattr(files.time, "monotonic", lambda: passed[0])
    saved: list[int] = []
    save = files.CheckpointFile.save

    def noted(self: Any, update: str, progress: Any) -> None:
        saved.append(progress.batch)
        save(self, update, progress)

    monkeypatch.setattr(files.CheckpointFile, "save", noted)

    def run(seconds: float) -> list[int]:
        saved.clear()
        handlers = MLUpdateProgressHandlers(ALL, lambda context: passed.__setitem__(0, passed[0] + 1.0))
        spec = regression(epochs=2)
        task = MLUpdateTask(
            MLModel(spec), EXAMPLES, progress_handlers=handlers, checkpoint=tmp_path / "u", checkpoint_seconds=seconds
        )
        task.resume()
        while not task.wait(0.05):
            pass
        assert task.error is None
        return list(saved)

    assert run(1e6) == [0, 0], "at the ends of epochs only"
    assert run(2.0) == [1, 3, 0, 2, 0], "each second event, counted from the one before, and at the ends of epochs"


def test_no_checkpoint_inside_an_epoch_before_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    monkeypatch.setattr(files.CheckpointFile, "save", lambda self, update, progress: saved.append(progress.batch))
    attempt(regression(epochs=3), tmp_path / "update", None, checkpoint_seconds=1000.0)
    assert saved == [0, 0, 0]
