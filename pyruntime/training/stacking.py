"""What operators become when examples are stacked on an axis in front of all others: see stack.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pyruntime.ir.graph import Node, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import (
    Affine,
    ArgSort,
    Band,
    Binary,
    Broadcast,
    BroadcastTo,
    Categorical,
    Concat,
    Conv,
    CropResize,
    CumSum,
    Gather,
    GatherAlong,
    GatherNd,
    GatherRows,
    Gemm,
    GetShape,
    LayerNorm,
    Lrn,
    Matmul,
    OneHot,
    OneHotTo,
    Pad,
    Pool,
    PRelu,
    Product,
    Recurrence,
    Reduce,
    Require,
    Reshape,
    ReshapeTo,
    Resize,
    ReverseSequence,
    Scatter,
    ScatterAlong,
    ScatterNd,
    Select,
    Slice,
    SliceBySize,
    Softmax,
    Tile,
    TileTo,
    TopK,
    Transpose,
    Unary,
    Windows,
)
from pyruntime.ir.ops.move import LAST
from pyruntime.training.stack import STACKED, Stacker, stacked


@stacked(Unary, Band)
def _of_each_number(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    return [s.b.emit(node.op, *inputs)]


@stacked(Binary, Select, Matmul)
def _broadcasting(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    """Ranks are filled up behind the examples' axis, not before it."""
    rank = max(value.rank for value in node.inputs)
    return [s.b.emit(node.op, *(s.widened(value, rank) for value in inputs))]


@stacked(Gemm, Product, Affine, PRelu, LayerNorm, Lrn, Conv, Pool, Resize, Categorical, Require)
def _of_rows(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    """Leading axes of the first operand are free; the others are weights."""
    s.need_shared(node, *inputs[1:])
    if isinstance(node.op, Product) and node.op.transpose_a:
        raise s.unsupported(node)
    return [s.b.emit(node.op, *inputs)]


@stacked(GatherRows)
def _gather_rows(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    s.need_shared(node, *inputs[1:])
    return [s.b.emit(node.op, *inputs)]


def _next_axis(field: str) -> Callable[[Any], Op]:
    def moved(op: Any) -> Op:
        longer: Op = replace(op, **{field: getattr(op, field) + 1})
        return longer

    return moved


_AXIS = _next_axis("axis")
AXES: dict[type[Op], Callable[[Any], Op]] = {
    Softmax: _AXIS,
    Concat: _AXIS,
    ArgSort: _AXIS,
    TopK: _AXIS,
    CumSum: lambda op: replace(op, axis=op.axis + 1) if op.axis >= 0 else op,
    OneHot: _AXIS,
    OneHotTo: _AXIS,
    Windows: _AXIS,
    SliceBySize: _AXIS,
    ReverseSequence: lambda op: replace(op, batch_axis=op.batch_axis + 1, sequence_axis=op.sequence_axis + 1),
    Reduce: lambda op: replace(op, axes=tuple(axis + 1 for axis in op.axes)),
    Slice: lambda op: Slice((0, *op.begin), (LAST, *op.end), (1, *op.stride)),
    Pad: lambda op: replace(op, before=(0, *op.before), after=(0, *op.after)),
    Transpose: lambda op: Transpose((0, *(axis + 1 for axis in op.axes))),
    GatherAlong: _AXIS,
    ScatterAlong: _AXIS,
}
"""Operators that name axes: the same one axis further on."""
ALL_STACKED = (Concat, GatherAlong, ScatterAlong)
"""Those whose operands all have the axis."""


@stacked(*AXES)
def _along_axes(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    if isinstance(node.op, ALL_STACKED):
        inputs = [s.lifted(value) for value in inputs]
    else:
        s.need_shared(node, *inputs[1:])
        if isinstance(node.op, CumSum) and node.op.axis < 0:
            raise s.unsupported(node)
    return s.b.emit_many(AXES[type(node.op)](node.op), inputs, len(node.outputs))


@stacked(Reshape, ReshapeTo)
def _reshape(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    s.need_known(node)
    s.need_shared(node, *inputs[1:])
    return [s.b.reshape(inputs[0], s.batch, *node.outputs[0].shape)]


@stacked(Broadcast, BroadcastTo)
def _broadcast(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    s.need_known(node)
    s.need_shared(node, *inputs[1:])
    shape = node.outputs[0].shape
    return [s.b.emit(Broadcast((s.batch, *shape)), s.widened(inputs[0], len(shape)))]


@stacked(Tile, TileTo)
def _tile(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    s.need_known(node)
    s.need_shared(node, *inputs[1:])
    x, shape = s.widened(inputs[0], len(node.outputs[0].shape)), node.outputs[0].shape
    repeats = tuple(size // max(1, own) for size, own in zip(shape, x.shape[1:], strict=True))
    return [s.b.emit(Tile((1, *repeats)), x)]


@stacked(GetShape)
def _get_shape(node: Node, _inputs: list[Value], s: Stacker) -> Sequence[Value]:
    s.need_known(node)
    return [s.lifted(s.b.constant(node.inputs[0].shape))]


# index


def _with_examples(index: Value, s: Stacker) -> Value:
    """(B, .., K) -> (B, .., 1 + K): the number of the example before each index."""
    numbers = s.b.reshape(s.b.constant(range(s.batch)), s.batch, *[1] * (index.rank - 1))
    return s.b.emit(Concat(index.rank - 1), s.b.emit(Broadcast((*index.shape[:-1], 1)), numbers), index)


@stacked(Gather)
def _gather(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    op: Any = node.op
    x, index = inputs
    if not s.is_stacked(index):
        return [s.b.emit(Gather(op.axis + 1), x, index)]
    lead = op.axis
    if not s.is_stacked(x):  # the examples' axis is the first of the index
        y = s.b.emit(Gather(op.axis), x, index)
        return [s.b.transpose(y, (lead, *range(lead), *range(lead + 1, y.rank)))]
    rest = range(lead + 2, x.rank)
    x = s.b.transpose(x, (0, lead + 1, *range(1, lead + 1), *rest))
    y = s.b.emit(GatherNd(), x, _with_examples(s.b.reshape(index, *index.shape, 1), s))
    own = index.rank  # (B, I.., before.., behind..)
    order = (0, *range(own, own + lead), *range(1, own), *range(own + lead, y.rank))
    return [s.b.transpose(y, order)]


@stacked(GatherNd)
def _gather_nd(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    x, index = inputs
    if not s.is_stacked(x):
        return [s.b.emit(node.op, x, index)]
    return [s.b.emit(node.op, x, _with_examples(s.lifted(index), s))]


@stacked(ScatterNd)
def _scatter_nd(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    x, index, updates = map(s.lifted, inputs)
    return [s.b.emit(node.op, x, _with_examples(index, s), updates)]


@stacked(Scatter)
def _scatter(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    op: Any = node.op
    x, index, updates = inputs
    if not s.is_stacked(index):
        return [s.b.emit(replace(op, axis=op.axis + 1), s.lifted(x), index, s.lifted(updates))]
    if op.axis:
        raise s.unsupported(node)
    places = _with_examples(s.b.reshape(index, *index.shape, 1), s)
    return [s.b.emit(ScatterNd(op.mode), s.lifted(x), places, s.lifted(updates))]


# layers


@stacked(CropResize)
def _crop_resize(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    """All images of all examples, in the same boxes."""
    x, boxes = inputs
    s.need_shared(node, boxes)
    if boxes.shape[1] != 4:
        raise s.unsupported(node)
    y = s.b.emit(node.op, x, boxes)
    images = math.prod(x.shape[1:-3])
    y = s.b.reshape(y, y.shape[0], s.batch, images, *y.shape[2:])
    return [s.b.transpose(y, (1, 0, 2, 3, 4, 5))]


@stacked(Recurrence)
def _recurrence(node: Node, inputs: list[Value], s: Stacker) -> Sequence[Value]:
    """Examples join the batch of the recurrence."""
    sums, h, r, *rest = inputs
    s.need_shared(node, r, *rest[1:])
    sums = s.lifted(sums)
    _, steps, batch, width = sums.shape
    joined = s.b.reshape(s.b.transpose(sums, (1, 0, 2, 3)), steps, s.batch * batch, width)
    states = [_start(state, batch, s) for state in (h, *rest[:1])]
    results = s.b.emit_many(node.op, (joined, states[0], r, *states[1:], *rest[1:]), len(node.outputs))
    return [s.b.transpose(s.b.reshape(y, steps, s.batch, batch, y.shape[2]), (1, 0, 2, 3)) for y in results]


def _start(state: Value, batch: int, s: Stacker) -> Value:
    """(B or 1, H) of each example -> (all, H); one that all share stays one."""
    if not s.is_stacked(state) and state.shape[0] == 1:
        return state
    units = state.shape[-1]
    full = s.b.emit(Broadcast((s.batch, batch, units)), s.lifted(state))
    return s.b.reshape(full, s.batch * batch, units)


assert all(operator in STACKED for operator in AXES)
