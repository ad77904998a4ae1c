"""Reductions, positions of extremes and the dot product against NumPy."""

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


FOLDS: dict[str, Any] = {
    "reduceL1": lambda x, **how: np.abs(x).sum(**how),
    "reduceL2": lambda x, **how: np.sqrt((x**2).sum(**how)),
    "reduceMax": np.max,
    "reduceMin": np.min,
    "reduceSum": np.sum,
    "reduceProd": np.prod,
    "reduceMean": np.mean,
    "reduceLogSum": lambda x, **how: np.log(np.sum(x, **how)),
    "reduceSumSquare": lambda x, **how: (x**2).sum(**how),
    "reduceLogSumExp": lambda x, **how: np.log(np.exp(x).sum(**how)),
}


@pytest.mark.parametrize("keep", [False, True], ids=["dropped", "kept"])
@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (2, 3, 1, 5), (2, 1, 3, 2, 4)], ids=str)
@pytest.mark.parametrize("kind", FOLDS)
def test_reductions_over_any_axes(kind: str, shape: tuple[int, ...], keep: bool) -> None:
    """Single axes from both ends, the first and the last, all but the first, all by name; (1,) where none is left."""
    x = numbers(*shape)
    if kind == "reduceLogSum":
        x = np.abs(x)
    rank = len(shape)
    choices = {(a,) for a in range(-rank, rank)} | {
        (0, rank - 1),
        tuple(range(1, rank)) or (0,),
        tuple(range(-rank, 0)),
    }
    for axes in {tuple(dict.fromkeys(axes)) for axes in choices}:
        spec = model({"x": shape}, [layer(kind, axes=axes, keepDims=keep)], exact=True)
        expected = FOLDS[kind](x.astype(np.float64), axis=tuple({a % rank for a in axes}), keepdims=keep)
        check(spec, {"x": x}, np.atleast_1d(expected))


@pytest.mark.parametrize("keep", [False, True], ids=["dropped", "kept"])
@pytest.mark.parametrize("fields", [{"reduceAll": True, "axes": [1]}, {"reduceAll": True}, {}], ids=str)
@pytest.mark.parametrize("kind", FOLDS)
def test_reductions_over_all_axes(kind: str, fields: dict[str, Any], keep: bool) -> None:
    """reduceAll ignores axes, and no axes at all mean all."""
    x = np.abs(numbers(2, 3, 4))
    spec = model({"x": x.shape}, [layer(kind, keepDims=keep, **fields)], exact=True)
    check(spec, {"x": x}, FOLDS[kind](x.astype(np.float64)).reshape((1, 1, 1) if keep else (1,)))


def test_log_sum_exp_of_large_numbers() -> None:
    x = np.array([[1e4, 1e4 + 1, -1e4], [-500, -501, -502]], np.float32)
    spec = model({"x": x.shape}, [layer("reduceLogSumExp", axes=[1])], exact=True)
    check(spec, {"x": x}, np.logaddexp.reduce(x.astype(np.float64), axis=1))


@pytest.mark.parametrize("remove", [False, True], ids=["kept", "removed"])
@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (2, 3, 1, 5), (2, 1, 3, 2, 4)], ids=str)
@pytest.mark.parametrize("kind", ["argMax", "argMin"])
def test_positions_are_those_of_the_first(kind: str, shape: tuple[int, ...], remove: bool) -> None:
    x = np.random.default_rng(0).integers(0, 3, shape).astype(np.float32)
    for axis in range(-len(shape), len(shape)):
        spec = model({"x": shape}, [layer(kind, axis=axis, removeDim=remove)], exact=True)
        expected = (np.argmax if kind == "argMax" else np.argmin)(x, axis, keepdims=not remove)
        check(spec, {"x": x}, np.atleast_1d(expected), tolerance=0)


@both_mappings
@pytest.mark.parametrize("cosine", [False, True], ids=["product", "cosine"])
def test_dot(cosine: bool, exact: bool) -> None:
    x, y = numbers(*lead(exact), 6, 1, 1), numbers(*lead(exact), 6, 1, 1, seed=1)
    expected = (x * y).sum(-3, keepdims=True)
    if cosine:
        expected = expected / np.sqrt((x**2).sum(-3, keepdims=True) * (y**2).sum(-3, keepdims=True))
    spec = model({"x": x.shape, "z": y.shape}, [layer("dot", "x z", cosineSimilarity=cosine)], exact=exact)
    check(spec, {"x": x, "z": y}, expected)


def test_cosine_with_a_vector_of_zeros_is_0() -> None:
    x, zero = numbers(6, 1, 1), np.zeros((6, 1, 1), np.float32)
    spec = model({"x": x.shape, "z": x.shape}, [layer("dot", "x z", cosineSimilarity=True)])
    check(spec, {"x": x, "z": zero}, np.zeros((1, 1, 1)))


BAD_ND: dict[str, tuple[Any, tuple[str, ...]]] = {
    "axis too large": (layer("reduceSum", name="r9", axes=[0, 3]), ("r9", "axis", "-3 to 2", "3")),
    "axis too small": (layer("reduceMax", name="r9", axes=[-4]), ("r9", "axis", "-4")),
    "an absurd axis": (layer("reduceProd", name="r9", axes=[2**62]), ("r9", "axis", str(2**62))),
    "position along no axis": (layer("argMax", name="a1", axis=3), ("a1", "axis", "3")),
    "position before all axes": (layer("argMin", name="a1", axis=-4), ("a1", "axis", "-4")),
    "product of one": (layer("dot", name="d1"), ("d1", "input", "2", "1")),
    "product of other lengths": (layer("dot", "x flat", name="d1"), ("d1", "rank 3", "rank 1")),
}


@pytest.mark.parametrize(("bad", "words"), BAD_ND.values(), ids=BAD_ND)
def test_bad_reductions_of_any_rank_are_refused(bad: Any, words: tuple[str, ...]) -> None:
    refused(model({"x": (3, 4, 5), "flat": (7,)}, [bad], exact=True), *words)
