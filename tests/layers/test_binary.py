"""Element-wise layers with several inputs, bias and scale, against NumPy's broadcasting."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest

from .network import both_mappings, check, layer, lead, model, numbers, predict, refused, weights

FOLDS: dict[str, Any] = {
    "add": lambda xs: reduce(np.add, xs),
    "multiply": lambda xs: reduce(np.multiply, xs),
    "average": lambda xs: reduce(np.add, xs) / len(xs),
    "max": lambda xs: reduce(np.maximum, xs),
    "min": lambda xs: reduce(np.minimum, xs),
}
SHAPES = {
    "same": [(3, 4, 5), (3, 4, 5)],
    "three": [(3, 4, 5)] * 3,
    "per channel": [(3, 4, 5), (3, 1, 1)],
    "plane": [(3, 1, 1), (1, 4, 5)],
    "number": [(1, 1, 1), (3, 4, 5)],
    "row and column": [(3, 4, 1), (3, 1, 5)],
}


@both_mappings
@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", FOLDS)
def test_inputs_are_folded_with_broadcasting(kind: str, shapes: list[tuple[int, ...]], exact: bool) -> None:
    xs = [numbers(*lead(exact), *shape, seed=i) for i, shape in enumerate(shapes)]
    names = "abc"[: len(xs)]
    fold = layer(kind, " ".join(names))
    features = dict(zip(names, xs, strict=True))
    expected = FOLDS[kind]([x.astype(np.float64) for x in xs])
    check(model({n: x.shape for n, x in features.items()}, [fold], exact=exact), features, expected)


@pytest.mark.parametrize("kind", FOLDS)
def test_ranks_that_differ_are_broadcast_from_the_end(kind: str) -> None:
    features = {"a": numbers(2, 3, 4, 5), "b": numbers(4, 5, seed=1)}
    spec = model({n: x.shape for n, x in features.items()}, [layer(kind, "a b")], exact=True)
    check(spec, features, FOLDS[kind](list(features.values())))


@pytest.mark.parametrize("kind", FOLDS)
def test_the_same_blob_twice(kind: str) -> None:
    x = numbers(3, 4, 5)
    check(model({"x": x.shape}, [layer(kind, "x x")]), {"x": x}, FOLDS[kind]([x, x]))


@pytest.mark.parametrize(
    ("kind", "fields", "formula"),
    [
        ("add", {"alpha": 1.5}, lambda x: x + 1.5),
        ("add", {}, lambda x: x),
        ("multiply", {"alpha": -2.0}, lambda x: -2 * x),
        ("multiply", {}, lambda x: 0 * x),
        ("average", {}, lambda x: x),
        ("max", {}, lambda x: x),
        ("min", {}, lambda x: x),
    ],
    ids=str,
)
@both_mappings
def test_one_input(kind: str, fields: dict[str, Any], formula: Any, exact: bool) -> None:
    x = numbers(*lead(exact), 3, 4, 5)
    check(model({"x": x.shape}, [layer(kind, **fields)], exact=exact), {"x": x}, formula(x))


PARAMETER_SHAPES = [(1,), (3,), (1, 4, 5), (3, 4, 5), (3, 1, 1), (1, 1, 1)]


@both_mappings
@pytest.mark.parametrize("shape", PARAMETER_SHAPES, ids=str)
def test_bias_is_aligned_at_the_channel(shape: tuple[int, ...], exact: bool) -> None:
    x, b = numbers(*lead(exact), 3, 4, 5), numbers(*shape, seed=1)
    expected = x + (b[:, None, None] if b.ndim == 1 else b)
    check(model({"x": x.shape}, [layer("bias", shape=shape, bias=weights(b))], exact=exact), {"x": x}, expected)


@both_mappings
@pytest.mark.parametrize("shape_of_bias", [None, *PARAMETER_SHAPES], ids=str)
@pytest.mark.parametrize("shape", PARAMETER_SHAPES, ids=str)
def test_scale_and_bias_have_shapes_of_their_own(shape: Any, shape_of_bias: Any, exact: bool) -> None:
    x, s = numbers(*lead(exact), 3, 4, 5), numbers(*shape, seed=1)
    expected = x * (s[:, None, None] if s.ndim == 1 else s)
    fields: dict[str, Any] = {"shapeScale": shape, "scale": weights(s)}
    if shape_of_bias:
        b = numbers(*shape_of_bias, seed=2)
        expected = expected + (b[:, None, None] if b.ndim == 1 else b)
        fields |= {"hasBias": True, "shapeBias": shape_of_bias, "bias": weights(b)}
    check(model({"x": x.shape}, [layer("scale", **fields)], exact=exact), {"x": x}, expected)


BROADCASTABLE: dict[str, Any] = {
    "addBroadcastable": np.add,
    "subtractBroadcastable": np.subtract,
    "multiplyBroadcastable": np.multiply,
    "divideBroadcastable": np.divide,
    "maxBroadcastable": np.maximum,
    "minBroadcastable": np.minimum,
    "powBroadcastable": np.power,
    "modBroadcastable": np.mod,
    "floorDivBroadcastable": np.floor_divide,
}
PAIRS = [
    ((7,), (7,)), ((7,), (1,)), ((2, 7), (7,)), ((3, 1), (1, 4)), ((2, 3, 4), (3, 1)), ((1, 3, 1, 5), (2, 1, 4, 5)),
    ((5,), (2, 1, 3, 4, 5)), ((2, 1, 3, 1, 5), (1, 4, 1, 2, 1)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", PAIRS, ids=str)
@pytest.mark.parametrize("kind", BROADCASTABLE)
def test_two_inputs_are_broadcast(kind: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    x, y = (2 * numbers(*shape, seed=i) for i, shape in enumerate(shapes))
    if kind == "powBroadcastable":
        x = np.abs(x)
    spec = model({"x": x.shape, "z": y.shape}, [layer(kind, "x z")], exact=True)
    expected = BROADCASTABLE[kind](x, y)
    check(
        spec, {"x": x, "z": y}, expected, oracle=kind not in ("modBroadcastable", "floorDivBroadcastable")
    )  # they jump where float64 rounds on


def test_mod_and_floor_division_of_both_signs_and_zero() -> None:
    values = np.array([-7, -6, -2.5, -1, -0.5, 0, 0.1, 0.5, 1, 2.5, 3, 6, 7, 1e8], np.float32)
    x, y = values[:, None], values[None]
    for kind in ("modBroadcastable", "floorDivBroadcastable"):
        spec = model({"x": x.shape, "z": y.shape}, [layer(kind, "x z")], exact=True)
        with np.errstate(all="ignore"):
            want = BROADCASTABLE[kind](x, y)
        np.testing.assert_array_equal(predict(spec, {"x": x, "z": y})["y"], want, err_msg=kind)


@pytest.mark.parametrize("exponent", [2.0, 0.5, -0.5, 3.0, -1.0, 1.0, 0.0, 1.7])
def test_a_constant_exponent(exponent: float) -> None:
    x = np.abs(numbers(1, 1, 2, 3, 4)) + 0.1
    constant = layer("loadConstant", "", "c", shape=(1, 1, 1), data=weights([exponent]))
    spec = model({"x": x.shape}, [constant, layer("powBroadcastable", "x c")], exact=True)
    check(spec, {"x": x}, x.astype(np.float64) ** np.float32(exponent))


@pytest.mark.parametrize("shape", [(1,), (1, 1, 1)], ids=str)
def test_an_exponent_from_the_file_becomes_a_function_of_one_number(shape: tuple[int, ...]) -> None:
    x = np.abs(numbers(3, 4)) + 0.1
    constant = layer("loadConstantND", "", "c", shape=shape, data=weights([0.5]))
    spec = model({"x": x.shape}, [constant, layer("powBroadcastable", "x c")], exact=True)
    check(spec, {"x": x}, np.sqrt(x).reshape((3, 4) if len(shape) < 3 else (1, 3, 4)))


def test_a_constant_exponent_of_higher_rank_still_widens() -> None:
    x = np.abs(numbers(5))
    constant = layer("loadConstant", "", "c", shape=(1, 1, 1), data=weights([2]))
    spec = model({"x": x.shape}, [constant, layer("powBroadcastable", "x c")], exact=True)
    check(spec, {"x": x}, x[None, None, None, None] ** 2)


@pytest.mark.parametrize("kind", BROADCASTABLE)
def test_shapes_that_do_not_broadcast_are_refused(kind: str) -> None:
    bad = layer(kind, "x z", name="two")
    refused(model({"x": (3, 4), "z": (3,)}, [bad], exact=True), "two", "(3, 4)", "(3)", "broadcast")
    refused(model({"x": (3, 4)}, [layer(kind, name="two")], exact=True), "two", "input", "2", "1")


def bias(shape: tuple[int, ...], count: int) -> Any:
    return layer("bias", name="b1", shape=shape, bias=weights(np.ones(count)))


def scale(shape: tuple[int, ...], count: int, **more: Any) -> Any:
    return layer("scale", name="s1", shapeScale=shape, scale=weights(np.ones(count)), **more)


BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "no input": (layer("add", "", name="sum"), ("sum", "input", "1 or more", "0")),
    "shapes that do not fit": (layer("add", "x small", name="sum"), ("sum", "3", "4")),
    "bias of rank 2": (bias((3, 4), 12), ("b1", "shape of bias", "[3, 4]")),
    "bias without shape": (bias((), 1), ("b1", "shape of bias", "[]")),
    "bias of other channels": (bias((5,), 5), ("b1", "5", "3")),
    "bias of another height": (bias((3, 2, 5), 30), ("b1", "2", "4")),
    "short bias": (bias((3,), 2), ("b1", "bias", "3", "2")),
    "bias of a huge shape": (bias((2**62, 2**62, 4), 3), ("b1",)),
    "scale of rank 4": (scale((1, 3, 4, 5), 60), ("s1", "shape of scale", "[1, 3, 4, 5]")),
    "scale of other channels": (scale((2,), 2), ("s1", "2", "3")),
    "scale without bias": (scale((3,), 3, hasBias=True, shapeBias=(3,)), ("s1", "bias", "none")),
    "short scale": (scale((3,), 4), ("s1", "scale", "3", "4")),
}


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
def test_bad_elementwise_layers_are_refused(bad: Any, words: tuple[str, ...]) -> None:
    refused(model({"x": (3, 4, 5), "small": (3, 3, 5)}, [bad]), *words)


def test_parameters_never_enlarge_the_input() -> None:
    """A bias of five channels on one channel is a mistake of the file, though NumPy would broadcast it."""
    refused(model({"x": (1, 4, 5)}, [bias((5,), 5)]), "b1", "5", "1")
    refused(model({"x": (3, 1, 1)}, [scale((3, 4, 5), 60)]), "s1", "[3, 4, 5]")


def test_parameters_need_channels() -> None:
    refused(model({"x": (5,)}, [bias((1,), 1)], exact=True), "b1", "rank 3", "rank 1")
    refused(model({"x": (5,)}, [scale((1,), 1)], exact=True), "s1", "rank 3", "rank 1")
