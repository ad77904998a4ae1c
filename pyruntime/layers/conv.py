"""Convolution."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Conv, Padding
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


def two(values: Any, default: int, field: str, b: Builder) -> tuple[int, int]:
    """Two positive numbers (height, width), or the format's default when the file has none."""
    sizes = [int(v) for v in values] or [default, default]
    if len(sizes) != 2 or not all(0 < size < 2**31 for size in sizes):
        raise b.invalid(field, expected="two positive numbers", got=sizes)
    return sizes[0], sizes[1]


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


@layer("convolution", inputs=(1, 2))
def convolution(p: Any, x: Value, *rest: Any) -> Value:
    """(..., C, H, W) -> (..., O, H', W').  ConvolutionLayerParams."""
    b: Builder = rest[-1]
    if len(rest) > 1:
        raise b.unsupported("a convolution whose weights are a second input is not supported")
    if p.isDeconvolution:
        raise b.unsupported("transposed convolution is not supported")
    b.need_rank(x, 3)
    groups = int(p.nGroups) or 1
    kernel = two(p.kernelSize, 3, "kernelSize", b)
    channels, outputs = int(p.kernelChannels), int(p.outputChannels)
    if x.shape[-3] not in (channels * groups, UNKNOWN):
        raise b.invalid(
            "kernelChannels x nGroups", expected=f"{x.shape[-3]}, its input's channels", got=channels * groups
        )
    if outputs < 1 or outputs % groups:
        raise b.invalid("outputChannels", expected=f"a multiple of nGroups ({groups})", got=outputs)
    pad, begin, end = padding(p, "ConvolutionPaddingType", b)
    op = Conv(
        kernel=kernel,
        strides=two(p.stride, 1, "stride", b),
        dilations=two(p.dilationFactor, 1, "dilationFactor", b),
        pads_begin=begin,
        pads_end=end,
        padding=pad,
        groups=groups,
        outputs=outputs,
        has_bias=p.hasBias,
    )
    operands = [b.constant(b.weights(p.weights, (outputs, channels, *kernel), "weights"))]
    if p.hasBias:
        operands.append(b.constant(b.weights(p.bias, (outputs,), "bias")))
    return b.channels_first(b.emit(op, b.channels_last(x), *operands))
