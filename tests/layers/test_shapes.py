"""Shapes as numbers, and numbers as shapes, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import UnsupportedError

from .network import array, check, layer, model, numbers, refused, weights

SHAPES = [(1,), (4,), (3, 1), (2, 3, 4), (1, 2, 3, 4, 5)]


def constant(*values: float, name: str = "c", shape: tuple[int, ...] = ()) -> Any:
    """A loadConstantND layer."""
    return layer("loadConstantND", "", name, f"const {name}", shape=shape or (len(values),), data=weights(values))


def open_array(name: str, *shape: int, most: int = 9) -> Any:
    """An array whose every dimension is open from 1 to `most`."""
    return array(name, shape, ranges=[(1, most)] * len(shape))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_get_shape(shape: tuple[int, ...]) -> None:
    check(model({"x": shape}, [layer("getShape")], exact=True), {"x": numbers(*shape)}, np.array(shape), tolerance=0)


def test_get_shape_of_what_only_a_prediction_knows() -> None:
    spec = model([array("x", (2, 3), ranges=[(1, 9), (3, 3)])], [layer("getShape")], exact=True)
    for rows in (1, 2, 9):
        check(spec, {"x": numbers(rows, 3)}, np.array([rows, 3]), tolerance=0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("value", [0.0, -2.5])
def test_fill(shape: tuple[int, ...], value: float) -> None:
    full = np.full(shape, value)
    x = {"x": numbers(*shape)}
    check(model({"x": shape}, [layer("fillLike", value=value)], exact=True), x, full, tolerance=0)
    static = layer("fillStatic", "", value=value, targetShape=shape)
    check(model({"x": shape}, [static], exact=True), x, full, tolerance=0)
    dynamic = [constant(*shape), layer("fillDynamic", "c", value=value)]
    check(model({"x": shape}, dynamic, exact=True), x, full, tolerance=0)


def test_fill_more_than_is_folded() -> None:
    spec = model({"x": (1,)}, [layer("fillStatic", "", value=3, targetShape=(70, 80))], exact=True)
    check(spec, {"x": [0]}, np.full((70, 80), 3), tolerance=0)


BROADCASTS = [((1,), (4,)), ((3, 1), (3, 4)), ((4,), (2, 3, 4)), ((2, 1, 4), (2, 3, 4)), ((1, 1), (2, 1, 3, 4, 5)),
              ((2, 3), (2, 3)), ((5, 1), (2, 5, 1)), ((1, 300), (40, 300)), ((300, 1), (300, 50))]  # fmt: skip


@pytest.mark.parametrize(("shape", "target"), BROADCASTS, ids=str)
def test_broadcast_to(shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    x, like = numbers(*shape), numbers(*target, seed=1)
    wide = np.broadcast_to(x, target)
    static = layer("broadcastToStatic", targetShape=target)
    check(model({"x": shape}, [static], exact=True), {"x": x}, wide, tolerance=0)
    spec = model({"x": shape, "like": target}, [layer("broadcastToLike", "x like")], exact=True)
    check(spec, {"x": x, "like": like}, wide, tolerance=0)
    dynamic = [constant(*target), layer("broadcastToDynamic", "x c")]
    check(model({"x": shape}, dynamic, exact=True), {"x": x}, wide, tolerance=0)


RANGES = [(0, 5, 1), (2, 9, 3), (5, 0, -1), (0, 1, 0.1), (-1, 1, 0.25), (3, 3, 1), (1.5, -2.5, -0.75)]


@pytest.mark.parametrize(("start", "end", "step"), [r for r in RANGES if r[0] != r[1]], ids=str)
def test_range(start: float, end: float, step: float) -> None:
    expected = np.arange(start, end, step)
    spec = model(
        {"x": (1,)}, [layer("rangeStatic", "", startValue=start, endValue=end, stepSizeValue=step)], exact=True
    )
    check(spec, {"x": [0]}, expected, tolerance=1e-6)
    named = {"end": end, "start": start, "step": step}
    for count in (1, 2, 3):
        given = list(named)[:count]
        params = {
            f: v for f, v in (("startValue", start), ("stepSizeValue", step)) if f[:4] not in (n[:4] for n in given)
        }
        layers = [constant(named[n], name=n) for n in given] + [layer("rangeDynamic", " ".join(given), **params)]
        check(model({"x": (1,)}, layers, exact=True), {"x": [0]}, expected, tolerance=1e-6)


RESHAPES = [((6,), (2, 3)), ((2, 3, 4), (-1,)), ((2, 3, 4), (4, -1)), ((2, 3, 4), (2, 3, 2, 2)), ((1,),
(1, 1, 1, 1, 1)),
            ((2, 3, 4, 5, 6), (720,)), ((4, 6), (-1, 3, 2))]  # fmt: skip


@pytest.mark.parametrize(("shape", "target"), RESHAPES, ids=str)
def test_reshape(shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    x = numbers(*shape)
    y = x.reshape(target)
    static = layer("reshapeStatic", targetShape=target)
    check(model({"x": shape}, [static], exact=True), {"x": x}, y, tolerance=0)
    like = model({"x": shape, "like": y.shape}, [layer("reshapeLike", "x like")], exact=True)
    check(like, {"x": x, "like": numbers(*y.shape)}, y, tolerance=0)
    dynamic = [constant(*target), layer("reshapeDynamic", "x c")]
    check(model({"x": shape}, dynamic, exact=True), {"x": x}, y, tolerance=0)


@pytest.mark.parametrize(
    ("shape", "target"),
    [((2, 3, 4), (0, 0, 0)), ((2, 3, 4), (0, -1, 2)), ((4, 6), (-1, 3)), ((2, 3, 4, 5), (0, 4, 3, 0)), ((5,), (-1,))],
    ids=str,
)
def test_rank_preserving_reshape(shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    x = numbers(*shape)
    y = x.reshape([n or shape[i] for i, n in enumerate(target)])
    check(
        model({"x": shape}, [layer("rankPreservingReshape", targetShape=target)], exact=True), {"x": x}, y, tolerance=0
    )


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((4,), (0,)), ((4,), (-1,)), ((4,), (1, 0)), ((2, 3), (1,)), ((2, 3), (-1, 0)), ((2, 3), (0, 2, 4)),
     ((2, 3, 4), (-3,)), ((2, 3, 4), (-2, -5))],
    ids=str,
)  # fmt: skip
def test_expand_dims_and_squeeze_them(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    """Also where the sizes are open: every size keeps its place among the others."""
    x = numbers(*shape)
    y = np.expand_dims(x, axes)
    for described in (array("x", shape), open_array("x", *shape)):
        check(model([described], [layer("expandDims", axes=axes)], exact=True), {"x": x}, y, tolerance=0)
    for described in (array("x", y.shape), open_array("x", *y.shape)):
        check(model([described], [layer("squeeze", axes=axes)], exact=True), {"x": y}, x, tolerance=0)


@pytest.mark.parametrize("shape", [(1,), (1, 1), (1, 4, 1), (2, 1, 3, 1), (2, 3), (1, 1, 1, 1, 1)], ids=str)
def test_squeeze_all_leaves_one_axis(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    y = x.squeeze().reshape(1) if x.size == 1 else x.squeeze()
    check(model({"x": shape}, [layer("squeeze", squeezeAll=True)], exact=True), {"x": x}, y, tolerance=0)


def test_a_number_without_axes_gets_its_first() -> None:
    """x[0] has shape (1,) as a result; expandDims and stack know that it has no axis."""
    x = numbers(2)
    parts = [
        layer("sliceStatic", "x", name, beginIds=[i], endIds=[i + 1], strides=[1], beginMasks=[False],
              endMasks=[False], squeezeMasks=[True]) for i, name in enumerate("ab")
    ]  # fmt: skip
    parts += [
        layer("addBroadcastable", "a b", "sum"), layer("reduceMax", "x", "max", axes=[0]),
        layer("expandDims", "sum", "vector", axes=[0]), layer("expandDims", "max", "matrix", axes=[0, 1]),
        layer("stack", "a max b", "stack", axis=0),
    ]  # fmt: skip
    expected = {
        "a": x[:1], "vector": x.sum(keepdims=True), "matrix": x.max().reshape(1, 1),
        "stack": np.array([x[0], x.max(), x[1]]),
    }  # fmt: skip
    check(model({"x": (2,)}, parts, expected, exact=True), {"x": x}, expected, oracle=False)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_flatten_to_2d_at_every_axis(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    for axis in range(-len(shape), len(shape) + 1):
        front = int(np.prod(shape[: axis % len(shape) if axis < 0 else axis]))
        for described in (array("x", shape), open_array("x", *shape)):
            spec = model([described], [layer("flattenTo2D", axis=axis)], exact=True)
            check(spec, {"x": x}, x.reshape(front, -1), tolerance=0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_load_constant_of_any_rank(shape: tuple[int, ...]) -> None:
    c = numbers(*shape)
    load = layer("loadConstantND", "", "y", shape=shape, data=weights(c))
    check(model({"x": (1,)}, [load], exact=True), {"x": [0]}, c, tolerance=0)


BAD: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "fill no shape": ([layer("fillStatic", "", name="m")], ("m", "targetShape")),
    "fill a huge size": ([layer("fillStatic", "", name="m", targetShape=(2**40,))], ("m", "32 bits")),
    "fill too much": ([layer("fillStatic", "", name="m", targetShape=(2**30, 2**30))], ("m", "too large")),
    "fill a negative size": ([constant(2, -1), layer("fillDynamic", "c", name="m")], ("m", "-1")),
    "fill nine axes": ([constant(*[1] * 9), layer("fillDynamic", "c", name="m")], ("m", "8")),
    "fill with inputs": ([layer("fillStatic", "x", name="m", targetShape=(1,))], ("m", "input", "0", "1")),
    "broadcast two to three": ([layer("broadcastToStatic", name="m", targetShape=(3, 2))], ("m", "(2, 3)", "(3, 2)")),
    "broadcast to lower rank": ([layer("broadcastToStatic", name="m", targetShape=(3,))], ("m", "(2, 3)", "(3)")),
    "broadcast to negative": ([constant(-5, 3), layer("broadcastToDynamic", "x c", name="m")], ("m", "-5")),
    "range without step": ([layer("rangeStatic", "", name="m", endValue=3)], ("m", "stepSizeValue", "0")),
    "range without end": (
        [layer("rangeStatic", "", name="m", endValue=float("inf"), stepSizeValue=1)], ("m", "inf")
    ),
    "range of too many": ([layer("rangeStatic", "", name="m", endValue=1e30, stepSizeValue=1)], ("m", "1e+30")),
    "range of two starts": (
        [constant(1, 2), layer("rangeDynamic", "c", name="m", stepSizeValue=1)], ("m", "end", "(2)", "1 number")
    ),
    "range of four inputs": ([layer("rangeDynamic", "x x x x", name="m")], ("m", "1 to 3", "4")),
    "reshape to another count": ([layer("reshapeStatic", name="m", targetShape=(4,))], ("m", "6 elements", "(4)")),
    "reshape to half": ([layer("reshapeStatic", name="m", targetShape=(4, -1))], ("m", "6 elements", "(4, ?)")),
    "reshape with two open sizes": (
        [layer("reshapeStatic", name="m", targetShape=(-1, -1))], ("m", "targetShape", "-1")
    ),
    "reshape to size 0": ([layer("reshapeStatic", name="m", targetShape=(0, 6))], ("m", "6 elements", "(0, 6)")),
    "reshape to -2": ([layer("reshapeStatic", name="m", targetShape=(-2, -3))], ("m", "targetShape", "-2")),
    "reshape by -2": ([constant(-2), layer("reshapeDynamic", "x c", name="m")], ("m", "-2")),
    "reshape to nine axes": ([layer("reshapeStatic", name="m", targetShape=(1,) * 9)], ("m", "8 dimensions")),
    "another rank": ([layer("rankPreservingReshape", name="m", targetShape=(6,))], ("m", "targetShape", "2 sizes")),
    "rank kept, two open": ([layer("rankPreservingReshape", name="m", targetShape=(-1, -1))], ("m", "targetShape")),
    "expand no axis": ([layer("expandDims", name="m")], ("m", "axes")),
    "expand an axis twice": ([layer("expandDims", name="m", axes=(0, -4))], ("m", "axes", "[0, -4]")),
    "expand outside": ([layer("expandDims", name="m", axes=(3,))], ("m", "axes", "[3]")),
    "expand to nine axes": ([layer("expandDims", name="m", axes=range(7))], ("m", "8 dimensions")),
    "squeeze no axis": ([layer("squeeze", name="m")], ("m", "axes")),
    "squeeze an axis of 2": ([layer("squeeze", name="m", axes=(0,))], ("m", "axes", "[2, 3]")),
    "squeeze outside": ([layer("squeeze", name="m", axes=(2,))], ("m", "axis", "2")),
    "flatten outside": ([layer("flattenTo2D", name="m", axis=3)], ("m", "axis", "3")),
    "constant without shape": ([layer("loadConstantND", "", "y", "m", data=weights([1]))], ("m", "shape")),
    "short constant": (
        [layer("loadConstantND", "", "y", "m", shape=(2, 2), data=weights(range(3)))], ("m", "data", "4", "3")
    ),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "words"), BAD.values(), ids=BAD)
def test_bad_layers_are_refused(layers: list[Any], words: tuple[str, ...]) -> None:
    from pyruntime.errors import MLModelError

    from .network import says

    spec = model({"x": (2, 3)}, layers, exact=True)
    with pytest.raises(MLModelError) as caught:
        check(spec, {"x": numbers(2, 3)})
    says(caught.value, type(caught.value), words)


def test_a_rank_that_only_a_prediction_knows_is_refused() -> None:
    spec = model([open_array("x", 3)], [layer("fillDynamic", name="m")], exact=True)
    refused(spec, "m", "rank", "outputTensor", error=UnsupportedError)


def test_squeezing_everything_keeps_an_open_axis() -> None:
    spec = model({}, [layer("squeeze", squeezeAll=True)], exact=True)
    spec.description.input.append(array("x", (3, 1), ranges=[(1, 5), (1, 1)]))
    for size in (3, 1):
        x = numbers(size, 1)
        check(spec, {"x": x}, x[:, 0])
