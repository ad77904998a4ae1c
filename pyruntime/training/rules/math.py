"""Gradients of element-wise functions, sums and softmax."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pyruntime.errors import UnsupportedError
from pyruntime.ir.graph import Node, Value
from pyruntime.ir.ops import (
    Affine,
    Binary,
    BinaryKind,
    PRelu,
    Reduce,
    ReduceKind,
    Softmax,
    Tile,
    Unary,
    UnaryGradient,
    UnaryKind,
)
from pyruntime.ir.ops.training import FROM_RESULT
from pyruntime.training.gradients import Backward, Gradients, gradient, no_gradient


@gradient(Unary)
def _unary(node: Node, g: Value, b: Backward) -> Gradients:
    """From the result where that is enough, so that nobody has to keep the argument."""
    op: Any = node.op
    if op.kind is UnaryKind.LINEAR:
        return [b.scaled(g, op.a)]
    result = op.kind in FROM_RESULT or (op.kind is UnaryKind.LEAKY_RELU and op.a > 0)
    at = node.outputs[0] if result else node.inputs[0]
    try:
        return [b.b.emit(UnaryGradient(op.kind, op.a, op.b), g, at)]
    except UnsupportedError:
        raise no_gradient(node) from None


@gradient(Binary)
def _binary(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    x, y = node.inputs
    if not op.activation.is_identity or op.kind not in _OF_TWO:
        raise no_gradient(node)
    of_x, of_y = _OF_TWO[op.kind]
    return [
        b.sum_to(of(g, x, y, node.outputs[0], b), value) if b.needs(value) else None
        for of, value in ((of_x, x), (of_y, y))
    ]


def _mul(b: Backward, x: Value, y: Value) -> Value:
    return b.b.binary(BinaryKind.MUL, x, y)


def _div(b: Backward, x: Value, y: Value) -> Value:
    return b.b.binary(BinaryKind.DIV, x, y)


def _chosen(kind: BinaryKind) -> Callable[..., Value]:
    """Where the operand was chosen g, where both are equal half of it: kind compares it with the other."""

    def share(g: Value, own: Value, other: Value, b: Backward) -> Value:
        equal = b.scaled(b.b.binary(BinaryKind.EQ, own, other), 0.5)
        return _mul(b, g, b.b.binary(BinaryKind.ADD, b.b.binary(kind, own, other), equal))

    return share


_LARGER, _SMALLER = _chosen(BinaryKind.GT), _chosen(BinaryKind.LT)
_OF_TWO: dict[BinaryKind, tuple[Callable[..., Value], Callable[..., Value]]] = {
    BinaryKind.ADD: (lambda g, x, y, z, b: g, lambda g, x, y, z, b: g),
    BinaryKind.SUB: (lambda g, x, y, z, b: g, lambda g, x, y, z, b: b.scaled(g, -1)),
    BinaryKind.MUL: (lambda g, x, y, z, b: _mul(b, g, y), lambda g, x, y, z, b: _mul(b, g, x)),
    BinaryKind.DIV: (
        lambda g, x, y, z, b: _div(b, g, y),
        lambda g, x, y, z, b: b.scaled(_div(b, _mul(b, g, z), y), -1),
    ),
    BinaryKind.MAX: (lambda g, x, y, z, b: _LARGER(g, x, y, b), lambda g, x, y, z, b: _LARGER(g, y, x, b)),
    BinaryKind.MIN: (lambda g, x, y, z, b: _SMALLER(g, x, y, b), lambda g, x, y, z, b: _SMALLER(g, y, x, b)),
}
"""Gradients of x and y for z = x op y."""


@gradient(Affine)
def _affine(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    if not op.activation.is_identity:
        raise no_gradient(node)
    return [_mul(b, g, node.inputs[1])]


@gradient(PRelu)
def _prelu(node: Node, g: Value, b: Backward) -> Gradients:
    """Where x is positive g, elsewhere slope * g."""
    x, slope = node.inputs
    positive = b.b.emit(UnaryGradient(UnaryKind.CLIP, 0.0, math.inf), g, x)
    rest = _mul(b, b.b.binary(BinaryKind.SUB, g, positive), slope)
    return [b.b.binary(BinaryKind.ADD, positive, rest)]


@gradient(Softmax)
def _softmax(node: Node, g: Value, b: Backward) -> Gradients:
    """y (g - sum of g y)."""
    op: Any = node.op
    y = node.outputs[0]
    weighted = b.b.emit(Reduce(ReduceKind.SUM, (op.axis,), True), _mul(b, g, y))
    return [_mul(b, y, b.b.binary(BinaryKind.SUB, g, weighted))]


@gradient(Reduce)
def _reduce(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    x = node.inputs[0]
    if op.kind not in (ReduceKind.SUM, ReduceKind.MEAN):
        raise no_gradient(node)
    kept = b.b.reshape(g, *(1 if i in op.axes else size for i, size in enumerate(x.shape)))
    spread = b.b.emit(Tile(tuple(size if i in op.axes else 1 for i, size in enumerate(x.shape))), kept)
    count = math.prod(x.shape[axis] for axis in op.axes)
    return [spread if op.kind is ReduceKind.SUM else b.scaled(spread, 1 / count)]
