"""Normalising layers and softmax against their formulas in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .network import both_mappings, check, layer, lead, model, numbers, refused, weights

CHW, HW = (-3, -2, -1), (-2, -1)


def norm(**fields: Any) -> Any:
    return layer(
        "batchnorm", name="bn4", **{k: weights(v) if isinstance(v, np.ndarray) else v for k, v in fields.items()}
    )


def per_channel(*vectors: np.ndarray) -> list[np.ndarray]:
    return [v.astype(np.float64)[:, None, None] for v in vectors]


@both_mappings
@pytest.mark.parametrize("epsilon", [0.0, 0.25])
def test_batchnorm_with_stored_statistics(epsilon: float, exact: bool) -> None:
    x, gamma, beta, mean = numbers(*lead(exact), 3, 5, 7), *(numbers(3, seed=s) for s in (1, 2, 3))
    variance = np.abs(numbers(3, seed=4)) + 0.1
    spec = model(
        {"x": x.shape},
        [norm(channels=3, gamma=gamma, beta=beta, mean=mean, variance=variance, epsilon=epsilon)],
        exact=exact,
    )
    g, b, m, v = per_channel(gamma, beta, mean, variance)
    check(spec, {"x": x}, g * (x - m) / np.sqrt(v + (epsilon or 1e-5)) + b)


@both_mappings
@pytest.mark.parametrize("offset", [0, 1000])
def test_instance_normalisation(offset: float, exact: bool) -> None:
    """Also of numbers far from 0, where a one-pass variance would lose all digits."""
    x, gamma, beta = numbers(*lead(exact), 3, 5, 7) + np.float32(offset), numbers(3, seed=1), numbers(3, seed=2)
    fields = {"computeMeanVar": True, "instanceNormalization": True, "epsilon": 1e-3}
    spec = model({"x": x.shape}, [norm(channels=3, gamma=gamma, beta=beta, **fields)], exact=exact)
    g, b = per_channel(gamma, beta)
    wide = x.astype(np.float64)
    expected = g * (wide - wide.mean(HW, keepdims=True)) / np.sqrt(wide.var(HW, keepdims=True) + 1e-3) + b
    check(spec, {"x": x}, expected, tolerance=1e-5 if not offset else 1e-4)  # 1000 has 10 bits fewer for the rest


@both_mappings
@pytest.mark.parametrize("variance", [False, True], ids=["mean", "mean and variance"])
@pytest.mark.parametrize("across", [False, True], ids=["per channel", "across channels"])
@pytest.mark.parametrize("epsilon", [0.0, 0.25])
def test_mvn(variance: bool, across: bool, epsilon: float, exact: bool) -> None:
    x = numbers(*lead(exact), 3, 5, 7) + 2
    mvn = layer("mvn", normalizeVariance=variance, acrossChannels=across, epsilon=epsilon)
    axes = CHW if across else HW
    wide = x.astype(np.float64)
    expected = wide - wide.mean(axes, keepdims=True)
    if variance:
        expected = expected / np.sqrt(wide.var(axes, keepdims=True) + (epsilon or 1e-6))
    check(model({"x": x.shape}, [mvn], exact=exact), {"x": x}, expected)


@both_mappings
@pytest.mark.parametrize("epsilon", [0.0, 0.25])
def test_l2normalize(epsilon: float, exact: bool) -> None:
    x = numbers(*lead(exact), 3, 5, 7)
    expected = x / np.sqrt((x.astype(np.float64) ** 2).sum(CHW, keepdims=True) + (epsilon or 1e-6))
    check(model({"x": x.shape}, [layer("l2normalize", epsilon=epsilon)], exact=exact), {"x": x}, expected)


@both_mappings
@pytest.mark.parametrize("shape", [(10, 1, 1), (3, 5, 7), (1, 1, 1)], ids=str)
def test_softmax_over_channels(shape: tuple[int, ...], exact: bool) -> None:
    x = 4 * numbers(*lead(exact), *shape)
    powers = np.exp(x.astype(np.float64))
    spec = model({"x": x.shape}, [layer("softmax")], exact=exact)
    check(spec, {"x": x}, powers / powers.sum(-3, keepdims=True))


def test_softmax_of_huge_numbers_stays_finite() -> None:
    x = np.array([1e30, -1e30, 1e30], np.float32).reshape(3, 1, 1)
    check(model({"x": (3, 1, 1)}, [layer("softmax")]), {"x": x}, np.array([0.5, 0, 0.5]).reshape(3, 1, 1))


ONES = np.ones(3)
GOOD: dict[str, Any] = {"channels": 3, "gamma": ONES, "beta": ONES, "mean": ONES, "variance": ONES}
BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "other channels": (norm(**GOOD | {"channels": 4}), ("bn4", "channels", "3", "4")),
    "no channels": (norm(**GOOD | {"channels": 0}), ("bn4", "channels", "3", "0")),
    "short gamma": (norm(**GOOD | {"gamma": np.ones(2)}), ("bn4", "gamma", "3", "2")),
    "no beta": (norm(**GOOD | {"beta": np.ones(0)}), ("bn4", "beta", "none")),
    "no mean": (norm(channels=3, gamma=ONES, beta=ONES), ("bn4", "mean", "none")),
    "negative variance": (norm(**GOOD | {"variance": np.array([1, -1, 1])}), ("bn4", "variance", "-1.0")),
    "variance that is no number": (norm(**GOOD | {"variance": np.array([1, np.nan, 1])}), ("bn4", "variance", "nan")),
}


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
def test_bad_batchnorms_are_refused(bad: Any, words: tuple[str, ...]) -> None:
    refused(model({"x": (3, 4, 5)}, [bad]), *words)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5), (2, 3, 3, 4, 5)], ids=str)
def test_statistics_of_a_whole_batch(shape: tuple[int, ...]) -> None:
    x, gamma, beta = numbers(*shape) + 5, numbers(3, seed=1), numbers(3, seed=2)
    spec = model({"x": shape}, [norm(channels=3, gamma=gamma, beta=beta, computeMeanVar=True)], exact=True)
    g, b = per_channel(gamma, beta)
    wide = x.astype(np.float64)
    axes = (*range(len(shape) - 3), -2, -1)
    check(
        spec, {"x": x}, g * (wide - wide.mean(axes, keepdims=True)) / np.sqrt(wide.var(axes, keepdims=True) + 1e-5) + b
    )


@both_mappings
@pytest.mark.parametrize("size", [1, 2, 3, 5, 40])
@pytest.mark.parametrize(("alpha", "beta", "k"), [(1e-2, 0.75, 0.0), (2.0, 0.5, 2.0), (1.0, 3.0, 2.0), (0.5, 0.3, 1.5)])
def test_lrn(size: int, alpha: float, beta: float, k: float, exact: bool) -> None:
    """Absent channels count as 0, alpha is divided by the nominal size, an even window reaches further back."""
    x = 3 * numbers(*lead(exact), 7, 3, 4)
    squares = np.moveaxis(x.astype(np.float64) ** 2, -3, -1)
    near = np.array([[-((size - 1) // 2) <= i - j <= size // 2 for j in range(7)] for i in range(7)])
    sums = np.moveaxis(squares @ near.T, -1, -3)
    lrn = layer("lrn", localSize=size, alpha=alpha, beta=beta, k=k)
    check(model({"x": x.shape}, [lrn], exact=exact), {"x": x}, x / ((k or 1) + alpha / size * sums) ** beta)


@pytest.mark.parametrize(
    ("shape", "count"),
    [((6,), 1), ((2, 6), 1), ((2, 6), 2), ((3, 4, 5), 2), ((2, 3, 4, 5), 1), ((2, 1, 3, 4, 5), 3)],
    ids=str,
)
@pytest.mark.parametrize("eps", [0.0, 1e-5, 0.5])
def test_layer_normalization(shape: tuple[int, ...], count: int, eps: float) -> None:
    last = shape[-count:]
    x, gamma, beta = 2 * numbers(*shape) + 3, numbers(*last, seed=1), numbers(*last, seed=2)
    fields = {"normalizedShape": last, "eps": eps, "gamma": weights(gamma), "beta": weights(beta)}
    wide, axes = x.astype(np.float64), tuple(range(-count, 0))
    expected = gamma * (wide - wide.mean(axes, keepdims=True)) / np.sqrt(wide.var(axes, keepdims=True) + eps) + beta
    check(model({"x": shape}, [layer("layerNormalization", **fields)], exact=True), {"x": x}, expected)


SHAPE = {"gamma": weights(np.ones(20)), "beta": weights(np.ones(20))}
BAD_ND: dict[str, tuple[Any, tuple[str, ...]]] = {
    "no normalised axes": (layer("layerNormalization", name="ln1", **SHAPE), ("ln1", "normalizedShape", "[]")),
    "other sizes": (
        layer("layerNormalization", name="ln1", normalizedShape=(5, 4), **SHAPE),
        ("ln1", "normalizedShape", "[3, 4, 5]"),
    ),
    "more axes than there are": (
        layer("layerNormalization", name="ln1", normalizedShape=(1, 3, 4, 5), **SHAPE), ("ln1", "normalizedShape")
    ),
    "short gamma": (
        layer("layerNormalization", name="ln1", normalizedShape=(4, 5), gamma=weights(np.ones(4)), beta=SHAPE["beta"]),
        ("ln1", "gamma", "20", "4"),
    ),
    "no beta": (
        layer("layerNormalization", name="ln1", normalizedShape=(4, 5), gamma=SHAPE["gamma"]), ("ln1", "beta", "none")
    ),
    "no window": (layer("lrn", name="lrn1"), ("lrn1", "localSize", "0")),
    "axis too large": (layer("softmaxND", name="s1", axis=3), ("s1", "axis", "3")),
    "axis too small": (layer("softmaxND", name="s1", axis=-4), ("s1", "axis", "-4")),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "words"), BAD_ND.values(), ids=BAD_ND)
def test_bad_layers_over_axes_are_refused(bad: Any, words: tuple[str, ...]) -> None:
    refused(model({"x": (3, 4, 5)}, [bad], exact=True), *words)


@pytest.mark.parametrize("size", [2**31, 2**63])
def test_a_window_larger_than_any_array(size: int) -> None:
    x = numbers(3, 2, 2)
    spec = model({"x": x.shape}, [layer("lrn", localSize=size, alpha=1.0, beta=0.75)])
    check(spec, {"x": x}, x / (1 + (x**2).sum(0) / size) ** 0.75, oracle=False)


@pytest.mark.parametrize("shape", [(6,), (2, 6), (2, 3, 4), (2, 3, 4, 5), (2, 1, 3, 4, 5)], ids=str)
def test_softmax_nd_along_every_axis(shape: tuple[int, ...]) -> None:
    x = 3 * numbers(*shape)
    powers = np.exp(x.astype(np.float64))
    for axis in range(-len(shape), len(shape)):
        spec = model({"x": shape}, [layer("softmaxND", axis=axis)], exact=True)
        check(spec, {"x": x}, powers / powers.sum(axis, keepdims=True))


def test_softmax_nd_of_huge_numbers() -> None:
    x = np.array([[1e8, 1e8 + 8, -1e8], [-1e8, -1e8, -1e8]], np.float32)
    below = x.astype(np.float64) - x.max(1, keepdims=True)
    check(
        model({"x": x.shape}, [layer("softmaxND", axis=1)], exact=True),
        {"x": x},
        np.exp(below) / np.exp(below).sum(1, keepdims=True),
    )


@pytest.mark.parametrize("kind", ["mvn", "l2normalize", "softmax", "batchnorm", "lrn"])
def test_vectors_are_refused(kind: str) -> None:
    bad = layer(kind, name="n1")
    refused(model({"x": (5,)}, [bad], exact=True), "n1", kind, "rank 3", "rank 1")
