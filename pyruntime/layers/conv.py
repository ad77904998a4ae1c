"""Convolution, plain and transposed, over images and volumes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Conv, Padding, Reshape, Transpose
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer

AXES = ("Depth", "Height", "Width")
EDGES = (("Front", "Back"), ("Top", "Bottom"), ("Left", "Right"))
CUSTOM, VALID, SAME = range(3)
"""Convolution3DLayerParams.PaddingType and Pooling3DLayerParams.Pooling3DPaddingType."""


def two(values: Any, default: int, field: str, b: Builder) -> tuple[int, int]:
    """Two positive numbers (height, width), or the format's default when the file has none."""
    first, second = _positive([int(v) for v in values] or [default, default], 2, field, b)
    return first, second


def three(p: Any, prefix: str, b: Builder) -> tuple[int, ...]:
    """The fields <prefix>Depth, <prefix>Height and <prefix>Width: all above 0."""
    return _positive([int(getattr(p, prefix + axis)) for axis in AXES], 3, f"{prefix}{'/'.join(AXES)}", b)


def _positive(sizes: Sequence[int], count: int, field: str, b: Builder) -> tuple[int, ...]:
    if len(sizes) != count or not all(0 < size < 2**31 for size in sizes):
        raise b.invalid(field, expected=f"{'two' if count == 2 else 'three'} positive numbers", got=list(sizes))
    return tuple(sizes)


def border(amounts: Any, field: str, b: Builder) -> tuple[tuple[int, int], tuple[int, int]]:
    """BorderAmounts -> (top, left), (bottom, right); absent is 0."""
    edges = [(int(e.startEdgeSize), int(e.endEdgeSize)) for e in amounts.borderAmounts] or [(0, 0), (0, 0)]
    if len(edges) != 2 or any(not 0 <= size < 2**31 for edge in edges for size in edge):
        raise b.invalid(field, expected="start and end sizes of two axes", got=edges)
    return (edges[0][0], edges[1][0]), (edges[0][1], edges[1][1])


def padding(p: Any, oneof: str, b: Builder) -> tuple[Padding, tuple[int, int], tuple[int, int]]:
    """The padding of a convolution or pooling layer: kind, (top, left), (bottom, right)."""
    kind = p.WhichOneof(oneof)
    if kind == "valid":
        return Padding.EXPLICIT, *border(p.valid.paddingAmounts, "valid.paddingAmounts", b)
    if kind == "same":
        top_left = p.same.asymmetryMode == 1
        return (Padding.SAME_TOP_LEFT if top_left else Padding.SAME_BOTTOM_RIGHT), (0, 0), (0, 0)
    if kind == "includeLastPixel":
        amounts = [int(v) for v in p.includeLastPixel.paddingAmounts] or [0, 0]
        if len(amounts) != 2 or not all(0 <= v < 2**31 for v in amounts):
            raise b.invalid("includeLastPixel.paddingAmounts", expected="two numbers from 0", got=amounts)
        return Padding.INCLUDE_LAST, (amounts[0], amounts[1]), (amounts[0], amounts[1])
    raise b.invalid(oneof, expected="valid, same or, for pooling, includeLastPixel", got=kind)


def padding3d(kind: int, p: Any, b: Builder) -> tuple[Padding, tuple[int, ...], tuple[int, ...]]:
    """Kind, (front, top, left), (back, bottom, right) of a layer over volumes; amounts count when CUSTOM."""
    if kind == SAME:
        return Padding.SAME_BOTTOM_RIGHT, (0, 0, 0), (0, 0, 0)
    if kind == VALID:
        return Padding.EXPLICIT, (0, 0, 0), (0, 0, 0)
    if kind != CUSTOM:
        raise b.invalid("paddingType", expected="CUSTOM, VALID or SAME", got=kind)
    amounts = [int(getattr(p, f"customPadding{edge}")) for pair in EDGES for edge in pair]
    if not all(0 <= amount < 2**31 for amount in amounts):
        raise b.invalid("customPadding", expected="six numbers from 0", got=amounts)
    return Padding.EXPLICIT, tuple(amounts[::2]), tuple(amounts[1::2])


def _channels(x: Value, axis: int, inputs: int, outputs: int, groups: int, field: str, b: Builder) -> None:
    """Refuse counts of channels that do not belong together."""
    if inputs < 1 or x.shape[axis] not in (inputs, UNKNOWN):
        raise b.invalid(field, expected=f"{x.shape[axis]}, its input's channels", got=inputs)
    if inputs % groups:
        raise b.invalid(field, expected=f"a multiple of nGroups ({groups})", got=inputs)
    if outputs < 1 or outputs % groups:
        raise b.invalid("outputChannels", expected=f"a multiple of nGroups ({groups})", got=outputs)


def _weight(p: Any, inputs: int, outputs: int, groups: int, kernel: Sequence[int], b: Builder) -> Value:
    """(O, C/groups, *kernel).  Those of a transposed convolution are stored as (C, O/groups, *kernel)."""
    if not p.isDeconvolution:
        return b.weight(p.weights, (outputs, inputs // groups, *kernel), "weights")
    stored = b.constant(b.weights(p.weights, (inputs, outputs // groups, *kernel), "weights", channel_axis=1))
    taps = math.prod(kernel)
    grouped = b.prepared(Reshape((groups, inputs // groups, outputs // groups, taps)), stored)
    turned = b.prepared(Transpose((0, 2, 1, 3)), grouped)
    return b.prepared(Reshape((outputs, inputs // groups, *kernel)), turned)


def _output_size(p: Any, count: int, b: Builder) -> tuple[int, ...]:
    """The size that a transposed convolution's file may give its result."""
    given = [int(v) for v in p.outputShape] if p.isDeconvolution else []
    return _positive(given, count, "outputShape", b) if given else ()


@layer("convolution", inputs=(1, 2))
def convolution(p: Any, x: Value, *rest: Any) -> Value:
    """(..., C, H, W) -> (..., O, H', W').  A second input is the weight.  ConvolutionLayerParams."""
    b: Builder = rest[-1]
    b.need_rank(x, 3)
    groups, outputs = int(p.nGroups) or 1, int(p.outputChannels)
    inputs = int(p.kernelChannels) * (1 if p.isDeconvolution else groups)
    field = "kernelChannels" if p.isDeconvolution else "kernelChannels x nGroups"
    _channels(x, -3, inputs, outputs, groups, field, b)
    kernel = two(p.kernelSize, 3, "kernelSize", b)
    kind, begin, end = padding(p, "ConvolutionPaddingType", b)
    op = Conv(
        kernel=kernel,
        strides=two(p.stride, 1, "stride", b),
        dilations=two(p.dilationFactor, 1, "dilationFactor", b),
        pads_begin=begin,
        pads_end=end,
        padding=kind,
        groups=groups,
        outputs=outputs,
        transposed=p.isDeconvolution,
        size=_output_size(p, 2, b),
        has_bias=p.hasBias,
    )
    if len(rest) > 1:
        w = _second_input(p, rest[0], b)
    else:
        w = _weight(p, inputs, outputs, groups, kernel, b)
    operands = [b.constant(b.weights(p.bias, (outputs,), "bias"))] if p.hasBias else []
    return b.channels_first(b.emit(op, b.channels_last(x), w, *operands))


def _second_input(p: Any, w: Value, b: Builder) -> Value:
    """Weights that another layer computes, (O, C/groups, KH, KW) perhaps behind axes of size 1."""
    if p.isDeconvolution:
        raise b.invalid("isDeconvolution", expected="false for a convolution of two inputs", got=True)
    if w.rank < 4 or any(size not in (1, UNKNOWN) for size in w.shape[:-4]):
        raise b.invalid("its second input", expected="weights of rank 4", got=f"shape {list(w.shape)}")
    return w if w.rank == 4 else b.reshape(w, *w.shape[-4:])


@layer("convolution3d")
def convolution3d(p: Any, x: Value, b: Builder) -> Value:
    """(..., C, D, H, W) -> (..., O, D', H', W').  Convolution3DLayerParams.

    The format's text names another order for the weights of a transposed convolution than the one that files have,
    which is this: (C, O/groups, KD, KH, KW).
    """
    b.need_rank(x, 4)
    groups, inputs, outputs = int(p.nGroups), int(p.inputChannels), int(p.outputChannels)
    if groups < 1:
        raise b.invalid("nGroups", expected="a positive number", got=groups)
    _channels(x, -4, inputs, outputs, groups, "inputChannels", b)
    kernel = three(p, "kernel", b)
    kind, begin, end = padding3d(p.paddingType, p, b)
    op = Conv(
        kernel=kernel,
        strides=three(p, "stride", b),
        dilations=three(p, "dilation", b),
        pads_begin=begin,
        pads_end=end,
        padding=kind,
        groups=groups,
        outputs=outputs,
        transposed=p.isDeconvolution,
        size=_output_size(p, 3, b),
        has_bias=p.hasBias,
    )
    operands = [_weight(p, inputs, outputs, groups, kernel, b)]
    if p.hasBias:
        operands.append(b.constant(b.weights(p.bias, (outputs,), "bias")))
    return b.channels_first(b.emit(op, b.channels_last(x, 3), *operands), 3)
