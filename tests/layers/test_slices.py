"""Slices of every kind against NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import MLModelError, UnsupportedError

from .dynamic import check_both, constant, open_array
from .network import array, check, layer, model, numbers, refused, refused_at_predict

Cut = tuple[int | None, int | None, int]
CUTS: list[tuple[tuple[int, ...], list[Cut | int]]] = [
    ((7,), [(1, 5, 2)]), ((7,), [(None, None, -1)]), ((7,), [(-2, 0, -2)]), ((7,), [3]), ((7,), [-1]),
    ((7,), [(2, 100, 1)]), ((7,), [(-100, 3, 1)]), ((7,), [(5, None, -3)]),
    ((4, 5), [(None, None, 1), (1, -1, 1)]), ((4, 5), [2, (None, None, 2)]), ((4, 5), [-2, -5]), ((4, 5),
    [(1, 2, 1), 0]),
    ((2, 3, 4), [(None, 1, 1), (None, None, -1), (3, None, -1)]), ((2, 3, 4), [0, 1, 2]),
    ((2, 3, 4, 5), [(0, 2, 1), 1, (None, None, 1), (4, 0, -2)]), ((1, 2, 3, 4, 5), [0, (1, 2, 1), -1, (0, 4, 3),
    (-3, -1, 1)]),
]  # fmt: skip


def index_of(cuts: list[Cut | int]) -> tuple[Any, ...]:
    return tuple(slice(*cut) if isinstance(cut, tuple) else cut for cut in cuts)


def lists(cuts: list[Cut | int]) -> dict[str, list[int]]:
    """The six lists of the format; where a mask is set, the number under it is nonsense."""
    full = [(cut, 77, 5, True) if isinstance(cut, int) else (*cut, False) for cut in cuts]
    return {
        "beginIds": [99 if begin is None else begin for begin, _, _, _ in full],
        "endIds": [-99 if end is None else end for _, end, _, _ in full],
        "strides": [stride for _, _, stride, _ in full],
        "beginMasks": [begin is None for begin, _, _, _ in full],
        "endMasks": [end is None for _, end, _, _ in full],
        "squeezeMasks": [squeezed for _, _, _, squeezed in full],
    }


@pytest.mark.parametrize(("shape", "cuts"), CUTS, ids=str)
def test_slice_static(shape: tuple[int, ...], cuts: list[Cut | int]) -> None:
    x = numbers(*shape)
    check_both(layer("sliceStatic", **lists(cuts)), {"x": x}, np.atleast_1d(x[index_of(cuts)]), open_sizes="x")


@pytest.mark.parametrize(("shape", "cuts"), CUTS, ids=str)
def test_slice_dynamic_with_parameters(shape: tuple[int, ...], cuts: list[Cut | int]) -> None:
    x, fields = numbers(*shape), lists(cuts)
    begin = fields.pop("beginIds")
    padded = {name: [*values, *[1] * (5 - len(values))] for name, values in fields.items()}
    for params in (fields, padded):
        sliced = layer("sliceDynamic", "x begin", **params)
        check_both(sliced, {"x": x, "begin": begin}, np.atleast_1d(x[index_of(cuts)]), may_vary="begin", open_sizes="x")


@pytest.mark.parametrize(("shape", "cuts"), CUTS, ids=str)
def test_slice_dynamic_with_inputs(shape: tuple[int, ...], cuts: list[Cut | int]) -> None:
    """Two to six inputs, each a constant or not; squeeze masks are constants."""
    x, fields = numbers(*shape), lists(cuts)
    names = ["beginIds", "endIds", "strides", "beginMasks", "endMasks"]
    for count in (3, 5):
        inputs = {f"i{i}": fields[name] for i, name in enumerate(names[:count])}
        params = {name: values for name, values in fields.items() if name not in names[:count]}
        sliced = layer("sliceDynamic", " ".join(["x", *inputs]), **params)
        check_both(
            sliced, {"x": x, **inputs}, np.atleast_1d(x[index_of(cuts)]), may_vary=" ".join(inputs), oracle=False
        )


def test_slice_dynamic_with_seven_inputs() -> None:
    x = numbers(4, 5)
    inputs = {"begin": [1, 2], "end": [3, 9], "stride": [1, 1], "bm": [0, 1], "em": [0, 0], "sm": [0, 0]}
    sliced = [constant("sm", [0, 1]), layer("sliceDynamic", "x begin end stride bm em sm")]
    features = {n: np.array(v) for n, v in inputs.items() if n != "sm"} | {"x": x}
    check(model({n: v.shape for n, v in features.items()}, sliced, exact=True), features, x[1:3, 2], oracle=False)
    sliced[0] = constant("sm", [0, 0])
    check(model({n: v.shape for n, v in features.items()}, sliced, exact=True), features, x[1:3, :9], oracle=False)


def test_another_slice_in_every_prediction() -> None:
    """One model, sizes that come from numbers, and results of another size each time."""
    from pyruntime.model import MLModel

    x = numbers(6, 7)
    ends = layer("sliceDynamic", "x begin end")
    loaded = MLModel(model({"x": (6, 7), "begin": (2,), "end": (2,)}, [ends], exact=True))
    for begin, end in [((0, 0), (6, 7)), ((1, 2), (4, -1)), ((5, 6), (6, 7)), ((2, 3), (3, 6)), ((0, 0), (6, 7))]:
        y = loaded.predict({"x": x, "begin": np.array(begin), "end": np.array(end)})["y"]
        np.testing.assert_array_equal(y, x[begin[0] : end[0], begin[1] : end[1]])


@pytest.mark.parametrize("shape", [(7,), (4, 5), (2, 3, 4), (2, 1, 4, 2, 5)], ids=str)
def test_slice_by_size(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    for axis in range(-len(shape), len(shape)):
        for size in {1, shape[axis]}:
            for begin in {0, shape[axis] - size, -size}:
                start = begin % shape[axis]
                index = [slice(None)] * len(shape)
                index[axis] = slice(start, start + size)
                sliced = layer("sliceBySize", "x begin", axis=axis, size=size)
                check_both(sliced, {"x": x, "begin": begin}, x[tuple(index)], may_vary="begin", open_sizes="x")


@pytest.mark.parametrize("offset", [(0, 0), (2, 1)], ids=str)
def test_crop_to_a_size_that_only_a_prediction_knows(offset: tuple[int, int]) -> None:
    top, left = offset
    described = [array("x", (1, 2, 9, 8)), array("like", (1, 1, 4, 5), ranges=[(1, 1), (1, 1), (1, 7), (1, 7)])]
    spec = model(described, [layer("crop", "x like", offset=offset)], exact=True)
    x = numbers(1, 2, 9, 8)
    for height, width in [(4, 5), (1, 1), (7, 7)]:
        features = {"x": x, "like": numbers(1, 1, height, width)}
        check(spec, features, x[..., top : top + height, left : left + width], tolerance=0)


def bad(cut: Any, **change: Any) -> Any:
    fields = lists([(0, 2, 1), (0, 3, 1)]) | change
    if cut == "sliceDynamic":
        del fields["beginIds"]
    return layer(cut, "x begin" if cut == "sliceDynamic" else "x", name="m", **fields)


BEGIN = constant("begin", [0, 0])
BAD: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "too few begins": ([bad("sliceStatic", beginIds=[1])], ("m", "beginIds", "2 numbers", "[1]")),
    "too many ends": ([bad("sliceStatic", endIds=[1, 2, 3])], ("m", "endIds", "[1, 2, 3]")),
    "no strides": ([bad("sliceStatic", strides=[])], ("m", "strides")),
    "stride 0": ([bad("sliceStatic", strides=[1, 0])], ("m", "stride", "0")),
    "one mask": ([bad("sliceStatic", beginMasks=[True])], ("m", "beginMasks")),
    "squeezed outside": (
        [bad("sliceStatic", squeezeMasks=[True, True], beginIds=[0, 3])], ("m", "begin", "3 to 2".replace("3",
        "-3"), "3")
    ),
    "dynamic, stride 0": ([BEGIN, bad("sliceDynamic", strides=[1, 0])], ("m", "stride", "0")),
    "dynamic, short ends": ([BEGIN, bad("sliceDynamic", endIds=[1])], ("m", "endIds", "[1]")),
    "dynamic, short begin": ([constant("begin", [0]), bad("sliceDynamic")], ("m", "one number")),
    "dynamic without begin": ([layer("sliceDynamic", name="m")], ("m", "2 to 7", "1")),
    "no size": ([BEGIN, layer("sliceBySize", "x begin", name="m")], ("m", "size", "0")),
    "more than there is": (
        [constant("i", 0), layer("sliceBySize", "x i", name="m", size=5)], ("m", "size", "[4, 3]", "5")
    ),
    "from behind the end": ([constant("i", 4), layer("sliceBySize", "x i", name="m", size=1)], ("m", "begin", "4")),
    "axis outside": ([constant("i", 0), layer("sliceBySize", "x i", name="m", size=1, axis=2)], ("m", "axis", "2")),
    "begin of two": ([BEGIN, layer("sliceBySize", "x begin", name="m", size=1)], ("m", "begin", "(2)")),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "words"), BAD.values(), ids=BAD)
def test_bad_slices_are_refused(layers: list[Any], words: tuple[str, ...]) -> None:
    refused(model({"x": (4, 3)}, layers, exact=True), *words)


def test_squeezing_by_a_prediction_is_refused() -> None:
    sliced = layer("sliceDynamic", "x b b b b b b", name="m")
    refused(model({"x": (4, 3), "b": (2,)}, [sliced], exact=True), "m", "rank", error=UnsupportedError)


@pytest.mark.parametrize(
    ("fields", "begin", "words"),
    [({"endIds": [2, 2], "strides": [0, 1]}, (0, 0), "stride 0"), ({"endIds": [2, 2]}, (0, np.inf), "")],
    ids=str,
)
def test_numbers_of_a_prediction_that_slice_nothing(fields: dict[str, Any], begin: Any, words: str) -> None:
    spec = model({"x": (4, 3), "begin": (2,)}, [layer("sliceDynamic", "x begin", name="m", **fields)], exact=True)
    if words:
        refused(spec, "m", words, error=MLModelError)
    else:
        y = check(spec, {"x": numbers(4, 3), "begin": np.array(begin)}, np.empty((2, 0)), oracle=False)["y"]
        assert y.shape == (2, 0)


@pytest.mark.parametrize("index", [4, -5, 1e30])
def test_an_index_outside_is_refused(index: float) -> None:
    features = {"x": numbers(4, 3), "begin": np.array([index, 0])}
    squeezed = layer("sliceDynamic", "x begin", name="m", endIds=[9, 9], squeezeMasks=[True, False])
    refused_at_predict(
        model({"x": (4, 3), "begin": (2,)}, [squeezed], exact=True), features, "m", "-4 to 3", error=MLModelError
    )
    by_size = layer("sliceBySize", "x begin", name="m", size=2)
    spec = model({"x": (4, 3), "begin": (1,)}, [by_size], exact=True)
    refused_at_predict(spec, features | {"begin": np.array([index])}, "m", "2 elements", "(4, 3)", error=MLModelError)


def test_open_sizes_of_a_sliced_axis() -> None:
    spec = model([open_array("x", (4, 3))], [layer("sliceBySize", "x i", size=2)], exact=True)
    spec.neuralNetwork.layers.insert(0, constant("i", 1))
    check(spec, {"x": (x := numbers(4, 3))}, x[1:3], oracle=False)
