"""Axes read backwards or through windows, and bands of matrices, against NumPy."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from pyruntime.errors import MLModelError

from .dynamic import check_both
from .network import layer, model, numbers, refused, refused_at_predict

SHAPES = [(5,), (4, 3), (2, 5, 3), (2, 3, 4, 2), (2, 1, 3, 2, 4)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_reverse(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    for flags in product([False, True], repeat=min(len(shape), 3)):
        flags += (True,) * (len(shape) - len(flags))
        axes = [axis for axis, flag in enumerate(flags) if flag]
        check_both(layer("reverse", reverseDim=flags), {"x": x}, np.flip(x, axes), open_sizes="x")


@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_reverse_seq(shape: tuple[int, ...]) -> None:
    x, rng = numbers(*shape), np.random.default_rng(0)
    for batch, sequence in permutations(range(len(shape)), 2):
        lengths = rng.integers(0, shape[sequence] + 1, shape[batch])
        y = x.copy()
        for i, length in enumerate(lengths):
            index: list[Any] = [slice(None)] * len(shape)
            index[batch], index[sequence] = slice(i, i + 1), slice(0, length)
            y[tuple(index)] = np.flip(x[tuple(index)], sequence)
        reversed_ = layer("reverseSeq", "x n", batchAxis=batch, sequenceAxis=sequence - len(shape))
        check_both(reversed_, {"x": x, "n": lengths}, y, may_vary="n", open_sizes="x")


@pytest.mark.parametrize("shape", [(7,), (5, 7), (2, 7, 3), (2, 3, 7, 2)], ids=str)
@pytest.mark.parametrize(("size", "step"), [(1, 1), (3, 1), (3, 2), (2, 3), (7, 5)])
def test_sliding_windows(shape: tuple[int, ...], size: int, step: int) -> None:
    x, axis = numbers(*shape), shape.index(7)
    y = np.moveaxis(sliding_window_view(x, size, axis), -1, axis + 1)
    y = y[(slice(None),) * axis + (slice(None, None, step),)]
    for given in (axis, axis - len(shape)):
        check_both(layer("slidingWindows", axis=given, windowSize=size, step=step), {"x": x}, y, open_sizes="x")


MATRICES = [(4, 5), (5, 4), (3, 4, 4), (2, 3, 5, 2), (1, 7), (2, 1, 2, 6, 6)]


@pytest.mark.parametrize("shape", MATRICES, ids=str)
def test_triangles(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    for k in (0, 1, -1, 3, -3, 9, -9, 2**40, -(2**40)):
        near = max(-20, min(k, 20))
        check_both(layer("lowerTriangular", k=k), {"x": x}, np.tril(x, near), open_sizes="x", oracle=abs(k) < 20)
        check_both(layer("upperTriangular", k=k), {"x": x}, np.triu(x, near), oracle=abs(k) < 20)


@pytest.mark.parametrize("shape", MATRICES, ids=str)
def test_matrix_band_part(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    for lower, upper in product([-1, 0, 1, 3, 2**50], repeat=2):
        y = x if lower < 0 else np.triu(x, -min(lower, 20))
        y = y if upper < 0 else np.tril(y, min(upper, 20))
        band = layer("matrixBandPart", numLower=lower, numUpper=upper)
        check_both(band, {"x": x}, y, oracle=max(lower, upper) < 20)


BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "one flag": (layer("reverse", name="m", reverseDim=[True]), ("m", "reverseDim", "2 flags", "[True]")),
    "batch is sequence": (layer("reverseSeq", "x n", name="m", batchAxis=1, sequenceAxis=-1), ("m", "two axes", "1")),
    "batch outside": (layer("reverseSeq", "x n", name="m", batchAxis=2), ("m", "axis", "2")),
    "lengths of others": (layer("reverseSeq", "x n", name="m", batchAxis=1), ("m", "(4)", "3")),
    "no window": (layer("slidingWindows", name="m", step=1), ("m", "windows of 0")),
    "no step": (layer("slidingWindows", name="m", windowSize=1), ("m", "every 0")),
    "wide window": (layer("slidingWindows", name="m", windowSize=5, step=1), ("m", "windows of 5", "(4, 3)")),
    "huge window": (layer("slidingWindows", name="m", windowSize=2**40, step=1), ("m", "32 bits")),
    "windows outside": (layer("slidingWindows", name="m", axis=2, windowSize=1, step=1), ("m", "axis", "2")),
    "triangle of a vector": (layer("lowerTriangular", "n", name="m"), ("m", "rank 1")),
    "triangle of a vector above": (layer("upperTriangular", "n", name="m"), ("m", "rank 1")),
    "band of a vector": (layer("matrixBandPart", "n", name="m"), ("m", "rank 1")),
}


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
def test_bad_layers_are_refused(bad: Any, words: tuple[str, ...]) -> None:
    refused(model({"x": (4, 3), "n": (4,)}, [bad], exact=True), *words)


@pytest.mark.parametrize("length", [4, -1, 1e30, np.inf])
def test_a_length_outside_is_refused(length: float) -> None:
    spec = model({"x": (2, 3), "n": (2,)}, [layer("reverseSeq", "x n", name="m", sequenceAxis=1)], exact=True)
    features = {"x": numbers(2, 3), "n": np.array([0, length])}
    refused_at_predict(spec, features, "m", "position 1", "0 to 3", error=MLModelError)
