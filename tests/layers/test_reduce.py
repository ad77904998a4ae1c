"""The reduce layer against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .network import both_mappings, check, layer, lead, model, numbers, refused

AXES: dict[str, tuple[int, ...]] = {"CHW": (-3, -2, -1), "HW": (-2, -1), "C": (-3,), "H": (-2,), "W": (-1,)}
MODES: list[tuple[str, Any]] = [
    ("sum", lambda x, a: x.sum(a, keepdims=True)),
    ("average", lambda x, a: x.mean(a, keepdims=True)),
    ("product", lambda x, a: x.prod(a, keepdims=True)),
    ("sum of logarithms", lambda x, a: np.log(x + 1e-6).sum(a, keepdims=True)),
    ("sum of squares", lambda x, a: (x**2).sum(a, keepdims=True)),
    ("L1", lambda x, a: np.abs(x).sum(a, keepdims=True)),
    ("L2", lambda x, a: np.sqrt((x**2).sum(a, keepdims=True))),
    ("max", lambda x, a: x.max(a, keepdims=True)),
    ("min", lambda x, a: x.min(a, keepdims=True)),
]


@both_mappings
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("mode", range(len(MODES)), ids=[name for name, _ in MODES])
def test_reduce_keeps_folded_axes_as_1(mode: int, axis: str, exact: bool) -> None:
    x = numbers(*lead(exact), 3, 5, 7)
    if MODES[mode][0] == "sum of logarithms":
        x = np.abs(x) + 0.125
    fold = layer("reduce", mode=mode, axis=list(AXES).index(axis))
    expected = MODES[mode][1](x.astype(np.float64), AXES[axis])
    check(model({"x": x.shape}, [fold], exact=exact), {"x": x}, expected)


def test_epsilon_of_the_sum_of_logarithms() -> None:
    x = np.abs(numbers(3, 5, 7))
    spec = model({"x": x.shape}, [layer("reduce", mode=3, axis=2, epsilon=0.5)])
    check(spec, {"x": x}, np.log(x.astype(np.float64) + 0.5).sum(0, keepdims=True))


@both_mappings
@pytest.mark.parametrize("axis", ["C", "H", "W"])
def test_argmax_gives_the_first_largest(axis: str, exact: bool) -> None:
    x = np.random.default_rng(0).integers(0, 4, (*lead(exact), 5, 6, 7)).astype(np.float32)  # many ties
    spec = model({"x": x.shape}, [layer("reduce", mode=9, axis=list(AXES).index(axis))], exact=exact)
    check(spec, {"x": x}, x.argmax(AXES[axis][0], keepdims=True), tolerance=0)


BAD: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown mode": ({"mode": 10}, ("r9", "mode", "10")),
    "negative mode": ({"mode": -1}, ("r9", "mode", "-1")),
    "unknown axis": ({"axis": 5}, ("r9", "axis", "5")),
    "negative axis": ({"axis": -2}, ("r9", "axis", "-2")),
    "argmax over a plane": ({"mode": 9, "axis": 1}, ("r9", "axis", "ARGMAX", "HW")),
    "argmax over everything": ({"mode": 9, "axis": 0}, ("r9", "axis", "ARGMAX", "CHW")),
}


@pytest.mark.parametrize(("fields", "words"), BAD.values(), ids=BAD)
def test_bad_reductions_are_refused(fields: dict[str, Any], words: tuple[str, ...]) -> None:
    refused(model({"x": (3, 4, 5)}, [layer("reduce", name="r9", **fields)]), *words)


def test_a_vector_is_refused() -> None:
    refused(model({"x": (5,)}, [layer("reduce", name="r9")], exact=True), "r9", "rank 3", "rank 1")
