"""Layers that learn beyond Core ML: 15 steps of small networks follow PyTorch's losses and weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from . import learner_networks as more
from . import learners as make
from .learners import EPOCHS, SIZE, Network, follow, torch
from .networks import as_examples, update

NETWORKS: dict[str, Callable[[], Network]] = {
    "lstm": make.lstm,
    "lstm in a legacy network": lambda: make.lstm(exact=False),
    "lstm with everything": lambda: make.lstm(peepholes=True, reverse=True),
    "coupled lstm": lambda: make.lstm(coupled=True),
    "lstm of which some weights learn": lambda: make.lstm(
        only=("weightParams.inputGateWeightMatrix", "weightParams.outputGateBiasVector")
    ),
    "bidirectional lstm": make.bidirectional,
    "gru": lambda: make.gru(exact=True),
    "gru in a legacy network": lambda: make.gru(exact=False),
    "simple recurrent": make.simple_recurrent,
    "transformer": more.transformer,
    "embedding": more.embedding,
    "image": lambda: more.image(exact=True),
    "image in a legacy network": lambda: more.image(exact=False),
    "volume": more.volume,
    "enlarged": more.enlarged,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_losses_and_weights_follow_pytorch(name: str) -> None:
    follow(NETWORKS[name]())


@pytest.mark.parametrize("name", ["bidirectional lstm", "transformer"])
def test_with_adam(name: str) -> None:
    follow(NETWORKS[name](), adam=True)


@pytest.mark.parametrize("exact", [False, True])
def test_batch_normalization_that_collects_its_statistics(exact: bool) -> None:
    """As torch.nn.BatchNorm2d in training: statistics of the mini-batch, and running ones that follow them."""
    network = more.normalized(exact=exact)
    spec, x, y = network.spec(SIZE, EPOCHS), network.x, network.y
    task, record = update(spec, as_examples(x=x, y_true=y), threads=1)
    module = torch.nn.BatchNorm2d(3, eps=1e-3, dtype=torch.float64)
    p = make.Parameters(spec.neuralNetwork)
    with torch.no_grad():
        module.running_mean.copy_(p("norm:mean", 3))
        module.running_var.copy_(p("norm:variance", 3))
        module.weight.copy_(p("norm:gamma", 3))
        module.bias.copy_(p("norm:beta", 3))
    learning = [tensor for name, tensor in p.learning.items() if not name.startswith("norm:")]
    optimizer = torch.optim.SGD([*learning, *module.parameters()], 0.05)
    losses = []
    for _ in range(EPOCHS):
        for start in range(0, len(x), SIZE):
            optimizer.zero_grad()
            batch = slice(start, start + SIZE)
            made = network.function(p, torch.tensor(x[batch], dtype=torch.float64), module)
            loss = ((made - torch.tensor(y[batch], dtype=torch.float64).flatten(1)) ** 2).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    np.testing.assert_allclose(record.batch_losses, losses, rtol=1e-4)
    model = task.context.model
    state = {"gamma": module.weight, "beta": module.bias, "mean": module.running_mean, "variance": module.running_var}
    for field, theirs in state.items():
        np.testing.assert_allclose(model.parameter_value(f"norm:{field}"), theirs.detach(), rtol=1e-4, atol=1e-5)
    module.eval()
    shown = network.function(p, torch.tensor(x[:1], dtype=torch.float64), module).detach().numpy()
    np.testing.assert_allclose(np.ravel(model.predict({"x": x[0]})["y"]), shown.ravel(), rtol=1e-3, atol=1e-4)
