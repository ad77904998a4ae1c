"""Tensors put together, taken apart, repeated."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Concat, SliceBySize, Tile, TileTo
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.axes import merge_axes, slice_axis, split_axis, with_axis, without_axes
from pyruntime.layers.builder import Builder
from pyruntime.layers.partial import partial_numbers
from pyruntime.layers.registry import MANY, layer
from pyruntime.layers.shapes import rank_from

AT_ONCE = 4096
"""Operands of one Concat."""


def join(values: tuple[Value, ...], axis: int, b: Builder) -> Value:
    """Side by side along `axis`, however many they are."""
    while len(values) > AT_ONCE:
        values = tuple(b.emit(Concat(axis), *values[i : i + AT_ONCE]) for i in range(0, len(values), AT_ONCE))
    return b.emit(Concat(axis), *values)


@layer("concat", inputs=(1, MANY))
def concat(p: Any, *operands: Any) -> Value:
    """Side by side along the channel axis -3, or the sequence axis -5.  ConcatLayerParams."""
    inputs: tuple[Value, ...] = operands[:-1]
    b: Builder = operands[-1]
    axis = -5 if p.sequenceConcat else -3
    b.need_rank(inputs[0], -axis)
    return join(inputs, inputs[0].rank + axis, b)


@layer("concatND", inputs=(1, MANY))
def concat_nd(p: Any, *operands: Any) -> Value:
    """Side by side along `axis`; interleave: element i of each, then element i + 1.  ConcatNDLayerParams."""
    inputs: tuple[Value, ...] = operands[:-1]
    b: Builder = operands[-1]
    axis = b.axis(inputs[0], int(p.axis))
    if not p.interleave:
        return join(inputs, axis, b)
    return merge_axes(_stacked(inputs, axis + 1, b), axis, b)


@layer("stack", inputs=(1, MANY))
def stack(p: Any, *operands: Any) -> Value:
    """numpy.stack; `axis` counts in the result; of numbers without axes it makes a vector.  StackLayerParams."""
    inputs: tuple[Value, ...] = operands[:-1]
    b: Builder = operands[-1]
    if b.are_scalars(inputs):
        if p.axis not in (-1, 0):
            raise b.invalid("axis", expected="-1 or 0", got=p.axis)
        return join(inputs, 0, b)
    return _stacked(inputs, b.axis(inputs[0], int(p.axis), added=1), b)


def _stacked(inputs: tuple[Value, ...], axis: int, b: Builder) -> Value:
    if any(value.rank != inputs[0].rank for value in inputs):
        raise b.invalid("inputs", expected="inputs of one shape", got=[list(value.shape) for value in inputs][:8])
    return join(tuple(with_axis(value, axis, b) for value in inputs), axis, b)


@layer("split")
def split(p: Any, x: Value, b: Builder) -> tuple[Value, ...]:
    """Equal parts along the channel axis -3.  SplitLayerParams."""
    b.need_rank(x, 3)
    parts, channels = int(p.nOutputs), x.shape[-3]
    if channels == UNKNOWN and parts > 0:
        return _equal_parts(x, x.rank - 3, parts, b)
    if not 1 <= parts <= channels or channels % parts:
        raise b.invalid("nOutputs", expected=f"a divisor of its input's {channels} channels", got=parts)
    size = channels // parts
    return tuple(slice_axis(x, -3, i * size, (i + 1) * size, 1, b) for i in range(parts))


@layer("splitND")
def split_nd(p: Any, x: Value, b: Builder) -> tuple[Value, ...]:
    """Parts along `axis`: of splitSizes, or numSplits that differ by 1 at most, longer first.  SplitNDLayerParams."""
    axis, outputs = b.axis(x, int(p.axis)), len(b.output_names)
    there = x.shape[axis]
    sizes = [int(size) for size in p.splitSizes]
    if not sizes:
        parts = int(p.numSplits)
        if parts != outputs:
            raise b.invalid("numSplits", expected=f"the number of outputs, {outputs}", got=parts)
        if there == UNKNOWN:
            return _equal_parts(x, axis, parts, b)
        sizes = [there // parts + (i < there % parts) for i in range(parts)]
    if len(sizes) != outputs or there not in (sum(sizes), UNKNOWN):
        raise b.invalid("splitSizes", expected=f"{outputs} sizes, one per output, together {there}", got=sizes)
    places = list(pairwise([0, *accumulate(sizes)]))
    if there == UNKNOWN:  # refuses an axis that is too short, and its sizes are known
        return tuple(b.emit(SliceBySize(axis, end - begin), x, b.constant([begin])) for begin, end in places)
    return tuple(slice_axis(x, axis, begin, end, 1, b) for begin, end in places)


def _equal_parts(x: Value, axis: int, parts: int, b: Builder) -> tuple[Value, ...]:
    """Of an axis whose size is open: it becomes (parts, size / parts)."""
    y = split_axis(x, axis, parts, UNKNOWN, b)
    return tuple(without_axes(slice_axis(y, axis, i, i + 1, 1, b), {axis}, b) for i in range(parts))


@layer("tile", inputs=(1, 2))
def tile(p: Any, x: Value, *rest: Any) -> Value:
    """numpy.tile; repeats of the file or of the second input, aligned at the last axis.  TileLayerParams."""
    b: Builder = rest[-1]
    repeats = b.numbers(rest[0]) if len(rest) > 1 else tuple(int(n) for n in p.reps)
    if repeats is not None:
        if not repeats or any(n < 0 for n in repeats):
            raise b.invalid("reps", expected="a number of repeats, 0 or more, for each axis", got=list(repeats))
        return b.emit(Tile((1,) * (x.rank - len(repeats)) + repeats), x)
    numbers = partial_numbers(rest[0], b) or (UNKNOWN,) * rank_from(rest[0], b)
    ones = [1] * (x.rank - len(numbers))
    operand = b.emit(Concat(0), b.constant(ones), rest[0]) if ones else rest[0]
    return b.emit(TileTo((*ones, *(max(n, UNKNOWN) for n in numbers))), x, operand)


@layer("sequenceRepeat")
def sequence_repeat(p: Any, x: Value, b: Builder) -> Value:
    """The whole sequence nRepetitions times along axis -5.  SequenceRepeatLayerParams."""
    b.need_rank(x, 5)
    repeats = [1] * x.rank
    repeats[-5] = int(p.nRepetitions) or 1
    return b.emit(Tile(tuple(repeats)), x)
