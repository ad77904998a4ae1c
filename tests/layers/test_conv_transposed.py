"""Transposed convolution against the sum of its definition, and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .network import borders, both_mappings, check, layer, lead, messages, model, numbers, predict, refused, weights


def scatter(x: np.ndarray, w: np.ndarray, stride: Any, dilation: Any, groups: int) -> np.ndarray:
    """x (..., C, H, W), w (C, O/groups, KH, KW) -> (..., O, H', W') in float64, before anything is cut."""
    height, width = x.shape[-2:]
    span = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    size = [(n - 1) * s + k for n, s, k in zip((height, width), stride, span, strict=True)]
    per_group = x.shape[-3] // groups
    y = np.zeros((*x.shape[:-3], w.shape[1] * groups, *size))
    for g in range(groups):
        inputs, outputs = slice(g * per_group, (g + 1) * per_group), slice(g * w.shape[1], (g + 1) * w.shape[1])
        for i, j in np.ndindex(*w.shape[2:]):
            rows = slice(i * dilation[0], i * dilation[0] + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(j * dilation[1], j * dilation[1] + (width - 1) * stride[1] + 1, stride[1])
            added = np.einsum("...chw,co->...ohw", x[..., inputs, :, :].astype(np.float64), w[inputs, :, i, j])
            y[..., outputs, rows, columns] += added
    return y


def window(y: np.ndarray, starts: Any, size: Any) -> np.ndarray:
    """The part of y (..., H, W) that begins at `starts`, with zeros where y has ended."""
    y = np.pad(y, [*[(0, 0)] * (y.ndim - 2), *((0, max(0, a + n - have)) for a, n, have in
                                                  zip(starts, size, y.shape[-2:], strict=True))])  # fmt: skip
    return y[..., starts[0] : starts[0] + size[0], starts[1] : starts[1] + size[1]]


CASES: list[dict[str, Any]] = [
    {},
    {"bias": True, "stride": (2, 2)},
    {"kernel": (2, 2), "stride": (2, 2)},
    {"kernel": (4, 4), "stride": (2, 2), "pads": ((1, 1), (1, 1)), "bias": True},
    {"kernel": (1, 1), "stride": (3, 2)},
    {"kernel": (2, 5), "stride": (4, 3), "bias": True},
    {"stride": (2, 3), "dilation": (2, 2)},
    {"stride": (4, 6), "dilation": (6, 4), "kernel": (3, 4)},
    {"dilation": (3, 1), "pads": ((2, 1), (0, 1))},
    {"stride": (2, 2), "pads": "bottom right"},
    {"stride": (2, 2), "pads": "top left", "kernel": (4, 5)},
    {"stride": (3, 2), "pads": "bottom right", "kernel": (2, 2)},
    {"stride": (2, 2), "groups": 2, "bias": True},
    {"stride": (2, 2), "groups": 2, "outputs": 4, "pads": ((1, 1), (1, 1)), "kernel": (4, 4)},
    {"groups": 4, "outputs": 4, "kernel": (4, 4), "stride": (2, 2), "pads": ((1, 1), (1, 1)), "bias": True},
    {"groups": 4, "outputs": 4, "kernel": (16, 16), "stride": (8, 8), "pads": ((4, 4), (4, 4))},
    {"groups": 4, "outputs": 4, "kernel": (2, 3), "stride": (3, 5)},
    {"stride": (2, 2), "pads": ((1, 1), (1, 1)), "size": (10, 14)},
    {"stride": (2, 2), "pads": ((1, 1), (1, 1)), "size": (9, 13)},
    {"stride": (2, 2), "pads": ((0, 0), (0, 0)), "size": (13, 17)},
    {"stride": (2, 2), "pads": "bottom right", "size": (9, 13)},
]


@both_mappings
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_cell_adds_to_the_outputs_that_would_read_it(case: dict[str, Any], exact: bool) -> None:
    kernel, stride, dilation = case.get("kernel", (3, 3)), case.get("stride", (1, 1)), case.get("dilation", (1, 1))
    groups, outputs = case.get("groups", 1), case.get("outputs", 6)
    x = numbers(*lead(exact), 4, 5, 7)
    w, b = numbers(4, outputs // groups, *kernel, seed=1), numbers(outputs, seed=2)
    full = scatter(x, w, stride, dilation, groups)
    pads, size = case.get("pads", ((0, 0), (0, 0))), case.get("size")
    if isinstance(pads, str):
        size = size or [n * s for n, s in zip(x.shape[-2:], stride, strict=True)]
        cut = [max(0, have - n) for have, n in zip(full.shape[-2:], size, strict=True)]
        starts = [n - n // 2 if pads == "top left" else n // 2 for n in cut]
        padding: dict[str, Any] = {"same": {"asymmetryMode": int(pads == "top left")}}
    else:
        size = size or [n - sum(pad) for n, pad in zip(full.shape[-2:], pads, strict=True)]
        starts = [pad[0] for pad in pads]
        padding = {"valid": {"paddingAmounts": borders(*pads)}}
    expected = window(full, starts, size)
    fields: dict[str, Any] = {
        "isDeconvolution": True, "outputChannels": outputs, "kernelChannels": 4, "nGroups": groups,
        "kernelSize": kernel, "stride": stride, "dilationFactor": dilation, "weights": weights(w), **padding,
    }  # fmt: skip
    if "size" in case:
        fields["outputShape"] = case["size"]
    if case.get("bias"):
        fields |= {"hasBias": True, "bias": weights(b)}
        expected = expected + b[:, None, None]
    check(model({"x": x.shape}, [layer("convolution", **fields)], exact=exact), {"x": x}, expected)


@pytest.mark.parametrize(("stride", "pad", "extra", "dilation", "groups"), [
    ((2, 2), (1, 1), (1, 0), (1, 1), 1), ((3, 2), (0, 2), (2, 1), (1, 2), 2), ((2, 1), (2, 1), (1, 0), (2, 3), 6),
])  # fmt: skip
def test_as_pytorch_with_output_padding(stride: Any, pad: Any, extra: Any, dilation: Any, groups: int) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle of this case, is not installed")
    x, w, b = numbers(2, 6, 8, 9), numbers(6, 12 // groups, 3, 4, seed=1), numbers(12, seed=2)
    wanted = torch.nn.functional.conv_transpose2d(
        *map(torch.from_numpy, (x, w, b)), stride=stride, padding=pad, output_padding=extra, dilation=dilation,
        groups=groups,
    ).numpy()  # fmt: skip
    conv = layer(
        "convolution", isDeconvolution=True, outputChannels=12, kernelChannels=6, nGroups=groups, kernelSize=(3, 4),
        stride=stride, dilationFactor=dilation, weights=weights(w), hasBias=True, bias=weights(b),
        valid={"paddingAmounts": borders(*((p, p) for p in pad))}, outputShape=wanted.shape[-2:],
    )  # fmt: skip
    check(model({"x": x.shape}, [conv], exact=True), {"x": x}, wanted)


def test_quantized_weights_have_their_scales_along_axis_1() -> None:
    x, q = numbers(2, 4, 5), np.random.default_rng(1).integers(0, 256, (2, 3, 2, 2)).astype(np.uint8)
    scale, bias = numbers(3, seed=4), numbers(3, seed=5)
    params = messages.WeightParams(rawValue=q.tobytes())
    params.quantization.numberOfBits = 8
    params.quantization.linearQuantization.scale.extend(scale)
    params.quantization.linearQuantization.bias.extend(bias)
    conv = layer(
        "convolution", isDeconvolution=True, outputChannels=3, kernelChannels=2, kernelSize=(2, 2), stride=(2, 2),
        weights=params, valid={},
    )  # fmt: skip
    w = q * scale[:, None, None].astype(np.float64) + bias[:, None, None]
    check(model({"x": x.shape}, [conv]), {"x": x}, scatter(x, w, (2, 2), (1, 1), 1))


def test_a_batch_norm_and_an_activation_behind_it_become_part_of_it() -> None:
    """Scales belong to output channels, also where groups cut them."""
    x, w = numbers(2, 4, 5, 6), numbers(4, 3, 3, 3, seed=1)
    gamma, beta = numbers(6, seed=2), numbers(6, seed=3)
    conv = layer("convolution", outputs="c", isDeconvolution=True, outputChannels=6, kernelChannels=4, nGroups=2,
                 stride=(2, 2), weights=weights(w), valid={})  # fmt: skip
    norm = layer("scale", inputs="c", outputs="s", shapeScale=(6, 1, 1), scale=weights(gamma), hasBias=True,
                 shapeBias=(6, 1, 1), bias=weights(beta))  # fmt: skip
    relu = layer("activation", inputs="s", ReLU={})
    y = scatter(x, w, (2, 2), (1, 1), 2) * gamma[:, None, None] + beta[:, None, None]
    check(model({"x": x.shape}, [conv, norm, relu], exact=True), {"x": x}, np.maximum(y, 0))


def test_flexible_sizes_give_the_answers_of_fixed_ones() -> None:
    from .network import array

    w = numbers(3, 4, 4, 4, seed=1)
    conv = layer("convolution", isDeconvolution=True, outputChannels=4, kernelChannels=3, kernelSize=(4, 4),
                 stride=(2, 2), weights=weights(w), valid={"paddingAmounts": borders((1, 1), (1, 1))})  # fmt: skip
    flexible = model([array("x", (1, 3, 4, 4), ranges=[(1, 2), (3, 3), (1, 9), (1, 9)])], [conv], exact=True)
    for shape in ((1, 3, 4, 4), (2, 3, 1, 9)):
        x = numbers(*shape)
        fixed = predict(model({"x": shape}, [conv], exact=True), {"x": x})["y"]
        np.testing.assert_array_equal(predict(flexible, {"x": x})["y"], fixed)


def conv_with(**change: Any) -> Any:
    fields: dict[str, Any] = {
        "isDeconvolution": True, "outputChannels": 4, "kernelChannels": 3, "stride": (2, 2),
        "weights": weights(np.ones((3, 4, 3, 3))), "valid": {},
    } | change  # fmt: skip
    return layer("convolution", name="up4", **fields)


BAD: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "other channels": ({"kernelChannels": 4}, ("up4", "kernelChannels", "3", "4")),
    "channels no multiple of groups": ({"nGroups": 2}, ("up4", "nGroups (2)", "3")),
    "outputs no multiple of groups": ({"nGroups": 3}, ("up4", "outputChannels", "nGroups (3)", "4")),
    "short weights": ({"weights": weights(np.ones(107))}, ("up4", "weights", "108", "107")),
    "one output size": ({"outputShape": (9,)}, ("up4", "outputShape", "[9]")),
    "output size 0": ({"outputShape": (0, 9)}, ("up4", "outputShape", "[0, 9]")),
    "huge output size": ({"outputShape": (2**40, 9)}, ("up4", "outputShape", str(2**40))),
    "large output size": ({"outputShape": (2**30, 2**30)}, ("up4", str(2**30))),
    "all cut away": ({"valid": {"paddingAmounts": borders((9, 9), (0, 0))}}, ("up4", "padding")),
    "huge stride": ({"stride": (2**30, 1)}, ("up4", "stride", str(2**30))),
}


@pytest.mark.parametrize(("change", "words"), BAD.values(), ids=BAD)
def test_bad_transposed_convolutions_are_refused(change: dict[str, Any], words: tuple[str, ...]) -> None:
    refused(model({"x": (3, 8, 8)}, [conv_with(**change)]), *words)
