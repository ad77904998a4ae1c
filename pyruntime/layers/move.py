"""Layers that move values and compute none."""

from __future__ import annotations

import math
from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Concat, Pad, PadMode, Slice, Tile
from pyruntime.ir.ops.move import LAST
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.builder import Builder
from pyruntime.layers.conv import border
from pyruntime.layers.registry import MANY, layer


@layer("flatten")
def flatten(p: Any, x: Value, b: Builder) -> Value:
    """(..., C, H, W) -> (..., C*H*W, 1, 1), channels outermost or innermost.  FlattenLayerParams."""
    b.need_rank(x, 3)
    if p.mode == 1:
        x = b.channels_last(x)
    y = b.flatten_image(x)
    return b.reshape(y, *[0] * (y.rank - 1), y.shape[-1], 1, 1)


@layer("reshape")
def reshape(p: Any, x: Value, b: Builder) -> Value:
    """Rank 5 to targetShape [C,H,W] or [Seq,C,H,W]; the batch is kept.  ReshapeLayerParams."""
    target = [int(size) for size in p.targetShape]
    if x.rank != 5 or len(target) not in (3, 4) or any(size < 1 for size in target):
        raise b.invalid("targetShape", expected="3 or 4 positive sizes and an input of rank 5", got=(target, x.shape))
    c, h, w = target[-3:]
    there = math.prod(x.shape[2:])
    if len(target) == 3 and UNKNOWN not in x.shape[2:] and c * h * w != there:
        raise b.invalid("targetShape", expected=f"{there} elements, as its input {list(x.shape[2:])}", got=target)
    if p.mode == 1:  # channel last: read and write in (Seq, H, W, C) order
        return b.channels_first(_reshaped(b.channels_last(x), target[:-3], (h, w, c), b))
    return _reshaped(x, target[:-3], (c, h, w), b)


def _reshaped(x: Value, sequence: list[int], rest: tuple[int, int, int], b: Builder) -> Value:
    """The last three axes to `rest`, and the sequence if it is given: then each batch entry by itself."""
    if not sequence:
        return b.reshape(x, 0, 0, *rest)
    if x.shape[1] == 1:
        return b.reshape(x, sequence[0], 0, *rest)
    batch_first = (1, 0, 2, 3, 4)
    return b.transpose(b.reshape(b.transpose(x, batch_first), 0, sequence[0], *rest), batch_first)


@layer("permute")
def permute(p: Any, x: Value, b: Builder) -> Value:
    """Axes of (Seq, C, H, W) in another order; the batch, axis 1, stays.  PermuteLayerParams."""
    axes = [int(axis) for axis in p.axis]
    if x.rank != 5 or sorted(axes) != [0, 1, 2, 3]:
        raise b.invalid("axis", expected="a permutation of 0..3 and an input of rank 5", got=(axes, f"rank {x.rank}"))
    place = [0, 2, 3, 4]
    order = [place[axis] for axis in axes]
    return b.transpose(x, [order[0], 1, *order[1:]])


@layer("concat", inputs=(1, MANY))
def concat(p: Any, *operands: Any) -> Value:
    """Side by side along the channel axis -3, or the sequence axis -5.  ConcatLayerParams."""
    inputs: tuple[Value, ...] = operands[:-1]
    b: Builder = operands[-1]
    axis = -5 if p.sequenceConcat else -3
    b.need_rank(inputs[0], -axis)
    return b.emit(Concat(inputs[0].rank + axis), *inputs)


@layer("split")
def split(p: Any, x: Value, b: Builder) -> tuple[Value, ...]:
    """Equal parts along the channel axis -3.  SplitLayerParams."""
    b.need_rank(x, 3)
    parts, channels = int(p.nOutputs), b.known(x.shape[-3], "the number of channels")
    if not 1 <= parts <= channels or channels % parts:
        raise b.invalid("nOutputs", expected=f"a divisor of its input's {channels} channels", got=parts)
    size = channels // parts
    return tuple(_slice(x, -3, i * size, (i + 1) * size, 1, b) for i in range(parts))


@layer("slice")
def slice_axis(p: Any, x: Value, b: Builder) -> Value:
    """[startIndex, endIndex) step stride along C, H or W; negative indices count from the end.  SliceLayerParams."""
    b.need_rank(x, 3)
    if p.stride < 1:
        raise b.invalid("stride", expected="1 or more", got=p.stride)
    axes = {0: -3, 1: -2, 2: -1}
    if p.axis not in axes:
        raise b.invalid("axis", expected="CHANNEL, HEIGHT or WIDTH", got=p.axis)
    y = _slice(x, axes[p.axis], int(p.startIndex), int(p.endIndex), int(p.stride), b)
    if y.shape[axes[p.axis]] == 0:
        raise b.invalid("startIndex and endIndex", expected="a range that is not empty", got=(p.startIndex, p.endIndex))
    return y


@layer("crop", inputs=(1, 2))
def crop(p: Any, x: Value, *rest: Any) -> Value:
    """Rows and columns cut off the last two axes.  CropLayerParams."""
    b: Builder = rest[-1]
    b.need_rank(x, 3)
    if len(rest) > 1:
        like, offset = rest[0], [int(v) for v in p.offset] or [0, 0]
        if len(offset) != 2:
            raise b.invalid("offset", expected="two numbers", got=offset)
        ends = [o + b.known(like.shape[axis], "the size to crop to") for o, axis in zip(offset, (-2, -1), strict=True)]
        if any(0 <= x.shape[axis] < end for axis, end in zip((-2, -1), ends, strict=True)):
            raise b.invalid("offset", expected=f"at most {x.shape[-2:]} with the size {like.shape[-2:]}", got=offset)
        y = _slice(x, -2, offset[0], ends[0], 1, b)
        return _slice(y, -1, offset[1], ends[1], 1, b)
    (top, left), (bottom, right) = border(p.cropAmounts, "cropAmounts", b)
    y = _slice(x, -2, top, -bottom if bottom else LAST, 1, b)
    y = _slice(y, -1, left, -right if right else LAST, 1, b)
    if 0 in y.shape[-2:]:
        raise b.invalid("cropAmounts", expected=f"less than its input's {x.shape[-2:]}", got=[top, bottom, left, right])
    return y


def _slice(x: Value, axis: int, begin: int, end: int, stride: int, b: Builder) -> Value:
    axis %= x.rank
    begins, ends, strides = [0] * x.rank, [LAST] * x.rank, [1] * x.rank
    begins[axis], ends[axis], strides[axis] = (min(max(v, -LAST), LAST) for v in (begin, end, stride))
    return b.emit(Slice(tuple(begins), tuple(ends), tuple(strides)), x)


@layer("padding")
def padding(p: Any, x: Value, b: Builder) -> Value:
    """Cells around the last two axes: constant, reflected or replicated.  PaddingLayerParams."""
    b.need_rank(x, 2)
    kind = p.WhichOneof("PaddingType")
    modes = {"constant": PadMode.CONSTANT, "reflection": PadMode.REFLECT, "replication": PadMode.EDGE}
    if kind not in modes:
        raise b.invalid("PaddingType", expected="constant, reflection or replication", got=kind)
    (top, left), (bottom, right) = border(p.paddingAmounts, "paddingAmounts", b)
    lead = (0,) * (x.rank - 2)
    value = float(p.constant.value) if kind == "constant" else 0.0
    return b.emit(Pad(modes[kind], (*lead, top, left), (*lead, bottom, right), value), x)


@layer("sequenceRepeat")
def sequence_repeat(p: Any, x: Value, b: Builder) -> Value:
    """The whole sequence nRepetitions times along axis -5.  SequenceRepeatLayerParams."""
    b.need_rank(x, 5)
    repeats = [1] * x.rank
    repeats[-5] = int(p.nRepetitions) or 1
    return b.emit(Tile(tuple(repeats)), x)


@layer("loadConstant", inputs=0)
def load_constant(p: Any, b: Builder) -> Value:
    """A constant of shape [C,H,W], as rank 5.  LoadConstantLayerParams."""
    shape = [int(size) for size in p.shape]
    if len(shape) != 3 or any(size < 1 for size in shape):
        raise b.invalid("shape", expected="three positive sizes [C,H,W]", got=shape)
    return b.constant(b.weights(p.data, shape, "data").reshape(1, 1, *shape))


@layer("loadConstantND", inputs=0)
def load_constant_nd(p: Any, b: Builder) -> Value:
    """A constant of any rank.  LoadConstantNDLayerParams."""
    shape = [int(size) for size in p.shape]
    if not shape or any(size < 1 for size in shape):
        raise b.invalid("shape", expected="positive sizes", got=shape)
    return b.constant(b.weights(p.data, shape, "data"))
