"""Gradients of element-wise functions, running sums and softmax."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pyruntime.ir.graph import Node, Value
from pyruntime.ir.ops import (
    Affine,
    Binary,
    BinaryKind,
    CumSum,
    PRelu,
    Reduce,
    ReduceKind,
    Select,
    Softmax,
    Unary,
    UnaryGradient,
    UnaryKind,
)
from pyruntime.ir.ops.training import FROM_RESULT
from pyruntime.training.gradients import Backward, Gradients, gradient, no_gradient

_STEPS = frozenset(
    [
        UnaryKind.CEIL, UnaryKind.FLOOR, UnaryKind.ROUND, UnaryKind.SIGN, UnaryKind.NOT, UnaryKind.EQ, UnaryKind.NE,
        UnaryKind.LT, UnaryKind.LE, UnaryKind.GT, UnaryKind.GE,
    ]
)  # fmt: skip


@gradient(Unary)
def _unary(node: Node, g: Value, b: Backward) -> Gradients:
    """From the result where that is enough, so that nobody has to keep the argument."""
    op: Any = node.op
    if op.kind in _STEPS:
        return b.end(node, "is a step: its result is the same on both sides of a number, or jumps")
    if op.kind is UnaryKind.LINEAR:
        return [b.scaled(g, op.a)]
    result = op.kind in FROM_RESULT or (op.kind is UnaryKind.LEAKY_RELU and op.a > 0)
    at = node.outputs[0] if result else node.inputs[0]
    return [b.b.emit(UnaryGradient(op.kind, op.a, op.b), g, at)]


@gradient(Binary)
def _binary(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    x, y = node.inputs
    if not op.activation.is_identity:
        raise no_gradient(node)
    if op.kind not in _OF_TWO:
        return b.end(node, "compares or counts: its result is the same on both sides of a number, or jumps")
    of_x, of_y = _OF_TWO[op.kind]
    return [
        b.sum_to(of(g, x, y, node.outputs[0], b), value) if b.needs(value) else None
        for of, value in ((of_x, x), (of_y, y))
    ]


def _chosen(kind: BinaryKind) -> Callable[..., Value]:
    """Where the operand was chosen g, where both are equal half of it: kind compares it with the other."""

    def share(g: Value, own: Value, other: Value, b: Backward) -> Value:
        equal = b.scaled(b.b.binary(BinaryKind.EQ, own, other), 0.5)
        return b.mul(g, b.b.binary(BinaryKind.ADD, b.b.binary(kind, own, other), equal))

    return share


def _of_base(g: Value, x: Value, y: Value, _z: Value, b: Backward) -> Value:
    """y x^(y-1); 0 where y is 0, also for x = 0."""
    less = b.b.binary(BinaryKind.POW, x, b.add(y, b.b.constant([-1.0])))
    slope = b.b.emit(Select(), b.equal(y, b.b.constant([0.0])), b.b.constant([0.0]), b.mul(y, less))
    return b.mul(g, slope)


def _of_exponent(g: Value, x: Value, _y: Value, z: Value, b: Backward) -> Value:
    """z log x; 0 where x is not positive."""
    positive = b.b.binary(BinaryKind.GT, x, b.b.constant([0.0]))
    log = b.b.unary(UnaryKind.LOG, b.b.emit(Select(), positive, x, b.b.constant([1.0])))
    return b.mul(g, b.mul(z, log))


def _of_divisor(g: Value, x: Value, y: Value, _z: Value, b: Backward) -> Value:
    """Of x mod y = x - y floor(x / y)."""
    return b.scaled(b.mul(g, b.b.binary(BinaryKind.FLOOR_DIV, x, y)), -1)


_LARGER, _SMALLER = _chosen(BinaryKind.GT), _chosen(BinaryKind.LT)
_OF_TWO: dict[BinaryKind, tuple[Callable[..., Value], Callable[..., Value]]] = {
    BinaryKind.ADD: (lambda g, x, y, z, b: g, lambda g, x, y, z, b: g),
    BinaryKind.SUB: (lambda g, x, y, z, b: g, lambda g, x, y, z, b: b.scaled(g, -1)),
    BinaryKind.MUL: (lambda g, x, y, z, b: b.mul(g, y), lambda g, x, y, z, b: b.mul(g, x)),
    BinaryKind.DIV: (
        lambda g, x, y, z, b: b.div(g, y),
        lambda g, x, y, z, b: b.scaled(b.div(b.mul(g, z), y), -1),
    ),
    BinaryKind.POW: (_of_base, _of_exponent),
    BinaryKind.MOD: (lambda g, x, y, z, b: g, _of_divisor),
    BinaryKind.MAX: (lambda g, x, y, z, b: _LARGER(g, x, y, b), lambda g, x, y, z, b: _LARGER(g, y, x, b)),
    BinaryKind.MIN: (lambda g, x, y, z, b: _SMALLER(g, x, y, b), lambda g, x, y, z, b: _SMALLER(g, y, x, b)),
}
"""Gradients of x and y for z = x op y."""


@gradient(Affine)
def _affine(node: Node, g: Value, b: Backward) -> Gradients:
    """x scale + shift."""
    op: Any = node.op
    x, scale, shift = node.inputs
    if not op.activation.is_identity:
        raise no_gradient(node)
    return [
        b.mul(g, scale) if b.needs(x) else None,
        b.sum_rows(b.mul(g, x)) if b.needs(scale) else None,
        b.sum_rows(g) if b.needs(shift) else None,
    ]


@gradient(PRelu)
def _prelu(node: Node, g: Value, b: Backward) -> Gradients:
    """Where x is positive g, elsewhere slope * g."""
    x, slope = node.inputs
    dslope = None
    if b.needs(slope):
        negative = b.b.unary(UnaryKind.CLIP, x, -math.inf, 0.0)
        dslope = b.sum_to(b.sum_rows(b.mul(g, negative)), slope)
    positive = b.b.emit(UnaryGradient(UnaryKind.CLIP, 0.0, math.inf), g, x)
    rest = b.mul(b.b.binary(BinaryKind.SUB, g, positive), slope)
    return [b.add(positive, rest), dslope]


@gradient(Softmax)
def _softmax(node: Node, g: Value, b: Backward) -> Gradients:
    """y (g - sum of g y)."""
    op: Any = node.op
    y = node.outputs[0]
    weighted = b.b.emit(Reduce(ReduceKind.SUM, (op.axis,), True), b.mul(g, y))
    return [b.mul(y, b.b.binary(BinaryKind.SUB, g, weighted))]


@gradient(CumSum)
def _cumsum(node: Node, g: Value, b: Backward) -> Gradients:
    """The running sum from the other end."""
    op: Any = node.op
    return [b.b.emit(replace(op, reversed=not op.reversed), g, *node.inputs[1:])]
