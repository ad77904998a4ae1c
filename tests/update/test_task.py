"""States, events and handlers of update tasks."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest

from pyruntime.config import MLModelConfiguration
from pyruntime.errors import ParametersError, SpecError, UpdateCancelled, UpdateError
from pyruntime.model import MLModel
from pyruntime.parameters import ParameterKey
from pyruntime.spec import save_spec
from pyruntime.update import MLUpdateContext, MLUpdateProgressHandlers, MLUpdateTask, TaskState, UpdateEvent
from tests.knn.models import knn_spec, pipeline_spec
from tests.small_models import linear, pipeline

ALL = UpdateEvent(7)


def handlers(log: list[Any], events: UpdateEvent = ALL, progress: Any = None) -> MLUpdateProgressHandlers:
    def note(context: MLUpdateContext) -> None:
        log.append((context.event, context.task.state))
        if progress:
            progress(context)

    return MLUpdateProgressHandlers(events, note, lambda c: log.append(("completion", c.task.state, c.task.error)))


def finished(task: MLUpdateTask) -> MLUpdateTask:
    task.resume()
    assert task.wait(30)
    return task


def test_codes_are_those_of_core_ml() -> None:
    assert {e.name: int(e) for e in UpdateEvent} == {"TRAINING_BEGIN": 1, "EPOCH_END": 2, "MINI_BATCH_END": 4}
    assert {s.name: int(s) for s in TaskState} == {
        "SUSPENDED": 1, "RUNNING": 2, "CANCELLING": 3, "COMPLETED": 4, "FAILED": 5
    }  # fmt: skip


def test_constructing_starts_nothing_and_resume_runs_to_completion(stickers: Path, examples: Any) -> None:
    log: list[Any] = []

    class Counted(list[Any]):
        def __getitem__(self, index: Any) -> Any:
            log.append(("read", index))
            return super().__getitem__(index)

    task = MLUpdateTask(stickers, Counted(examples), progress_handlers=handlers(log))
    assert task.state is TaskState.SUSPENDED
    assert task.error is None
    assert task.context is None
    assert log == []
    finished(task)
    assert log == [
        (UpdateEvent.TRAINING_BEGIN, TaskState.RUNNING),
        *[("read", i) for i in range(30)],
        ("completion", TaskState.COMPLETED, None),
    ]
    with pytest.raises(UpdateError, match=r"runs once|another task"):
        task.resume()
    task.cancel()
    assert task.state is TaskState.COMPLETED


@pytest.mark.parametrize("events", [UpdateEvent(0), UpdateEvent.EPOCH_END, UpdateEvent.MINI_BATCH_END])
def test_events_that_nobody_subscribed_to_are_not_told(stickers: Path, examples: Any, events: UpdateEvent) -> None:
    log: list[Any] = []
    finished(MLUpdateTask(stickers, examples, progress_handlers=handlers(log, events)))
    assert log == [("completion", TaskState.COMPLETED, None)]


def test_the_context_has_metrics_parameters_and_the_model_of_its_moment(stickers: Path, examples: Any) -> None:
    seen: list[MLUpdateContext] = []
    configuration = MLModelConfiguration(parameters={"stickers:numberOfNeighbors": 5})
    everything = MLUpdateProgressHandlers(ALL, seen.append, seen.append)
    task = finished(MLUpdateTask(stickers, examples, configuration, progress_handlers=everything))
    begin, end = seen
    assert (begin.event, end.event) == (UpdateEvent.TRAINING_BEGIN, UpdateEvent(0))
    assert begin.task is end.task is task
    assert task.context is end
    assert dict(begin.metrics) == dict(end.metrics) == {}
    for key in ("numberOfNeighbors", "stickers/numberOfNeighbors", ParameterKey.NUMBER_OF_NEIGHBORS.scoped("stickers")):
        assert end.parameters[key] == 5
    assert begin.model.predict({"x": examples[0]["x"]})["label"] == "unknown"
    assert end.model.predict({"x": examples[0]["x"]})["label"] == "a"
    assert end.model.parameter_value("numberOfNeighbors") == 5


def test_two_tasks_have_different_identifiers(stickers: Path, examples: Any) -> None:
    first, second = (MLUpdateTask(stickers, examples) for _ in range(2))
    assert first.task_identifier != second.task_identifier


def test_cancel_before_the_start_fails_the_task_and_tells_once(stickers: Path, examples: Any) -> None:
    log: list[Any] = []
    task = MLUpdateTask(stickers, examples, progress_handlers=handlers(log))
    task.cancel()
    assert task.wait(30)
    ((what, state, error),) = log
    assert (what, state) == ("completion", TaskState.FAILED)
    assert isinstance(error, UpdateCancelled)
    assert error is task.error


def test_cancel_in_a_handler_goes_through_cancelling(stickers: Path, examples: Any) -> None:
    log: list[Any] = []

    def cancel(context: MLUpdateContext) -> None:
        context.task.cancel()
        log.append(context.task.state)

    task = finished(MLUpdateTask(stickers, examples, progress_handlers=handlers(log, progress=cancel)))
    assert log[:2] == [(UpdateEvent.TRAINING_BEGIN, TaskState.RUNNING), TaskState.CANCELLING]
    assert [entry[0] for entry in log[2:]] == ["completion"]
    assert isinstance(task.error, UpdateCancelled)
    assert task.context is not None
    assert task.context.model.predict({"x": examples[0]["x"]})["label"] == "unknown"


@pytest.mark.parametrize("silent", [False, True])
def test_cancel_from_outside_while_data_is_read(stickers: Path, examples: Any, silent: bool) -> None:
    reached, go, log = threading.Event(), threading.Event(), []

    class Slow(list[Any]):
        def __getitem__(self, index: Any) -> Any:
            if index == 3:
                reached.set()
                assert go.wait(30)
            log.append(index)
            return super().__getitem__(index)

    told: list[Any] = []
    task = MLUpdateTask(stickers, Slow(examples), completion_handler=told.append, silent_cancel=silent)
    task.resume()
    assert reached.wait(30)
    task.cancel()
    assert task.state is TaskState.CANCELLING
    assert not task.wait(0)
    go.set()
    assert task.wait(30)
    assert log == [0, 1, 2, 3]
    assert task.state is TaskState.FAILED
    assert isinstance(task.error, UpdateCancelled)
    assert len(told) == (0 if silent else 1)


@pytest.mark.parametrize("raised", [RuntimeError("oh"), SystemExit(3), KeyboardInterrupt()])
def test_a_progress_handler_that_raises_fails_the_task(stickers: Path, examples: Any, raised: BaseException) -> None:
    log: list[Any] = []

    def fail(context: MLUpdateContext) -> None:
        raise raised

    task = finished(MLUpdateTask(stickers, examples, progress_handlers=handlers(log, progress=fail)))
    assert task.state is TaskState.FAILED
    assert type(task.error) is UpdateError
    assert f"handler raised at TRAINING_BEGIN: {type(raised).__name__}" in str(task.error)
    assert task.error.__cause__ is raised
    assert [entry[0] for entry in log] == [UpdateEvent.TRAINING_BEGIN, "completion"]


def test_a_completion_handler_that_raises_is_called_once_and_fails_the_task(stickers: Path, examples: Any) -> None:
    calls: list[Any] = []

    def fail(context: MLUpdateContext) -> None:
        calls.append(context.task.state)
        raise ValueError("no")

    task = finished(MLUpdateTask(stickers, examples, completion_handler=fail))
    assert calls == [TaskState.COMPLETED]
    assert task.state is TaskState.FAILED
    assert "completion handler raised: ValueError: no" in str(task.error)


def test_a_k_nn_has_nothing_that_may_change_in_progress(stickers: Path, examples: Any) -> None:
    problems: list[Any] = []

    def change(context: MLUpdateContext) -> None:
        for parameters in ({"numberOfNeighbors": 4}, {"learningRate": 0.1}, {"numberOfNeighbors": 0}):
            with pytest.raises(ParametersError) as caught:
                context.task.resume(parameters)
            problems.append(str(caught.value))
        context.task.resume(context.parameters)

    log: list[Any] = []
    task = finished(MLUpdateTask(stickers, examples, progress_handlers=handlers(log, progress=change)))
    assert task.state is TaskState.COMPLETED, task.error
    assert "cannot change in progress" in problems[0]
    assert "'learningRate' does not exist; this model has stickers:numberOfNeighbors" in problems[1]
    assert "1 to 1000, got 0" in problems[2]


def test_a_loop_over_events_runs_the_task_in_step(stickers: Path, examples: Any) -> None:
    task = MLUpdateTask(stickers, examples)
    seen = [(context.event, task.state) for context in task.events()]
    assert seen == [(UpdateEvent.TRAINING_BEGIN, TaskState.RUNNING)]
    assert task.state is TaskState.COMPLETED
    cancelled = MLUpdateTask(stickers, examples)
    stream = cancelled.events()
    next(stream).task.cancel()
    with pytest.raises(UpdateCancelled):
        next(stream)
    left = MLUpdateTask(stickers, examples)
    for _ in left.events():
        break
    assert left.wait(30)
    assert left.state is TaskState.COMPLETED


def test_awaiting_gives_the_context_or_raises(stickers: Path, examples: Any) -> None:
    async def both() -> MLUpdateContext:
        bad = MLUpdateTask(stickers, [{"x": [1.0], "label": "a"}])
        with pytest.raises(Exception, match=r"example 0: feature 'x'"):
            await bad
        good = MLUpdateTask(stickers, examples)
        context = await good
        assert await good is context
        return context

    assert asyncio.run(both()).task.state is TaskState.COMPLETED


def test_cancelling_the_await_cancels_the_update(stickers: Path, examples: Any) -> None:
    reached, go = threading.Event(), threading.Event()

    class Slow(list[Any]):
        def __getitem__(self, index: Any) -> Any:
            reached.set()
            assert go.wait(30)
            return super().__getitem__(index)

    task = MLUpdateTask(stickers, Slow(examples))

    async def main() -> None:
        async def wait_for_it() -> None:
            await task

        waiting = asyncio.create_task(wait_for_it())
        await asyncio.to_thread(reached.wait, 30)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    assert task.state is TaskState.CANCELLING
    go.set()
    assert task.wait(30)
    assert isinstance(task.error, UpdateCancelled)


def test_waits_that_would_never_end_are_refused(stickers: Path, examples: Any) -> None:
    task = MLUpdateTask(stickers, examples, completion_handler=lambda context: context.task.wait())
    with pytest.raises(UpdateError, match=r"resume"):
        task.wait()
    finished(task)
    assert "cannot wait for its own task" in str(task.error)


def test_models_that_cannot_be_updated_are_refused_at_construction(tmp_path: Path, examples: Any) -> None:
    def construct(spec: Any) -> None:
        save_spec(spec, tmp_path / "m.mlmodel", check=False)
        MLUpdateTask(tmp_path / "m.mlmodel", examples)

    with pytest.raises(UpdateError, match=r"not updatable"):
        construct(linear())
    network = linear()
    network.isUpdatable = True
    with pytest.raises(SpecError, match=r"none of its layers is"):
        construct(network)
    old = pipeline_spec()
    old.specificationVersion = 3
    with pytest.raises(SpecError, match=r"version 4"):
        construct(old)
    none = pipeline_spec()
    none.pipelineClassifier.pipeline.models[1].isUpdatable = False
    with pytest.raises(SpecError, match=r"exactly the last model .'stickers'. must be updatable, here it is none"):
        construct(none)
    front = pipeline_spec()
    front.pipelineClassifier.pipeline.models[0].isUpdatable = True
    with pytest.raises(SpecError, match=r"here it is 'embedding', 'stickers'"):
        construct(front)
    networks = pipeline()
    networks.isUpdatable = networks.pipelineClassifier.pipeline.models[1].isUpdatable = True
    with pytest.raises(SpecError, match=r"none of its layers is"):
        construct(networks)


def test_training_inputs_must_be_the_inputs_and_the_label(tmp_path: Path, examples: Any) -> None:
    def construct(change: Any) -> None:
        spec = pipeline_spec()
        change(spec.description.trainingInput)
        save_spec(spec, tmp_path / "m.mlmodel", check=False)
        MLUpdateTask(tmp_path / "m.mlmodel", examples)

    with pytest.raises(SpecError, match=r"expected the model's inputs .'x'. and the label 'label'"):
        construct(lambda inputs: inputs.pop())
    with pytest.raises(SpecError, match=r"training inputs .'label'."):
        construct(lambda inputs: inputs.pop(0))
    with pytest.raises(SpecError, match=r"'label' is Int64"):
        construct(lambda inputs: inputs[1].type.int64Type.SetInParent())
    with pytest.raises(SpecError, match=r"'x' is String"):
        construct(lambda inputs: inputs[0].type.stringType.SetInParent())


def test_a_parameter_out_of_bounds_is_refused_at_construction(stickers: Path, examples: Any) -> None:
    with pytest.raises(ParametersError, match=r"1 to 1000, got 1001"):
        MLUpdateTask(stickers, examples, MLModelConfiguration(parameters={"numberOfNeighbors": 1001}))


@pytest.mark.parametrize("ending", ["completed", "failed", "cancelled"])
def test_the_file_of_the_model_stays_as_it_was(stickers: Path, examples: Any, ending: str) -> None:
    before = hashlib.sha256(stickers.read_bytes()).hexdigest()
    task = MLUpdateTask(stickers, examples if ending != "failed" else [*examples, {}])
    if ending == "cancelled":
        task.cancel()
    else:
        task.resume()
    assert task.wait(30)
    assert task.state is (TaskState.COMPLETED if ending == "completed" else TaskState.FAILED)
    assert hashlib.sha256(stickers.read_bytes()).hexdigest() == before


def test_a_bare_k_nn_learns_too() -> None:
    model = MLModel(knn_spec(default=-1, dimensions=2, k=1))
    task = finished(MLUpdateTask(model, [{"vector": [0, 0], "label": 4}, {"vector": [9, 9], "label": 2**40}]))
    assert task.context is not None, task.error
    assert task.context.model.predict({"vector": [8, 8]}) == {"label": 2**40, "labelProbs": {4: 0.0, 2**40: 1.0}}
    assert model.predict({"vector": [8, 8]})["label"] == -1
