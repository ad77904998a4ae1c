"""Simple, gated and bidirectional recurrent layers against their equations step by step, and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .network import array, check, layer, model, numbers, predict, refused, weights
from .test_rnn import FUNCTIONS, GATES, PEEPHOLES, STANDARD, five, steps
from .test_rnn import parts as lstm_parts

INPUTS, HIDDEN = 3, 4
UNITS = ("update", "reset", "output")


def parts(gates: int, seed: int = 0) -> dict[str, np.ndarray]:
    shapes = {"w": (gates, HIDDEN, INPUTS), "r": (gates, HIDDEN, HIDDEN), "b": (gates, HIDDEN)}
    return {name: 0.7 * numbers(*shape, seed=seed + i) for i, (name, shape) in enumerate(shapes.items())}


def unit_steps(kind: str, x: np.ndarray, h: Any, q: Any, functions: Any) -> tuple[np.ndarray, np.ndarray]:
    """x (S, B, INPUTS), h (B, HIDDEN), in the order of x."""
    f, g = FUNCTIONS[functions[0]], FUNCTIONS[functions[-1]]
    h, ys = np.asarray(h, np.float64), []
    for x_t in x.astype(np.float64):

        def arg(k: int, seen: Any, x_t: Any = x_t) -> Any:
            return np.clip(x_t @ q["w"][k].T + seen @ q["r"][k].T + q["b"][k], -50, 50)

        if kind == "simpleRecurrent":
            h = f(arg(0, h))
        else:
            z, r = f(arg(0, h)), f(arg(1, h))
            h = (1 - z) * g(arg(2, r * h)) + z * h
        ys.append(h)
    return np.stack(ys), h


def unit(kind: str, q: Any, inputs: str = "x", outputs: str = "y h_out", *, functions: Any = None, bias: bool = True,
         sequence: bool = True, reverse: bool = False) -> Any:  # fmt: skip
    fields: dict[str, Any] = {"sequenceOutput": sequence, "reverseInput": reverse}
    if kind == "simpleRecurrent":
        (f,) = functions or ("tanh",)
        fields |= {"activation": {f: {}}, "weightMatrix": weights(q["w"]), "recursionMatrix": weights(q["r"])}
        fields |= {"hasBiasVector": bias, "biasVector": weights(q["b"])}
    else:
        fields |= {"activations": [{f: {}} for f in functions or STANDARD[:2]], "hasBiasVectors": bias}
        for k, gate in enumerate(UNITS):
            fields[f"{gate}GateWeightMatrix"] = weights(q["w"][k])
            fields[f"{gate}GateRecursionMatrix"] = weights(q["r"][k])
            fields[f"{gate}GateBiasVector"] = weights(q["b"][k])
    return layer(kind, inputs, outputs, name="unit1", inputVectorSize=INPUTS, outputVectorSize=HIDDEN, **fields)


KINDS = {"simpleRecurrent": (1, ("tanh",)), "gru": (3, STANDARD[:2])}
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("sequence", [True, False])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given", [False, True], ids=["from zero", "from a state"])
def test_a_unit_follows_its_equations(
    given: bool, bias: bool, reverse: bool, sequence: bool, batch: int, kind: str
) -> None:
    gates, functions = KINDS[kind]
    q, x = parts(gates), numbers(6, batch, INPUTS, seed=9)
    made = unit(kind, q, "x h" if given else "x", bias=bias, sequence=sequence, reverse=reverse)
    q["b"] = q["b"] * bias
    start = numbers(batch, HIDDEN, seed=4) * given
    ys, h = unit_steps(kind, x[::-1] if reverse else x, start, q, functions)
    features = {"x": five(x)} | ({"h": five(start)} if given else {})
    spec = model({n: v.shape for n, v in features.items()}, [made], ["y", "h_out"], exact=True)
    check(spec, features, {"y": five(ys if sequence else ys[-1:]), "h_out": five(h)})


@each_kind
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_in_every_place(function: str, kind: str) -> None:
    gates, standard = KINDS[kind]
    q, x = parts(gates), numbers(4, 2, INPUTS, seed=9)
    for place in range(len(standard)):
        functions = [*standard]
        functions[place] = function
        ys, h = unit_steps(kind, x, np.zeros((2, HIDDEN)), q, functions)
        spec = model({"x": five(x).shape}, [unit(kind, q, functions=functions)], ["y", "h_out"], exact=True)
        check(spec, {"x": five(x)}, {"y": five(ys), "h_out": five(h)})


@each_kind
def test_arguments_are_clipped_to_50(kind: str) -> None:
    gates, standard = KINDS[kind]
    q, x = parts(gates), 1000 * numbers(1, 2, INPUTS, seed=9)
    functions = ["linear"] * len(standard)
    ys, h = unit_steps(kind, x, np.zeros((2, HIDDEN)), q, functions)
    assert np.abs(ys).max() >= 50
    spec = model({"x": five(x).shape}, [unit(kind, q, functions=functions)], ["y", "h_out"], exact=True)
    check(spec, {"x": five(x)}, {"y": five(ys), "h_out": five(h)})


@each_kind
@pytest.mark.parametrize("batch", [1, 3])
def test_rank_5_networks_and_optional_states(batch: int, kind: str) -> None:
    gates, functions = KINDS[kind]
    q, x = parts(gates), numbers(5, batch, INPUTS, seed=9)
    described = [array("x", (INPUTS,)), array("h", (HIDDEN,), optional=True)]
    spec = model(described, [unit(kind, q, "x h")], [array("y"), array("h_out")])
    ys, h = unit_steps(kind, x, np.zeros((batch, HIDDEN)), q, functions)
    check(spec, {"x": five(x)}, {"y": five(ys)})
    start = numbers(batch, HIDDEN, seed=3)
    ys, h = unit_steps(kind, x, start, q, functions)
    got = check(spec, {"x": five(x), "h": five(start)}, {"y": five(ys)})
    np.testing.assert_allclose(got["h_out"].ravel(), h.ravel(), atol=1e-6)


@each_kind
def test_states_carried_from_call_to_call_are_one_long_sequence(kind: str) -> None:
    q, x = parts(KINDS[kind][0]), numbers(6, 1, INPUTS, seed=9)
    described = [array("x", (INPUTS,)), array("h", (HIDDEN,), optional=True)]
    spec = model(described, [unit(kind, q, "x h")], [array("y"), array("h_out", (HIDDEN,))])
    whole, first = predict(spec, {"x": five(x)}), predict(spec, {"x": five(x[:2])})
    second = predict(spec, {"x": five(x[2:]), "h": first["h_out"]})
    np.testing.assert_allclose(second["y"], whole["y"][2:], rtol=1e-6, atol=1e-6)


@each_kind
def test_half_and_quantized_matrices(kind: str) -> None:
    """One scale per unit for each matrix by itself."""
    gates, functions = KINDS[kind]
    q, x = parts(gates), numbers(5, 2, INPUTS, seed=9)
    made = unit(kind, q)
    p = getattr(made, kind)
    names = [("weightMatrix", "recursionMatrix")] if gates == 1 else [
        (f"{u}GateWeightMatrix", f"{u}GateRecursionMatrix") for u in UNITS
    ]  # fmt: skip
    r = np.random.default_rng(2)
    for k, (w_name, r_name) in enumerate(names):
        stored, scale = r.integers(0, 256, (HIDDEN, INPUTS)), r.random(HIDDEN).astype(np.float32) / 100
        w = getattr(p, w_name)
        w.Clear()
        w.rawValue = stored.astype(np.uint8).tobytes()
        w.quantization.numberOfBits = 8
        w.quantization.linearQuantization.scale.extend(scale)
        w.quantization.linearQuantization.bias.extend(-128 * scale)
        q["w"][k] = (stored - 128) * scale[:, None]
        w = getattr(p, r_name)
        w.Clear()
        w.float16Value = q["r"][k].astype(np.float16).tobytes()
        q["r"][k] = q["r"][k].astype(np.float16)
    ys, h = unit_steps(kind, x, np.zeros((2, HIDDEN)), q, functions)
    spec = model({"x": five(x).shape}, [made], ["y", "h_out"], exact=True)
    check(spec, {"x": five(x)}, {"y": five(ys), "h_out": five(h)})


# both directions

STATES = ("h", "c", "h_rev", "c_rev")
BOTH = ["y", *(f"{name}_out" for name in STATES)]


def direction(q: Any) -> dict[str, Any]:
    fields = {}
    for k, gate in enumerate(GATES):
        fields |= {f"{gate}WeightMatrix": weights(q["w"][k]), f"{gate}RecursionMatrix": weights(q["r"][k])}
        fields[f"{gate}BiasVector"] = weights(q["b"][k])
    return fields | {f"{gate}PeepholeVector": weights(q["p"][k]) for k, gate in enumerate(PEEPHOLES)}


def bidirectional(qs: Any, inputs: str = "x", *, sequence: bool = True, back: Any = STANDARD, **params: Any) -> Any:
    return layer(
        "biDirectionalLSTM", inputs, " ".join(BOTH), name="both1", inputVectorSize=INPUTS, outputVectorSize=HIDDEN,
        activationsForwardLSTM=[{f: {}} for f in STANDARD], activationsBackwardLSTM=[{f: {}} for f in back],
        params={"sequenceOutput": sequence, **params}, weightParams=[direction(q) for q in qs],
    )  # fmt: skip


def both_steps(x: Any, starts: Any, qs: Any, sequence: bool, coupled: bool, forget: float, clip: float) -> Any:
    h, c, h_rev, c_rev = starts
    ahead, h, c = steps(x, h, c, qs[0], STANDARD, coupled, forget, clip)
    back, h_rev, c_rev = steps(x[::-1], h_rev, c_rev, qs[1], STANDARD, coupled, forget, clip)
    y = np.concatenate([ahead, back[::-1]] if sequence else [ahead[-1:], back[-1:]], -1)
    return dict(zip(BOTH, map(five, (y, h, c, h_rev, c_rev)), strict=True))


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "everything": {"hasBiasVectors": True, "hasPeepholeVectors": True, "forgetBias": True, "cellClipThreshold": 0.4},
    "coupled": {"hasBiasVectors": True, "coupledInputAndForgetGate": True, "hasPeepholeVectors": True},
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("sequence", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("given", range(5))
def test_both_directions(given: int, batch: int, sequence: bool, option: str) -> None:
    params = OPTIONS[option]
    qs, x = [lstm_parts(), lstm_parts(20)], numbers(6, batch, INPUTS, seed=9)
    made = bidirectional(qs, " ".join(["x", *STATES[:given]]), sequence=sequence, **params)
    for q in qs:
        q["b"] = q["b"] * params.get("hasBiasVectors", False)
        q["p"] = q["p"] * params.get("hasPeepholeVectors", False)
    starts = [numbers(batch, HIDDEN, seed=30 + i) * (i < given) for i in range(4)]
    expected = both_steps(
        x, starts, qs, sequence, params.get("coupledInputAndForgetGate", False),
        float(params.get("forgetBias", False)), params.get("cellClipThreshold", 50.0),
    )  # fmt: skip
    features = {"x": five(x)} | dict(zip(STATES[:given], map(five, starts), strict=False))
    spec = model({n: v.shape for n, v in features.items()}, [made], BOTH, exact=True)
    check(spec, features, expected)


def test_both_directions_in_rank_5_with_optional_states() -> None:
    qs, x = [lstm_parts(), lstm_parts(20)], numbers(6, 1, INPUTS, seed=9)
    described = [array("x", (INPUTS,)), *(array(name, (HIDDEN,), optional=True) for name in STATES)]
    spec = model(described, [bidirectional(qs, " ".join(["x", *STATES]))], [array(name) for name in BOTH])
    for q in qs:
        q["b"], q["p"] = 0 * q["b"], 0 * q["p"]
    expected = both_steps(x, [np.zeros((1, HIDDEN))] * 4, qs, True, False, 0.0, 50.0)
    check(spec, {"x": five(x)}, {"y": expected["y"]})
    c_rev = numbers(1, HIDDEN, seed=3)
    expected = both_steps(x, [np.zeros((1, HIDDEN))] * 3 + [c_rev], qs, True, False, 0.0, 50.0)
    check(spec, {"x": five(x), "c_rev": five(c_rev)}, {"y": expected["y"]})


def test_both_directions_as_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle of this case, is not installed")
    qs, x = [lstm_parts(), lstm_parts(20)], numbers(7, 2, INPUTS, seed=9)
    theirs = torch.nn.LSTM(INPUTS, HIDDEN, bidirectional=True)
    with torch.no_grad():
        for q, suffix in zip(qs, ("l0", "l0_reverse"), strict=True):
            getattr(theirs, f"weight_ih_{suffix}").copy_(torch.from_numpy(q["w"].reshape(-1, INPUTS)))
            getattr(theirs, f"weight_hh_{suffix}").copy_(torch.from_numpy(q["r"].reshape(-1, HIDDEN)))
            getattr(theirs, f"bias_ih_{suffix}").copy_(torch.from_numpy(q["b"].ravel()))
            getattr(theirs, f"bias_hh_{suffix}").zero_()
        ys, (h, c) = theirs(torch.from_numpy(x))
    spec = model({"x": five(x).shape}, [bidirectional(qs, hasBiasVectors=True)], BOTH, exact=True)
    got = predict(spec, {"x": five(x)})
    for name, wanted in zip(BOTH, (ys, h[:1], c[:1], h[1:], c[1:]), strict=True):
        np.testing.assert_allclose(got[name][..., 0, 0], wanted.numpy(), atol=2e-6)


def test_no_backward_functions_means_the_forward_ones() -> None:
    qs, x = [lstm_parts(), lstm_parts(20)], numbers(4, 1, INPUTS, seed=9)
    specs = [model({"x": five(x).shape}, [bidirectional(qs, back=back)], BOTH, exact=True) for back in (STANDARD, ())]
    answers = [predict(spec, {"x": five(x)}) for spec in specs]
    np.testing.assert_array_equal(answers[0]["y"], answers[1]["y"])


def changed(made: Any, **change: Any) -> Any:
    params = getattr(made, made.WhichOneof("layer"))
    for name, value in change.items():
        if isinstance(value, int):
            setattr(params, name, value)
        else:
            getattr(params, name).CopyFrom(value)
    return made


TWO = [lstm_parts(), lstm_parts(20)]
SHORT = weights([1.0])
BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "short matrix": (changed(unit("simpleRecurrent", parts(1)), weightMatrix=SHORT), ("weightMatrix", "12", "1")),
    "short bias": (changed(unit("simpleRecurrent", parts(1)), biasVector=SHORT), ("biasVector", "4", "1")),
    "short gate": (changed(unit("gru", parts(3)), resetGateRecursionMatrix=SHORT), ("resetGateRecursionMatrix", "16")),
    "no inputs": (changed(unit("gru", parts(3)), inputVectorSize=0), ("inputVectorSize", "0")),
    "huge": (changed(unit("gru", parts(3)), outputVectorSize=2**62), ("updateGateWeightMatrix",)),
    "no function": (unit("simpleRecurrent", parts(1), functions=("softplus",)), ("activation", "softplus")),
    "three functions": (unit("gru", parts(3), functions=STANDARD), ("activations", "2 of")),
    "three inputs": (unit("gru", parts(3), "x x x"), ("1 to 2", "3")),
    "three outputs": (unit("gru", parts(3), outputs="a b y"), ("output", "2")),
    "one direction": (bidirectional(TWO[:1]), ("weightParams", "two", "1")),
    "two backward functions": (bidirectional(TWO, back=STANDARD[:2]), ("activationsBackwardLSTM", "3 of")),
    "six inputs": (bidirectional(TWO, "x x x x x x"), ("1 to 5", "6")),
    "a clip below 0": (bidirectional(TWO, cellClipThreshold=-1), ("cellClipThreshold", "-1")),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
def test_bad_layers_are_refused(bad: Any, words: tuple[str, ...]) -> None:
    refused(model({"x": (4, 1, INPUTS, 1, 1)}, [bad], ["y"], exact=True), bad.name, *words)


@each_kind
def test_other_ranks_and_sizes_are_refused(kind: str) -> None:
    made = unit(kind, parts(KINDS[kind][0]), "x h")
    refused(model({"x": (4, INPUTS), "h": (1,)}, [made], exact=True), "unit1", "rank 5", "rank 2")
    shapes = {"x": (4, 3, INPUTS, 1, 1), "h": (1, 2, HIDDEN, 1, 1)}
    refused(model(shapes, [made], exact=True), "unit1", "state h", "2", "3")
    shapes = {"x": (4, 3, INPUTS + 1, 1, 1), "h": (1, 3, HIDDEN, 1, 1)}
    refused(model(shapes, [made], exact=True), "unit1")
