"""Updates in the background: paused, killed, changed under way, to the bits of an update that was not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyruntime import MLModel, MLModelConfiguration, generations
from pyruntime.errors import MLModelError, ModelIOError, ParametersError, UpdateError
from pyruntime.tasks.options import from_payload
from pyruntime.tasks.updates import read_examples
from pyruntime.training.options import Adapter, LearningRateSchedule, TrainingOptions
from pyruntime.update import MLUpdateTask
from pyruntime.update.checkpoint import CheckpointFile

from .fake import FakeScheduler
from .learning import MOMENTS, make_files, submit, weights, write_data

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_files(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The weights that an update without any pause ends with."""
    folder = tmp_path_factory.mktemp("whole")
    make_files(folder)
    model = MLModel(folder / "Model.mlmodel", configuration=MLModelConfiguration(parameters={"seed": 7}))
    task = MLUpdateTask(model, read_examples(str(folder / "data.jsonl"), model))
    task.resume()
    assert task.wait(60)
    assert task.context is not None
    task.context.model.write(folder / "Mine.mlmodelc")
    return weights(folder / "Mine.mlmodelc")


def leftovers(scheduler: FakeScheduler) -> list[str]:
    names = Path(scheduler.folder, "updates").glob("*")
    return sorted(path.suffix for path in names if path.suffix not in (".lock", ".previous"))


def test_the_result_is_that_of_pyruntime_update(folder: Path, wanted: list[bytes]) -> None:
    from pyruntime.cli import main

    given = ["--data", str(folder / "data.jsonl"), "--output", str(folder / "Direct.mlmodel"), "--parameter", "seed=7"]
    assert main(["update", str(folder / "Model.mlmodel"), *given, "--quiet"]) == 0
    assert weights(folder / "Direct.mlmodel") == wanted


@pytest.mark.parametrize("output", ["Mine.mlmodelc", "Mine.mlmodel"])
def test_an_update_runs_and_leaves_nothing_behind(folder: Path, wanted: list[bytes], output: str) -> None:
    scheduler = FakeScheduler(folder)
    before = (folder / "Model.mlmodel").read_bytes()
    request = submit(scheduler, folder, output)
    assert request.identifier == f"update:{str(folder / output)[-200:]}"
    assert [one.result for one in scheduler.run_pending()] == ["succeeded"]
    assert weights(folder / output) == wanted
    assert (folder / "Model.mlmodel").read_bytes() == before
    assert scheduler.pending() == leftovers(scheduler) == []


def test_an_update_goes_on_each_time_the_conditions_hold(
    folder: Path, wanted: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = FakeScheduler(folder)
    save = CheckpointFile.save

    def save_then_pull_the_plug(self: CheckpointFile, *args: Any) -> None:
        save(self, *args)
        running = scheduler._runner._task
        if not scheduler.board.asked_to_stop:
            scheduler.board.asked_to_stop = True
            scheduler.board.battery()
            assert running is not None
            while not running.is_expired:
                running.news.wait(0.005)

    scheduler.board.asked_to_stop = False
    monkeypatch.setattr(CheckpointFile, "save", save_then_pull_the_plug)
    submit(scheduler, folder, requires_external_power=True)
    pauses = 0
    for _ in range(5):
        (outcome,) = scheduler.run_pending()
        assert outcome.result == "expired"
        assert outcome.error == "stopped, goes on later: external power: on battery"
        assert leftovers(scheduler) == [".checkpoint"]
        assert not (folder / "Mine.mlmodelc").exists()
        assert scheduler.run_pending() == [], "still on battery"
        scheduler.board.battery("Charging", "1")
        scheduler.board.asked_to_stop = False
        pauses += 1
    scheduler.board.asked_to_stop = True
    (outcome,) = scheduler.run_pending()
    assert outcome.result == "succeeded"
    assert pauses == 5
    assert weights(folder / "Mine.mlmodelc") == wanted
    assert scheduler.pending() == leftovers(scheduler) == []


def test_a_condition_that_ends_while_the_model_is_opened(
    folder: Path, wanted: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyruntime.tasks import updates

    scheduler = FakeScheduler(folder)
    read = updates.read_examples

    def slow(*arguments: Any) -> Any:
        scheduler.board.heat(90)
        task = scheduler._runner._task
        while not task.is_expired:
            task.news.wait(0.005)
        return read(*arguments)

    submit(scheduler, folder)
    monkeypatch.setattr(updates, "read_examples", slow)
    assert [one.result for one in scheduler.run_pending()] == ["expired"]
    monkeypatch.setattr(updates, "read_examples", read)
    scheduler.board.heat(40)
    assert [one.result for one in scheduler.run_pending()] == ["succeeded"]
    assert weights(folder / "Mine.mlmodelc") == wanted


@pytest.mark.parametrize("replaced", [True, False])
def test_another_request_of_the_same_name_is_neither_replaced_nor_cancelled(
    folder: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool
) -> None:
    from pyruntime.tasks import updates

    scheduler = FakeScheduler(folder)
    read = updates.read_examples

    def submit_meanwhile(*arguments: Any) -> Any:
        if not scheduler.pending():
            newer.append(submit(scheduler, folder, parameters={"seed": 8}))
        if replaced:
            scheduler.board.heat(90)
        return read(*arguments)

    newer: list[Any] = []
    monkeypatch.setattr(updates, "read_examples", submit_meanwhile)
    submit(scheduler, folder)
    scheduler.run_pending()
    assert scheduler.pending() == newer


def test_a_process_that_is_killed_at_any_moment_loses_nothing(tmp_path: Path, wanted: list[bytes]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.tasks.learning", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.stdout.split() == ["9"] * len(MOMENTS), done.stderr
    for i, moment in enumerate(MOMENTS):
        place = tmp_path / str(i)
        scheduler = FakeScheduler(place)
        from pyruntime.tasks.updates import register_updates

        register_updates(scheduler)
        (left,) = scheduler.status().running
        assert not scheduler.is_alive(left), moment
        assert scheduler.run_pending() == [], "it was killed: it waits"
        (outcome,) = scheduler.status().outcomes
        assert outcome.result == "crashed"
        assert "ended while it ran" in outcome.error
        scheduler.time.pass_by(60)
        assert [one.result for one in scheduler.run_pending()] == ["succeeded"], moment
        assert weights(place / ("Mine.mlmodel" if moment == "written" else "Mine.mlmodelc")) == wanted, moment
        assert leftovers(scheduler) == [], moment


def test_examples_that_change_while_it_waits_begin_it_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = FakeScheduler(folder)
    save = CheckpointFile.save

    def full(self: CheckpointFile, *args: Any) -> None:
        save(self, *args)
        raise UpdateError("the checkpoint: no space left")

    monkeypatch.setattr(CheckpointFile, "save", full)
    submit(scheduler, folder)
    assert [one.result for one in scheduler.run_pending()] == ["crashed"]
    assert leftovers(scheduler) == [".checkpoint"]
    monkeypatch.setattr(CheckpointFile, "save", save)
    write_data(folder / "data.jsonl", 20)
    scheduler.time.pass_by(60)
    assert [one.result for one in scheduler.run_pending()] == ["succeeded"]
    submit(scheduler, folder, "Fresh.mlmodelc")
    scheduler.run_pending()
    assert weights(folder / "Mine.mlmodelc") == weights(folder / "Fresh.mlmodelc")


def test_a_model_without_epochs_learns_too(folder: Path) -> None:
    from pyruntime.spec import save_spec
    from tests.knn.models import pipeline_spec
    from tests.small_models import WIDTH

    save_spec(pipeline_spec(), folder / "Model.mlmodel")
    (folder / "data.jsonl").write_text("\n".join(f'{{"x": {[i] * WIDTH}, "label": "{"ab"[i % 2]}"}}' for i in range(6)))
    scheduler = FakeScheduler(folder)
    submit(scheduler, folder, parameters={})
    assert [(one.result, one.error) for one in scheduler.run_pending()] == [("succeeded", "")]
    assert MLModel(folder / "Mine.mlmodelc").model_description.class_labels == ("a", "b")


def test_an_update_without_a_seed_gets_one_that_it_keeps(folder: Path) -> None:
    request = submit(FakeScheduler(folder), folder, parameters={})
    assert 0 <= request.payload["parameters"]["seed"] < 1 << 31


@pytest.mark.parametrize(
    "options",
    [
        None,
        TrainingOptions(optimizer="adamw", weight_decay=0.1, schedule="cosine"),
        TrainingOptions(clip_norm=1.0, class_weights={"cat": 2.0, "dog": 1.0}, adapters=Adapter(2, layers=["a"])),
        TrainingOptions(class_weights={0: 2.0, 7: 1}, adapters=[Adapter(2), Adapter(3, 1.5, seed=4)]),
        TrainingOptions(class_weights=[1, 2.5], schedule=LearningRateSchedule("step", 3, per_epoch=True)),
    ],
    ids=str,
)
def test_options_come_back_from_the_file_as_they_were(folder: Path, options: Any) -> None:
    scheduler = FakeScheduler(folder)
    submit(scheduler, folder, options=options)
    (request,) = scheduler.pending()
    assert from_payload(request.payload["options"]) == options


def test_options_reach_the_update(folder: Path, wanted: list[bytes]) -> None:
    scheduler = FakeScheduler(folder)
    submit(scheduler, folder, options=TrainingOptions(weight_decay=0.5))
    assert [(one.result, one.error) for one in scheduler.run_pending()] == [("succeeded", "")]
    model = MLModel(folder / "Model.mlmodel", configuration=MLModelConfiguration(parameters={"seed": 7}))
    task = MLUpdateTask(
        model, read_examples(str(folder / "data.jsonl"), model), options=TrainingOptions(weight_decay=0.5)
    )
    task.resume()
    assert task.wait(60)
    assert task.context is not None
    task.context.model.write(folder / "Direct.mlmodelc")
    assert weights(folder / "Mine.mlmodelc") == weights(folder / "Direct.mlmodelc") != wanted


def test_a_worse_model_is_refused_once_and_for_all(folder: Path) -> None:
    scheduler = FakeScheduler(folder)
    write_data(folder / "known.jsonl", 4)
    submit(scheduler, folder, guard=folder / "known.jsonl", guard_metric="loss", parameters={"learningRate": 9.0})
    (outcome,) = scheduler.run_pending()
    assert outcome.result == "failed"
    assert outcome.error.startswith(("refused: loss on 4 examples", "the loss became"))
    assert scheduler.pending() == list(Path(scheduler.folder, "updates").glob("*")) == []
    assert not (folder / "Mine.mlmodelc").exists()
    with pytest.raises(UpdateError, match="guard_metric"):
        submit(scheduler, folder, guard=folder / "known.jsonl", guard_metric="beauty")
    with pytest.raises(UpdateError, match=r"guard .*none: there is no such folder or file"):
        submit(scheduler, folder, guard=folder / "none")


def test_what_was_written_knows_where_it_comes_from(folder: Path) -> None:
    scheduler = FakeScheduler(folder)
    MLModel(folder / "Model.mlmodel").write(folder / "Mine.mlmodelc")
    (folder / "Model.mlmodel").unlink()
    submit(scheduler, folder, model="Mine.mlmodelc", keep_generations=2)
    assert [(one.result, one.error) for one in scheduler.run_pending()] == [("succeeded", "")]
    first, second = generations(folder / "Mine.mlmodelc")
    (update,) = second.provenance.updates
    assert (second.provenance.how, second.provenance.parent) == ("updated", first.model_hash)
    assert (update.examples, update.seed) == (10, 7)
    submit(scheduler, folder, model="Mine.mlmodelc", keep_generations=2)
    scheduler.run_pending()
    assert [one.number for one in generations(folder / "Mine.mlmodelc")] == [2, 3]


def test_what_is_written_already_makes_no_other_generation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyruntime.tasks import updates

    scheduler = FakeScheduler(folder)
    write = updates._write

    def write_and_crash(*arguments: Any) -> None:
        write(*arguments)
        raise ModelIOError("the disk went away")

    monkeypatch.setattr(updates, "_write", write_and_crash)
    submit(scheduler, folder)
    assert [one.result for one in scheduler.run_pending()] == ["crashed"]
    monkeypatch.setattr(updates, "_write", write)
    scheduler.time.pass_by(60)
    assert [one.result for one in scheduler.run_pending()] == ["succeeded"]
    assert len(generations(folder / "Mine.mlmodelc")) == 1


def test_files_of_updates_that_nobody_waits_for_are_removed(folder: Path) -> None:
    scheduler = FakeScheduler(folder)
    updates = Path(scheduler.folder, "updates")
    updates.mkdir(parents=True)
    for name in ("old.checkpoint", "old.checkpoint.lock", "old.mlmodelc/manifest.json"):
        (updates / name).parent.mkdir(exist_ok=True)
        (updates / name).write_text("")
    submit(scheduler, folder)
    scheduler.run_pending()
    assert leftovers(scheduler) == []


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"output": "Mine.txt"}, UpdateError, "is saved as .mlmodel or .mlmodelc"),
        ({"output": "not/there/Mine.mlmodel"}, ModelIOError, "cannot write into the folder"),
        ({"model": "None.mlmodel"}, ModelIOError, "None.mlmodel"),
        ({"parameters": {"learningRate": 100.0}}, ParametersError, "learningRate"),
        ({"parameters": {"colour": 1}}, ParametersError, "colour"),
        ({"identifier": "x" * 300}, MLModelError, "identifier"),
    ],
    ids=str,
)
def test_what_can_be_wrong_is_said_at_once(folder: Path, change: Any, error: Any, sentence: str) -> None:
    scheduler = FakeScheduler(folder)
    with pytest.raises(error, match=sentence):
        submit(scheduler, folder, **change)
    assert scheduler.pending() == []


def test_a_model_that_cannot_learn_and_data_that_is_not_there(folder: Path) -> None:
    from pyruntime.spec import save_spec
    from tests.small_models import linear

    scheduler = FakeScheduler(folder)
    (folder / "data.jsonl").unlink()
    with pytest.raises(UpdateError, match="there is no such folder or file"):
        submit(scheduler, folder)
    write_data(folder / "data.jsonl", 2)
    save_spec(linear(), folder / "Model.mlmodel")
    with pytest.raises(UpdateError, match="not updatable"):
        submit(scheduler, folder, parameters={})


def test_a_model_that_disappears_is_a_crash_with_a_sentence(folder: Path) -> None:
    scheduler = FakeScheduler(folder)
    submit(scheduler, folder)
    (folder / "Model.mlmodel").unlink()
    (outcome,) = scheduler.run_pending()
    assert outcome.result == "crashed"
    assert "Model.mlmodel" in outcome.error
