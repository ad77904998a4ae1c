"""Gradients of convolution, dense layers and pooling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pyruntime.ir.graph import Node, Value
from pyruntime.ir.op import IDENTITY
from pyruntime.ir.ops import Conv, ConvWeightGradient, Gemm, Matmul, Padding, Pool, PoolGradient, Product
from pyruntime.training.gradients import Backward, Gradients, gradient, no_gradient


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


@gradient(Matmul)
def _matmul(node: Node, g: Value, b: Backward) -> Gradients:
    """Of y = op(a) op(b), where op may transpose, leading axes broadcast."""
    op: Any = node.op
    left, right = node.inputs
    ta, tb = op.transpose_a, op.transpose_b
    found: list[Value | None] = [None, None]
    if b.needs(left):
        own = b.b.emit(Matmul(tb, True), right, g) if ta else b.b.emit(Matmul(False, not tb), g, right)
        found[0] = b.sum_to(own, left)
    if b.needs(right):
        own = b.b.emit(Matmul(True, ta), g, left) if tb else b.b.emit(Matmul(not ta, False), left, g)
        found[1] = b.sum_to(own, right)
    return found


@gradient(Pool)
def _pool(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    return [b.b.emit(PoolGradient(op), node.inputs[0], g, node.outputs[0])]
