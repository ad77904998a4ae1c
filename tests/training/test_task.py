"""MLUpdateTask on networks: events, parameters, what is learned and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pyruntime import MLModel, MLModelConfiguration, MLUpdateProgressHandlers, MLUpdateTask, UpdateEvent
from pyruntime.errors import ParametersError, UpdateCancelled
from pyruntime.native import lib
from pyruntime.update import TaskState

from ..layers.network import GRAY, array, image, layer
from .networks import ALL, activation, as_examples, convolution, dense, try_update, updatable, update, values

X, Y = values(10, 5, scale=1), values(10, 3, seed=1, scale=1)
EXAMPLES = as_examples(x=X, y_true=Y)


def regression(**more: Any) -> Any:
    layers = [dense("a", "x", "h", 5, 8), activation("tanh", "h", "t"), dense("b", "t", "y", 8, 3)]
    return updatable({"x": (5,)}, layers, target=array("y_true", (3,)), exact=True, **more)


def test_the_order_of_events_and_their_metrics() -> None:
    task, record = update(regression(), EXAMPLES)
    batches = [("MINI_BATCH_END", i) for i in range(3)]
    told = [(name, metrics.get("miniBatchIndex")) for name, metrics in record.events]
    assert told == [("TRAINING_BEGIN", None), *batches, ("EPOCH_END", None), *batches, ("EPOCH_END", None)]
    assert record.events[0][1] == {}
    assert [m["epochIndex"] for _, m in record.events[1:]] == [0] * 4 + [1] * 4
    weighted = (4 * record.batch_losses[0] + 4 * record.batch_losses[1] + 2 * record.batch_losses[2]) / 10
    assert record.epoch_losses[0] == pytest.approx(weighted), "the mean over examples: the short last batch counts less"
    assert task.state is TaskState.COMPLETED


def test_only_what_is_subscribed_to_is_told() -> None:
    told = []
    handlers = MLUpdateProgressHandlers(UpdateEvent.EPOCH_END, lambda context: told.append(context.event))
    task = MLUpdateTask(MLModel(regression()), EXAMPLES, progress_handlers=handlers)
    task.resume()
    task.wait()
    assert told == [UpdateEvent.EPOCH_END] * 2


def test_the_model_in_a_handler_predicts_with_the_weights_of_that_moment() -> None:
    models: list[MLModel] = []
    handlers = MLUpdateProgressHandlers(ALL, lambda context: models.append(context.model))
    task = MLUpdateTask(MLModel(regression()), EXAMPLES, progress_handlers=handlers)
    task.resume()
    task.wait()
    answers = [model.predict({"x": X[0]})["y"] for model in models]
    assert len(answers) == 9
    assert len({answer.tobytes() for answer in answers}) == 7, "six steps and the start; the end of an epoch is no step"
    losses = [float(np.mean([(m.predict({"x": x})["y"] - y) ** 2 for x, y in zip(X, Y, strict=True)])) for m in models]
    assert losses[-1] < losses[0]
    assert answers[-1].tobytes() == task.context.model.predict({"x": X[0]})["y"].tobytes()


def test_what_was_learned_is_written_and_read_to_the_same_bits(tmp_path: Path) -> None:
    spec = regression()
    before = spec.SerializeToString()
    task, _ = update(spec, EXAMPLES)
    learned = task.context.model
    learned.save(tmp_path / "m.mlmodel")
    learned.write(tmp_path / "m.mlmodelc")
    assert spec.SerializeToString() == before
    for path in ("m.mlmodel", "m.mlmodelc"):
        opened = MLModel(tmp_path / path)
        assert opened.is_updatable
        for key in ("a:weights", "a:biases", "b:weights", "b:biases"):
            assert opened.parameter_value(key).tobytes() == learned.parameter_value(key).tobytes()
            assert opened.parameter_value(key).tobytes() != MLModel(spec).parameter_value(key).tobytes()
        assert opened.predict({"x": X[1]})["y"].tobytes() == learned.predict({"x": X[1]})["y"].tobytes()


def test_learning_goes_on_from_a_learned_model_and_keeps_no_old_weights() -> None:
    """Two tasks of an epoch are one of two, without momentum; large weights stay outside the messages."""
    layers = [dense("a", "x", "h", 5, 300), activation("ReLU", "h", "t"), dense("b", "t", "y", 300, 3)]
    spec = updatable({"x": (5,)}, layers, target=array("y_true", (3,)), exact=True, rate=0.01)
    once, _ = update(spec, EXAMPLES, epochs=2)
    model: Any = MLModel(spec, configuration=MLModelConfiguration(threads=1, parameters={"epochs": 1}))
    sizes = []
    for _ in range(2):
        task = MLUpdateTask(model, EXAMPLES)
        task.resume()
        task.wait()
        model = task.context.model
        sizes.append(model._lean.payloads.nbytes)
    assert model.parameter_value("b:weights").tobytes() == once.context.model.parameter_value("b:weights").tobytes()
    assert sizes[0] == sizes[1]


def test_the_learning_rate_changes_in_progress_from_the_next_batch_on() -> None:
    def halve(context: Any) -> None:
        record.append(context.metrics["lossValue"])
        if context.metrics["miniBatchIndex"] == 0:
            context.task.resume({"learningRate": 0.0})

    record: list[float] = []
    task = MLUpdateTask(
        MLModel(regression(size=10, epochs=4)),
        EXAMPLES,
        progress_handlers=MLUpdateProgressHandlers(UpdateEvent.MINI_BATCH_END, halve),
    )
    task.resume()
    task.wait()
    assert task.error is None
    assert record[0] > record[1] == record[2] == record[3]
    assert task.context.parameters["learningRate"] == 0.0


def test_other_parameters_are_refused_in_progress_and_bounds_hold() -> None:
    def change(context: Any) -> None:
        with pytest.raises(ParametersError, match="cannot change in progress"):
            context.task.resume({"miniBatchSize": 2})
        with pytest.raises(ParametersError, match="learningRate"):
            context.task.resume({"learningRate": 11.0})
        seen.append(1)

    seen: list[int] = []
    handlers = MLUpdateProgressHandlers(UpdateEvent.TRAINING_BEGIN, change)
    task = MLUpdateTask(MLModel(regression()), EXAMPLES, progress_handlers=handlers)
    task.resume()
    task.wait()
    assert task.error is None
    assert seen
    with pytest.raises(ParametersError, match="miniBatchSize"):
        MLModel(regression(), configuration=MLModelConfiguration(parameters={"miniBatchSize": 65}))


def test_a_seed_that_the_file_lacks_is_drawn_told_and_can_be_given() -> None:
    spec = regression(shuffle=True, epochs=3)
    _, first = update(spec, EXAMPLES)
    _, again = update(spec, EXAMPLES, seed=first.parameters["seed"])
    assert first.batch_losses == again.batch_losses
    _, other = update(spec, EXAMPLES)
    assert other.parameters["seed"] != first.parameters["seed"]
    assert MLModel(spec).parameter_value("seed") is None


def test_cancel_stops_between_two_batches() -> None:
    def cancel(context: Any) -> None:
        told.append(context.metrics["miniBatchIndex"])
        if len(told) == 2:
            context.task.cancel()

    told: list[int] = []
    model = MLModel(regression())
    task = MLUpdateTask(model, EXAMPLES, progress_handlers=MLUpdateProgressHandlers(UpdateEvent.MINI_BATCH_END, cancel))
    task.resume()
    task.wait()
    assert told == [0, 1]
    assert isinstance(task.error, UpdateCancelled)
    assert task.context.model.parameter_value("a:weights").tobytes() == model.parameter_value("a:weights").tobytes()


# targets and inputs


def classes(**more: Any) -> Any:
    layers = [
        convolution("c", "x", "h", 1, 4), activation("ReLU", "h", "r"), layer("flatten", "r", "f", "flat"),
        dense("d", "f", "z", 144, 3), layer("softmax", "z", "y", "softmax"),
    ]  # fmt: skip
    return updatable([image("x", 8, 8, GRAY)], layers, entropy=True, rate=0.0005, momentum=0.9, epochs=20, **more)


def pictures(count: int) -> list[np.ndarray]:
    """Bright on the left, in the middle, on the right."""
    found = np.random.default_rng(0).integers(0, 60, (count, 8, 8)).astype(np.uint8)
    for i in range(count):
        found[i, :, 3 * (i % 3) : 3 * (i % 3) + 2] += 150
    return list(found)


def test_a_classifier_learns_pictures_by_label_and_by_number() -> None:
    names = ["left", "middle", "right"]
    shown = pictures(30)
    by_label = classes(classes=names)
    by_label.description.trainingInput.pop()
    by_label.description.trainingInput.add(name="label").type.stringType.SetInParent()
    task, record = update(
        by_label, as_examples(x=[Image.fromarray(p) for p in shown], label=[names[i % 3] for i in range(30)])
    )
    assert record.epoch_losses[-1] < 0.1 < record.epoch_losses[0]
    right = [task.context.model.predict({"x": Image.fromarray(p)})["label"] for p in shown]
    assert right == [names[i % 3] for i in range(30)]
    by_number = classes(classes=names)
    _, same = update(by_number, as_examples(x=shown, y_true=[[i % 3] for i in range(30)]))
    assert same.batch_losses == record.batch_losses


def test_the_number_of_threads_changes_no_bit() -> None:
    shown = pictures(30)
    examples = as_examples(x=shown, y_true=[[i % 3] for i in range(30)])
    spec = classes()
    results = []
    for threads in (1, 2):
        task, record = update(spec, examples, threads, miniBatchSize=16)
        model = task.context.model
        results.append(
            (record.batch_losses, [model.parameter_value(k).tobytes() for k in ("c:weights", "d:weights", "d:biases")])
        )
    assert results[0] == results[1]


def test_levels_of_the_cpu_agree() -> None:
    """Every instruction set's kernels train to nearly the same weights."""
    from pyruntime.engines import walk
    from pyruntime.training.trainer import Trainer

    spec = classes()
    found = []
    for i in range(len(lib.cpu_levels())):
        model = MLModel(spec, configuration=MLModelConfiguration(threads=1))
        ((_, engine),) = walk.networks(model.engine)
        object.__setattr__(engine.part, "context", lib.Context(threads=2, levels=(2 << i) - 1))
        trainer = Trainer(engine, {"miniBatchSize": 30, "momentum": 0.9}, "here")
        runner = trainer.runner(30)
        for k, picture in enumerate(pictures(30)):
            runner.features[0][k] = trainer.features({"x": picture})[0].reshape(1, 1, 8, 8)
            runner.target[k] = k % 3
        for _ in range(10):
            trainer.steer({"learningRate": 0.0005, "momentum": 0.9}.__getitem__)
            runner.run()
        found.append(np.concatenate([w.ravel() for w in trainer.weights.now()]))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-3, atol=1e-5)


def test_a_frozen_prefix_runs_once_per_example(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyruntime.training.trainer import Trainer

    runs: list[int] = []
    features = Trainer.features
    monkeypatch.setattr(Trainer, "features", lambda self, table: (runs.append(1), features(self, table))[1])
    update(regression(epochs=7), EXAMPLES)
    assert len(runs) == len(EXAMPLES)


def test_one_example_and_a_mini_batch_larger_than_the_data() -> None:
    _, record = update(regression(size=32), EXAMPLES[:1])
    assert len(record.batch_losses) == 2
    assert record.batch_losses[1] < record.batch_losses[0]


def test_states_and_errors_of_a_failed_update() -> None:
    task, _ = try_update(regression(), [*EXAMPLES, {"x": X[0]}])
    assert task.state is TaskState.FAILED
    assert "example 10: feature 'y_true'" in str(task.error)
