"""Layers that learn beyond Core ML: 15 steps of small networks follow PyTorch's losses and weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import MLModel, MLUpdateTask
from pyruntime.errors import ParametersError, SpecError, UnsupportedError
from pyruntime.spec import messages

from ..layers.network import array, layer
from . import learner_networks as more
from . import learners as make
from .learners import EPOCHS, SIZE, Network, follow, learns, torch
from .networks import as_examples, updatable, update

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


def test_a_measurement_uses_the_statistics_that_were_collected() -> None:
    """Hold-out examples are scored as a prediction would be, one by one, and change nothing."""
    network = more.normalized(exact=True)
    spec, examples = network.spec(SIZE, 2), as_examples(x=network.x, y_true=network.y)
    task = MLUpdateTask(MLModel(spec), examples, validation_data=examples[:5])
    task.resume()
    assert task.wait() and task.error is None
    model = task.context.model
    shown = np.stack([np.ravel(model.predict({"x": row})["y"]) for row in network.x[:5]])
    loss = ((shown - network.y[:5].reshape(5, 2)) ** 2).mean()
    assert abs(task.context.metrics["validationLoss"] - loss) <= 1e-4 * loss
    alone, _ = update(network.spec(SIZE, 2), examples)
    for field in ("mean", "variance", "gamma"):
        found = model.parameter_value(f"norm:{field}")
        assert (found == alone.context.model.parameter_value(f"norm:{field}")).all()


def refused(layers: Sequence[Any], *words: str, error: type[Exception] = SpecError) -> None:
    spec = updatable({"x": (1, 3, 6, 6)}, layers, exact=True, target=array("y_true", (1, 3, 6, 6)))
    with pytest.raises(error) as caught:
        MLUpdateTask(MLModel(spec), [{"x": np.zeros((1, 3, 6, 6)), "y_true": np.zeros((1, 3, 6, 6))}])
    assert not [word for word in words if word not in str(caught.value)], caught.value


def test_marks_that_cannot_be_meant() -> None:
    norm = [more.normalized(exact=True).spec(1, 1).neuralNetwork.layers[1] for _ in range(3)]
    for one in norm:
        one.input[0], one.output[0] = "x", "y"
    refused([learns(norm[0], "nothing")], "'norm'", "none of its weights", "gamma, beta, mean, variance")
    refused([learns(norm[1], "gamma", "mean")], "'norm'", "mean and variance", "both")
    norm[2].batchnorm.gamma.Clear()
    norm[2].batchnorm.gamma.float16Value = b"0" * 6
    refused([learns(norm[2])], "'norm'", "gamma", "float16Value", "32-bit floats")
    refused([learns(layer("activation", "x", "y", "relu", ReLU={}))], "'relu'", "no weights that could learn")


def test_a_loop_between_loss_and_layer_that_learns_is_refused() -> None:
    scale = layer("scale", "x", "s", "scale", scale=make.w(1, seed=1), shapeScale=[1])
    body = {"layers": [layer("tanh", "s", "s2", "inner"), layer("copy", "s2", "s", "again")]}
    loop = messages.NeuralNetworkLayer(name="the loop", loop={"maxLoopIterations": 3, "bodyNetwork": body})
    refused(
        [learns(scale), loop, layer("copy", "s", "y", "out")],
        "the loop",
        "how often a loop runs",
        error=UnsupportedError,
    )


def test_saving_names_the_limit_of_core_ml_unless_the_model_says_that_it_goes_beyond(tmp_path: Path) -> None:
    network = more.embedding()
    spec = updatable({"x": (1,)}, network.layers, target=array("y_true", (2,)))
    examples = as_examples(x=np.zeros((3, 1)), y_true=np.zeros((3, 2)))
    learned = update(spec, examples)[0].context.model
    with pytest.raises(SpecError, match=r"'table' is updatable and of type embedding.*limit of Core ML.*core_ml_only"):
        learned.save(tmp_path / "m.mlmodel")
    spec.description.metadata.userDefined["pyruntime.training"] = "beyond Core ML"
    update(spec, examples)[0].context.model.save(tmp_path / "m.mlmodel")
    again = MLModel(tmp_path / "m.mlmodel")
    assert (again.parameter_value("table:weights") == learned.parameter_value("table:weights")).all()


def test_every_weight_is_read_by_the_name_of_its_field() -> None:
    spec = updatable({"x": (1, 5, 1)}, more.transformer().layers, exact=True, target=array("y_true", (1, 3)))
    model = MLModel(spec)
    assert model.parameter_value("first norm:gamma").shape == (8,)
    assert model.parameter_value("words:weights").shape == (8, 11) == model.parameter_value("words:weights").shape
    assert model.parameter_value("up:biases").shape == model.parameter_value("up:bias").shape == (12,)
    assert model.parameter_value("positions:data").shape == (1, 5, 8)
    spec = updatable(
        {"x": (4, 1, 5, 1, 1)}, make.bidirectional().layers, exact=True, target=array("y_true", (4, 1, 2, 1, 1))
    )
    model = MLModel(spec)
    for path, shape in {
        "inputGateWeightMatrix": (6, 5),
        "outputGateRecursionMatrix": (6, 6),
        "blockInputBiasVector": (6,),
    }.items():
        assert model.parameter_value(f"both:weightParams[1].{path}").shape == shape
    for wrong in ("both:weightParams[2].inputGateBiasVector", "both:weightParams[0].nothing", "both:nothing", "x[:y"):
        with pytest.raises(ParametersError):
            model.parameter_value(wrong)
