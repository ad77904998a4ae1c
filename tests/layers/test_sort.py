"""Order along an axis against NumPy's stable sort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import MLModelError
from pyruntime.model import MLModel

from .network import ONE_THREAD, check, layer, model, refused, weights

SHAPES = [(7,), (3, 5), (2, 3, 4), (2, 3, 1, 5), (2, 1, 3, 2, 4), (2, 200)]


def ties(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).integers(-3, 4, shape).astype(np.float32)


def best(x: np.ndarray, axis: int, k: int, bottom: bool) -> dict[str, np.ndarray]:
    places = np.take(np.argsort(x if bottom else -x, axis=axis, kind="stable"), range(k), axis=axis)
    return {"v": np.take_along_axis(x, places, axis), "i": places}


@pytest.mark.parametrize("bottom", [False, True], ids=["top", "bottom"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_top_k(shape: tuple[int, ...], bottom: bool) -> None:
    x = ties(shape)
    for axis in range(-len(shape), len(shape)):
        for k in {1, (shape[axis] + 1) // 2, shape[axis]}:
            kind = layer("topK", outputs="v i", axis=axis, K=k, useBottomK=bottom)
            check(model({"x": shape}, [kind], ("v", "i"), exact=True), {"x": x}, best(x, axis, k, bottom), tolerance=0)


def constant(*values: float) -> Any:
    return layer("loadConstant", "", "k", shape=(1, 1, len(values)), data=weights(values))


def test_k_as_a_constant_input() -> None:
    x = ties((3, 6))
    layers = [constant(4), layer("topK", "x k", "v i", axis=1, K=2)]
    check(model({"x": x.shape}, layers, ("v", "i"), exact=True), {"x": x}, best(x, 1, 4, False), tolerance=0)


@pytest.mark.parametrize("bottom", [False, True], ids=["top", "bottom"])
def test_k_of_each_prediction(bottom: bool) -> None:
    """One model, another number of results each time; 0 is a number too."""
    x = ties((3, 6))
    kind = layer("topK", "x k", "v i", axis=-1, useBottomK=bottom)
    doubled = layer("unary", "v", "y", type=0, scale=0.0, shift=2.0)  # a layer behind results of open size
    loaded = MLModel(
        model({"x": x.shape, "k": (1,)}, [kind, doubled], ("v", "i", "y"), exact=True), configuration=ONE_THREAD
    )
    for k in (2, 6, 0, 1, 5):
        got = loaded.predict({"x": x, "k": np.float32([k])})
        for name, wanted in best(x, -1, k, bottom).items():
            np.testing.assert_array_equal(got[name], wanted)
        assert got["y"].shape == (3, k)
    for k in (-1, 7, 1.5):
        with pytest.raises(MLModelError, match=r"k is .*whole number from 0"):
            loaded.predict({"x": x, "k": np.float32([k])})


def test_values_alone() -> None:
    x = ties((3, 6))
    spec = model({"x": x.shape}, [layer("topK", outputs="y", axis=1, K=2)], exact=True)
    check(spec, {"x": x}, best(x, 1, 2, False)["v"], oracle=False)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_arg_sort(shape: tuple[int, ...], descending: bool) -> None:
    x = ties(shape)
    for axis in range(len(shape)):
        spec = model({"x": shape}, [layer("argSort", axis=axis, descending=descending)], exact=True, version=5)
        expected = np.argsort(-x if descending else x, axis=axis, kind="stable")
        check(spec, {"x": x}, expected, tolerance=0)


BAD: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "no K": ([layer("topK", outputs="y i", name="t1", axis=1)], ("t1", "K", "1 to 5", "0")),
    "K above the size": ([layer("topK", outputs="y i", name="t1", axis=1, K=6)], ("t1", "K", "1 to 5", "6")),
    "an absurd K": ([layer("topK", outputs="y i", name="t1", axis=1, K=2**63)], ("t1", "K", str(2**63))),
    "no such axis": ([layer("topK", outputs="y i", name="t1", axis=2, K=1)], ("t1", "axis", "2")),
    "two numbers for k": (
        [constant(1, 2), layer("topK", "x k", "y i", name="t1")],
        ("t1", "k", "1, 2)", "one number"),
    ),
    "sorted along no axis": ([layer("argSort", name="s1", axis=2)], ("s1", "axis", "2")),
}


@pytest.mark.parametrize(("layers", "words"), BAD.values(), ids=BAD)
def test_bad_orders_are_refused(layers: list[Any], words: tuple[str, ...]) -> None:
    refused(model({"x": (3, 5)}, layers, exact=True), *words)


@pytest.mark.parametrize("k", [-1.0, 6.0, 1.5, np.nan, np.inf])
def test_a_constant_k_that_no_axis_has(k: float) -> None:
    layers = [constant(k), layer("topK", "x k", "y i", name="t1", axis=1)]
    refused(model({"x": (3, 5)}, layers, exact=True), "t1", "k is", "(3, 5)", error=MLModelError)
