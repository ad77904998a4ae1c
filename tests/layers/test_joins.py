"""Tensors put together, taken apart, repeated and padded, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import MLModelError, UnsupportedError

from .dynamic import check_both, constant, open_array
from .network import array, check, layer, model, numbers, refused, refused_at_predict

SHAPES = [(4,), (3, 2), (2, 3, 4), (2, 1, 4, 3), (1, 2, 3, 2, 2)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("interleave", [False, True], ids=["joined", "interleaved"])
def test_concat_nd(shape: tuple[int, ...], interleave: bool) -> None:
    for axis in range(-len(shape), len(shape)):
        for count in (1, 2, 3):
            parts = {f"x{i}": numbers(*shape, seed=i) for i in range(count)}
            joined = layer("concatND", " ".join(parts), axis=axis, interleave=interleave)
            expected = np.concatenate(list(parts.values()), axis)
            if interleave:
                order = np.arange(count * shape[axis]).reshape(count, shape[axis]).T.ravel()
                expected = expected.take(order, axis)
            check_both(joined, parts, expected, open_sizes="x0 x1")


def test_concat_nd_of_other_sizes_along_the_axis() -> None:
    parts = {"a": numbers(2, 3), "b": numbers(2, 1), "c": numbers(2, 4)}
    check_both(layer("concatND", "a b c", axis=-1), parts, np.concatenate(list(parts.values()), 1), may_vary="b")


def test_more_parts_than_one_operator_takes() -> None:
    parts = {f"p{i}": np.full((2, 1 + i % 2), i) for i in range(150)}
    layers = [constant(n, v) for n, v in parts.items()] + [layer("concatND", " ".join(parts), axis=1)]
    check(model({"x": (1,)}, layers, exact=True), {"x": [0]}, np.concatenate(list(parts.values()), 1), tolerance=0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_stack(shape: tuple[int, ...]) -> None:
    parts = {f"x{i}": numbers(*shape, seed=i) for i in range(3)}
    for axis in range(-len(shape) - 1, len(shape) + 1):
        check_both(
            layer("stack", " ".join(parts), axis=axis),
            parts,
            np.stack(list(parts.values()), axis),
            open_sizes="x0 x1 x2",
        )


@pytest.mark.parametrize("shape", [(6,), (4, 6), (2, 6, 3), (1, 2, 3, 6), (2, 2, 2, 2, 6)], ids=str)
def test_split_nd(shape: tuple[int, ...]) -> None:
    x, axis = numbers(*shape), shape.index(6)
    for parts in (1, 2, 3, 6):
        names = [f"p{i}" for i in range(parts)]
        expected = dict(zip(names, np.split(x, parts, axis), strict=True))
        check_both(
            layer("splitND", "x", " ".join(names), axis=axis, numSplits=parts), {"x": x}, expected, open_sizes="x"
        )
    sizes = layer("splitND", "x", "a b c", axis=axis - len(shape), splitSizes=(1, 3, 2))
    expected = dict(zip("abc", np.split(x, [1, 4], axis), strict=True))
    check_both(sizes, {"x": x}, expected, open_sizes="x")


@pytest.mark.parametrize("shape", [(6, 2, 1), (2, 6, 3, 4), (1, 2, 6, 3, 2)], ids=str)
def test_split_of_channels(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    for parts in (1, 2, 6):
        names = [f"p{i}" for i in range(parts)]
        expected = dict(zip(names, np.split(x, parts, -3), strict=True))
        check_both(layer("split", "x", " ".join(names), nOutputs=parts), {"x": x}, expected, open_sizes="x")


@pytest.mark.parametrize(
    ("shape", "repeats"),
    [((4,), (3,)), ((4,), (2, 3)), ((2, 3), (1, 1)), ((2, 3), (2,)), ((2, 3), (3, 2)), ((2, 3, 4), (2, 1, 3)),
    ((1, 2), (2, 2, 2)),
     ((2, 1, 2, 1, 2), (1, 2, 3, 2, 1))],
    ids=str,
)  # fmt: skip
def test_tile(shape: tuple[int, ...], repeats: tuple[int, ...]) -> None:
    x = numbers(*shape)
    check_both(layer("tile", reps=repeats), {"x": x}, np.tile(x, repeats), open_sizes="x")
    check_both(layer("tile", "x r"), {"x": x, "r": repeats}, np.tile(x, repeats), may_vary="r", open_sizes="x")


PADS = [
    ((4,), (1, 2)),
    ((3, 2), (0, 1, 2, 0)),
    ((2, 3, 2), (1, 0, 0, 0, 0, 2)),
    ((2, 2, 2, 2), (1,) * 8),
    ((2,) * 5, (0, 1) * 5),
]


@pytest.mark.parametrize(("shape", "amounts"), PADS, ids=str)
def test_constant_pad(shape: tuple[int, ...], amounts: tuple[int, ...]) -> None:
    x = numbers(*shape)
    y = np.pad(x, list(zip(amounts[::2], amounts[1::2], strict=True)), constant_values=-1.5)
    check_both(layer("constantPad", value=-1.5, padAmounts=amounts), {"x": x}, y, open_sizes="x")
    padded = layer("constantPad", "x n", value=-1.5)
    check_both(padded, {"x": x, "n": amounts}, y, may_vary="n", open_sizes="x")


@pytest.mark.parametrize("to", [(5, 0, 0, 7), (0, 5, 7, 0), (0, 0, 0, 0), (2, 0, 0, 3), (3, 0, 0, 9)], ids=str)
def test_constant_pad_to_a_size(to: tuple[int, ...]) -> None:
    x = numbers(3, 4)
    pads = [
        (max(0, a - n) if a else 0, max(0, z - n) if z else 0)
        for a, z, n in zip(to[::2], to[1::2], x.shape, strict=True)
    ]
    y = np.pad(x, pads, constant_values=2)
    padded = {"value": 2, "padToGivenOutputSizeMode": True}
    check_both(layer("constantPad", padAmounts=to, **padded), {"x": x}, y, open_sizes="x")
    check_both(layer("constantPad", "x n", **padded), {"x": x, "n": to}, y, may_vary="n", open_sizes="x")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_transpose(shape: tuple[int, ...]) -> None:
    x, rng = numbers(*shape), np.random.default_rng(0)
    for _ in range(4):
        axes = rng.permutation(len(shape))
        check_both(layer("transpose", axes=axes.tolist()), {"x": x}, x.transpose(axes), open_sizes="x")


BAD: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "concat axis": ([layer("concatND", "x x", name="m", axis=2)], ("m", "axis", "2")),
    "concat other sizes": ([layer("concatND", "x z", name="m")], ("m", "(4, 3)", "(4, 2)")),
    "concat nothing": ([layer("concatND", "", name="m")], ("m", "input", "0")),
    "interleave other sizes": (
        [layer("concatND", "x z", name="m", axis=1, interleave=True)], ("m", "(4, 3, 1)", "(4, 2, 1)")
    ),
    "stack axis": ([layer("stack", "x x", name="m", axis=-4)], ("m", "axis", "-3 to 2", "-4")),
    "stack other ranks": ([constant("c", [1]), layer("stack", "x c", name="m")], ("m", "[4, 3]", "[1]")),
    "split without sizes": ([layer("splitND", name="m")], ("m", "numSplits", "1", "0")),
    "split for other outputs": ([layer("splitND", "x", "y a", name="m", numSplits=4)], ("m", "numSplits", "2", "4")),
    "split of other sizes": (
        [layer("splitND", "x", "y a", name="m", splitSizes=(1, 2))], ("m", "splitSizes", "4", "[1, 2]")
    ),
    "split for one output": ([layer("splitND", name="m", splitSizes=(1, 3))], ("m", "splitSizes", "1 sizes")),
    "split an unknown axis": ([layer("splitND", name="m", axis=5, numSplits=1)], ("m", "axis", "5")),
    "tile without repeats": ([layer("tile", name="m")], ("m", "reps", "[]")),
    "tile very often": ([layer("tile", name="m", reps=(2**40, 1))], ("m", "32 bits")),
    "tile too much": ([layer("tile", name="m", reps=(2**30, 2**30))], ("m", "too large")),
    "tile nine axes": ([layer("tile", name="m", reps=(1,) * 9)], ("m", "8")),
    "tile a negative time": ([constant("r", [-1, 1]), layer("tile", "x r", name="m")], ("m", "reps", "-1")),
    "pad one axis": ([layer("constantPad", name="m", padAmounts=(1, 1))], ("m", "padAmounts", "2 axes", "[1, 1]")),
    "pad on both sides": (
        [layer("constantPad", name="m", padAmounts=(5, 5, 0, 0),
        padToGivenOutputSizeMode=True)], ("m", "one side", "[5, 5")
    ),
    "pad very much": ([layer("constantPad", name="m", padAmounts=(2**40, 0, 0, 0))], ("m", "32 bits")),
    "transpose twice": ([layer("transpose", name="m", axes=(0, 0))], ("m", "axes", "0 to 1", "[0, 0]")),
    "transpose one": ([layer("transpose", name="m", axes=(0,))], ("m", "axes", "[0]")),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "words"), BAD.values(), ids=BAD)
def test_bad_layers_are_refused(layers: list[Any], words: tuple[str, ...]) -> None:
    refused(model({"x": (4, 3), "z": (4, 2)}, layers, exact=True), *words)


@pytest.mark.parametrize(("given", "words"), [((-1, 2), "-1 repeats"), ((2**38, 2**38), "too large")], ids=str)
def test_repeats_of_a_prediction_that_do_not_fit(given: tuple[int, ...], words: str) -> None:
    spec = model({"x": (4, 3), "n": (2,)}, [layer("tile", "x n", name="m")], exact=True)
    refused_at_predict(spec, {"x": numbers(4, 3), "n": np.array(given)}, "m", words, error=MLModelError)


def test_an_axis_of_open_size_that_is_shorter_than_its_parts() -> None:
    spec = model(
        [open_array("x", (8,))], [layer("splitND", "x", "y z", name="m", splitSizes=(3, 5))], ["y", "z"], exact=True
    )
    x = numbers(8)
    check(spec, {"x": x}, {"y": x[:3], "z": x[3:]}, oracle=False)
    refused_at_predict(spec, {"x": x[:7]}, "m", "5 elements", "(7)", error=MLModelError)


def test_an_amount_of_a_prediction_that_is_negative() -> None:
    spec = model({"x": (4,), "n": (2,)}, [layer("constantPad", "x n", name="m")], exact=True)
    refused_at_predict(spec, {"x": numbers(4), "n": np.array([0, -1])}, "m", "-1", error=MLModelError)


def test_repeats_of_unknown_number_are_refused() -> None:
    spec = model([array("x", (4,)), open_array("n", (2,))], [layer("tile", "x n", name="m")], exact=True)
    refused(spec, "m", "rank", "outputTensor", error=UnsupportedError)


@pytest.mark.parametrize(("size", "parts"), [(7, 3), (4, 3), (2, 3), (5, 5)])
def test_the_first_parts_are_longer_where_an_axis_does_not_divide(size: int, parts: int) -> None:
    x = numbers(2, size)
    names = [f"y{i}" for i in range(parts)]
    split = layer("splitND", "x", " ".join(names), axis=-1, numSplits=parts)
    expected = dict(zip(names, np.array_split(x, parts, -1), strict=True))
    check(model({"x": x.shape}, [split], names, exact=True), {"x": x}, expected)
