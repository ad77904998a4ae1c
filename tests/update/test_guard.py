"""UpdateGuard: a worse model is refused, a better one says so in its provenance."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import MLModel, MLModelConfiguration, MLUpdateTask, UpdateGuard, UpdateRefused, generations
from pyruntime.errors import FeatureTypeError, UpdateCancelled, UpdateError
from pyruntime.update import MLUpdateProgressHandlers, TaskState, UpdateEvent
from tests.knn.models import knn_spec
from tests.layers.network import layer
from tests.training.networks import as_examples, dense, updatable, values


def run(model: Any, data: Any, guard: UpdateGuard, **more: Any) -> MLUpdateTask:
    task = MLUpdateTask(model, data, guard=guard, **more)
    task.resume()
    assert task.wait(60)
    return task


def accepted(task: MLUpdateTask) -> dict[str, Any]:
    """What provenance says."""
    assert task.error is None, task.error
    return dict(task.context.model._lineage.updates[-1].guard)


def points(*labels: str, noise: int = 0) -> list[dict[str, Any]]:
    """Points around a corner of their own for each label."""
    corner = {"a": (0.0, 0.0), "b": (4.0, 0.0), "c": (0.0, 4.0)}
    rng = np.random.default_rng(noise)
    return [{"vector": (np.array(corner[x]) + rng.normal(size=2) / 4).astype(np.float32), "label": x} for x in labels]


def trained(*labels: str) -> Any:
    data = points(*labels)
    return knn_spec([e["vector"] for e in data], [e["label"] for e in data], default="?")


def test_an_empty_k_nn_takes_whatever_comes() -> None:
    wrong = [{**e, "label": "b"} for e in points("a", "a")]
    task = run(MLModel(knn_spec(default="?")), wrong, UpdateGuard(points("a", "b", noise=1)))
    found = accepted(task)
    assert found == {"metric": "accuracy", "before": None, "after": 0.5, "tolerance": 0.0, "examples": 2}


def test_k_nn_that_forgets_what_it_knew_is_refused_and_stays_reachable() -> None:
    model = MLModel(trained(*"aaabbb"))
    held = points(*"abababab", noise=2)
    poison = [{**e, "label": "b"} for e in points(*"aaaaaaaaaaaa", noise=3)]
    told: list[Any] = []
    task = run(model, poison, UpdateGuard(held), completion_handler=lambda context: told.append(context.task.error))
    error = task.error
    assert isinstance(error, UpdateRefused)
    assert (error.before, error.after) == (1.0, 0.5)
    assert "accuracy on 8 examples" in str(error)
    assert "1 before" in str(error)
    assert task.state is TaskState.FAILED
    assert told == [error]
    assert task.context.model is model
    assert [error.candidate.predict({"vector": e["vector"]})["label"] for e in held] == ["b"] * 8
    error.candidate.predict({"vector": held[0]["vector"]})


@pytest.mark.parametrize(("tolerance", "taken"), [(0.49, False), (0.5, True)])
def test_tolerance_is_the_loss_that_is_allowed(tolerance: float, taken: bool) -> None:
    poison = [{**e, "label": "b"} for e in points(*"aaaaaaaaaaaa", noise=3)]
    task = run(MLModel(trained(*"aaabbb")), poison, UpdateGuard(points(*"abab", noise=2), tolerance=tolerance))
    assert (task.error is None) is taken


def test_equal_scores_are_accepted() -> None:
    assert accepted(run(MLModel(trained("a", "b")), points("a", "b"), UpdateGuard(points("a", "b"))))["after"] == 1.0


def test_loss_of_a_k_nn_is_the_cross_entropy_of_its_shares() -> None:
    spec = trained(*"aab")
    held = points(*"ab", noise=1)
    found = accepted(run(MLModel(spec), points(*"b"), UpdateGuard(held, "loss", tolerance=100.0)))
    assert found["before"] == pytest.approx(-(math.log(2 / 3) + math.log(1 / 3)) / 2, rel=1e-6)  # three neighbours vote
    lost = accepted(run(MLModel(spec), points(*"b"), UpdateGuard(points("c"), "loss", tolerance=100.0)))
    assert lost["before"] == lost["after"] == pytest.approx(-math.log(1e-38))


def test_a_pipeline_is_scored_as_a_whole(stickers: Path, examples: list[dict[str, Any]]) -> None:
    good = run(stickers, examples, UpdateGuard(examples))
    assert accepted(good)["after"] == right(good.context.model, examples) > 0.9
    poison = [{"x": e["x"], "label": "c"} for e in examples if e["label"] == "a"] * 4
    bad = run(good.context.model, poison, UpdateGuard(examples))
    assert isinstance(bad.error, UpdateRefused)
    assert bad.error.before == right(good.context.model, examples)
    assert bad.error.after == right(bad.error.candidate, examples) <= 2 / 3


def right(model: MLModel, examples: Any) -> float:
    return float(np.mean([model.predict({"x": e["x"]})["label"] == e["label"] for e in examples]))


def regression(rate: float, **more: Any) -> Any:
    return updatable({"x": (3,)}, [dense("a", "x", "y", 3, 1)], rate=rate, epochs=5, **more)


def sums(count: int, seed: int) -> list[dict[str, Any]]:
    x = values(count, 3, seed=seed)
    return as_examples(x=list(x), y_true=list(x.sum(axis=1, keepdims=True)))


def test_loss_of_a_regressor_is_its_squared_error() -> None:
    held = sums(6, 2)
    spec = regression(0.1)
    task = run(MLModel(spec), sums(20, 1), UpdateGuard(held, "loss"))
    found = accepted(task)
    for model, score in ((MLModel(spec), found["before"]), (task.context.model, found["after"])):
        errors = [model.predict({"x": e["x"]})["y"] - e["y_true"] for e in held]
        assert score == pytest.approx(np.mean(np.square(errors)), rel=1e-5)
    assert found["after"] < found["before"] / 2


def test_a_network_that_diverges_is_refused() -> None:
    task = run(MLModel(regression(1.5)), sums(20, 1), UpdateGuard(sums(6, 2), "loss"))
    assert isinstance(task.error, UpdateRefused)
    assert task.error.after > task.error.before
    assert (
        task.error.candidate.parameter_value("a:weights").tobytes()
        != task.context.model.parameter_value("a:weights").tobytes()
    )


def classes(**more: Any) -> Any:
    layers = [dense("a", "x", "z", 3, 2), layer("softmax", "z", "p")]
    return updatable({"x": (3,)}, layers, entropy=True, source="p", rate=0.5, epochs=10, **more)


def test_accuracy_and_loss_of_a_network_with_numbers_of_classes() -> None:
    x = values(40, 3, seed=4)
    data = as_examples(x=list(x), p_true=[np.array([int(row.sum() > 0)]) for row in x])
    for metric in ("accuracy", "loss"):
        task = run(MLModel(classes()), data[:30], UpdateGuard(data[30:], metric))
        found = accepted(task)
        model = task.context.model
        shares = [model.predict({"x": e["x"]})["p"].reshape(-1) for e in data[30:]]
        target = [int(e["p_true"][0]) for e in data[30:]]
        if metric == "accuracy":
            wanted = np.mean([np.argmax(p) == t for p, t in zip(shares, target, strict=True)])
        else:
            wanted = -np.mean([np.log(p[t]) for p, t in zip(shares, target, strict=True)])
        assert found["after"] == pytest.approx(wanted, rel=1e-6)


def test_a_function_scores_as_it_likes() -> None:
    seen: list[Any] = []

    def count(model: MLModel, data: Any) -> float:
        seen.append(data)
        return float(len(model.predict({"vector": np.zeros(2, np.float32)})["labelProbs"]))

    data = points("a")
    model = MLModel(trained("a", "b"))
    found = accepted(run(model, points("c"), UpdateGuard(data, count)))
    assert (found["metric"], found["before"], found["after"]) == ("count", 2.0, 3.0)
    assert all(d is data for d in seen)
    refused = run(model, points("c"), UpdateGuard(data, count, lower_is_better=True))
    assert isinstance(refused.error, UpdateRefused)
    nan = run(model, points("c"), UpdateGuard(data, lambda m, d: math.nan))
    assert isinstance(nan.error, UpdateRefused)
    wrong = run(model, points("c"), UpdateGuard(data, lambda m, d: 1 / 0))
    assert "its metric raised ZeroDivisionError" in str(wrong.error)


def test_what_a_guard_cannot_be_is_said_before_anything_starts() -> None:
    model = MLModel(trained("a", "b"))
    with pytest.raises(ValueError, match="metric is 'recall'"):
        UpdateGuard(points("a"), "recall")
    for tolerance in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="tolerance"):
            UpdateGuard(points("a"), tolerance=tolerance)
    with pytest.raises(UpdateError, match="UpdateGuard: held-out data: it is empty"):
        MLUpdateTask(model, points("a"), guard=UpdateGuard([]))


def test_examples_of_the_guard_that_do_not_fit_fail_the_task_before_it_learns() -> None:
    log: list[Any] = []
    handlers = MLUpdateProgressHandlers(UpdateEvent.TRAINING_BEGIN, log.append)
    bad = [*points("a"), {"vector": np.zeros(3, np.float32), "label": "a"}]
    task = run(MLModel(trained("a")), points("a"), UpdateGuard(bad), progress_handlers=handlers)
    assert isinstance(task.error, FeatureTypeError)
    assert str(task.error).startswith("UpdateGuard: held-out example 1: feature 'vector': expected")
    assert log == []
    unlabelled = run(MLModel(trained("a")), points("a"), UpdateGuard([{"vector": np.zeros(2, np.float32)}]))
    assert "held-out example 0: feature 'label' is missing" in str(unlabelled.error)
    numbers = run(MLModel(regression(0.1)), sums(4, 1), UpdateGuard(sums(4, 2), "accuracy"))
    assert 'metric="loss"' in str(numbers.error)


def test_cancel_while_it_scores_is_a_cancel() -> None:
    class Cancelling(list[Any]):
        def __getitem__(self, index: Any) -> Any:
            task.cancel()
            return super().__getitem__(index)

    task = MLUpdateTask(MLModel(trained("a")), points("a"), guard=UpdateGuard(Cancelling(points("a", "b"))))
    task.resume()
    assert task.wait(30)
    assert isinstance(task.error, UpdateCancelled)


def test_both_scores_are_in_the_provenance_of_the_generation(tmp_path: Path) -> None:
    path = tmp_path / "m.mlmodelc"
    MLModel(trained("a", "b")).write(path)
    task = run(path, points("a", "b"), UpdateGuard(points("a", "b", noise=1)))
    task.context.model.write(path)
    guard = generations(path)[-1].provenance.updates[-1].guard
    assert (guard["metric"], guard["before"], guard["after"], guard["examples"]) == ("accuracy", 1.0, 1.0, 2)


def test_a_refused_update_leaves_no_checkpoint(tmp_path: Path) -> None:
    model = MLModel(regression(1.5), configuration=MLModelConfiguration(threads=1))
    path = tmp_path / "update"
    task = run(model, sums(20, 1), UpdateGuard(sums(6, 2), "loss"), checkpoint=path)
    assert isinstance(task.error, UpdateRefused)
    assert list(tmp_path.iterdir()) == []


def test_a_guard_that_fails_after_the_training_keeps_the_checkpoint(tmp_path: Path) -> None:
    model, path = MLModel(regression(0.1), configuration=MLModelConfiguration(threads=1)), tmp_path / "update"
    asked: list[int] = []

    def score(_model: MLModel, _data: Any) -> float:
        asked.append(1)
        if len(asked) == 2:
            raise OSError("the card is gone")
        return 1.0

    first = run(model, sums(20, 1), UpdateGuard(sums(6, 2), score), checkpoint=path)
    assert "its metric raised OSError: the card is gone" in str(first.error)
    assert path.exists()
    second = run(model, sums(20, 1), UpdateGuard(sums(6, 2), score), checkpoint=path)
    plain = run(model, sums(20, 1), UpdateGuard(sums(6, 2), score))
    weights = [task.context.model.parameter_value("a:weights").tobytes() for task in (second, plain)]
    assert weights[0] == weights[1] != model.parameter_value("a:weights").tobytes()
    assert list(tmp_path.iterdir()) == []
