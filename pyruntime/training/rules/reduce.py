"""Gradients of folded axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pyruntime.ir.graph import Node, Value
from pyruntime.ir.ops import Binary, BinaryKind, Broadcast, Reduce, ReduceKind, Select, UnaryKind
from pyruntime.training.gradients import Backward, Gradients, gradient


@gradient(Reduce)
def _reduce(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    x = node.inputs[0]
    if op.kind not in _RULES:
        return b.end(node, "gives places, which are whole numbers: they have no slope")
    kept = tuple(1 if i in op.axes else size for i, size in enumerate(x.shape))
    y = b.b.reshape(node.outputs[0], *kept)
    return [_RULES[op.kind](op, x, y, b.b.reshape(g, *kept), b)]


def _spread(g: Value, x: Value, b: Backward) -> Value:
    return b.b.emit(Broadcast(x.shape), g)


def _mean(op: Any, x: Value, _y: Value, g: Value, b: Backward) -> Value:
    return _spread(b.scaled(g, 1 / max(1, math.prod(x.shape[axis] for axis in op.axes))), x, b)


def _product(op: Any, x: Value, _y: Value, g: Value, b: Backward) -> Value:
    """The product of the others: p / x where nothing is 0; a single 0 has the product of the rest, all others 0."""
    is_zero = b.equal(x, b.b.constant([0.0]))
    zeros = b.b.emit(Reduce(ReduceKind.SUM, op.axes, True), is_zero)
    others = b.b.emit(Select(), is_zero, b.b.constant([1.0]), x)
    product = b.b.emit(Reduce(ReduceKind.PROD, op.axes, True), others)
    return b.mul(b.mul(b.div(product, others), b.equal(zeros, is_zero)), g)


def _log_sum(op: Any, x: Value, _y: Value, g: Value, b: Backward) -> Value:
    """Of the sum of log(x + a)."""
    return b.div(g, b.b.unary(UnaryKind.LINEAR, x, 1.0, op.a))


def _log_sum_exp(_op: Any, x: Value, y: Value, g: Value, b: Backward) -> Value:
    return b.mul(b.b.unary(UnaryKind.EXP, b.b.emit(Binary(BinaryKind.SUB), x, y)), g)


def _length(_op: Any, x: Value, y: Value, g: Value, b: Backward) -> Value:
    """x / y, and 0 where y is."""
    divisor = b.b.emit(Select(), b.equal(y, b.b.constant([0.0])), b.b.constant([1.0]), y)
    return b.mul(x, b.div(g, divisor))


def _extreme(op: Any, x: Value, y: Value, g: Value, b: Backward) -> Value:
    """Shared by all that have the largest (smallest) number."""
    chosen = b.equal(x, y)
    return b.mul(chosen, b.div(g, b.b.emit(Reduce(ReduceKind.SUM, op.axes, True), chosen)))


_RULES: dict[ReduceKind, Callable[[Any, Value, Value, Value, Backward], Value]] = {
    ReduceKind.SUM: lambda op, x, y, g, b: _spread(g, x, b),
    ReduceKind.MEAN: _mean,
    ReduceKind.PROD: _product,
    ReduceKind.LOG_SUM: _log_sum,
    ReduceKind.SUM_SQUARE: lambda op, x, y, g, b: b.mul(b.scaled(x, 2.0), g),
    ReduceKind.L1: lambda op, x, y, g, b: b.mul(b.b.unary(UnaryKind.SIGN, x), g),
    ReduceKind.L2: _length,
    ReduceKind.MAX: _extreme,
    ReduceKind.MIN: _extreme,
    ReduceKind.LOG_SUM_EXP: _log_sum_exp,
}
"""The gradient of x from those of y with its folded axes kept as 1s."""
