"""Gradients of operators that move values."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Node, Value
from pyruntime.ir.ops import Broadcast, Concat, Pad, PadMode, Reshape, Slice, Transpose
from pyruntime.passes.layout import inverse
from pyruntime.training.gradients import Backward, Gradients, gradient, no_gradient


@gradient(Reshape)
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
        begin = tuple(start if i == op.axis else 0 for i in range(g.rank))
        end = tuple(stop if i == op.axis else size for i, size in enumerate(g.shape))
        pieces.append(b.b.emit(Slice(begin, end, (1,) * g.rank), g) if b.needs(value) else None)
        start = stop
    return pieces


@gradient(Slice)
def _slice(node: Node, g: Value, b: Backward) -> Gradients:
    """Zeros where nothing was read."""
    op: Any = node.op
    x = node.inputs[0]
    if any(step != 1 for step in op.stride):
        raise no_gradient(node)
    before = tuple(
        slice(begin, end).indices(size)[0] for begin, end, size in zip(op.begin, op.end, x.shape, strict=True)
    )
    after = tuple(size - start - own for size, start, own in zip(x.shape, before, g.shape, strict=True))
    return [b.b.emit(Pad(PadMode.CONSTANT, before, after), g)]


@gradient(Pad)
def _pad(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    if op.mode is not PadMode.CONSTANT:
        raise no_gradient(node)
    end = tuple(start + size for start, size in zip(op.before, node.inputs[0].shape, strict=True))
    return [b.b.emit(Slice(op.before, end, (1,) * g.rank), g)]


@gradient(Broadcast)
def _broadcast(node: Node, g: Value, b: Backward) -> Gradients:
    return [b.sum_to(g, node.inputs[0])]
