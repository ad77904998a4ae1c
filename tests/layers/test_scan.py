"""Running sums against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import MLModelError

from .network import check, layer, model, numbers, refused, refused_at_predict, weights


def running(x: np.ndarray, axis: int, exclusive: bool, reverse: bool) -> np.ndarray:
    turned = np.flip(x, axis) if reverse else x
    sums = np.cumsum(turned, axis, dtype=np.float64) - (turned if exclusive else 0)
    return np.flip(sums, axis) if reverse else sums


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("exclusive", [False, True], ids=["inclusive", "exclusive"])
@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (2, 3, 1, 5), (2, 1, 3, 2, 4)], ids=str)
def test_cum_sum(shape: tuple[int, ...], exclusive: bool, reverse: bool) -> None:
    x = numbers(*shape)
    for axis in range(-len(shape), len(shape)):
        fields = {"axis": axis, "excludeFinalSum": exclusive, "reverse": reverse}
        spec = model({"x": shape}, [layer("cumSum", **fields)], exact=True, version=5)
        check(spec, {"x": x}, running(x, axis, exclusive, reverse))


def constant(*values: float) -> Any:
    return layer("loadConstant", "", "a", shape=(1, 1, len(values)), data=weights(values))


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_the_axis_as_an_input(axis: int) -> None:
    x = numbers(3, 5)
    expected = running(x, axis, False, False)
    check(model({"x": x.shape}, [constant(axis), layer("cumSum", "x a")], exact=True), {"x": x}, expected)
    spec = model({"x": x.shape, "a": (1,)}, [layer("cumSum", "x a")], exact=True)
    check(spec, {"x": x, "a": np.float32([axis])}, expected)


def test_an_axis_that_no_input_has() -> None:
    words = ("c1", "axis", "-2", "1")
    refused(model({"x": (3, 5)}, [layer("cumSum", name="c1", axis=2)], exact=True), *words)
    refused(model({"x": (3, 5)}, [constant(2), layer("cumSum", "x a", name="c1")], exact=True), *words)
    refused(model({"x": (3, 5)}, [constant(1, 1), layer("cumSum", "x a", name="c1")], exact=True), "c1", "one number")
    spec = model({"x": (3, 5), "a": (1,)}, [layer("cumSum", "x a", name="c1")], exact=True)
    for bad in (2, -3, 0.5):
        refused_at_predict(spec, {"x": numbers(3, 5), "a": np.float32([bad])}, *words, error=MLModelError)
