"""Layers that move values against NumPy's functions of that name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .dynamic import open_array
from .network import (
    array,
    borders,
    both_mappings,
    check,
    layer,
    lead,
    model,
    numbers,
    predict,
    refused,
    weights,
)  # fmt: skip

CHANNEL_FIRST, CHANNEL_LAST = 0, 1
CHANNEL, HEIGHT, WIDTH = range(3)


def last(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -3, -1)


@both_mappings
@pytest.mark.parametrize("mode", [CHANNEL_FIRST, CHANNEL_LAST])
def test_flatten(mode: int, exact: bool) -> None:
    x = numbers(*lead(exact), 3, 4, 5)
    ordered = last(x) if mode == CHANNEL_LAST else x
    spec = model({"x": x.shape}, [layer("flatten", mode=mode)], exact=exact)
    check(spec, {"x": x}, ordered.reshape(*lead(exact), 60, 1, 1), tolerance=0)


def test_the_length_of_a_flattened_image_is_known_to_the_next_layer() -> None:
    """Also in legacy ranks, where the sizes of sequence and batch are open until a prediction."""
    x, ones = numbers(3, 4, 5), weights(np.ones(60))
    norm = layer("batchnorm", "f", "n", channels=60, gamma=ones, beta=ones, mean=ones, variance=ones)
    split = layer("split", "n", "y z", nOutputs=2)
    spec = model({"x": x.shape}, [layer("flatten", "x", "f"), norm, split], ["y", "z"])
    check(spec, {"x": x}, {"y": ((x.ravel() - 1) / np.sqrt(1 + 1e-5) + 1)[:30, None, None]})


@pytest.mark.parametrize("mode", [CHANNEL_FIRST, CHANNEL_LAST])
@pytest.mark.parametrize(
    ("shape", "target"),
    [
        ((1, 1, 3, 4, 5), (5, 2, 6)),
        ((2, 3, 4, 2, 3), (6, 4, 1)),
        ((2, 1, 4, 2, 3), (4, 2, 2, 3)),
        ((1, 3, 4, 2, 3), (2, 2, 2, 3)),
        ((2, 3, 4, 2, 3), (4, 2, 3, 2)),
    ],
    ids=str,
)
def test_reshape_keeps_the_batch(shape: tuple[int, ...], target: tuple[int, ...], mode: int) -> None:
    """Each batch entry is reshaped by itself: (Seq, C, H, W) in the order of the mode."""
    x = numbers(*shape)
    full = target if len(target) == 4 else (shape[0], *target)
    entries = []
    for entry in np.moveaxis(x, 1, 0):
        if mode == CHANNEL_LAST:
            y = last(entry).reshape(full[0], full[2], full[3], full[1])
            entries.append(np.moveaxis(y, -1, -3))
        else:
            entries.append(entry.reshape(full))
    spec = model({"x": shape}, [layer("reshape", targetShape=target, mode=mode)], exact=True)
    check(spec, {"x": x}, np.stack(entries, 1), tolerance=0)


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 2, 1, 0), (1, 0, 3, 2), (2, 0, 1, 3)], ids=str)
def test_permute_leaves_the_batch_alone(axes: tuple[int, ...]) -> None:
    x = numbers(2, 3, 4, 5, 6)
    place = [(0, 2, 3, 4)[axis] for axis in axes]
    spec = model({"x": x.shape}, [layer("permute", axis=axes)], exact=True)
    check(spec, {"x": x}, x.transpose(place[0], 1, *place[1:]), tolerance=0)


@both_mappings
@pytest.mark.parametrize("channels", [(3, 3), (1, 4, 2), (5,)], ids=str)
def test_concat_along_channels(channels: tuple[int, ...], exact: bool) -> None:
    features = {n: numbers(*lead(exact), c, 4, 5, seed=c) for n, c in zip("abc", channels, strict=False)}
    spec = model({n: x.shape for n, x in features.items()}, [layer("concat", " ".join(features))], exact=exact)
    check(spec, features, np.concatenate(list(features.values()), -3), tolerance=0)


def test_concat_along_the_sequence() -> None:
    features = {"a": numbers(2, 1, 3, 4, 5), "b": numbers(3, 1, 3, 4, 5, seed=1)}
    spec = model(dict.fromkeys(features, (3, 4, 5)), [layer("concat", "a b", sequenceConcat=True)])
    check(spec, features, np.concatenate([features["a"], features["b"]]), tolerance=0)


@pytest.mark.parametrize(("shape", "axis"), [((9,), WIDTH), ((4, 9), HEIGHT), ((4, 9), WIDTH)], ids=str)
def test_slice_needs_only_the_axis_it_cuts(shape: tuple[int, ...], axis: int) -> None:
    x = numbers(*shape)
    index: list[Any] = [slice(None)] * len(shape)
    index[axis - 3] = slice(1, -1, 2)
    spec = model({"x": shape}, [layer("slice", axis=axis, startIndex=1, endIndex=-1, stride=2)], exact=True)
    check(spec, {"x": x}, x[tuple(index)], tolerance=0)


@both_mappings
@pytest.mark.parametrize("parts", [1, 2, 6])
def test_split_into_equal_parts(parts: int, exact: bool) -> None:
    x = numbers(*lead(exact), 6, 4, 5)
    names = [f"part{i}" for i in range(parts)]
    spec = model({"x": x.shape}, [layer("split", "x", " ".join(names), nOutputs=parts)], names, exact=exact)
    check(spec, {"x": x}, dict(zip(names, np.split(x, parts, -3), strict=True)), tolerance=0)


@both_mappings
@pytest.mark.parametrize("axis", [CHANNEL, HEIGHT, WIDTH])
@pytest.mark.parametrize(
    "cut", [(0, 4, 1), (1, 5, 2), (0, -1, 1), (-3, -1, 1), (2, 6, 3), (1, 2**40, 1), (0, 5, 2**40)], ids=str
)
def test_slice_as_python_slices(cut: tuple[int, int, int], axis: int, exact: bool) -> None:
    x = numbers(*lead(exact), 6, 7, 8)
    start, end, stride = cut
    spec = model(
        {"x": x.shape}, [layer("slice", axis=axis, startIndex=start, endIndex=end, stride=stride)], exact=exact
    )
    index = [slice(None)] * 3
    index[axis] = slice(start, end, stride)
    check(spec, {"x": x}, x[(..., *index)], tolerance=0)


@both_mappings
@pytest.mark.parametrize("amounts", [((1, 2), (0, 3)), ((0, 0), (2, 0)), None], ids=str)
def test_crop_by_amounts(amounts: Any, exact: bool) -> None:
    x = numbers(*lead(exact), 3, 6, 7)
    fields = {"cropAmounts": borders(*amounts)} if amounts else {}
    (top, bottom), (left, right) = amounts or ((0, 0), (0, 0))
    spec = model({"x": x.shape}, [layer("crop", **fields)], exact=exact)
    check(spec, {"x": x}, x[..., top : 6 - bottom, left : 7 - right], tolerance=0)


@both_mappings
@pytest.mark.parametrize("offset", [(0, 0), (2, 3), None], ids=str)
def test_crop_to_the_size_of_another(offset: Any, exact: bool) -> None:
    features = {"x": numbers(*lead(exact), 3, 6, 7), "like": numbers(*lead(exact), 1, 4, 2)}
    top, left = offset or (0, 0)
    crop = layer("crop", "x like", **({"offset": offset} if offset else {}))
    spec = model({n: v.shape for n, v in features.items()}, [crop], exact=exact)
    check(spec, features, features["x"][..., top : top + 4, left : left + 2], tolerance=0)


MODES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "zeros": ({"constant": {}}, {"mode": "constant"}),
    "constant": ({"constant": {"value": -2.5}}, {"mode": "constant", "constant_values": -2.5}),
    "reflection": ({"reflection": {}}, {"mode": "reflect"}),
    "replication": ({"replication": {}}, {"mode": "edge"}),
}


@both_mappings
@pytest.mark.parametrize("amounts", [((1, 2), (0, 3)), ((3, 0), (0, 0)), None], ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_padding_as_numpy_pads(mode: str, amounts: Any, exact: bool) -> None:
    x = numbers(*lead(exact), 3, 4, 5)
    message, named = MODES[mode]
    fields = {"paddingAmounts": borders(*amounts)} if amounts else {}
    spec = model({"x": x.shape}, [layer("padding", **message, **fields)], exact=exact)
    still = [(0, 0)] * (x.ndim - 2)
    check(spec, {"x": x}, np.pad(x, [*still, *(amounts or ((0, 0), (0, 0)))], **named), tolerance=0)


@pytest.mark.parametrize(("stored", "times"), [(0, 1), (1, 1), (3, 3)])
def test_sequence_repeat(stored: int, times: int) -> None:
    x = numbers(2, 2, 3, 4, 5)
    spec = model({"x": (3, 4, 5)}, [layer("sequenceRepeat", nRepetitions=stored)])
    check(spec, {"x": x}, np.concatenate([x] * times), tolerance=0)


SPACE_TO_DEPTH, DEPTH_TO_SPACE, PIXEL_SHUFFLE = range(3)


def to_depth(x: np.ndarray, b: int, places_first: bool) -> np.ndarray:
    """Each channel of the result picks every b-th pixel, from one place of the blocks and one channel of x."""
    places = [(i, j) for i in range(b) for j in range(b)]
    channels = range(x.shape[-3])
    order = [(c, p) for p in places for c in channels] if places_first else [(c, p) for c in channels for p in places]
    return np.stack([x[..., c, i::b, j::b] for c, (i, j) in order], -3)


@pytest.mark.parametrize("lead_shape", [(), (2,), (3, 2), (2, 1, 2), (1, 2, 1, 1, 2)], ids=str)
@pytest.mark.parametrize("block", [2, 3])
def test_reorganize_data(lead_shape: tuple[int, ...], block: int) -> None:
    x = numbers(*lead_shape, 2, 2 * block, 3 * block)
    for described in (array("x", x.shape), open_array("x", x.shape)) if len(lead_shape) < 3 else (array("x", x.shape),):
        layers = [layer("reorganizeData", blockSize=block)]
        check(model([described], layers, exact=True), {"x": x}, to_depth(x, block, True), tolerance=0)
    for mode in (DEPTH_TO_SPACE, PIXEL_SHUFFLE):
        y = to_depth(x, block, mode == DEPTH_TO_SPACE)
        for described in (
            (array("x", y.shape), open_array("x", y.shape)) if len(lead_shape) < 3 else (array("x", y.shape),)
        ):
            layers = [layer("reorganizeData", blockSize=block, mode=mode)]
            check(model([described], layers, exact=True), {"x": y}, x, tolerance=0)


@pytest.mark.parametrize("mode", [SPACE_TO_DEPTH, DEPTH_TO_SPACE, PIXEL_SHUFFLE])
def test_reorganize_data_in_legacy_ranks(mode: int) -> None:
    x = numbers(4, 6, 4)
    y = to_depth(x, 2, mode != PIXEL_SHUFFLE)
    given, expected = (x, y) if mode == SPACE_TO_DEPTH else (y, x)
    check(
        model({"x": given.shape}, [layer("reorganizeData", blockSize=2, mode=mode)]),
        {"x": given},
        expected,
        tolerance=0,
    )


def test_load_constant_alone_and_with_an_input() -> None:
    x, c = numbers(3, 4, 5), numbers(3, 4, 5, seed=1)
    constant = layer("loadConstant", "", "c", shape=(3, 4, 5), data=weights(c))
    spec = model({"x": x.shape}, [constant, layer("add", "x c")], ["y", "c"])
    check(spec, {"x": x}, {"y": x + c, "c": c}, tolerance=1e-7)


def test_a_constant_as_the_only_result_is_new_in_every_prediction() -> None:
    """A caller who writes into an answer changes no other answer."""
    c = numbers(3, 4, 5)
    spec = model({"x": (1,)}, [layer("loadConstant", "", "y", shape=c.shape, data=weights(c))])
    first = predict(spec, {"x": [0]})["y"]
    first[:] = 7
    np.testing.assert_array_equal(predict(spec, {"x": [0]})["y"], c)


SHAPE = (4, 6, 7)
BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "reshape to another count": (layer("reshape", name="m", targetShape=(4, 6, 8)), ("m", "168", "[4, 6, 8]")),
    "reshape to rank 2": (layer("reshape", name="m", targetShape=(4, 42)), ("m", "targetShape", "[4, 42]")),
    "reshape to size 0": (layer("reshape", name="m", targetShape=(0, 6, 7)), ("m", "targetShape", "[0, 6, 7]")),
    "reshape to a huge size": (layer("reshape", name="m", targetShape=(2**40, 2, 6, 7)), ("m", "32 bits")),
    "permute three axes": (layer("permute", name="m", axis=(0, 1, 2)), ("m", "axis", "[0, 1, 2]")),
    "permute with an axis twice": (layer("permute", name="m", axis=(0, 1, 1, 2)), ("m", "axis", "[0, 1, 1, 2]")),
    "concat nothing": (layer("concat", "", name="m"), ("m", "input", "0")),
    "concat other planes": (layer("concat", "x small", name="m"), ("m", "6", "5")),
    "split into no parts": (layer("split", name="m"), ("m", "nOutputs", "4 channels", "0")),
    "split into three": (layer("split", name="m", nOutputs=3), ("m", "nOutputs", "4 channels", "3")),
    "split into very many": (layer("split", name="m", nOutputs=2**60), ("m", "nOutputs", str(2**60))),
    "slice with stride 0": (layer("slice", name="m", endIndex=2), ("m", "stride", "0")),
    "slice of nothing": (layer("slice", name="m", startIndex=3, endIndex=2, stride=1), ("m", "Index", "3", "2")),
    "slice along an unknown axis": (layer("slice", name="m", axis=7, endIndex=1, stride=1), ("m", "axis", "7")),
    "crop everything": (layer("crop", name="m", cropAmounts=borders((3, 3), (0, 0))), ("m", "cropAmounts", "6", "3")),
    "crop more than all": (layer("crop", name="m", cropAmounts=borders((0, 0), (9, 9))), ("m", "cropAmounts", "9")),
    "crop three axes": (layer("crop", name="m", cropAmounts=borders(*[(0, 0)] * 3)), ("m", "cropAmounts")),
    "crop outside": (layer("crop", "x small", name="m", offset=(3, 0)), ("m", "offset", "[3, 0]")),
    "crop at one offset": (layer("crop", "x small", name="m", offset=(1,)), ("m", "offset", "[1]")),
    "crop with three inputs": (layer("crop", "x small x", name="m"), ("m", "input", "1 to 2", "3")),
    "pad in no way": (layer("padding", name="m"), ("m", "PaddingType", "None")),
    "reflect more than there is": (
        layer("padding", name="m", reflection={}, paddingAmounts=borders((6, 0), (0, 0))), ("m", "6")
    ),
    "pad by a huge amount": (
        layer("padding", name="m", constant={}, paddingAmounts=borders((2**35, 0), (0, 0))),
        ("m", "paddingAmounts", str(2**35)),
    ),
    "repeat very often": (layer("sequenceRepeat", name="m", nRepetitions=2**40), ("m", "32 bits")),
    "blocks of nothing": (layer("reorganizeData", name="m"), ("m", "blockSize", "2 or more", "0")),
    "blocks of 4 in 6": (layer("reorganizeData", name="m", blockSize=4), ("m", "blockSize", "4, 6, 7")),
    "channels of 3": (layer("reorganizeData", name="m", blockSize=3, mode=1), ("m", "blockSize", "4, 6, 7", "9")),
    "reorganized otherwise": (layer("reorganizeData", name="m", blockSize=2, mode=5), ("m", "mode", "5")),
    "blocks of 2**40": (layer("reorganizeData", name="m", blockSize=2**40, mode=1), ("m", "blockSize")),
    "constant of rank 2": (layer("loadConstant", "", "y", "m", shape=(2, 2), data=weights(range(4))), ("m", "[2, 2]")),
    "constant of size 0": (layer("loadConstant", "", "y", "m", shape=(2, 0, 2)), ("m", "shape", "[2, 0, 2]")),
    "short constant": (
        layer("loadConstant", "", "y", "m", shape=(2, 2, 2), data=weights(range(7))), ("m", "data", "8", "7")
    ),
    "constant with an input": (layer("loadConstant", name="m", shape=(1, 1, 1)), ("m", "input", "0", "1")),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
def test_bad_layers_are_refused(bad: Any, words: tuple[str, ...]) -> None:
    refused(model({"x": SHAPE, "small": (4, 5, 5)}, [bad]), *words)


@pytest.mark.parametrize(
    ("kind", "fields", "rank"),
    [("flatten", {}, 2), ("split", {"nOutputs": 1}, 2), ("slice", {"stride": 1}, 2),
     ("slice", {"stride": 1, "axis": HEIGHT}, 1), ("crop", {}, 2), ("concat", {}, 2),
     ("sequenceRepeat", {}, 4), ("reorganizeData", {"blockSize": 2}, 2), ("padding", {"constant": {}}, 1),
     ("concat", {"sequenceConcat": True}, 4),
     ("reshape", {"targetShape": (1, 1, 1)}, 4), ("permute", {"axis": (0, 1, 2, 3)}, 4)],
    ids=str,
)  # fmt: skip
def test_too_few_axes_are_refused(kind: str, fields: dict[str, Any], rank: int) -> None:
    spec = model([array("x", (1,) * rank)], [layer(kind, name="m", **fields)], exact=True)
    refused(spec, "m", kind, "rank")
