"""Gradients of convolution, dense layers, pooling, normalisation and resizing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from pyruntime.ir.graph import Node, Value
from pyruntime.ir.op import IDENTITY
from pyruntime.ir.ops import (
    Concat,
    Conv,
    ConvWeightGradient,
    CropResize,
    CropResizeGradient,
    Gemm,
    LayerNorm,
    LayerNormGradient,
    Lrn,
    LrnGradient,
    Matmul,
    Padding,
    Pool,
    PoolGradient,
    Product,
    Resize,
    ResizeGradient,
    Slice,
)
from pyruntime.training.gradients import Backward, Gradients, gradient, no_gradient


@gradient(Conv)
def _conv(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    if not op.activation.is_identity or op.has_residual:
        raise no_gradient(node)
    x, w, *bias = node.inputs
    plain = replace(op, has_bias=False, has_residual=False, activation=IDENTITY, layout=0)
    of_both = _transposed if op.transposed else _forward
    return [*of_both(plain, x, w, g, b), *(b.sum_rows(g) if b.needs(value) else None for value in bias)]


def _forward(op: Conv, x: Value, w: Value, g: Value, b: Backward) -> list[Value | None]:
    """Every output's gradient goes back to the cells that it read: the transposed convolution."""
    dx = None
    if b.needs(x):
        spatial = len(op.kernel)
        size = x.shape[-1 - spatial : -1]
        begin = tuple(_start(op, i, size[i], g.shape[i - 1 - spatial]) for i in range(spatial))
        back = replace(
            op, transposed=True, size=size, outputs=x.shape[-1], padding=Padding.EXPLICIT, pads_begin=begin,
            pads_end=(0,) * spatial,
        )  # fmt: skip
        dx = b.b.emit(back, g, _exchanged(w, op.groups, b))
    return [dx, _weight_gradient(op, x, g, b) if b.needs(w) else None]


def _transposed(op: Conv, x: Value, w: Value, g: Value, b: Backward) -> list[Value | None]:
    """It is the gradient of a plain convolution from its result to its operand, so it has that as gradient."""
    spatial = len(op.kernel)
    cells = x.shape[-1 - spatial : -1]
    begin, end = [], []
    for i, kernel in enumerate(op.kernel):
        axis = g.rank - 1 - spatial + i
        first = _start(op, i, g.shape[axis], cells[i])
        read = (cells[i] - 1) * op.strides[i] + (kernel - 1) * op.dilations[i] + 1 - first
        g = b.cut(g, axis, 0, min(read, g.shape[axis]))
        begin.append(first)
        end.append(read - g.shape[axis])
    plain = replace(
        op, transposed=False, size=(), outputs=x.shape[-1], padding=Padding.EXPLICIT, pads_begin=tuple(begin),
        pads_end=tuple(end),
    )  # fmt: skip
    turned = _exchanged(w, op.groups, b) if b.needs(x) else None
    dw = _exchanged(_weight_gradient(plain, g, x, b), op.groups, b) if b.needs(w) else None
    return [None if turned is None else b.b.emit(plain, g, turned), dw]


def _exchanged(w: Value, groups: int, b: Backward) -> Value:
    """(A, B/groups, *kernel) -> (B, A/groups, *kernel): the channels of each group exchanged."""
    first, second, *kernel = w.shape
    grouped = b.b.reshape(w, groups, first // groups, second, math.prod(kernel))
    return b.b.reshape(b.b.transpose(grouped, (0, 2, 1, 3)), groups * second, first // groups, *kernel)


def _weight_gradient(op: Conv, x: Value, g: Value, b: Backward) -> Value:
    """Of volumes: one for each depth of the kernel, from the layers that it reads."""
    if len(op.kernel) == 2:
        return b.b.emit(ConvWeightGradient(op), x, g)
    flat = replace(
        op, kernel=op.kernel[1:], strides=op.strides[1:], dilations=op.dilations[1:], pads_begin=op.pads_begin[1:],
        pads_end=op.pads_end[1:],
    )  # fmt: skip
    axis, steps = x.rank - 4, g.shape[-4]
    before = _start(op, 0, x.shape[axis], steps)
    span = (steps - 1) * op.strides[0] + (op.kernel[0] - 1) * op.dilations[0] + 1
    wide = b.put(x, axis, before, max(span, before + x.shape[axis]))
    parts = []
    for depth in range(op.kernel[0]):
        first = depth * op.dilations[0]
        begin = tuple(first if i == axis else 0 for i in range(x.rank))
        stop = tuple(first + (steps - 1) * op.strides[0] + 1 if i == axis else size for i, size in enumerate(x.shape))
        stride = tuple(op.strides[0] if i == axis else 1 for i in range(x.rank))
        part = b.b.emit(ConvWeightGradient(flat), b.b.emit(Slice(begin, stop, stride), wide), g)
        parts.append(b.b.reshape(part, *part.shape[:2], 1, *part.shape[2:]))
    return b.b.emit(Concat(2), *parts)


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
    x, _, *bias = node.inputs
    turned = b.b.constant(np.ascontiguousarray(weight.T))
    dx = b.b.emit(Gemm(op.outputs, op.inputs), g, turned) if b.needs(x) else None
    return [dx, None, *(b.sum_rows(g) if b.needs(value) else None for value in bias)]


@gradient(Product)
def _product(node: Node, g: Value, b: Backward) -> Gradients:
    """y = x w^T + bias."""
    op: Any = node.op
    if op.transpose_a or not op.transpose_b:
        raise no_gradient(node)
    x, w, *bias = node.inputs
    dx = b.b.emit(Product(), g, w) if b.needs(x) else None
    dw = b.b.emit(Product(transpose_a=True), b.rows(g), b.rows(x)) if b.needs(w) else None
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


@gradient(LayerNorm)
def _layer_norm(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    x, gamma, _ = node.inputs
    return b.b.emit_many(LayerNormGradient(op), (x, g, gamma), 3)


@gradient(Lrn)
def _lrn(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    return [b.b.emit(LrnGradient(op), node.inputs[0], g)]


@gradient(Resize)
def _resize(node: Node, g: Value, b: Backward) -> Gradients:
    op: Any = node.op
    height, width = node.inputs[0].shape[-3:-1]
    return [b.b.emit(ResizeGradient(op, height, width), g)]


@gradient(CropResize)
def _crop_resize(node: Node, g: Value, b: Backward) -> Gradients:
    """Of the image; where a box lies has none, as in PyTorch's roi_align."""
    op: Any = node.op
    x, boxes = node.inputs
    return [b.b.emit(CropResizeGradient(op, x.shape), g, boxes), None]
