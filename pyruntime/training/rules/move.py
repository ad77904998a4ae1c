"""Gradients of operators that move values."""

from __future__ import annotations

import math
from typing import Any

from pyruntime.ir.graph import Node, Value
from pyruntime.ir.ops import (
    Band,
    Broadcast,
    BroadcastTo,
    Concat,
    Pad,
    PadMode,
    PadTo,
    Reduce,
    ReduceKind,
    Require,
    Reshape,
    ReshapeTo,
    ReverseSequence,
    Scatter,
    ScatterMode,
    Select,
    Slice,
    SliceBySize,
    SliceTo,
    Tile,
    TileTo,
    Transpose,
    Windows,
)
from pyruntime.ir.ops.move import FIRST
from pyruntime.passes.layout import inverse
from pyruntime.training.gradients import REFUSED, Backward, Gradients, gradient


@gradient(Reshape)
@gradient(ReshapeTo)
def _reshape(node: Node, g: Value, b: Backward) -> Gradients:
    return [b.b.reshape(g, *node.inputs[0].shape)]


@gradient(Transpose)
def _transpose(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    return [b.b.transpose(g, inverse(op.axes))]


@gradient(Concat)
def _concat(node: Node, g: Value, b: Backward) -> Gradients:
    """Each input has its slice of g."""
    op: Any = node.op
    pieces: list[Value | None] = []
    start = 0
    for value in node.inputs:
        stop = start + value.shape[op.axis]
        pieces.append(b.cut(g, op.axis, start, stop) if b.needs(value) else None)
        start = stop
    return pieces


@gradient(Slice)
def _slice(node: Node, g: Value, b: Backward) -> Gradients:
    """Zeros where nothing was read."""
    op: Any = node.op
    x = node.inputs[0]
    if 0 in g.shape:
        return [b.filled(x.shape)]
    before, after = [], []
    for axis, size in enumerate(x.shape):
        start, _, step = slice(op.begin[axis], op.end[axis], op.stride[axis]).indices(size)
        if step < 0:
            start += (g.shape[axis] - 1) * step
            g = _reversed(g, axis, b)
        g = _spread(g, axis, abs(step), size - start, b)
        before.append(start)
        after.append(size - start - g.shape[axis])
    return [b.b.emit(Pad(PadMode.CONSTANT, tuple(before), tuple(after)), g)]


def _reversed(g: Value, axis: int, b: Backward) -> Value:
    begin = tuple(size - 1 if i == axis else 0 for i, size in enumerate(g.shape))
    end = tuple(FIRST if i == axis else size for i, size in enumerate(g.shape))
    return b.b.emit(Slice(begin, end, tuple(-1 if i == axis else 1 for i in range(g.rank))), g)


def _spread(g: Value, axis: int, step: int, room: int, b: Backward) -> Value:
    """Elements of an axis `step` apart, zeros between them, and behind the last one as far as there is room."""
    if step == 1:
        return g
    lead, last = math.prod(g.shape[: axis + 1]), math.prod(g.shape[axis + 1 :])
    wide = b.put(b.b.reshape(g, lead, 1, last), 1, 0, step)
    spread = b.b.reshape(wide, *g.shape[:axis], g.shape[axis] * step, *g.shape[axis + 1 :])
    return b.cut(spread, axis, 0, min(spread.shape[axis], room))


@gradient(SliceBySize)
def _slice_by_size(node: Node, g: Value, b: Backward) -> Gradients:
    """As a slice whose start comes with the numbers."""
    op: Any = node.op
    x, begin = node.inputs
    first = b.b.numbers(begin)
    if first is not None:
        return [b.put(g, op.axis, first[0] % x.shape[op.axis] if first[0] else 0, x.shape[op.axis])]
    places = b.add(b.b.reshape(begin, 1), b.b.constant(range(op.size)))
    return [b.b.emit(Scatter(ScatterMode.ADD, op.axis), b.filled(x.shape), places, g)]


REFUSED[SliceTo] = REFUSED[PadTo] = "the places that it reads are computed while it runs"
"""With constant numbers, lowering makes Slice and Pad of them."""


@gradient(Pad)
def _pad(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    x = node.inputs[0]
    for axis, size in enumerate(x.shape):
        first, last = op.before[axis], op.before[axis] + size
        middle = b.cut(g, axis, first, last)
        if op.mode is not PadMode.CONSTANT and first:
            middle = b.add(middle, _folded(op.mode, b.cut(g, axis, 0, first), axis, size, True, b))
        if op.mode is not PadMode.CONSTANT and last < g.shape[axis]:
            middle = b.add(middle, _folded(op.mode, b.cut(g, axis, last, g.shape[axis]), axis, size, False, b))
        g = middle
    return [g]


def _folded(mode: PadMode, edge: Value, axis: int, size: int, at_start: bool, b: Backward) -> Value:
    """What the padded places of one side of an axis give back to the cells that they repeat."""
    if mode is PadMode.EDGE:
        total = b.b.emit(Reduce(ReduceKind.SUM, (axis,), True), edge)
        return b.put(total, axis, 0 if at_start else size - 1, size)
    return b.put(_reversed(edge, axis, b), axis, 1 if at_start else size - 1 - edge.shape[axis], size)


@gradient(Broadcast)
@gradient(BroadcastTo)
def _broadcast(node: Node, g: Value, b: Backward) -> Gradients:
    return [b.sum_to(g, node.inputs[0])]


@gradient(Tile)
@gradient(TileTo)
def _tile(node: Node, g: Value, b: Backward) -> Gradients:
    """The sum over the copies."""
    x = node.inputs[0]
    lead = g.rank - x.rank
    if lead:
        g = b.b.emit(Reduce(ReduceKind.SUM, tuple(range(lead)), False), g)
    for axis, size in enumerate(x.shape):
        if g.shape[axis] != size:
            shape = (*x.shape[:axis], size, *g.shape[axis + 1 :])
            outer, inner = math.prod(x.shape[:axis]), math.prod(g.shape[axis + 1 :])
            copies = b.b.reshape(g, outer, g.shape[axis] // max(size, 1), size * inner)
            g = b.b.reshape(b.b.emit(Reduce(ReduceKind.SUM, (1,), False), copies), *shape)
    return [g]


@gradient(Windows)
def _windows(node: Node, g: Value, b: Backward) -> Gradients:
    """Every cell has the sum over the windows that it is in."""
    op: Any = node.op
    x = node.inputs[0]
    places = [[first * op.step + i for i in range(op.size)] for first in range(g.shape[op.axis])]
    return [b.b.emit(Scatter(ScatterMode.ADD, op.axis), b.filled(x.shape), b.b.constant(places), g)]


@gradient(ReverseSequence)
def _reverse_sequence(node: Node, g: Value, b: Backward) -> Gradients:
    return [b.b.emit(node.op, g, node.inputs[1])]


@gradient(Band)
def _band(node: Node, g: Value, b: Backward) -> Gradients:
    return [b.b.emit(node.op, g)]


@gradient(Select)
def _select(node: Node, g: Value, b: Backward) -> Gradients:
    """The chosen operand's; a condition has none."""
    condition, x, y = node.inputs
    nothing = b.b.constant([0.0])
    dx = b.sum_to(b.b.emit(Select(), condition, g, nothing), x) if b.needs(x) else None
    dy = b.sum_to(b.b.emit(Select(), condition, nothing, g), y) if b.needs(y) else None
    return [None, dx, dy]


@gradient(Require)
def _require(node: Node, g: Value, b: Backward) -> Gradients:
    return [g]
