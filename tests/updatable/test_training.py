"""What make_updatable makes learns, and as PyTorch does."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime import MLModel
from pyruntime.models.updatable import update_candidates
from pyruntime.spec import load_spec
from pyruntime.spec.legality import broken_rules

from ..training.networks import as_examples, update
from .nets import Net, converted, layers_of, random_network, values

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these cases, is not installed")

COUNT = int(os.environ.get("PYRUNTIME_REWRITES", "10"))
CURVE = 1e-4
"""Relative difference of losses, and of a layer's weights as one vector."""


def follow(
    model: Any, net: Any, x: np.ndarray, target: np.ndarray, batch: int, rate: float, entropy: bool, **more: Any
) -> Any:
    """Train here and in PyTorch, in the order of the examples; compare 20 steps' losses."""
    epochs = 20 * batch // len(x)
    made = model.make_updatable(shuffle=False, epochs=epochs, mini_batch_size=batch, learning_rate=rate, seed=1, **more)
    key = next(f.name for f in made.model_description.training_inputs if f.name != "x")
    labels = made.model_description.class_labels
    given = [labels[int(t)] for t in target] if key == "label" else list(target.reshape(len(x), -1))
    task, record = update(made.get_spec(), as_examples(**{"x": list(x), key: given}))
    optimizer = torch.optim.SGD(net.parameters(), rate)
    losses = []
    for step in range(20):
        chosen = np.arange(step * batch, (step + 1) * batch) % len(x)
        optimizer.zero_grad()
        y = net(torch.tensor(x[chosen], dtype=torch.float64)).reshape(batch, -1)
        if entropy:
            loss = -y[torch.arange(batch), torch.tensor(target[chosen].ravel()).long()].log().mean()
        else:
            loss = ((y - torch.tensor(target[chosen], dtype=torch.float64).reshape(batch, -1)) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE)
    assert losses[-1] < losses[0]
    return task.context.model


class Converted(torch.nn.Module):
    """nets.converted() from its file's numbers."""

    def __init__(self, spec: Any, learn: int) -> None:
        super().__init__()
        first, second, third = (layers_of(spec)[i] for i in (0, 2, 4))
        p = first.batchedMatmul
        arrays = [
            np.array(p.weights.floatValue).reshape(8, 6).T, np.array(p.bias.floatValue),
            np.array(second.loadConstantND.data.floatValue).reshape(8, 3),
            np.array(third.loadConstantND.data.floatValue),
        ]  # fmt: skip
        numbers = [torch.tensor(a, dtype=torch.float64) for a in arrays]
        self.learned = torch.nn.ParameterList([torch.nn.Parameter(a) for a in numbers[4 - 2 * learn :]])
        self.frozen = numbers[: 4 - 2 * learn]

    def forward(self, x: Any) -> Any:
        w, b, v, c = [*self.frozen, *self.learned]
        return torch.softmax(torch.relu(x @ w + b) @ v + c, -1)


@pytest.mark.parametrize("learn", [1, 2])
@pytest.mark.parametrize("labels", [None, ["a", "b", "c"]])
def test_products_and_softmax_of_a_converter_learn_as_in_pytorch(learn: int, labels: list[str] | None) -> None:
    spec = converted(labels)
    names = ["batched_mat_mul1", "batched_mat_mul4"][2 - learn :]
    x, target = values(24, 1, 6, scale=1), np.arange(24) % 3
    net = Converted(spec, learn)
    learned = follow(MLModel(spec), net, x, target, 6, 0.3, True, layers=names)
    for name, there in zip(names, net.learned[::2], strict=True):
        here = learned.parameter_value(f"{name}:weights")
        wanted = there.detach().numpy().T
        assert np.linalg.norm(here - wanted) <= CURVE * np.linalg.norm(wanted)


def test_an_image_network_of_a_converter_learns_as_in_pytorch() -> None:
    net = Net(1, 1, 8, 8).conv(4).relu().pool().reshape(1, 36).matmul(8).relu("TANH").matmul(3).softmax()
    spec = net.end()
    first, dense, last = (layers_of(spec)[i] for i in (0, 4, 6))
    there = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(36, 8),
        torch.nn.Tanh(), torch.nn.Linear(8, 3), torch.nn.Softmax(-1),
    ).double()  # fmt: skip
    with torch.no_grad():
        for module, p in (
            (there[0], first.convolution),
            (there[4], dense.batchedMatmul),
            (there[6], last.batchedMatmul),
        ):
            for weight, numbers in ((module.weight, p.weights), (module.bias, p.bias)):
                weight.copy_(torch.tensor(np.array(numbers.floatValue)).reshape(weight.shape))
    names = [layer.name for layer in (first, dense, last)]
    x, target = values(20, 1, 8, 8, scale=1), np.arange(20) % 3

    class Batched(torch.nn.Module):
        def forward(self, given: Any) -> Any:
            return there(given.reshape(-1, 1, 8, 8))

        def parameters(self, recurse: bool = True) -> Any:
            return there.parameters(recurse)

    learned = follow(MLModel(spec), Batched(), x[:, None], target, 5, 0.2, True, layers=names)
    assert MLModel(learned.get_spec()).predict({"x": x[:1]})["scores"].shape == (1, 3)


@pytest.mark.parametrize("seed", range(COUNT))
def test_random_networks_and_layers_learn_as_in_pytorch(seed: int) -> None:
    """As the file had them before they were rewritten: 20 steps of gradient descent."""
    spec, shape = random_network(seed, one=True)
    rng = np.random.default_rng(seed)
    legal = [one.name for one in update_candidates(spec) if one.legal]
    chosen = [name for name in legal if rng.random() < 0.6] or legal[:1]
    is_classifier = layers_of(spec)[-1].WhichOneof("layer") == "softmaxND"
    outputs = MLModel(spec).predict({"x": np.zeros(shape)})["scores"]
    x = values(12, *shape, seed=seed, scale=1)
    target: Any = rng.integers(0, outputs.size, 12) if is_classifier else values(12, outputs.size, seed=seed + 1)
    made = pyruntime.make_updatable(spec, chosen, shuffle=False, mini_batch_size=3, epochs=5, learning_rate=0.002)
    assert broken_rules(made.get_spec()) == []
    from .twin import Twin  # it imports PyTorch

    losses = Twin(spec, chosen).train(x, target, 3, 20, 0.002)
    given = list(target.reshape(12, 1)) if is_classifier else [row.reshape(outputs.shape) for row in target]
    _, record = update(made.get_spec(), as_examples(x=list(x), scores_true=given))
    np.testing.assert_allclose(record.batch_losses, losses, rtol=CURVE, atol=1e-6)


def test_a_plain_output_learns_by_squared_error() -> None:
    spec = Net(1, 6).matmul(4).relu("SIGMOID").matmul_of_constant(2).plus(2).end()
    layers = layers_of(spec)
    w, b = np.array(layers[0].batchedMatmul.weights.floatValue).reshape(4, 6), layers[0].batchedMatmul.bias.floatValue
    v, c = (np.array(layers[i].loadConstantND.data.floatValue) for i in (2, 4))
    there = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.Sigmoid(), torch.nn.Linear(4, 2)).double()
    with torch.no_grad():
        for weight, numbers in zip(there.parameters(), (w, np.array(b), v.reshape(4, 2).T, c), strict=True):
            weight.copy_(torch.tensor(numbers))
    x, y = values(20, 1, 6, scale=1), values(20, 2, seed=3)
    follow(MLModel(spec), there, x, y, 5, 0.2, False, layers=[layers[0].name, layers[3].name])


def test_the_file_that_is_saved_learns_to_the_same_bits(tmp_path: Path) -> None:
    made = MLModel(converted(["a", "b", "c"])).make_updatable(seed=3, epochs=3)
    made.save(tmp_path / "made.mlmodel")
    assert load_spec(tmp_path / "made.mlmodel") == made.get_spec()
    examples = as_examples(x=list(values(12, 1, 6)), label=list("abc" * 4))
    both = [update(spec, examples)[0].context.model for spec in (made.get_spec(), load_spec(tmp_path / "made.mlmodel"))]
    assert both[0].get_spec() == both[1].get_spec()
    assert both[0].get_spec() != made.get_spec()


def test_networks_that_coremltools_converts_from_pytorch_learn() -> None:
    ct = pytest.importorskip("coremltools", reason="coremltools, whose converter this is about, is not installed")
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Sigmoid(), torch.nn.Linear(8, 3),
        torch.nn.Softmax(1),
    ).eval()  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(net, torch.zeros(1, 1, 8, 8))
        spec = ct.convert(
            traced, inputs=[ct.TensorType("x", shape=(1, 1, 8, 8))], convert_to="neuralnetwork", skip_model_load=True
        ).get_spec()
    names = [one.name for one in layers_of(spec) if one.WhichOneof("layer") in ("convolution", "innerProduct")]
    made = pyruntime.make_updatable(spec, names, epochs=1, seed=0)
    assert broken_rules(made.get_spec()) == []
    x = values(4, 1, 1, 8, 8, scale=1)
    for picture in x:
        wanted = net(torch.tensor(picture)).detach().numpy()
        (answer,) = made.predict({"x": picture}).values()
        np.testing.assert_allclose(answer, wanted, rtol=1e-4, atol=1e-6)
    target = next(f.name for f in made.model_description.training_inputs if f.name != "x")
    _, record = update(made.get_spec(), as_examples(**{"x": list(x), target: [[0], [1], [2], [0]]}))
    assert np.isfinite(record.epoch_losses).all()
