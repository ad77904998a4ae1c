"""Shapes as numbers, and numbers as shapes: asking, filling, broadcasting, counting, reshaping.

A shape that the file tells becomes an operator of fixed sizes; one that a prediction computes stays an operand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Broadcast, BroadcastTo, GetShape, Range, Reshape, ReshapeTo
from pyruntime.ir.types import UNKNOWN, Shape, is_known
from pyruntime.layers.axes import size_of, without_axes
from pyruntime.layers.builder import Builder
from pyruntime.layers.partial import partial_numbers
from pyruntime.layers.registry import layer


@layer("getShape")
def get_shape(_p: Any, x: Value, b: Builder) -> Value:
    """The dimensions of x, (rank,): a constant where the model knows all of them.  GetShapeLayerParams."""
    return shape_of(x, b)


@layer("fillLike")
def fill_like(p: Any, x: Value, b: Builder) -> Value:
    """`value` in the shape of x.  FillLikeLayerParams."""
    return broadcast(_scalar(p.value, b), x.shape, shape_of(x, b), b)


@layer("fillStatic", inputs=0)
def fill_static(p: Any, b: Builder) -> Value:
    """`value` in targetShape.  FillStaticLayerParams."""
    return b.emit(Broadcast(_sizes(p.targetShape, b)), _scalar(p.value, b))


@layer("fillDynamic")
def fill_dynamic(p: Any, shape: Value, b: Builder) -> Value:
    """`value` in the shape that the numbers of the input are.  FillDynamicLayerParams."""
    return broadcast(_scalar(p.value, b), wanted_sizes(shape, b), shape, b)


@layer("broadcastToLike", inputs=2)
def broadcast_to_like(_p: Any, x: Value, like: Value, b: Builder) -> Value:
    """numpy.broadcast_to(x, shape of the second input).  BroadcastToLikeLayerParams."""
    return broadcast(x, like.shape, shape_of(like, b), b)


@layer("broadcastToStatic")
def broadcast_to_static(p: Any, x: Value, b: Builder) -> Value:
    """numpy.broadcast_to(x, targetShape).  BroadcastToStaticLayerParams."""
    return b.emit(Broadcast(_sizes(p.targetShape, b)), x)


@layer("broadcastToDynamic", inputs=2)
def broadcast_to_dynamic(_p: Any, x: Value, shape: Value, b: Builder) -> Value:
    """numpy.broadcast_to(x, numbers of the second input).  BroadcastToDynamicLayerParams."""
    return broadcast(x, wanted_sizes(shape, b), shape, b)


@layer("rangeStatic", inputs=0)
def range_static(p: Any, b: Builder) -> Value:
    """numpy.arange(startValue, endValue, stepSizeValue).  RangeStaticLayerParams."""
    return _range(_scalar(p.startValue, b), _scalar(p.endValue, b), _scalar(p.stepSizeValue, b), b)


@layer("rangeDynamic", inputs=(1, 3))
def range_dynamic(p: Any, end: Value, *rest: Any) -> Value:
    """numpy.arange; inputs end, start, step, of which the last two may be parameters.  RangeDynamicLayerParams."""
    b: Builder = rest[-1]
    start = rest[0] if len(rest) > 1 else _scalar(p.startValue, b)
    step = rest[1] if len(rest) > 2 else _scalar(p.stepSizeValue, b)
    return _range(start, end, step, b)


def _range(start: Value, end: Value, step: Value, b: Builder) -> Value:
    known = b.constants.get(step.name)
    if known is not None and not known.all():
        raise b.invalid("stepSizeValue", expected="a number other than 0", got=0)
    return b.emit(Range(), start, end, step)


@layer("reshapeStatic")
def reshape_static(p: Any, x: Value, b: Builder) -> Value:
    """numpy.reshape to targetShape; one size may be -1.  ReshapeStaticLayerParams."""
    return reshape_to(x, [int(size) for size in p.targetShape], b)


@layer("reshapeLike", inputs=2)
def reshape_like(_p: Any, x: Value, like: Value, b: Builder) -> Value:
    """x in the shape of the second input.  ReshapeLikeLayerParams."""
    if is_known(like.shape):
        return reshape_to(x, like.shape, b)
    return b.emit(ReshapeTo(like.shape), x, shape_of(like, b))


@layer("reshapeDynamic", inputs=2)
def reshape_dynamic(_p: Any, x: Value, shape: Value, b: Builder) -> Value:
    """x in the shape that the numbers of the second input are; one may be -1.  ReshapeDynamicLayerParams."""
    sizes = b.numbers(shape)
    if sizes is not None:
        return reshape_to(x, sizes, b)
    return b.emit(ReshapeTo(wanted_sizes(shape, b)), x, shape)


def reshape_to(x: Value, target: Sequence[int], b: Builder) -> Value:
    """`x` in these sizes, one of which may be -1.  0 is the size 0, other than in the operator Reshape."""
    if any(size < UNKNOWN for size in target) or list(target).count(UNKNOWN) > 1:
        raise b.invalid("targetShape", expected="sizes, one of them perhaps -1", got=list(target))
    if 0 in target:
        return b.emit(ReshapeTo(tuple(target)), x, b.constant(target))
    return b.emit(Reshape(tuple(target)), x)


@layer("rankPreservingReshape")
def rank_preserving_reshape(p: Any, x: Value, b: Builder) -> Value:
    """Other sizes at the same rank: 0 keeps one, one may be -1.  RankPreservingReshapeLayerParams."""
    target = [int(size) for size in p.targetShape]
    if len(target) != x.rank or any(size < UNKNOWN for size in target) or target.count(UNKNOWN) > 1:
        raise b.invalid("targetShape", expected=f"{x.rank} sizes as its input has, one -1 at most", got=target)
    return b.emit(Reshape(tuple(target)), x)


@layer("expandDims")
def expand_dims(p: Any, x: Value, b: Builder) -> Value:
    """Axes of size 1; `axes` count in the result, also from its end.  ExpandDimsLayerParams.

    A number that lost all its axes has none to keep: x[0], then an axis, is (1,) in coremltools' tests.
    """
    rank = (0 if b.are_scalars([x]) else x.rank) + len(p.axes)
    added = {int(axis) % rank for axis in p.axes if -rank <= axis < rank}
    if len(added) != len(p.axes) or not added:
        raise b.invalid("axes", expected=f"each once, from {-rank} to {rank - 1}", got=list(p.axes))
    if len(added) == rank:
        return b.reshape(x, *[1] * rank)
    rest = iter(range(x.rank))
    return b.emit(Reshape(tuple(1 if axis in added else size_of(x, next(rest)) for axis in range(rank))), x)


@layer("squeeze")
def squeeze(p: Any, x: Value, b: Builder) -> Value:
    """Without axes of size 1: those in `axes`, or all; at least one axis stays.  SqueezeLayerParams.

    Ranks do not depend on a prediction: squeezeAll keeps an axis that the model leaves open.
    """
    if p.squeezeAll:
        axes = {axis for axis in range(x.rank) if x.shape[axis] == 1}
    else:
        axes = {b.axis(x, int(axis)) for axis in p.axes}
        if len(axes) != len(p.axes) or not axes or any(x.shape[axis] not in (1, UNKNOWN) for axis in axes):
            expected = f"axes of size 1, each once, of an input of shape {list(x.shape)}"
            raise b.invalid("axes", expected=expected, got=list(p.axes))
    return without_axes(x, axes, b)


@layer("flattenTo2D")
def flatten_to_2d(p: Any, x: Value, b: Builder) -> Value:
    """(d0, .., dn) -> (product up to axis, product from axis).  FlattenTo2DLayerParams."""
    axis = int(p.axis) + (x.rank if p.axis < 0 else 0)
    if not 0 <= axis <= x.rank:
        raise b.invalid("axis", expected=f"{-x.rank} to {x.rank}", got=p.axis)
    if axis in (0, x.rank):
        return b.reshape(x, *((1, UNKNOWN) if axis == 0 else (UNKNOWN, 1)))
    front = b.reshape(x, UNKNOWN, *(size_of(x, i) for i in range(axis, x.rank)))
    return b.reshape(front, 0, UNKNOWN)


def shape_of(x: Value, b: Builder) -> Value:
    """The dimensions of `x` as numbers."""
    return b.constant(x.shape) if is_known(x.shape) else b.emit(GetShape(), x)


def broadcast(x: Value, sizes: Shape, shape: Value, b: Builder) -> Value:
    """numpy.broadcast_to(x, shape), of which `sizes` are known."""
    if is_known(sizes):
        return b.emit(Broadcast(sizes), x)
    return b.emit(BroadcastTo(sizes), x, shape)


def wanted_sizes(shape: Value, b: Builder) -> Shape:
    """What is known of the sizes that the numbers of `shape` are; their count is a rank, so it must be."""
    numbers = b.numbers(shape)
    if numbers is not None:
        if any(number < UNKNOWN for number in numbers):
            raise b.invalid("the shape in its input", expected="sizes", got=list(numbers))
        return numbers
    partial = partial_numbers(shape, b)
    if partial is not None:
        return tuple(size if size >= 0 else UNKNOWN for size in partial)
    return (UNKNOWN,) * rank_from(shape, b)


def rank_from(shape: Value, b: Builder) -> int:
    """How many axes a result has whose shape is the numbers in `shape`."""
    if is_known(shape.shape):
        return math.prod(shape.shape)
    if b.output_ranks:
        return b.output_ranks[0]
    raise b.unsupported(
        "the rank of its result is the length of its input, which only a prediction knows; "
        "export the model with ranks of blobs (outputTensor), or with a shape input of fixed length"
    )


def _scalar(value: float, b: Builder) -> Value:
    return b.constant(float(value))


def _sizes(field: Sequence[int], b: Builder) -> Shape:
    sizes = tuple(int(size) for size in field)
    if not sizes:
        raise b.invalid("targetShape", expected="one size per axis", got=[])
    return sizes
