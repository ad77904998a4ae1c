"""Hold-out examples: measured at the end of each epoch as predictions would be, and no bit of the learning changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import MLModel, MLModelConfiguration, MLUpdateProgressHandlers, MLUpdateTask, UpdateEvent
from pyruntime.errors import FeatureTypeError, UpdateError
from pyruntime.spec import messages
from pyruntime.update import MetricKey

from ..layers.network import array, model
from .networks import ALL, Record, as_examples, dense, updatable, values
from .test_task import EXAMPLES, classes, pictures, regression

HELD = as_examples(x=values(7, 5, seed=5), y_true=values(7, 3, seed=6))


def run(spec: Any, examples: Any, held: Any, handler: Any = None, **more: Any) -> tuple[MLUpdateTask, Record]:
    record = Record()

    def note(context: Any) -> None:
        record.note(context)
        if handler:
            handler(context)

    opened = MLModel(spec, configuration=MLModelConfiguration(threads=1, **more.pop("settings", {})))
    handlers = MLUpdateProgressHandlers(ALL, note)
    task = MLUpdateTask(opened, examples, progress_handlers=handlers, validation_data=held, **more)
    task.resume()
    assert task.wait(60)
    return task, record


def epochs(record: Record) -> list[dict[str, Any]]:
    return [metrics for name, metrics in record.events if name == "EPOCH_END"]


def test_the_loss_of_a_regression_is_that_of_predictions_at_that_moment() -> None:
    losses: list[float] = []

    def predict(context: Any) -> None:
        if context.event is UpdateEvent.EPOCH_END:
            answers = [context.model.predict({"x": e["x"]})["y"] for e in HELD]
            wanted = [np.mean((y - e["y_true"]) ** 2) for y, e in zip(answers, HELD, strict=True)]
            losses.append(float(np.mean(wanted)))

    task, record = run(regression(epochs=4, momentum=0.5), EXAMPLES, HELD, predict)
    assert task.error is None
    told = epochs(record)
    np.testing.assert_allclose([m["validationLoss"] for m in told], losses, rtol=1e-5)
    assert len(set(losses)) == 4
    assert all("accuracy" not in m and "validationAccuracy" not in m for m in told), "answers are not right or wrong"
    assert task.context.metrics == told[-1], "the completion handler gets those of the last epoch"


def test_the_accuracy_of_a_classifier_is_that_of_its_labels() -> None:
    names = ["left", "middle", "right"]
    spec = classes(classes=names)
    shown = pictures(33)
    examples = as_examples(x=shown, y_true=[[i % 3] for i in range(33)])
    right: list[float] = []

    def predict(context: Any) -> None:
        if context.event is UpdateEvent.EPOCH_END:
            answers = [context.model.predict({"x": e["x"]})["label"] for e in examples[20:]]
            right.append(np.mean([a == names[(20 + i) % 3] for i, a in enumerate(answers)]))

    task, record = run(spec, examples[:20], examples[20:], predict)
    assert task.error is None
    told = epochs(record)
    assert [m[MetricKey.VALIDATION_ACCURACY] for m in told] == right
    assert len(set(right)) > 1
    assert max(right) > 0.6
    assert told[0]["accuracy"] < told[-1]["accuracy"]
    assert {type(m["validationLoss"]) for m in told} == {float}


def test_training_accuracy_is_measured_before_each_step_as_the_loss_is() -> None:
    """With a rate of 0 it is that of the model."""
    spec = classes(size=4)
    examples = as_examples(x=pictures(10), y_true=[[0]] * 10)
    task, record = run(spec, examples, examples, settings={"parameters": {"learningRate": 0.0, "epochs": 2}})
    assert task.error is None
    for metrics in epochs(record):
        assert metrics["accuracy"] == metrics["validationAccuracy"]
        assert metrics["lossValue"] == pytest.approx(metrics["validationLoss"], rel=1e-6)


def test_no_bit_of_what_is_learned_depends_on_it() -> None:
    spec = classes(shuffle=True, seed=3)
    examples = as_examples(x=pictures(30), y_true=[[i % 3] for i in range(30)])
    without, one = run(spec, examples[:25], None)
    with_held, other = run(spec, examples[:25], examples[25:])
    assert one.batch_losses == other.batch_losses
    assert one.epoch_losses == other.epoch_losses
    for key in ("c:weights", "d:biases"):
        pair = [t.context.model.parameter_value(key).tobytes() for t in (without, with_held)]
        assert pair[0] == pair[1]
    assert all("accuracy" not in metrics for metrics in epochs(one)), "as Core ML has it"


@pytest.mark.parametrize("cut", [3, 4, 6, 7])
def test_a_resumed_update_tells_the_same_metrics(tmp_path: Path, cut: int) -> None:
    spec = classes(shuffle=True, seed=3, size=10)
    examples = as_examples(x=pictures(30), y_true=[[i % 3] for i in range(30)])
    settings = {"parameters": {"epochs": 3}}
    _, whole = run(spec, examples[:25], examples[25:], settings=settings)

    def stop(context: Any) -> None:
        told.append(1)
        if len(told) == cut:
            context.task.cancel()

    told: list[int] = []
    path = tmp_path / "update"
    _, first = run(spec, examples[:25], examples[25:], stop, settings=settings, checkpoint=path)
    _, second = run(spec, examples[:25], examples[25:], settings=settings, checkpoint=path)
    assert epochs(first) + epochs(second) in (epochs(whole), [epochs(whole)[0], *epochs(whole)])


def test_an_epoch_begun_without_hold_out_examples_has_no_accuracy(tmp_path: Path) -> None:
    spec, path = classes(size=10), tmp_path / "update"
    examples = as_examples(x=pictures(30), y_true=[[i % 3] for i in range(30)])
    settings = {"parameters": {"epochs": 2}}

    def stop(context: Any) -> None:
        if context.event is UpdateEvent.MINI_BATCH_END:
            context.task.cancel()

    run(spec, examples, None, stop, settings=settings, checkpoint=path)
    _, record = run(spec, examples, examples[:5], settings=settings, checkpoint=path)
    assert ["accuracy" in metrics for metrics in epochs(record)] == [False, True]
    assert all("validationAccuracy" in metrics for metrics in epochs(record))


def test_the_frozen_prefix_runs_once_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyruntime.training.trainer import Trainer

    runs: list[int] = []
    features = Trainer.features
    monkeypatch.setattr(Trainer, "features", lambda self, table: (runs.append(1), features(self, table))[1])
    run(regression(epochs=5), EXAMPLES, HELD)
    assert len(runs) == len(EXAMPLES) + len(HELD)


def test_in_a_pipeline() -> None:
    front = model({"x": (6,)}, [dense("front", "x", "f", 6, 4, learns=False)], ["f"], exact=True)
    last = updatable({"f": (4,)}, [dense("a", "f", "y", 4, 2)], target=array("y_true", (2,)), exact=True, epochs=4)
    spec = messages.Model(specificationVersion=4, isUpdatable=True)
    spec.description.input.extend(front.description.input)
    spec.description.output.extend(last.description.output)
    spec.description.trainingInput.extend([*front.description.input, last.description.trainingInput[1]])
    spec.pipeline.models.extend([front, last])
    spec.pipeline.names.extend(["front", "head"])
    x, y = values(9, 6), values(9, 2, seed=1)
    task, record = run(spec, as_examples(x=x[:5], y_true=y[:5]), as_examples(x=x[5:], y_true=y[5:]))
    assert task.error is None
    answers = [task.context.model.predict({"x": row})["y"] for row in x[5:]]
    assert epochs(record)[-1]["validationLoss"] == pytest.approx(np.mean((np.array(answers) - y[5:]) ** 2), rel=1e-5)


# what cannot be measured with


def test_hold_out_data_that_is_none() -> None:
    with pytest.raises(UpdateError, match="validation data: it is empty"):
        MLUpdateTask(MLModel(regression()), EXAMPLES, validation_data=[])
    with pytest.raises(UpdateError, match=r"validation data: .*got one dict"):
        MLUpdateTask(MLModel(regression()), EXAMPLES, validation_data=HELD[0])


def test_hold_out_examples_that_do_not_fit_are_named() -> None:
    task, record = run(regression(), EXAMPLES, [HELD[0], {"x": HELD[1]["x"]}])
    assert isinstance(task.error, FeatureTypeError)
    assert str(task.error).startswith("validation example 1: feature 'y_true'")
    assert [name for name, _ in record.events] == ["TRAINING_BEGIN"], "before anything is learned"
