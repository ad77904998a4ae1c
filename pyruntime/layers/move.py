"""Layers that order values anew: axes, blocks of pixels, constants."""

from __future__ import annotations

import math
from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Reshape
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.axes import merge_axes, split_axis
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


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


@layer("transpose")
def transpose(p: Any, x: Value, b: Builder) -> Value:
    """Dimension i of the result is dimension axes[i] of the input.  TransposeLayerParams.

    coremltools' make_image_input turns an input of rank 3 into an image, which has rank 4, and puts three axes behind
    it: they mean the last three.
    """
    axes = [int(axis) for axis in p.axes]
    if x.rank == 4 and x.shape[0] == 1 and sorted(axes) == [0, 1, 2]:
        axes = [0, *(axis + 1 for axis in axes)]
    if sorted(axes) != list(range(x.rank)):
        raise b.invalid("axes", expected=f"a permutation of 0 to {x.rank - 1}", got=axes)
    return b.transpose(x, axes)


SPACE_TO_DEPTH, DEPTH_TO_SPACE, PIXEL_SHUFFLE = range(3)
"""ReorganizeDataLayerParams.ReorganizationType."""


@layer("reorganizeData")
def reorganize_data(p: Any, x: Value, b: Builder) -> Value:
    """Blocks of size x size pixels become channels, or channels become blocks.  ReorganizeDataLayerParams.

    The place (i, j) in a block is the slow part of a channel's number, and with PIXEL_SHUFFLE the fast one.
    """
    b.need_rank(x, 3)
    size = int(p.blockSize)
    if not 2 <= size < 2**15:
        raise b.invalid("blockSize", expected="2 or more", got=size)
    lead = x.shape[:-3]
    if x.rank > 5:  # the axes of blocks make three more, and eight is the most
        if UNKNOWN in lead:
            raise b.unsupported("more than two axes before channels must be known when the model is loaded")
        x = b.reshape(x, math.prod(lead), *(0 if d == 0 else d for d in x.shape[-3:]))
    y = b.channels_last(x)
    if p.mode == SPACE_TO_DEPTH:
        y = _space_to_depth(y, size, b)
    elif p.mode in (DEPTH_TO_SPACE, PIXEL_SHUFFLE):
        y = _depth_to_space(y, size, p.mode == PIXEL_SHUFFLE, b)
    else:
        raise b.invalid("mode", expected="SPACE_TO_DEPTH, DEPTH_TO_SPACE or PIXEL_SHUFFLE", got=p.mode)
    y = b.channels_first(y)
    return b.reshape(y, *lead, *y.shape[-3:]) if len(lead) > 2 else y


def _space_to_depth(x: Value, size: int, b: Builder) -> Value:
    """(.., H, W, C) -> (.., H/size, W/size, size*size*C)."""
    row = x.rank - 3
    _divides(x, row, size, b)
    _divides(x, row + 1, size, b)
    y = split_axis(split_axis(x, row + 1, UNKNOWN, size, b), row, UNKNOWN, size, b)  # (.., H, i, W, j, C)
    y = b.transpose(y, [*range(row), row, row + 2, row + 1, row + 3, row + 4])
    return merge_axes(merge_axes(y, row + 2, b), row + 2, b)


def _depth_to_space(x: Value, size: int, pixel_shuffle: bool, b: Builder) -> Value:
    """(.., H, W, C) -> (.., H*size, W*size, C/(size*size))."""
    row = x.rank - 3
    _divides(x, row + 2, size * size, b)
    lead = [*range(row), row]
    if pixel_shuffle:  # (.., H, W, C, i, j)
        y = split_axis(split_axis(x, row + 2, UNKNOWN, size * size, b), row + 3, size, size, b)
        y = b.transpose(y, [*lead, row + 3, row + 1, row + 4, row + 2])
    else:  # (.., H, W, i, j, C)
        y = split_axis(split_axis(x, row + 2, size * size, UNKNOWN, b), row + 2, size, size, b)
        y = b.transpose(y, [*lead, row + 2, row + 1, row + 3, row + 4])
    return merge_axes(merge_axes(y, row + 2, b), row, b)


def _divides(x: Value, axis: int, size: int, b: Builder) -> None:
    if x.shape[axis] % size and x.shape[axis] != UNKNOWN:
        lead = x.shape[:-3]
        height, width, channels = x.shape[-3:]
        shape = [*lead, channels, height, width]
        raise b.invalid("blockSize", expected=f"one that divides its input, of shape {shape},", got=size)


@layer("loadConstant", inputs=0)
def load_constant(p: Any, b: Builder) -> Value:
    """A constant of shape [C,H,W], as rank 5.  LoadConstantLayerParams."""
    shape = [int(size) for size in p.shape]
    if len(shape) != 3 or any(size < 1 for size in shape):
        raise b.invalid("shape", expected="three positive sizes [C,H,W]", got=shape)
    return b.prepared(Reshape((1, 1, *shape)), b.constant(b.weights(p.data, shape, "data")))


@layer("loadConstantND", inputs=0)
def load_constant_nd(p: Any, b: Builder) -> Value:
    """A constant of any rank.  LoadConstantNDLayerParams."""
    shape = [int(size) for size in p.shape]
    if not shape or any(size < 1 for size in shape):
        raise b.invalid("shape", expected="positive sizes", got=shape)
    return b.constant(b.weights(p.data, shape, "data"))
