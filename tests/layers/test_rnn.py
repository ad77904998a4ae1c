"""The LSTM layer against its equations step by step, and torch.nn.LSTM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .dynamic import constant
from .network import array, check, layer, model, numbers, predict, refused, weights

GATES = ("inputGate", "forgetGate", "blockInput", "outputGate")
PEEPHOLES = ("inputGate", "forgetGate", "outputGate")
FUNCTIONS: dict[str, Any] = {
    "linear": lambda v: v,
    "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
    "tanh": np.tanh,
    "ReLU": lambda v: np.maximum(v, 0),
    "scaledTanh": np.tanh,
    "sigmoidHard": lambda v: np.clip(0.2 * v + 0.5, 0, 1),
}
INPUTS, HIDDEN = 3, 4
STANDARD = ("sigmoid", "tanh", "tanh")


def parts(seed: int = 0) -> dict[str, np.ndarray]:
    """w (4, HIDDEN, INPUTS), r (4, HIDDEN, HIDDEN), b (4, HIDDEN), p (3, HIDDEN)."""
    shapes = {"w": (4, HIDDEN, INPUTS), "r": (4, HIDDEN, HIDDEN), "b": (4, HIDDEN), "p": (3, HIDDEN)}
    return {name: numbers(*shape, seed=seed + i) for i, (name, shape) in enumerate(shapes.items())}


def steps(x: np.ndarray, h: Any, c: Any, q: Any, functions: Any, coupled: bool, forget: float, clip: float) -> Any:
    """The equations of UniDirectionalLSTMLayerParams, one step after the other; x (S, B, INPUTS)."""
    f, g, last = (FUNCTIONS[name] for name in functions)
    h, c, ys = np.asarray(h, np.float64), np.asarray(c, np.float64), []
    for x_t in x.astype(np.float64):
        z = [np.clip(x_t @ q["w"][k].T + h @ q["r"][k].T + q["b"][k], -1e9, 1e9) for k in range(4)]
        i = f(z[0] + q["p"][0] * c)
        keep = 1 - i if coupled else f(z[1] + q["p"][1] * c + forget)
        c = np.clip(c * keep + i * g(z[2]), -clip, clip)
        h = f(z[3] + q["p"][2] * c) * last(c)
        ys.append(h)
    return np.stack(ys), h, c


def lstm(q: dict[str, np.ndarray], inputs: str = "x", *, sequence: bool = True, reverse: bool = False,
         functions: Any = STANDARD, **params: Any) -> Any:  # fmt: skip
    matrices = {}
    for k, gate in enumerate(GATES):
        matrices |= {f"{gate}WeightMatrix": weights(q["w"][k]), f"{gate}RecursionMatrix": weights(q["r"][k])}
        matrices[f"{gate}BiasVector"] = weights(q["b"][k])
    matrices |= {f"{gate}PeepholeVector": weights(q["p"][k]) for k, gate in enumerate(PEEPHOLES)}
    return layer(
        "uniDirectionalLSTM", inputs, "y h_out c_out", name="lstm1", inputVectorSize=INPUTS, outputVectorSize=HIDDEN,
        activations=[{name: {}} for name in functions], params={"sequenceOutput": sequence, **params},
        weightParams=matrices, reverseInput=reverse,
    )  # fmt: skip


def five(v: np.ndarray) -> np.ndarray:
    return (v if v.ndim == 3 else v[None])[..., None, None]


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "biases": {"hasBiasVectors": True},
    "forget bias": {"hasBiasVectors": True, "forgetBias": True},
    "forget bias alone": {"forgetBias": True},
    "peepholes": {"hasBiasVectors": True, "hasPeepholeVectors": True},
    "coupled": {"hasBiasVectors": True, "coupledInputAndForgetGate": True},
    "coupled with peepholes": {"hasPeepholeVectors": True, "coupledInputAndForgetGate": True},
    "clipped cell": {"hasBiasVectors": True, "cellClipThreshold": 0.25},
}
OUTPUTS = ["y", "h_out", "c_out"]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("shape", ["sequence", "last", "reversed"])
@pytest.mark.parametrize("option", OPTIONS)
def test_an_lstm_follows_its_equations(option: str, shape: str, batch: int) -> None:
    params = OPTIONS[option]
    q = parts()
    layer_ = lstm(q, sequence=shape != "last", reverse=shape == "reversed", **params)
    if not params.get("hasBiasVectors"):
        q["b"] = 0 * q["b"]
    if not params.get("hasPeepholeVectors"):
        q["p"] = 0 * q["p"]
    x = numbers(6, batch, INPUTS, seed=9)
    zero = np.zeros((batch, HIDDEN))
    ys, h, c = steps(
        x[::-1] if shape == "reversed" else x, zero, zero, q, STANDARD,
        params.get("coupledInputAndForgetGate", False), float(params.get("forgetBias", False)),
        params.get("cellClipThreshold", 50.0),
    )  # fmt: skip
    spec = model({"x": (6, batch, INPUTS, 1, 1)}, [layer_], OUTPUTS, exact=True)
    expected = {"y": five(ys[-1:] if shape == "last" else ys), "h_out": five(h), "c_out": five(c)}
    check(spec, {"x": five(x)}, expected)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_gate_function_in_every_place(function: str) -> None:
    q, x = parts(), numbers(4, 2, INPUTS, seed=9)
    q["p"] = 0 * q["p"]
    for place in range(3):
        functions = [*STANDARD]
        functions[place] = function
        zero = np.zeros((2, HIDDEN))
        ys, h, c = steps(x, zero, zero, q, functions, False, 0.0, 50.0)
        spec = model(
            {"x": (4, 2, INPUTS, 1, 1)}, [lstm(q, functions=functions, hasBiasVectors=True)], OUTPUTS, exact=True
        )
        check(spec, {"x": five(x)}, {"y": five(ys), "h_out": five(h), "c_out": five(c)})


@pytest.mark.parametrize("given", ["", "h", "h c"], ids=["no states", "hidden state", "both states"])
def test_states_that_are_no_inputs_start_at_0(given: str) -> None:
    q, x = parts(), numbers(4, 2, INPUTS, seed=9)
    q["p"], q["b"] = 0 * q["p"], 0 * q["b"]
    states = {"h": numbers(2, HIDDEN, seed=11), "c": numbers(2, HIDDEN, seed=12)}
    start = [states[n] if n in given.split() else np.zeros((2, HIDDEN)) for n in ("h", "c")]
    ys, h, c = steps(x, *start, q, STANDARD, False, 0.0, 50.0)
    features = {"x": five(x)} | {n: five(states[n]) for n in given.split()}
    spec = model({n: v.shape for n, v in features.items()}, [lstm(q, f"x {given}")], OUTPUTS, exact=True)
    check(spec, features, {"y": five(ys), "h_out": five(h), "c_out": five(c)})


@pytest.mark.parametrize("batch", [1, 3])
def test_optional_states_left_out_stand_for_their_default(batch: int) -> None:
    q = parts()
    q["p"], q["b"] = 0 * q["p"], 0 * q["b"]
    x = numbers(4, batch, INPUTS, seed=9)
    described = [
        array("x", (INPUTS,)),
        array("h", (HIDDEN,), optional=True),
        array("c", (HIDDEN,), optional=True, default=0.5),
    ]
    outputs = [array("y"), array("h_out"), array("c_out")]
    spec = model(described, [lstm(q, "x h c")], outputs)
    ys, _, _ = steps(x, np.zeros((batch, HIDDEN)), np.full((batch, HIDDEN), 0.5), q, STANDARD, False, 0.0, 50.0)
    check(spec, {"x": five(x)}, {"y": five(ys)})


def test_states_carried_from_call_to_call_are_one_long_sequence() -> None:
    q, x = parts(), numbers(6, 1, INPUTS, seed=9)
    described = [array("x", (INPUTS,)), array("h", (HIDDEN,), optional=True), array("c", (HIDDEN,), optional=True)]
    spec = model(described, [lstm(q, "x h c")], [array("y"), array("h_out", (HIDDEN,)), array("c_out", (HIDDEN,))])
    whole = predict(spec, {"x": five(x)})
    first = predict(spec, {"x": five(x[:2])})
    second = predict(spec, {"x": five(x[2:]), "h": first["h_out"], "c": first["c_out"]})
    np.testing.assert_array_equal(second["y"], whole["y"][2:])
    assert second["h_out"].shape == (HIDDEN,)


def test_as_pytorchs_lstm() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle of this case, is not installed")
    q, x = parts(), numbers(7, 2, INPUTS, seed=9)
    theirs = torch.nn.LSTM(INPUTS, HIDDEN)
    order = [0, 1, 2, 3]  # input, forget, cell, output: the file's order too
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(torch.from_numpy(q["w"][order].reshape(-1, INPUTS)))
        theirs.weight_hh_l0.copy_(torch.from_numpy(q["r"][order].reshape(-1, HIDDEN)))
        theirs.bias_ih_l0.copy_(torch.from_numpy(q["b"][order].ravel()))
        theirs.bias_hh_l0.zero_()
        ys, (h, c) = theirs(torch.from_numpy(x))
    spec = model({"x": (7, 2, INPUTS, 1, 1)}, [lstm(q, hasBiasVectors=True)], OUTPUTS, exact=True)
    got = predict(spec, {"x": five(x)})
    for name, wanted in zip(OUTPUTS, (ys, h, c), strict=True):
        np.testing.assert_allclose(got[name][..., 0, 0], wanted.numpy(), atol=2e-6)


def changed(**change: Any) -> Any:
    message = lstm(parts(), hasBiasVectors=True, hasPeepholeVectors=True)
    params = message.uniDirectionalLSTM
    for path, value in change.items():
        owner = params.weightParams if hasattr(params.weightParams, path) else params
        if hasattr(getattr(owner, path), "CopyFrom"):
            getattr(owner, path).CopyFrom(value)
        else:
            setattr(owner, path, value)
    return message


SHORT = weights([1.0])
BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "short input matrix": (changed(inputGateWeightMatrix=SHORT), ("lstm1", "inputGateWeightMatrix", "12", "1")),
    "short recursion": (changed(outputGateRecursionMatrix=SHORT), ("lstm1", "outputGateRecursionMatrix", "16", "1")),
    "short bias": (changed(forgetGateBiasVector=SHORT), ("lstm1", "forgetGateBiasVector", "4", "1")),
    "no peephole": (changed(inputGatePeepholeVector=weights(())), ("lstm1", "inputGatePeepholeVector", "none")),
    "no inputs": (changed(inputVectorSize=0), ("lstm1", "inputVectorSize", "0")),
    "huge output": (changed(outputVectorSize=2**62), ("lstm1", "inputGateWeightMatrix")),
    "other inputs": (changed(inputVectorSize=5), ("lstm1", "5")),
    "two functions": (lstm(parts(), functions=("sigmoid", "tanh")), ("lstm1", "activations", "sigmoid")),
    "function it lacks": (lstm(parts(), functions=("sigmoid", "tanh", "softplus")), ("lstm1", "softplus")),
    "four inputs": (lstm(parts(), "x x x x"), ("lstm1", "1 to 3", "4")),
}


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
def test_bad_lstms_are_refused(bad: Any, words: tuple[str, ...]) -> None:
    refused(model({"x": (4, 1, INPUTS, 1, 1)}, [bad], OUTPUTS, exact=True), *words)


def test_other_ranks_are_refused() -> None:
    refused(model({"x": (4, INPUTS)}, [lstm(parts())], OUTPUTS, exact=True), "lstm1", "rank 5", "rank 2")


def test_states_of_another_batch_are_refused() -> None:
    spec = model({"x": (4, 3, INPUTS, 1, 1), "h": (1, 2, HIDDEN, 1, 1)}, [lstm(parts(), "x h")], OUTPUTS, exact=True)
    refused(spec, "lstm1", "state h", "2", "3")


def test_constant_zero_states_serve_any_batch() -> None:
    """Zeros that were written for the batch of an example."""
    q, x = parts(), numbers(4, 3, INPUTS, seed=9)
    q["p"], q["b"] = 0 * q["p"], 0 * q["b"]
    zeros = constant("zeros", np.zeros((1, 10, HIDDEN, 1, 1)))
    spec = model({"x": (4, 3, INPUTS, 1, 1)}, [zeros, lstm(q, "x zeros zeros")], OUTPUTS, exact=True)
    ys, h, c = steps(x, *[np.zeros((3, HIDDEN))] * 2, q, STANDARD, False, 0.0, 50.0)
    check(spec, {"x": five(x)}, {"y": five(ys), "h_out": five(h), "c_out": five(c)}, oracle=False)
