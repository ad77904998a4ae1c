"""Gradients of recurrent layers: an operator goes back through the steps, products over all of them do the rest."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Node, Value
from pyruntime.ir.ops import (
    Broadcast,
    Concat,
    Product,
    Recurrence,
    RecurrenceGradient,
    RecurrenceKind,
    Reduce,
    ReduceKind,
)
from pyruntime.training.gradients import Backward, Gradients, gradient


@gradient(Recurrence, all_results=True)
def _recurrence(node: Node, found: tuple[Value | None, ...], b: Backward) -> Gradients:
    op: Any = node.op
    _, h, r, *rest = node.inputs
    hs = node.outputs[0]
    g = b.filled(hs.shape) if found[0] is None else found[0]
    operands = [g, hs, h, r, *node.outputs[1:2]]
    if op.kind is RecurrenceKind.LSTM:
        cs = node.outputs[2]
        operands += [b.filled(cs.shape) if found[2] is None else found[2], cs, *rest]
    back, *states = b.b.emit_many(RecurrenceGradient(op), operands, 3 if op.kind is RecurrenceKind.LSTM else 2)
    dr = _of_matrix(node, back, _before(hs, h, op.reverse, b), b) if b.needs(r) else None
    dh, *dc = (b.sum_to(own, start) for own, start in zip(states, (h, *rest), strict=False))
    peepholes = [_of_peepholes(node, back, b) if b.needs(p) else None for p in rest[1:]]
    return [back, dh, dr, *dc, *peepholes]


def _before(states: Value, start: Value, reverse: bool, b: Backward) -> Value:
    """The state before each step, at the place of the step."""
    steps, batch, units = states.shape
    first = b.b.emit(Broadcast((1, batch, units)), start)
    if steps == 1:
        return first
    if reverse:
        return b.b.emit(Concat(0), b.cut(states, 0, 1, steps), first)
    return b.b.emit(Concat(0), first, b.cut(states, 0, 0, steps - 1))


def _of_matrix(node: Node, back: Value, before: Value, b: Backward) -> Value:
    """One product over all steps; the output gate of a GRU saw the state through the reset gate."""
    op: Any = node.op
    units = op.outputs
    if op.kind is RecurrenceKind.GRU:
        seen = b.mul(b.cut(node.outputs[1], 2, units, 2 * units), before)
        own = b.b.emit(Product(transpose_a=True), b.cut(back, 2, 0, 2 * units), before)
        output = b.b.emit(Product(transpose_a=True), b.cut(back, 2, 2 * units, 3 * units), seen)
        both = b.b.emit(Concat(0), own, output)
    else:
        both = b.b.emit(Product(transpose_a=True), back, before)
    return b.b.reshape(both, *node.inputs[2].shape)


def _of_peepholes(node: Node, back: Value, b: Backward) -> Value:
    """Input and forget gate look at the cell before the step, the output gate at the one after it."""
    op: Any = node.op
    units, cs = op.outputs, node.outputs[2]
    before = _before(cs, node.inputs[3], op.reverse, b)
    rows = []
    for gate, cell in ((0, before), (1, before), (3, cs)):
        own = b.mul(b.cut(back, 2, gate * units, (gate + 1) * units), cell)
        rows.append(b.b.reshape(b.b.emit(Reduce(ReduceKind.SUM, (0, 1), False), own), 1, units))
    return b.b.emit(Concat(0), *rows)
