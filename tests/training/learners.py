"""Updatable networks of layers that learn beyond Core ML, each with its function in PyTorch, double precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from pyruntime.spec import messages
from pyruntime.spec.paths import weight_paths

from ..layers.network import array, layer
from .networks import as_examples, dense, updatable, update, values

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these cases, is not installed")
F = torch.nn.functional
COUNT, SIZE, EPOCHS = 9, 4, 5
"""Mini-batches of 4, 4 and 1."""


class Parameters:
    """The weights of a network as tensors: p("layer:path", *shape)."""

    def __init__(self, network: Any) -> None:
        self.all: dict[str, Any] = {}
        self.learning: dict[str, Any] = {}
        for message in network.layers:
            for path, weight in weight_paths(getattr(message, message.WhichOneof("layer"))):
                tensor = torch.tensor(list(weight.floatValue), dtype=torch.float64)
                name = f"{message.name}:{path}"
                self.all[name] = tensor
                if message.isUpdatable and weight.isUpdatable:
                    self.learning[name] = tensor.requires_grad_()

    def __call__(self, name: str, *shape: int) -> Any:
        return self.all[name].reshape(shape)


Function = Callable[[Parameters, Any], Any]


class Network(NamedTuple):
    """layers; of one example: shapes of x and of the result y.  function(p, x): y of a mini-batch, examples first."""

    layers: Sequence[Any]
    shape: tuple[int, ...]
    result: tuple[int, ...]
    function: Function
    exact: bool = True
    whole: int = 0
    """x is whole numbers below this, when not 0."""
    rate: float = 0.05
    flat: Sequence[str] = ()
    """Weights on which the loss does not depend but for rounding, of which Adam makes steps."""


def w(*shape: int, seed: int, scale: float = 0.4) -> Any:
    return messages.WeightParams(floatValue=values(*shape, seed=seed, scale=scale).ravel())


def learns(message: Any, *paths: str) -> Any:
    """The layer, marked as one that learns with the weights named, or with all it has."""
    message.isUpdatable = True
    params = getattr(message, message.WhichOneof("layer"))
    for path, weight in weight_paths(params):
        weight.isUpdatable = not paths or path in paths
    return message


def follow(network: Network, *, adam: bool = False, threads: int = 1) -> None:
    """Training gives PyTorch's losses, and its weights at the end."""
    target = array("y_true", network.result)
    spec = updatable(
        {"x": network.shape}, network.layers, exact=network.exact, target=target, size=SIZE, epochs=EPOCHS, adam=adam,
        rate=0.01 if adam else network.rate,
    )  # fmt: skip
    x = values(COUNT, *network.shape, seed=3, scale=1.0)
    if network.whole:
        x = np.random.default_rng(3).integers(0, network.whole, (COUNT, *network.shape)).astype(np.float32)
    y = values(COUNT, *network.result, seed=4)
    task, record = update(spec, as_examples(x=x, y_true=y), threads=threads)
    losses, p = _train(network, spec.neuralNetwork, x, y, adam)
    assert len(losses) >= 10 and losses[-1] != losses[0]
    np.testing.assert_allclose(record.batch_losses, losses, rtol=1e-4)
    assert p.learning
    for name, tensor in p.learning.items():
        if adam and name in network.flat:
            continue
        found, theirs = task.context.model.parameter_value(name), tensor.detach().numpy()
        assert np.abs(found.reshape(-1) - theirs).max() <= 1e-4 * max(1.0, np.abs(theirs).max()), name


def _train(network: Network, message: Any, x: np.ndarray, y: np.ndarray, adam: bool) -> tuple[list[float], Parameters]:
    p = Parameters(message)
    learning = list(p.learning.values())
    optimizer: Any = torch.optim.SGD(learning, network.rate)
    if adam:
        optimizer = torch.optim.Adam(learning, 0.01, (0.9, 0.99), 1e-6)
    losses = []
    for _ in range(EPOCHS):
        for start in range(0, COUNT, SIZE):
            optimizer.zero_grad()
            batch = slice(start, start + SIZE)
            made = network.function(p, torch.tensor(x[batch], dtype=torch.float64))
            loss = ((made.flatten(1) - torch.tensor(y[batch], dtype=torch.float64).flatten(1)) ** 2).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses, p


# recurrent layers: x (S, 1, 5, 1, 1) of one example

GATES = ("inputGate", "forgetGate", "blockInput", "outputGate")
PEEPHOLES = ("inputGate", "forgetGate", "outputGate")
GRU = ("updateGate", "resetGate", "outputGate")
INNER, UNITS, STEPS = 5, 6, 4


def _matrices(gates: Sequence[str], seed: int, bias: bool = True) -> dict[str, Any]:
    found = {}
    for i, gate in enumerate(gates):
        found[f"{gate}WeightMatrix"] = w(UNITS, INNER, seed=seed + i)
        found[f"{gate}RecursionMatrix"] = w(UNITS, UNITS, seed=seed + 10 + i)
        if bias:
            found[f"{gate}BiasVector"] = w(UNITS, seed=seed + 20 + i)
    return found


def _lstm_weights(seed: int, peepholes: bool) -> dict[str, Any]:
    found = _matrices(GATES, seed)
    if peepholes:
        found |= {f"{gate}PeepholeVector": w(UNITS, seed=seed + 30 + i) for i, gate in enumerate(PEEPHOLES)}
    return found


def lstm_steps(
    p: Parameters, place: str, x: Any, *, reverse: bool, peepholes: bool, coupled: bool, forget: float
) -> Any:
    """x (B, S, I) -> (B, S, H), in processing order."""

    def sums(gate: str, step: Any, h: Any) -> Any:
        weight, recursion = (
            p(f"{place}.{gate}WeightMatrix", UNITS, INNER),
            p(f"{place}.{gate}RecursionMatrix", UNITS, UNITS),
        )
        return step @ weight.T + h @ recursion.T + p(f"{place}.{gate}BiasVector", UNITS)

    def peep(gate: str, cell: Any) -> Any:
        return p(f"{place}.{gate}PeepholeVector", UNITS) * cell if peepholes else 0

    h = c = torch.zeros(len(x), UNITS, dtype=torch.float64)
    found = []
    for step in (x.flip(1) if reverse else x).unbind(1):
        i = torch.sigmoid(sums("inputGate", step, h) + peep("inputGate", c))
        f = 1 - i if coupled else torch.sigmoid(sums("forgetGate", step, h) + peep("forgetGate", c) + forget)
        c = c * f + i * torch.tanh(sums("blockInput", step, h))
        h = torch.sigmoid(sums("outputGate", step, h) + peep("outputGate", c)) * torch.tanh(c)
        found.append(h)
    return torch.stack(found, 1)


def _activations(*kinds: str) -> list[Any]:
    return [{kind: {}} for kind in kinds]


def lstm(
    *,
    exact: bool = True,
    peepholes: bool = False,
    coupled: bool = False,
    reverse: bool = False,
    only: Sequence[str] = (),
) -> Network:
    usual = {"sequenceOutput": True, "hasBiasVectors": True, "forgetBias": not coupled}
    usual |= {"hasPeepholeVectors": peepholes, "coupledInputAndForgetGate": coupled}
    one = layer(
        "uniDirectionalLSTM", "x", "h hh cc", "lstm", inputVectorSize=INNER, outputVectorSize=UNITS, params=usual,
        activations=_activations("sigmoid", "tanh", "tanh"), weightParams=_lstm_weights(40, peepholes),
        reverseInput=reverse,
    )  # fmt: skip

    def function(p: Parameters, x: Any) -> Any:
        y = lstm_steps(
            p, "lstm:weightParams", x.reshape(len(x), STEPS, INNER), reverse=reverse, peepholes=peepholes,
            coupled=coupled, forget=1.0,
        )  # fmt: skip
        return F.linear(y, p("last:weights", 2, UNITS), p("last:bias", 2))

    last = dense("last", "h", "y", UNITS, 2)
    return Network(
        [learns(one, *only), last],
        (STEPS, 1, INNER, 1, 1),
        (STEPS, 1, 2, 1, 1),
        function,
        exact,
        rate=0.2,
    )


def bidirectional() -> Network:
    """Both directions learn, the layer before them too, so that the gradient goes through."""
    usual = {"sequenceOutput": True, "hasBiasVectors": True, "hasPeepholeVectors": True}
    both = layer(
        "biDirectionalLSTM", "d", "h a b c e", "both", inputVectorSize=INNER, outputVectorSize=UNITS, params=usual,
        activationsForwardLSTM=_activations("sigmoid", "tanh", "tanh"),
        activationsBackwardLSTM=_activations("sigmoid", "tanh", "tanh"),
        weightParams=[_lstm_weights(40, True), _lstm_weights(90, True)],
    )  # fmt: skip

    def function(p: Parameters, x: Any) -> Any:
        x = F.linear(x.reshape(len(x), STEPS, INNER), p("first:weights", INNER, INNER), p("first:bias", INNER))
        rest = {"peepholes": True, "coupled": False, "forget": 0.0}
        ahead = lstm_steps(p, "both:weightParams[0]", x, reverse=False, **rest)
        back = lstm_steps(p, "both:weightParams[1]", x, reverse=True, **rest).flip(1)
        return F.linear(torch.cat([ahead, back], 2), p("last:weights", 2, 2 * UNITS), p("last:bias", 2))

    layers = [dense("first", "x", "d", INNER, INNER), learns(both), dense("last", "h", "y", 2 * UNITS, 2)]
    return Network(layers, (STEPS, 1, INNER, 1, 1), (STEPS, 1, 2, 1, 1), function, rate=0.2)


def gru(*, exact: bool) -> Network:
    one = layer(
        "gru", "d", "h hh", "gru", inputVectorSize=INNER, outputVectorSize=UNITS, sequenceOutput=False,
        hasBiasVectors=True, activations=_activations("sigmoid", "tanh"), **_matrices(GRU, 40),
    )  # fmt: skip

    def function(p: Parameters, x: Any) -> Any:
        x = F.linear(x.reshape(len(x), STEPS, INNER), p("first:weights", INNER, INNER), p("first:bias", INNER))
        h = torch.zeros(len(x), UNITS, dtype=torch.float64)

        def sums(gate: str, step: Any, seen: Any) -> Any:
            weight, recursion = (
                p(f"gru:{gate}WeightMatrix", UNITS, INNER),
                p(f"gru:{gate}RecursionMatrix", UNITS, UNITS),
            )
            return step @ weight.T + seen @ recursion.T + p(f"gru:{gate}BiasVector", UNITS)

        for step in x.unbind(1):
            z, r = torch.sigmoid(sums("updateGate", step, h)), torch.sigmoid(sums("resetGate", step, h))
            h = (1 - z) * torch.tanh(sums("outputGate", step, r * h)) + z * h
        return F.linear(h, p("last:weights", 2, UNITS), p("last:bias", 2))

    layers = [dense("first", "x", "d", INNER, INNER), learns(one), dense("last", "h", "y", UNITS, 2)]
    return Network(layers, (STEPS, 1, INNER, 1, 1), (1, 1, 2, 1, 1), function, exact, rate=0.2)


def simple_recurrent() -> Network:
    one = layer(
        "simpleRecurrent", "x", "h hh", "rnn", inputVectorSize=INNER, outputVectorSize=UNITS, sequenceOutput=False,
        hasBiasVector=True, activation={"tanh": {}}, weightMatrix=w(UNITS, INNER, seed=1),
        recursionMatrix=w(UNITS, UNITS, seed=2), biasVector=w(UNITS, seed=3),
    )  # fmt: skip

    def function(p: Parameters, x: Any) -> Any:
        h = torch.zeros(len(x), UNITS, dtype=torch.float64)
        weight, recursion = p("rnn:weightMatrix", UNITS, INNER), p("rnn:recursionMatrix", UNITS, UNITS)
        for step in x.reshape(len(x), STEPS, INNER).unbind(1):
            h = torch.tanh(step @ weight.T + h @ recursion.T + p("rnn:biasVector", UNITS))
        return F.linear(h, p("last:weights", 2, UNITS), p("last:bias", 2))

    last = dense("last", "h", "y", UNITS, 2)
    return Network([learns(one), last], (STEPS, 1, INNER, 1, 1), (1, 1, 2, 1, 1), function, rate=0.2)
