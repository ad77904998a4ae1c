"""Convolution and pooling over volumes, against PyTorch and loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .network import check, layer, model, numbers, refused, weights

CUSTOM, VALID, SAME = range(3)
MAX, AVERAGE = range(2)
AXES, EDGES = ("Depth", "Height", "Width"), (("Front", "Back"), ("Top", "Bottom"), ("Left", "Right"))


def spread(name: str, values: Any) -> dict[str, int]:
    """(1, 2, 3) -> nameDepth=1, nameHeight=2, nameWidth=3."""
    return {name + axis: value for axis, value in zip(AXES, values, strict=True)}


def custom(pads: Any) -> dict[str, int]:
    """((front, back), (top, bottom), (left, right)) -> the six fields."""
    names = [f"customPadding{edge}" for pair in EDGES for edge in pair]
    return dict(zip(names, [n for pair in pads for n in pair], strict=True))


def same(sizes: Any, kernel: Any, stride: Any) -> list[tuple[int, int]]:
    """The odd cell goes to the end."""
    totals = [max(0, (-(-n // s) - 1) * s + k - n) for n, k, s in zip(sizes, kernel, stride, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]


def padded(x: np.ndarray, pads: Any, value: float = 0.0) -> np.ndarray:
    return np.pad(x.astype(np.float64), [(0, 0), (0, 0), *pads], constant_values=value)


CONVOLUTIONS: list[dict[str, Any]] = [
    {},
    {"kernel": (1, 1, 1), "bias": True},
    {"kernel": (2, 3, 1), "stride": (2, 1, 3), "bias": True},
    {"dilation": (2, 1, 2), "type": CUSTOM, "pads": ((2, 2), (1, 1), (2, 2))},
    {"type": CUSTOM, "pads": ((0, 1), (2, 0), (1, 3)), "stride": (1, 2, 2)},
    {"type": SAME, "stride": (2, 2, 1), "kernel": (2, 4, 3)},
    {"type": VALID, "groups": 2, "bias": True},
    {"groups": 4, "outputs": 4, "bias": True, "type": SAME},
]


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolution_of_volumes(case: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle of this case, is not installed")
    kernel, stride, dilation = (
        case.get(n, d) for n, d in (("kernel", (3, 3, 3)), ("stride", (1, 1, 1)), ("dilation", (1, 1, 1)))
    )
    groups, outputs, kind = case.get("groups", 1), case.get("outputs", 6), case.get("type", VALID)
    x, w, b = numbers(2, 4, 6, 7, 8), numbers(outputs, 4 // groups, *kernel, seed=1), numbers(outputs, seed=2)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    pads = same(x.shape[2:], spans, stride) if kind == SAME else case.get("pads", ((0, 0),) * 3)
    wanted = torch.nn.functional.conv3d(
        torch.from_numpy(padded(x, pads)), torch.from_numpy(w).double(),
        torch.from_numpy(b).double() if case.get("bias") else None, stride, 0, dilation, groups,
    ).numpy()  # fmt: skip
    fields: dict[str, Any] = spread("kernel", kernel) | spread("stride", stride) | spread("dilation", dilation)
    fields |= {
        "outputChannels": outputs,
        "inputChannels": 4,
        "nGroups": groups,
        "weights": weights(w),
        "paddingType": kind,
    }
    if kind == CUSTOM:
        fields |= custom(pads)
    if case.get("bias"):
        fields |= {"hasBias": True, "bias": weights(b)}
    check(
        model({"x": x.shape}, [layer("convolution3d", **fields)], exact=True, version=5), {"x": x}, wanted, oracle=False
    )


@pytest.mark.parametrize("case", [
    {},
    {"stride": (2, 2, 2), "kernel": (2, 2, 2), "bias": True},
    {"stride": (2, 3, 1), "pads": ((1, 1), (0, 0), (1, 1)), "dilation": (1, 2, 3)},
    {"stride": (2, 1, 2), "groups": 2, "pads": ((1, 1), (1, 1), (1, 1)), "extra": (1, 0, 1), "bias": True},
    {"stride": (2, 2, 2), "groups": 4, "outputs": 4},
], ids=str)  # fmt: skip
def test_transposed_convolution_of_volumes(case: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle of this case, is not installed")
    kernel, stride, dilation = (
        case.get(n, d) for n, d in (("kernel", (3, 3, 3)), ("stride", (1, 1, 1)), ("dilation", (1, 1, 1)))
    )
    groups, outputs, pads = case.get("groups", 1), case.get("outputs", 6), case.get("pads", ((0, 0),) * 3)
    x, w, b = numbers(2, 4, 3, 4, 5), numbers(4, outputs // groups, *kernel, seed=1), numbers(outputs, seed=2)
    wanted = torch.nn.functional.conv_transpose3d(
        *(torch.from_numpy(v).double() for v in (x, w)), torch.from_numpy(b).double() if case.get("bias") else None,
        stride, [p[0] for p in pads], case.get("extra", (0, 0, 0)), groups, dilation,
    ).numpy()  # fmt: skip
    fields: dict[str, Any] = (
        spread("kernel", kernel) | spread("stride", stride) | spread("dilation", dilation) | custom(pads)
    )
    fields |= {
        "isDeconvolution": True,
        "outputChannels": outputs,
        "inputChannels": 4,
        "nGroups": groups,
        "weights": weights(w),
    }
    if "extra" in case:
        fields["outputShape"] = wanted.shape[2:]
    if case.get("bias"):
        fields |= {"hasBias": True, "bias": weights(b)}
    check(
        model({"x": x.shape}, [layer("convolution3d", **fields)], exact=True, version=5), {"x": x}, wanted, oracle=False
    )


POOLINGS: list[dict[str, Any]] = [
    {},
    {"kernel": (2, 3, 1), "stride": (2, 1, 3)},
    {"type": CUSTOM, "pads": ((1, 0), (1, 1), (0, 2)), "stride": (2, 2, 2)},
    {"type": SAME, "stride": (2, 3, 1), "kernel": (3, 2, 2)},
]


@pytest.mark.parametrize(("kind", "exclude"), [(MAX, False), (AVERAGE, False), (AVERAGE, True)], ids=str)
@pytest.mark.parametrize("case", POOLINGS, ids=str)
def test_pooling_of_volumes(case: dict[str, Any], kind: int, exclude: bool) -> None:
    """A maximum is one of the real cells; sums are padded with zeros."""
    kernel, stride, pad_kind = case.get("kernel", (2, 2, 2)), case.get("stride", (1, 1, 1)), case.get("type", VALID)
    x = numbers(2, 3, 5, 6, 7) - 1  # mostly negative, so that a padded 0 would win a maximum
    pads = same(x.shape[2:], kernel, stride) if pad_kind == SAME else case.get("pads", ((0, 0),) * 3)

    def windows(values: np.ndarray, border: float = 0.0) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(padded(values, pads, border), kernel, (2, 3, 4))[
            :, :, :: stride[0], :: stride[1], :: stride[2]
        ]

    fold = (-1, -2, -3)
    cells = windows(np.ones_like(x)).sum(fold) if exclude else np.prod(kernel)
    expected = windows(x, -np.inf).max(fold) if kind == MAX else windows(x).sum(fold) / cells
    fields: dict[str, Any] = spread("kernel", kernel) | spread("stride", stride)
    fields |= {"type": kind, "paddingType": pad_kind, "countExcludePadding": exclude}
    if pad_kind == CUSTOM:
        fields |= custom(pads)
    check(
        model({"x": x.shape}, [layer("pooling3d", **fields)], exact=True, version=5), {"x": x}, expected, oracle=False
    )


@pytest.mark.parametrize("kind", [MAX, AVERAGE])
def test_global_pooling_of_volumes(kind: int) -> None:
    x = numbers(2, 3, 4, 5, 6)
    expected = x.max((2, 3, 4), keepdims=True) if kind == MAX else x.astype(np.float64).mean((2, 3, 4), keepdims=True)
    check(
        model({"x": x.shape}, [layer("globalPooling3d", type=kind)], exact=True, version=5),
        {"x": x},
        expected,
        oracle=False,
    )


def conv_with(**change: Any) -> Any:
    fields = {name: 1 for axis in AXES for name in (f"kernel{axis}", f"stride{axis}", f"dilation{axis}")}
    rest: dict[str, Any] = {
        "outputChannels": 2,
        "inputChannels": 3,
        "nGroups": 1,
        "weights": weights(np.ones(6)),
        "paddingType": VALID,
    }
    return layer("convolution3d", name="vol", **fields | rest | change)


def pool_with(**change: Any) -> Any:
    fields = {name: 1 for axis in AXES for name in (f"kernel{axis}", f"stride{axis}")} | {"paddingType": VALID}
    return layer("pooling3d", name="vol", **fields | change)


BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "no groups": (conv_with(nGroups=0), ("vol", "nGroups", "0")),
    "kernel 0": (conv_with(kernelHeight=0), ("vol", "kernel", "[1, 0, 1]")),
    "negative stride": (conv_with(strideDepth=-1), ("vol", "stride", "[-1, 1, 1]")),
    "dilation 0": (conv_with(dilationWidth=0), ("vol", "dilation", "[1, 1, 0]")),
    "other channels": (conv_with(inputChannels=4), ("vol", "inputChannels", "3", "4")),
    "negative outputs": (conv_with(outputChannels=-2), ("vol", "outputChannels", "-2")),
    "short weights": (conv_with(weights=weights(np.ones(5))), ("vol", "weights", "6", "5")),
    "negative padding": (conv_with(paddingType=CUSTOM, customPaddingTop=-1), ("vol", "customPadding", "-1")),
    "unknown padding": (conv_with(paddingType=7), ("vol", "paddingType", "7")),
    "large kernel": (conv_with(kernelDepth=5, weights=weights(np.ones(30))), ("vol", "5", "depth")),
    "two output sizes": (conv_with(isDeconvolution=True, outputShape=(4, 4)), ("vol", "outputShape", "[4, 4]")),
    "pooling of kind L2": (pool_with(type=2), ("vol", "type", "2")),
    "pooling, stride 0": (pool_with(strideWidth=0), ("vol", "stride", "[1, 1, 0]")),
    "pooling, amounts without CUSTOM": (pool_with(customPaddingBack=1), ("vol", "customPadding", "CUSTOM")),
    "global pooling of kind L2": (layer("globalPooling3d", name="vol", type=2), ("vol", "type", "2")),
}


@pytest.mark.parametrize(("bad", "words"), BAD.values(), ids=BAD)
def test_bad_layers_are_refused(bad: Any, words: tuple[str, ...]) -> None:
    refused(model({"x": (1, 3, 4, 4, 4)}, [bad], exact=True, version=5), *words)


@pytest.mark.parametrize("bad", [conv_with(), pool_with(), layer("globalPooling3d", name="vol")], ids=str)
def test_images_are_refused(bad: Any) -> None:
    refused(model({"x": (3, 4, 4)}, [bad], exact=True, version=5), "vol", "rank 4", "rank 3")
