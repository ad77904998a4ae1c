"""Normalising layers and softmax against their formulas in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import UnsupportedError

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


def test_statistics_of_a_batch_are_named_as_unsupported() -> None:
    bad = norm(channels=3, gamma=ONES, beta=ONES, computeMeanVar=True)
    refused(model({"x": (3, 4, 5)}, [bad]), "bn4", "computeMeanVar", error=UnsupportedError)


@pytest.mark.parametrize("kind", ["mvn", "l2normalize", "softmax", "batchnorm"])
def test_vectors_are_refused(kind: str) -> None:
    bad = layer(kind, name="n1")
    refused(model({"x": (5,)}, [bad], exact=True), "n1", kind, "rank 3", "rank 1")
