"""Activations and functions of one number against their formulas in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .network import both_mappings, check, layer, lead, model, numbers, refused, weights

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
    "negative function": (layer("unary", name="un2", type=-1), (3, 4, 4), ("un2", "type", "-1")),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "shape", "words"), BAD.values(), ids=BAD)
def test_bad_activations_are_refused(bad: Any, shape: tuple[int, ...], words: tuple[str, ...]) -> None:
    refused(model({"x": shape}, [bad], exact=True), *words)
