"""Convolution layers against the sum of their definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import SpecError

from .network import borders, both_mappings, check, layer, lead, messages, model, numbers, refused, weights


def correlate(x: np.ndarray, w: np.ndarray, stride: Any, dilation: Any, pads: Any, groups: int) -> np.ndarray:
    """x (..., C, H, W), w (O, C/groups, KH, KW) -> (..., O, H', W') in float64; pads ((top, bottom), (left, right))."""
    still = [(0, 0)] * (x.ndim - 2)
    x = np.pad(x.astype(np.float64), [*still, *pads])
    span = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(x, span, (-2, -1))
    windows = windows[..., :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
    parts = []
    for group, kernel in enumerate(np.split(w.astype(np.float64), groups)):
        channels = slice(group * w.shape[1], (group + 1) * w.shape[1])
        parts.append(np.einsum("...chwij,ocij->...ohw", windows[..., channels, :, :, :, :], kernel))
    return np.concatenate(parts, -3)


def same(size: int, span: int, stride: int, top_left: bool) -> tuple[int, int]:
    total = max(0, (-(-size // stride) - 1) * stride + span - size)
    return (total - total // 2, total // 2) if top_left else (total // 2, total - total // 2)


CASES: list[dict[str, Any]] = [
    {},
    {"bias": True},
    {"kernel": (1, 1), "bias": True},
    {"kernel": (1, 5)},
    {"stride": (2, 1), "bias": True},
    {"stride": (3, 4)},
    {"dilation": (2, 3), "pads": ((2, 2), (3, 3))},
    {"pads": ((1, 2), (0, 3)), "bias": True},
    {"pads": "bottom right", "stride": (2, 2), "kernel": (4, 3)},
    {"pads": "top left", "stride": (2, 2), "kernel": (4, 3)},
    {"pads": "top left", "dilation": (2, 2)},
    {"groups": 2, "bias": True},
    {"groups": 4, "outputs": 4, "bias": True, "pads": ((1, 1), (1, 1))},
    {"groups": 4, "outputs": 8, "pads": "bottom right"},
    {"groups": 4, "outputs": 4, "kernel": (5, 3), "stride": (2, 2), "pads": "top left"},
    {"groups": 4, "outputs": 4, "dilation": (2, 1)},
]


@both_mappings
@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution_is_the_sum_of_its_definition(case: dict[str, Any], exact: bool) -> None:
    kernel, stride = case.get("kernel", (3, 3)), case.get("stride", (1, 1))
    dilation, groups, outputs = case.get("dilation", (1, 1)), case.get("groups", 1), case.get("outputs", 6)
    x = numbers(*lead(exact), 4, 9, 11)
    w, b = numbers(outputs, 4 // groups, *kernel, seed=1), numbers(outputs, seed=2)
    pads = case.get("pads", ((0, 0), (0, 0)))
    if isinstance(pads, str):
        top_left = pads == "top left"
        padding = {"same": {"asymmetryMode": int(top_left)}}
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        pads = [same(n, k, s, top_left) for n, k, s in zip(x.shape[-2:], spans, stride, strict=True)]
    else:
        padding = {"valid": {"paddingAmounts": borders(*pads)}}
    expected = correlate(x, w, stride, dilation, pads, groups)
    extra = {}
    if case.get("bias"):
        expected = expected + b[:, None, None]
        extra = {"hasBias": True, "bias": weights(b)}
    conv = layer(
        "convolution", outputChannels=outputs, kernelChannels=4 // groups, nGroups=groups, kernelSize=kernel,
        stride=stride, dilationFactor=dilation, weights=weights(w), **padding, **extra,
    )  # fmt: skip
    check(model({"x": x.shape}, [conv], exact=exact), {"x": x}, expected)


def test_absent_sizes_are_the_formats_defaults() -> None:
    """kernelSize [3, 3], stride and dilation [1, 1], one group, no padding."""
    x, w = numbers(2, 6, 7), numbers(3, 2, 3, 3, seed=1)
    conv = layer("convolution", outputChannels=3, kernelChannels=2, weights=weights(w), valid={})
    expected = correlate(x, w, (1, 1), (1, 1), ((0, 0), (0, 0)), 1)
    check(model({"x": x.shape}, [conv]), {"x": x}, expected)


def test_a_kernel_as_large_as_the_image() -> None:
    x, w = numbers(5, 9, 8), numbers(7, 5, 9, 8, seed=1)
    conv = layer("convolution", outputChannels=7, kernelChannels=5, kernelSize=(9, 8), weights=weights(w), valid={})
    check(model({"x": x.shape}, [conv]), {"x": x}, np.einsum("chw,ochw->o", x, w)[:, None, None])


@pytest.mark.parametrize("form", ["half", "table", "linear", "linear per channel"])
def test_weights_in_every_form_of_the_file(form: str) -> None:
    x, rng = numbers(2, 6, 7), np.random.default_rng(1)
    q = rng.integers(0, 16, (3, 2, 3, 3)).astype(np.uint8)
    packed = ((q.ravel()[::2] << 4) | q.ravel()[1::2]).tobytes()  # 4 bits each, the first one in the high half
    if form == "half":
        w = numbers(3, 2, 3, 3).astype(np.float16).astype(np.float32)
        params = messages.WeightParams(float16Value=w.astype("<f2").tobytes())
    elif form == "table":
        table = numbers(16, seed=3)
        w = table[q]
        params = messages.WeightParams(rawValue=packed)
        params.quantization.numberOfBits = 4
        params.quantization.lookupTableQuantization.floatValue.extend(table)
    else:
        scale, bias = (numbers(3 if "channel" in form else 1, seed=s) for s in (4, 5))
        w = q * scale.reshape(-1, 1, 1, 1) + bias.reshape(-1, 1, 1, 1)
        params = messages.WeightParams(rawValue=packed)
        params.quantization.numberOfBits = 4
        params.quantization.linearQuantization.scale.extend(scale)
        params.quantization.linearQuantization.bias.extend(bias)
    conv = layer("convolution", outputChannels=3, kernelChannels=2, weights=params, valid={})
    expected = correlate(x, w, (1, 1), (1, 1), ((0, 0), (0, 0)), 1)
    check(model({"x": x.shape}, [conv]), {"x": x}, expected)


def conv_with(**change: Any) -> Any:
    fields: dict[str, Any] = {
        "outputChannels": 4, "kernelChannels": 3, "weights": weights(np.ones((4, 3, 3, 3))), "valid": {}
    } | change  # fmt: skip
    return layer("convolution", name="conv7", **{k: v for k, v in fields.items() if v is not None})


BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "rank": (((8,), True), ("conv7", "rank 3", "rank 1")),
    "channels": (((5, 8, 8), False), ("conv7", "kernelChannels", "5", "3")),
    "image smaller than the kernel": (((3, 2, 8), False), ("conv7", "3", "2")),
    "no padding type": ({"valid": None}, ("conv7", "ConvolutionPaddingType", "None")),
    "short weights": ({"weights": weights(np.ones(107))}, ("conv7", "weights", "108", "107")),
    "long weights": ({"weights": weights(np.ones(109))}, ("conv7", "weights", "108", "109")),
    "no weights": ({"weights": weights(())}, ("conv7", "weights", "none")),
    "no bias": ({"hasBias": True}, ("conv7", "bias", "none")),
    "short bias": ({"hasBias": True, "bias": weights(np.ones(3))}, ("conv7", "bias", "4", "3")),
    "zero kernel": ({"kernelSize": (0, 3)}, ("conv7", "kernelSize", "[0, 3]")),
    "huge kernel": ({"kernelSize": (2**40, 3)}, ("conv7", "kernelSize", str(2**40))),
    "large kernel": ({"kernelSize": (2**30, 2**30)}, ("conv7", "weights")),
    "kernel of one number": ({"kernelSize": (3,)}, ("conv7", "kernelSize", "[3]")),
    "stride 0": ({"stride": (1, 0)}, ("conv7", "stride", "[1, 0]")),
    "dilation 0": ({"dilationFactor": (0, 1)}, ("conv7", "dilationFactor", "[0, 1]")),
    "huge dilation": ({"dilationFactor": (2**31 - 1, 2**31 - 1)}, ("conv7",)),
    "padding of three axes": (
        {"valid": {"paddingAmounts": borders((1, 1), (1, 1), (1, 1))}},
        ("conv7", "paddingAmounts", "two axes"),
    ),
    "huge padding": (
        {"valid": {"paddingAmounts": borders((2**40, 0), (0, 0))}},
        ("conv7", "paddingAmounts", str(2**40)),
    ),
    "no outputs": ({"outputChannels": 0}, ("conv7", "outputChannels", "0")),
    "outputs no multiple of groups": (
        {"nGroups": 3, "kernelChannels": 1},
        ("conv7", "outputChannels", "nGroups (3)", "4"),
    ),
    "huge groups": ({"nGroups": 2**62}, ("conv7", "nGroups")),
}


@pytest.mark.parametrize(("change", "words"), BAD.values(), ids=BAD)
def test_bad_convolutions_are_refused(change: Any, words: tuple[str, ...]) -> None:
    if isinstance(change, tuple):
        shape, exact = change
        refused(model({"x": shape}, [conv_with()], exact=exact), *words, error=SpecError)
    else:
        refused(model({"x": (3, 8, 8)}, [conv_with(**change)]), *words, error=SpecError)


@pytest.mark.parametrize("case", [
    {}, {"groups": 2}, {"stride": (2, 1), "pads": ((1, 1), (0, 2))}, {"groups": 4, "outputs": 4}, {"pads": "same"}
], ids=str)  # fmt: skip
@pytest.mark.parametrize("w_lead", [(), (1,)], ids=["rank 4", "rank 5"])
def test_weights_from_a_second_input(case: dict[str, Any], w_lead: tuple[int, ...]) -> None:
    groups, outputs, stride, pads = (
        case.get("groups", 1),
        case.get("outputs", 6),
        case.get("stride", (1, 1)),
        case.get("pads"),
    )
    x, w = numbers(2, 4, 7, 8), numbers(outputs, 4 // groups, 3, 3, seed=1)
    padding: dict[str, Any] = {"same": {}} if pads == "same" else {"valid": {"paddingAmounts": borders(*pads or ())}}
    both = ((1, 1), (1, 1)) if pads == "same" else pads or ((0, 0), (0, 0))
    conv = layer("convolution", inputs="x w", outputChannels=outputs, kernelChannels=4 // groups, nGroups=groups,
                 stride=stride, **padding)  # fmt: skip
    spec = model({"x": x.shape, "w": (*w_lead, *w.shape)}, [conv], exact=True)
    check(spec, {"x": x, "w": w.reshape(*w_lead, *w.shape)}, correlate(x, w, stride, (1, 1), both, groups))


@pytest.mark.parametrize(("shape", "change", "words"), [
    ((4, 3, 3), {}, ("conv7", "second input", "rank 4", "[4, 3, 3]")),
    ((4, 3, 3, 2), {}, ("conv7", "weight", "(4, 3, 3, 3)", "(4, 3, 3, 2)")),
    ((2, 4, 3, 3, 3), {}, ("conv7", "second input", "[2, 4, 3, 3, 3]")),
    ((4, 3, 3, 3), {"isDeconvolution": True}, ("conv7", "isDeconvolution", "two inputs")),
])  # fmt: skip
def test_bad_second_inputs_are_refused(shape: tuple[int, ...], change: dict[str, Any], words: tuple[str, ...]) -> None:
    conv = conv_with(weights=None, **change)
    conv.input.append("w")
    refused(model({"x": (1, 3, 8, 8), "w": shape}, [conv], exact=True), *words)
