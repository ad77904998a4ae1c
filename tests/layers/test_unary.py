"""Activations and functions of one number against their formulas in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from .network import both_mappings, check, layer, lead, model, numbers, predict, refused, weights

Formula = Any
FORMULAS: dict[str, tuple[dict[str, Any], Formula]] = {
    "linear": ({"alpha": 1.5, "beta": -0.25}, lambda x: 1.5 * x - 0.25),
    "linear of nothing": ({}, lambda x: 0 * x),
    "ReLU": ({}, lambda x: np.maximum(x, 0)),
    "leakyReLU": ({"alpha": 0.125}, lambda x: np.where(x < 0, 0.125 * x, x)),
    "leakyReLU steep": ({"alpha": 3.0}, lambda x: np.where(x < 0, 3 * x, x)),
    "thresholdedReLU": ({"alpha": 0.75}, lambda x: np.where(x >= 0.75, x, 0)),
    "tanh": ({}, np.tanh),
    "scaledTanh": ({"alpha": 1.5, "beta": 0.5}, lambda x: 1.5 * np.tanh(0.5 * x)),
    "sigmoid": ({}, lambda x: 1 / (1 + np.exp(-x))),
    "sigmoidHard": ({"alpha": 0.25, "beta": 0.5}, lambda x: np.clip(0.25 * x + 0.5, 0, 1)),
    "ELU": ({"alpha": 0.5}, lambda x: np.where(x < 0, 0.5 * np.expm1(x), x)),
    "softsign": ({}, lambda x: x / (1 + np.abs(x))),
    "softplus": ({}, lambda x: np.logaddexp(x, 0)),
}


@both_mappings
@pytest.mark.parametrize("case", FORMULAS)
def test_activations_follow_their_formulas(case: str, exact: bool) -> None:
    fields, formula = FORMULAS[case]
    x = 3 * numbers(*lead(exact), 3, 5, 7)
    spec = model({"x": x.shape}, [layer("activation", **{case.split()[0]: fields})], exact=exact)
    check(spec, {"x": x}, formula(x.astype(np.float64)))


@pytest.mark.parametrize("shape", [(6,), (2, 3), (2, 3, 4), (1, 2, 3, 4, 5)], ids=str)
def test_activations_without_channels_take_any_rank(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    check(model({"x": shape}, [layer("activation", sigmoid={})], exact=True), {"x": x}, 1 / (1 + np.exp(-x)))


@both_mappings
@pytest.mark.parametrize("channels", [1, 3], ids=["one slope", "a slope per channel"])
def test_prelu_has_a_slope_per_channel_or_one(channels: int, exact: bool) -> None:
    x, alpha = numbers(*lead(exact), 3, 5, 7), numbers(channels, seed=1)
    spec = model({"x": x.shape}, [layer("activation", PReLU={"alpha": weights(alpha)})], exact=exact)
    check(spec, {"x": x}, np.where(x < 0, alpha[:, None, None] * x, x))


def test_prelu_with_quantized_slopes() -> None:
    """One byte per slope: the number of bytes does not tell whether it is one slope or one per channel."""
    x = numbers(3, 4, 4)
    spec = model({"x": x.shape}, [layer("activation", PReLU={})])
    params = spec.neuralNetwork.layers[0].activation.PReLU.alpha
    params.rawValue = bytes([1, 2, 4])
    params.quantization.numberOfBits = 8
    params.quantization.linearQuantization.scale.append(0.5)
    slopes = np.array([0.5, 1, 2])[:, None, None]
    check(spec, {"x": x}, np.where(x < 0, slopes * x, x))


@both_mappings
@pytest.mark.parametrize("channels", [1, 3], ids=["one number", "a number per channel"])
def test_parametric_softplus(channels: int, exact: bool) -> None:
    x, alpha, beta = numbers(*lead(exact), 3, 5, 7), numbers(channels, seed=1), numbers(channels, seed=2)
    soft = layer("activation", parametricSoftplus={"alpha": weights(alpha), "beta": weights(beta)})
    expected = alpha[:, None, None] * np.logaddexp(beta[:, None, None] * x, 0)
    check(model({"x": x.shape}, [soft], exact=exact), {"x": x}, expected)


SQRT, RSQRT, INVERSE, POWER, EXP, LOG, ABS, THRESHOLD = range(8)
UNARY: dict[str, tuple[int, dict[str, Any], Formula]] = {
    "sqrt": (SQRT, {}, np.sqrt),
    "rsqrt": (RSQRT, {}, lambda x: 1 / np.sqrt(x + 1e-6)),
    "rsqrt with epsilon": (RSQRT, {"epsilon": 0.5}, lambda x: 1 / np.sqrt(x + 0.5)),
    "inverse": (INVERSE, {}, lambda x: 1 / (x + 1e-6)),
    "inverse with epsilon": (INVERSE, {"epsilon": 0.5}, lambda x: 1 / (x + 0.5)),
    "power": (POWER, {"alpha": 1.75}, lambda x: x**1.75),
    "square": (POWER, {"alpha": 2.0}, lambda x: x**2),
    "power of nothing": (POWER, {}, np.ones_like),
    "exp": (EXP, {}, np.exp),
    "log": (LOG, {}, np.log),
    "log with epsilon": (LOG, {"epsilon": 0.5}, lambda x: np.log(x + 0.5)),
    "log with the builder's epsilon": (LOG, {"epsilon": 1e-45}, np.log),
    "abs": (ABS, {}, np.abs),
    "threshold": (THRESHOLD, {"alpha": 1.25}, lambda x: np.maximum(x, 1.25)),
}


@both_mappings
@pytest.mark.parametrize("case", UNARY)
def test_unary_functions_follow_their_formulas(case: str, exact: bool) -> None:
    kind, fields, formula = UNARY[case]
    x = np.abs(numbers(*lead(exact), 3, 5, 7)) + 0.125
    spec = model({"x": x.shape}, [layer("unary", type=kind, **fields)], exact=exact)
    check(spec, {"x": x}, formula(x.astype(np.float64)))


@pytest.mark.parametrize("case", UNARY)
def test_unary_functions_see_the_scaled_and_shifted_number(case: str) -> None:
    kind, fields, formula = UNARY[case]
    x = numbers(3, 5, 7)
    low = float(x.min())
    scale, shift = 0.5, float(np.float32(0.25 - 0.5 * low))
    spec = model({"x": x.shape}, [layer("unary", type=kind, scale=scale, shift=shift, **fields)])
    check(spec, {"x": x}, formula(scale * x.astype(np.float64) + shift))


GELU_EXACT, GELU_TANH, GELU_SIGMOID = range(3)
V4: dict[str, tuple[dict[str, Any], Formula]] = {
    "ceil": ({}, np.ceil),
    "floor": ({}, np.floor),
    "round": ({}, np.around),
    "sign": ({}, np.sign),
    "exp2": ({}, np.exp2),
    "sin": ({}, np.sin),
    "cos": ({}, np.cos),
    "tan": ({}, np.tan),
    "asin": ({}, np.arcsin),
    "acos": ({}, np.arccos),
    "atan": ({}, np.arctan),
    "sinh": ({}, np.sinh),
    "cosh": ({}, np.cosh),
    "tanh": ({}, np.tanh),
    "asinh": ({}, np.arcsinh),
    "acosh": ({}, lambda x: np.arccosh(x)),
    "atanh": ({}, np.arctanh),
    "erf": ({}, np.vectorize(math.erf)),
    "logicalNot": ({}, lambda x: x == 0),
    "clip": ({"minVal": -0.5, "maxVal": 1.25}, lambda x: np.clip(x, -0.5, 1.25)),
    "clip to nothing": ({}, lambda x: 0 * x),
    "clampedReLU": ({"alpha": 0.25, "beta": 1.5}, lambda x: np.minimum(1.5, np.where(x < 0, 0.25 * x, x))),
    "clampedReLU below 0": ({"alpha": 2.0, "beta": -0.5}, lambda x: np.minimum(-0.5, np.where(x < 0, 2 * x, x))),
    "gelu exact": ({"mode": GELU_EXACT}, lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / np.sqrt(2)))),
    "gelu tanh": ({"mode": GELU_TANH}, lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    "gelu sigmoid": ({"mode": GELU_SIGMOID}, lambda x: x / (1 + np.exp(-1.702 * x))),
}


@pytest.mark.parametrize("shape", [(41,), (2, 3), (2, 3, 4), (2, 3, 4, 5), (1, 2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("case", V4)
def test_functions_of_core_ml_3_take_any_rank(case: str, shape: tuple[int, ...]) -> None:
    fields, formula = V4[case]
    kind = case.split()[0]
    x = 3 * numbers(*shape)
    if kind in ("asin", "acos", "atanh"):
        x = np.tanh(x)
    elif kind == "acosh":
        x = 1 + np.abs(x)
    elif kind in ("round", "ceil", "floor", "sign", "logicalNot"):
        x = np.round(2 * x) / 2  # halves and zeros
    check(model({"x": shape}, [layer(kind, **fields)], exact=True), {"x": x}, formula(x.astype(np.float64)))


def test_functions_outside_their_range_give_what_numpy_gives() -> None:
    x = np.array([-2, -1, 0, 1, 2, 1e30, -1e30], np.float32)
    for kind in (
        "asin",
        "acos",
        "acosh",
        "atanh",
        "exp2",
        "sinh",
        "cosh",
        "erf",
        "sin",
        "cos",
        "gelu",
        "round",
        "sign",
    ):
        fields, formula = V4["gelu exact" if kind == "gelu" else kind]
        with np.errstate(all="ignore"):
            want = formula(x.astype(np.float64)).astype(np.float32)
        got = predict(model({"x": x.shape}, [layer(kind, **fields)], exact=True), {"x": x})["y"]
        np.testing.assert_allclose(got, want, rtol=1e-6, err_msg=kind)


def test_infinities_meet_comparisons_and_products() -> None:
    """NaN and infinity arise inside a network: log(0) and log(-1)."""
    x = np.array([-1, 0, 1], np.float32)  # log: NaN, -inf, 0
    log = layer("unary", type=LOG, outputs="log")
    for kind, fields, want in (
        ("logicalNot", {}, [0, 0, 1]),
        ("sign", {}, [np.nan, -1, 0]),
        ("clip", {"minVal": -2.0, "maxVal": 3.0}, [np.nan, -2, 0]),
        ("greaterEqual", {"alpha": -1e38}, [0, 0, 1]),
        ("notEqual", {"alpha": 0.0}, [1, 1, 0]),
        ("floor", {}, [np.nan, -np.inf, 0]),
        ("reduceMax", {}, [np.nan]),
        ("argMax", {"axis": 0, "removeDim": True}, [0]),
    ):
        spec = model({"x": (3,)}, [log, layer(kind, "log", **fields)], exact=True)
        np.testing.assert_array_equal(predict(spec, {"x": x})["y"], np.float32(want), err_msg=kind)


@pytest.mark.parametrize("shape", [(5,), (2, 5), (2, 3, 4, 5)], ids=str)
def test_one_slope_for_all_takes_any_rank(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    prelu = layer("activation", PReLU={"alpha": weights([0.25])})
    check(model({"x": shape}, [prelu], exact=True), {"x": x}, np.where(x < 0, 0.25 * x, x), oracle=len(shape) > 2)
    soft = layer("activation", parametricSoftplus={"alpha": weights([0.5]), "beta": weights([2.0])})
    check(model({"x": shape}, [soft], exact=True), {"x": x}, 0.5 * np.logaddexp(2 * x, 0), oracle=len(shape) > 2)


@pytest.mark.parametrize("one", ["alpha", "beta"])
def test_parametric_softplus_with_one_number_and_one_per_channel(one: str) -> None:
    x = numbers(2, 3, 4, 5)
    values = {"alpha": numbers(3, seed=1), "beta": numbers(3, seed=2)}
    values[one] = values[one][:1]
    soft = layer("activation", parametricSoftplus={name: weights(v) for name, v in values.items()})
    alpha, beta = (v[:, None, None] for v in values.values())
    check(model({"x": x.shape}, [soft], exact=True), {"x": x}, alpha * np.logaddexp(beta * x, 0))


BAD: dict[str, tuple[Any, tuple[int, ...], tuple[str, ...]]] = {
    "no activation": (layer("activation", name="act5"), (3, 4, 4), ("act5", "NonlinearityType", "None")),
    "slopes of other channels": (
        layer("activation", name="act5", PReLU={"alpha": weights(np.ones(4))}), (3, 4, 4), ("act5", "alpha", "3", "4")
    ),
    "no slopes": (layer("activation", name="act5", PReLU={}), (3, 4, 4), ("act5", "alpha", "none")),
    "no beta": (
        layer("activation", name="act5", parametricSoftplus={"alpha": weights(np.ones(3))}),
        (3, 4, 4), ("act5", "beta", "none"),
    ),
    "slopes for a vector": (
        layer("activation", name="act5", PReLU={"alpha": weights(np.ones(3))}), (3,), ("act5", "rank 3", "rank 1")
    ),
    "unknown function": (layer("unary", name="un2", type=8), (3, 4, 4), ("un2", "type", "8")),
    "clip without room": (
        layer("clip", name="c1", minVal=1.0, maxVal=0.5), (3, 4), ("c1", "minVal", "at most maxVal (0.5)", "1.0")
    ),
    "clip to no number": (layer("clip", name="c1", minVal=math.nan), (3, 4), ("c1", "minVal", "nan")),
    "unknown gelu": (layer("gelu", name="g1", mode=3), (3, 4), ("g1", "mode", "EXACT", "3")),
    "two inputs": (layer("ceil", "x x", name="up"), (3, 4), ("up", "input", "1", "2")),
    "negative function": (layer("unary", name="un2", type=-1), (3, 4, 4), ("un2", "type", "-1")),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "shape", "words"), BAD.values(), ids=BAD)
def test_bad_activations_are_refused(bad: Any, shape: tuple[int, ...], words: tuple[str, ...]) -> None:
    refused(model({"x": shape}, [bad], exact=True), *words)
