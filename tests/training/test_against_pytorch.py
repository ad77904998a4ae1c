"""Loss curves and weights follow PyTorch's, step for step, on small networks and on those that others made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import MLUpdateTask
from pyruntime.spec import load_spec, messages

from ..layers.network import array, layer, model, weights
from . import networks
from .networks import activation, as_examples, convolution, dense, updatable, update, values

pytest.importorskip("torch", reason="PyTorch, the oracle of these cases, is not installed")
from . import torch_training

CURVE = 1e-4
"""Relative difference of losses, and of a layer's weights as one vector.  Single ones may differ more: Adam divides a
gradient by its own size, so where it is nothing but rounding its step still has the size of the learning rate."""


def follows(
    spec: Any,
    inputs: dict[str, np.ndarray],
    target: np.ndarray,
    name: str,
    kind: str = "neuralNetwork",
    **parameters: Any,
) -> tuple[MLUpdateTask, networks.Record]:
    """Train here and there, compare every loss and the weights."""
    examples = as_examples(**inputs, **{name: list(target)})
    task, record = update(spec, examples, **parameters)
    used = record.parameters
    seed = int(used["seed"]) if used.get("shuffle") else None
    batches = torch_training.orders(len(target), int(used["miniBatchSize"]), int(used["epochs"]), seed)
    hyper = {key: used[key] for key in ("learningRate", "momentum", "beta1", "beta2", "eps") if key in used}
    losses, wanted = torch_training.train(getattr(spec, kind), inputs, target, batches, **hyper)
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE, atol=1e-6)
    assert losses[-1] != losses[0]
    model = task.context.model
    for (layer_name, field), there in wanted.items():
        key = "weights" if field == "weights" else "biases"
        here = model.parameter_value(f"{layer_name}:{key}")
        assert here.shape == there.shape
        assert np.linalg.norm(here - there) <= CURVE * np.linalg.norm(there), (layer_name, field)
    return task, record


OPTIMIZERS = {"sgd": {}, "momentum": {"momentum": 0.9}, "adam": {"adam": True, "rate": 0.01}}
both = pytest.mark.parametrize("exact", [False, True], ids=["rank5", "exact"])


@both
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_regression(exact: bool, optimizer: Any) -> None:
    layers = [dense("a", "x", "h", 5, 8), activation("tanh", "h", "t"), dense("b", "t", "y", 8, 3, bias=False)]
    spec = updatable(
        {"x": (5,)}, layers, exact=exact, target=array("y_true", (3,)), epochs=5, shuffle=True, seed=4, **optimizer
    )
    follows(spec, {"x": values(27, 5, seed=9)}, values(27, 3, seed=10), "y_true")


def image_network(*, learns_first: bool = True) -> list[Any]:
    return [
        convolution("c1", "x", "a", 2, 4, learns=learns_first, same={}),
        activation("ReLU", "a", "b"),
        layer("pooling", "b", "c", "pool", kernelSize=[2, 2], stride=[2, 2], valid={}),
        convolution("c2", "c", "d", 4, 6, groups=2, kernelSize=[2, 2], stride=[2, 1], dilationFactor=[1, 2]),
        activation("sigmoid", "d", "e"),
        layer("batchnorm", "e", "f", "norm", channels=6, gamma=weights(values(6, seed=3) + 1),
              beta=weights(values(6, seed=4)),
              mean=weights(values(6, seed=5)), variance=weights(np.abs(values(6, seed=6)) + 0.5)),
        layer("pooling", "f", "g", "average", type=1, kernelSize=[1, 2], stride=[1, 1], valid={}),
        layer("flatten", "g", "h", "flat", mode=1),
        dense("d1", "h", "z", 12, 5),
        layer("softmax", "z", "y", "softmax"),
    ]  # fmt: skip


@both
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("learns_first", [True, False], ids=["all", "frozen prefix"])
def test_images_through_every_layer_that_the_format_lets_train(exact: bool, optimizer: Any, learns_first: bool) -> None:
    shape = (1, 2, 8, 8) if exact else (2, 8, 8)
    spec = updatable(
        {"x": shape}, image_network(learns_first=learns_first), entropy=True, exact=exact, epochs=8, size=6, **optimizer
    )
    classes = np.arange(15) % 5
    follows(spec, {"x": values(15, *shape, seed=8, scale=1)}, classes.reshape(-1, 1), "y_true")


def test_shuffling_is_that_of_numpy_and_another_seed_gives_another_order() -> None:
    spec = updatable({"x": (5,)}, [dense("a", "x", "y", 5, 1)], shuffle=True, seed=11, epochs=3, exact=True)
    x, y = values(10, 5), values(10, 1, seed=1)
    _, first = follows(spec, {"x": x}, y, "y_true")
    _, again = update(spec, as_examples(x=x, y_true=y))
    _, other = update(spec, as_examples(x=x, y_true=y), seed=12)
    assert first.batch_losses == again.batch_losses != other.batch_losses


def test_an_inner_product_over_the_last_axis_of_rank_3() -> None:
    """Stacked examples have rank 4, which an inner product would read as (C, H, W)."""
    layers = [dense("a", "x", "h", 4, 3)]
    spec = updatable({"x": (2, 5, 4)}, layers, source="h", target=array("h_true", (2, 5, 3)), exact=True, epochs=3)
    follows(spec, {"x": values(6, 2, 5, 4)}, values(6, 2, 5, 3, seed=1), "h_true")


# files that others made


def edited(path: Path, size: int, epochs: int) -> Any:
    """The file with another size of mini-batch and number of epochs, so that the comparison is short."""
    spec = load_spec(path)
    update = spec.neuralNetwork.updateParams
    optimizer = getattr(update.optimizer, update.optimizer.WhichOneof("OptimizerType"))
    optimizer.miniBatchSize.defaultValue = size
    optimizer.miniBatchSize.set.values.append(size)
    update.epochs.defaultValue = epochs
    update.epochs.set.values.append(epochs)
    return spec


def test_linear_updatable(models_dir: Path) -> None:
    x = np.linspace(-1, 1, 20)[:, None]
    spec = edited(models_dir / "LinearUpdatable.mlmodel", 5, 10)
    _, record = follows(spec, {"dense_input": x}, 3 * x + 1, "output_true")
    assert len(record.batch_losses) == 40
    assert record.epoch_losses[-1] < record.epoch_losses[0] / 2


def test_house_price_updatable(models_dir: Path) -> None:
    rng = np.random.default_rng(1)
    inputs = {
        "categoricalInput1": rng.integers(0, 2, (120, 1)).astype(np.float32),
        "categoricalInput2": rng.integers(0, 9, (120, 1)).astype(np.float32),
        "numericalInput": rng.normal(size=(120, 11)),
    }
    spec = edited(models_dir / "HousePriceUpdatable.mlmodel", 32, 10)
    _, record = follows(spec, inputs, rng.normal(size=(120, 1)), "output_true", learningRate=0.05, momentum=0.5)
    assert len(record.batch_losses) == 40


def test_flower_mnist_updatable(models_dir: Path) -> None:
    rng = np.random.default_rng(2)
    spec = edited(models_dir / "FlowerMNISTUpdatable.mlmodel", 8, 10)
    classes = np.arange(32).reshape(-1, 1) % 10
    _, record = follows(spec, {"image": rng.normal(size=(32, 1, 28, 28))}, classes, "output_true", seed=3)
    assert len(record.batch_losses) == 40


def test_the_last_model_of_a_pipeline() -> None:
    """The network before it runs once per example."""
    front = model({"x": (6,)}, [dense("front", "x", "f", 6, 4, learns=False)], ["f"], exact=True)
    last = updatable({"f": (4,)}, [dense("a", "f", "y", 4, 2)], target=array("y_true", (2,)), exact=True, epochs=4)
    spec = messages.Model(specificationVersion=4, isUpdatable=True)
    spec.description.input.extend(front.description.input)
    spec.description.output.extend(last.description.output)
    spec.description.trainingInput.extend([*front.description.input, last.description.trainingInput[1]])
    spec.pipeline.models.extend([front, last])
    spec.pipeline.names.extend(["front", "head"])
    x, y = values(9, 6), values(9, 2, seed=1)
    task, record = update(spec, as_examples(x=x, y_true=y), **{"head:learningRate": 0.2})
    features = x @ values(4, 6, seed=sum(b"front")).T + values(4, seed=sum(b"front") + 1)
    batches = torch_training.orders(9, 4, 4, None)
    losses, wanted = torch_training.train(last.neuralNetwork, {"f": features}, y, batches, learningRate=0.2)
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE)
    np.testing.assert_allclose(
        task.context.model.parameter_value("head/a:weights"), wanted["a", "weights"], rtol=1e-3, atol=1e-5
    )
