"""Gradients of what is looked up, written and chosen by index.  An index itself has none."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Node, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import (
    Gather,
    GatherAlong,
    GatherNd,
    GatherRows,
    Scatter,
    ScatterAlong,
    ScatterMode,
    ScatterNd,
    Select,
    TopK,
)
from pyruntime.training.gradients import Backward, Gradients, gradient


@gradient(Gather)
@gradient(GatherNd)
@gradient(GatherAlong)
def _gather(node: Node, g: Value, b: Backward) -> Gradients:
    """Added up where it was read, in the order of the indices, whatever the number of threads."""
    x, index = node.inputs
    return [b.b.emit(_writes(node.op, ScatterMode.ADD), b.filled(x.shape), index, g), None]


def _writes(op: Op, mode: ScatterMode) -> Op:
    """What writes where `op` reads."""
    if isinstance(op, Gather):
        return Scatter(mode, op.axis)
    return ScatterAlong(mode, op.axis) if isinstance(op, GatherAlong) else ScatterNd(mode)


def _reads(op: Op) -> Op:
    """What reads where `op` writes."""
    if isinstance(op, Scatter):
        return Gather(op.axis)
    return GatherAlong(op.axis) if isinstance(op, ScatterAlong) else GatherNd()


def _with_mode(op: Any, mode: ScatterMode) -> Op:
    return _writes(_reads(op), mode)


@gradient(GatherRows)
def _gather_rows(node: Node, g: Value, b: Backward) -> Gradients:
    index, table, *bias = node.inputs
    rows = None
    if b.needs(table):
        rows = b.b.emit(Scatter(ScatterMode.ADD, 0), b.filled(table.shape), index, g)
    return [None, rows, *(b.sum_rows(g) if b.needs(value) else None for value in bias)]


@gradient(Scatter)
@gradient(ScatterNd)
@gradient(ScatterAlong)
def _scatter(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    dx, du = _OF_MODE.get(op.mode, _of_chosen)(node, g, b)
    return [dx, None, du]


def _of_update(node: Node, g: Value, b: Backward) -> tuple[Value, Value]:
    """Of two updates of one place the later one stays: the places say who that was."""
    x, index, updates = node.inputs
    numbers = b.b.reshape(b.b.constant(range(1, _count(updates) + 1)), *updates.shape)
    owner = b.b.emit(node.op, b.filled(x.shape), index, numbers)
    stays = b.equal(b.b.emit(_reads(node.op), owner, index), numbers)
    untouched = b.equal(owner, b.b.constant([0.0]))
    return b.mul(g, untouched), b.mul(b.b.emit(_reads(node.op), g, index), stays)


def _count(value: Value) -> int:
    count = 1
    for size in value.shape:
        count *= size
    return count


def _of_sum(node: Node, g: Value, b: Backward) -> tuple[Value, Value]:
    op: Any = node.op
    own = b.b.emit(_reads(op), g, node.inputs[1])
    return g, own if op.mode is ScatterMode.ADD else b.scaled(own, -1)


def _of_product(node: Node, g: Value, b: Backward) -> tuple[Value, Value]:
    """y = x u u' ..: what g y becomes, divided by u; where u is 0, g x, as if nobody else wrote there."""
    op: Any = node.op
    x, index, updates = node.inputs
    reads = _reads(op)
    if op.mode is ScatterMode.DIV:
        dx = b.b.emit(op, g, index, updates)
        return dx, b.scaled(b.div(b.b.emit(reads, b.mul(g, node.outputs[0]), index), updates), -1)
    is_zero = b.equal(updates, b.b.constant([0.0]))
    divisor = b.b.emit(Select(), is_zero, b.b.constant([1.0]), updates)
    others = b.div(b.b.emit(reads, b.mul(g, node.outputs[0]), index), divisor)
    alone = b.b.emit(reads, b.mul(g, x), index)
    return b.b.emit(op, g, index, updates), b.b.emit(Select(), is_zero, alone, others)


def _of_chosen(node: Node, g: Value, b: Backward) -> tuple[Value, Value]:
    """The largest or smallest: g is shared by all who have that number."""
    x, index, updates = node.inputs
    y, reads = node.outputs[0], _reads(node.op)
    own = b.equal(x, y)
    theirs = b.equal(updates, b.b.emit(reads, y, index))
    how_many = b.b.emit(_with_mode(node.op, ScatterMode.ADD), own, index, theirs)
    share = b.div(g, how_many)
    return b.mul(share, own), b.mul(b.b.emit(reads, share, index), theirs)


_OF_MODE = {
    ScatterMode.UPDATE: _of_update,
    ScatterMode.ADD: _of_sum,
    ScatterMode.SUB: _of_sum,
    ScatterMode.MUL: _of_product,
    ScatterMode.DIV: _of_product,
}


@gradient(TopK)
def _top_k(node: Node, g: Value, b: Backward) -> Gradients:
    """Each chosen number gets that of its place; places have none."""
    op: Any = node.op
    x = node.inputs[0]
    return [b.b.emit(ScatterAlong(ScatterMode.ADD, op.axis), b.filled(x.shape), node.outputs[1], g)]
