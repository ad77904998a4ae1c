"""One rule per operator: the gradients of its inputs, as nodes, from the gradient of its result.

A rule `f(node, g, b)` gets the gradient of the node's first result and gives one value per input, None where nobody
needs it.  `b.needs(value)` says who does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from pyruntime.errors import UnsupportedError
from pyruntime.ir.graph import Node, Value
from pyruntime.ir.op import IDENTITY, Op
from pyruntime.ir.ops import (
    Affine, Binary, BinaryKind, Concat, Conv, ConvWeightGradient, Gemm, Pad, PadMode, Padding, Pool, PoolGradient, PRelu, Product,
    Reduce, ReduceKind, Reshape, Slice, Softmax, Tile, Transpose, Unary, UnaryGradient, UnaryKind,
)  # fmt: skip
from pyruntime.ir.ops.training import FROM_RESULT
from pyruntime.passes.layout import inverse
from pyruntime.training.builder import TrainingBuilder

Gradients = Iterable[Value | None]
Rule = Callable[[Node, Value, "Backward"], Gradients]
RULES: dict[type[Op], Rule] = {}


def gradient(operator: type[Op]) -> Callable[[Rule], Rule]:
    """File a rule."""

    def file(rule: Rule) -> Rule:
        RULES[operator] = rule
        return rule

    return file


class Backward:
    """Goes through a builder's nodes from the last to the first, and adds theirs behind them."""

    def __init__(self, b: TrainingBuilder, parameters: Iterable[Value]) -> None:
        self.b = b
        self._forward = tuple(b.nodes)
        self._needing = {value.name for value in parameters}
        for node in self._forward:
            if any(value.name in self._needing for value in node.inputs):
                self._needing.update(value.name for value in node.outputs)
        self._gradients: dict[str, Value] = {}

    def needs(self, value: Value) -> bool:
        """Whether a parameter has a part in it."""
        return value.name in self._needing

    def run(self, start: Value, g: Value) -> dict[str, Value]:
        """Gradients by name of the value, from `g`, that of `start`.  Raises UnsupportedError naming a layer."""
        self._gradients[start.name] = g
        for node in reversed(self._forward):
            found = self._gradients.get(node.outputs[0].name)
            if found is None or not self.needs(node.outputs[0]):
                continue
            rule = RULES.get(type(node.op))
            if rule is None or len(node.outputs) > 1:
                raise no_gradient(node)
            self.b.layer, self.b.kind = f"{node.layer}, gradient", ""
            for value, own in zip(node.inputs, rule(node, found, self), strict=False):
                if own is not None and self.needs(value):
                    self._add(value, own)
        return self._gradients

    def _add(self, value: Value, g: Value) -> None:
        assert g.shape == value.shape, (value, g)
        before = self._gradients.get(value.name)
        self._gradients[value.name] = g if before is None else self.b.binary(BinaryKind.ADD, before, g)

    # what rules write with

    def sum_to(self, g: Value, like: Value) -> Value:
        """`g` summed over the axes along which an operand of shape `like` was repeated."""
        lead = g.rank - like.rank
        axes = [i for i in range(g.rank) if i < lead or (like.shape[i - lead] == 1 and g.shape[i] != 1)]
        if axes:
            g = self.b.emit(Reduce(ReduceKind.SUM, tuple(axes), True), g)
        return g if g.shape == like.shape else self.b.reshape(g, *like.shape)

    def sum_rows(self, g: Value) -> Value:
        """(..., C) -> (C)."""
        rows = self.b.reshape(g, math.prod(g.shape[:-1]), g.shape[-1])
        return self.b.emit(Reduce(ReduceKind.SUM, (0,), False), rows)

    def scaled(self, g: Value, factor: float) -> Value:
        return self.b.unary(UnaryKind.LINEAR, g, factor)


def no_gradient(node: Node) -> UnsupportedError:
    return UnsupportedError(
        f"{node.layer}: training cannot pass through it: its operator {node.op.code} has no gradient; layers that learn "
        "must lie behind it, between it and the loss"
    )


@gradient(Conv)
def _conv(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    if not op.activation.is_identity or op.has_residual:
        raise no_gradient(node)
    x, w, *bias = node.inputs
    plain = replace(op, has_bias=False, has_residual=False, activation=IDENTITY)
    dx = _conv_input(plain, x, w, g, node, b) if b.needs(x) else None
    dw = b.b.emit(ConvWeightGradient(plain), x, g) if b.needs(w) else None
    return [dx, dw, *(b.sum_rows(g) if b.needs(value) else None for value in bias)]


def _conv_input(op: Conv, x: Value, w: Value, g: Value, node: Node, b: Backward) -> Value:
    """Every output's gradient goes back to the cells that it read: the transposed convolution with the channels of the
    weight exchanged within each group."""
    if op.transposed or len(op.kernel) != 2:
        raise no_gradient(node)
    outputs, depth, *kernel = w.shape
    grouped = b.b.reshape(w, op.groups, outputs // op.groups, depth, *kernel)
    turned = b.b.reshape(b.b.transpose(grouped, (0, 2, 1, 3, 4)), op.groups * depth, outputs // op.groups, *kernel)
    size = x.shape[-3:-1]
    begin = tuple(_start(op, i, size[i], g.shape[-3 + i]) for i in range(2))
    back = replace(
        op, transposed=True, size=size, outputs=x.shape[-1], padding=Padding.EXPLICIT, pads_begin=begin, pads_end=(0, 0)
    )
    return b.b.emit(back, g, turned)


def _start(op: Conv, axis: int, size: int, result: int) -> int:
    """Padding before the first cell of an axis, which SAME leaves to the sizes: csrc/ops/conv/window.c."""
    if op.padding is Padding.EXPLICIT:
        return op.pads_begin[axis]
    span = (op.kernel[axis] - 1) * op.dilations[axis] + 1
    total = max(0, (result - 1) * op.strides[axis] + span - size)
    return total - total // 2 if op.padding is Padding.SAME_TOP_LEFT else total // 2


@gradient(Gemm)
def _gemm(node: Node, g: Value, b: Backward) -> Gradients:
    """The weight is a constant here; see Product for one that learns."""
    op: Any = node.op
    weight = b.b.array(node.inputs[1])
    if weight is None or not op.activation.is_identity or op.has_residual:
        raise no_gradient(node)
    turned = b.b.constant(np.ascontiguousarray(weight.T))
    return [b.b.emit(Gemm(op.outputs, op.inputs), g, turned)]


@gradient(Product)
def _product(node: Node, g: Value, b: Backward) -> Gradients:
    """y = x w^T + bias."""
    op: Any = node.op
    if op.transpose_a or not op.transpose_b:
        raise no_gradient(node)
    x, w, *bias = node.inputs
    dx = b.b.emit(Product(), g, w) if b.needs(x) else None
    dw = b.b.emit(Product(transpose_a=True), g, x) if b.needs(w) else None
    return [dx, dw, *(b.sum_rows(g) if b.needs(value) else None for value in bias)]


@gradient(Pool)
def _pool(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    return [b.b.emit(PoolGradient(op), node.inputs[0], g, node.outputs[0])]


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
        b.sum_to(of(g, x, y, node.outputs[0], b), value) if b.needs(value) else None for of, value in ((of_x, x), (of_y, y))
    ]


def _mul(b: Backward, x: Value, y: Value) -> Value:
    return b.b.binary(BinaryKind.MUL, x, y)


def _div(b: Backward, x: Value, y: Value) -> Value:
    return b.b.binary(BinaryKind.DIV, x, y)


_OF_TWO: dict[BinaryKind, tuple[Callable[..., Value], Callable[..., Value]]] = {
    BinaryKind.ADD: (lambda g, x, y, z, b: g, lambda g, x, y, z, b: g),
    BinaryKind.SUB: (lambda g, x, y, z, b: g, lambda g, x, y, z, b: b.scaled(g, -1)),
    BinaryKind.MUL: (lambda g, x, y, z, b: _mul(b, g, y), lambda g, x, y, z, b: _mul(b, g, x)),
    BinaryKind.DIV: (
        lambda g, x, y, z, b: _div(b, g, y),
        lambda g, x, y, z, b: b.scaled(_div(b, _mul(b, g, z), y), -1),
    ),
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
    before = tuple(slice(begin, end).indices(size)[0] for begin, end, size in zip(op.begin, op.end, x.shape, strict=True))
    after = tuple(size - start - own for size, start, own in zip(x.shape, before, g.shape, strict=True))
    return [b.b.emit(Pad(PadMode.CONSTANT, before, after), g)]


@gradient(Pad)
def _pad(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    if op.mode is not PadMode.CONSTANT:
        raise no_gradient(node)
    end = tuple(start + size for start, size in zip(op.before, node.inputs[0].shape, strict=True))
    return [b.b.emit(Slice(op.before, end, (1,) * g.rank), g)]
