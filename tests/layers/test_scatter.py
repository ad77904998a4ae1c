"""Updates at the places that indices say, against loops over NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyruntime.errors import MLModelError

from .dynamic import check_both
from .network import layer, model, numbers, refused, refused_at_predict

MODES: list[Callable[[Any, Any], Any]] = [
    lambda y, u: u, np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum
]  # fmt: skip
"""By ScatterMode: UPDATE, ADD, SUB, MUL, DIV, MAX, MIN."""
each_mode = pytest.mark.parametrize("mode", range(7))


def places(*shape: int, limit: int, seed: int = 0) -> np.ndarray:
    """Indices with negative ones, and with one place several times."""
    return np.random.default_rng(seed).integers(-limit, limit, shape).astype(np.float32)


@each_mode
@pytest.mark.parametrize("shape", [(5,), (4, 3), (2, 5, 3), (2, 3, 4, 2), (2, 1, 3, 2, 4)], ids=str)
def test_scatter(shape: tuple[int, ...], mode: int) -> None:
    for axis in range(-len(shape), len(shape)):
        at = axis % len(shape)
        for index_shape in [(6,), (2, 3), (1,)] if len(shape) < 5 else [(6,)]:
            index = places(*index_shape, limit=shape[axis])
            updates = numbers(*shape[:at], *index_shape, *shape[at + 1 :], seed=1)
            x = numbers(*shape)
            y = np.moveaxis(x.astype(np.float64), at, 0).copy()
            rows = np.moveaxis(updates.reshape(*shape[:at], -1, *shape[at + 1 :]), at, 0)
            for place, row in zip(index.ravel().astype(int), rows, strict=True):
                y[place] = MODES[mode](y[place], row)
            features = {"x": x, "i": index, "u": updates}
            check_both(
                layer("scatter", "x i u", axis=axis, mode=mode),
                features,
                np.moveaxis(y, 0, at),
                may_vary="i" if axis else "",
            )


@each_mode
@pytest.mark.parametrize("shape", [(5,), (4, 3), (2, 5, 3), (2, 3, 4, 2)], ids=str)
def test_scatter_nd(shape: tuple[int, ...], mode: int) -> None:
    for depth in range(1, len(shape) + 1):
        for count in [(7,), (2, 3)]:
            index = np.stack([places(*count, limit=n, seed=i) for i, n in enumerate(shape[:depth])], -1)
            updates, x = numbers(*count, *shape[depth:], seed=1), numbers(*shape)
            y = x.astype(np.float64)
            for place, row in zip(
                index.reshape(-1, depth).astype(int), updates.reshape(-1, *shape[depth:]), strict=True
            ):
                y[tuple(place)] = MODES[mode](y[tuple(place)], row)
            check_both(layer("scatterND", "x i u", mode=mode), {"x": x, "i": index, "u": updates}, y)


@each_mode
@pytest.mark.parametrize("shape", [(5,), (4, 3), (2, 5, 3), (2, 3, 4, 2), (2, 1, 3, 2, 4)], ids=str)
def test_scatter_along_axis(shape: tuple[int, ...], mode: int) -> None:
    for axis in range(-len(shape), len(shape)):
        at = axis % len(shape)
        own = (*shape[:at], 4, *shape[at + 1 :])
        index, updates, x = places(*own, limit=shape[at]), numbers(*own, seed=1), numbers(*shape)
        y = x.astype(np.float64)
        for k in range(4):  # one row of updates after the other: within a row no element comes twice
            i = np.take(index, [k], at).astype(int)
            old = np.take_along_axis(y, i, at)
            np.put_along_axis(y, i, MODES[mode](old, np.take(updates, [k], at)), at)
        check_both(layer("scatterAlongAxis", "x i u", axis=axis, mode=mode), {"x": x, "i": index, "u": updates}, y)


def test_the_tensor_that_was_scattered_into_is_still_there() -> None:
    """It may be written over only where nobody reads it later."""
    x, i, u = numbers(4), np.array([1.0, 1.0]), np.array([5.0, 7.0])
    double = layer("add", "x x", "d")
    layers = [double, layer("scatter", "d i u", "s", mode=1), layer("add", "s d", "y")]
    spec = model({"x": (4,), "i": (2,), "u": (2,)}, layers, ["y", "s"], exact=True)
    from .network import close, predict

    got, s = predict(spec, {"x": x, "i": i, "u": u}), 2 * x + np.array([0, 12, 0, 0])
    close(got["s"], s, 1e-6)
    close(got["y"], s + 2 * x, 1e-6)


BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "mode": (layer("scatter", "x i u", name="m", mode=7), ("m", "mode", "7")),
    "axis": (layer("scatter", "x i u", name="m", axis=2), ("m", "axis", "2")),
    "updates of another shape": (layer("scatter", "x i x", name="m"), ("m", "updates", "(4, 3)")),
    "updates of another rank": (layer("scatter", "x i i", name="m"), ("m", "updates", "rank 1", "rank 2")),
    "no updates": (layer("scatter", "x i", name="m"), ("m", "3", "2")),
    "nd: deeper than x": (layer("scatterND", "x i u", name="m"), ("m", "last axis", "(5)", "(4, 3)")),
    "nd: mode": (layer("scatterND", "x u u", name="m", mode=-1), ("m", "mode", "-1")),
    "nd: updates": (layer("scatterND", "x pairs u", name="m"), ("m", "updates")),
    "along: another rank": (layer("scatterAlongAxis", "x i u", name="m"), ("m", "the index", "rank 1")),
    "along: another size": (layer("scatterAlongAxis", "x u u", name="m", axis=1), ("m", "the index", "(5, 3)")),
    "along: updates": (layer("scatterAlongAxis", "x u x", name="m"), ("m", "updates", "(4, 3)")),
    "along: axis": (layer("scatterAlongAxis", "x u u", name="m", axis=-3), ("m", "axis", "-3")),
}


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
def test_bad_layers_are_refused(bad: Any, words: tuple[str, ...]) -> None:
    refused(model({"x": (4, 3), "i": (5,), "u": (5, 3), "pairs": (5, 2)}, [bad], exact=True), *words)


@pytest.mark.parametrize("index", [4, -5, 1e30, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["scatter", "scatterND", "scatterAlongAxis"])
def test_an_index_outside_is_refused(kind: str, index: float) -> None:
    shape = (1, 1) if kind == "scatterND" else (1,)
    spec = model({"x": (4,), "i": shape, "u": (1,)}, [layer(kind, "x i u", name="m")], exact=True)
    features = {"x": numbers(4), "i": np.full(shape, index), "u": numbers(1)}
    refused_at_predict(spec, features, "m", "-4 to 3", error=MLModelError)
