"""Reductions, positions of extremes, and the dot product."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import BinaryKind, Reduce, ReduceKind, UnaryKind
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import Lowering, layer

MODES = (
    ReduceKind.SUM, ReduceKind.MEAN, ReduceKind.PROD, ReduceKind.LOG_SUM, ReduceKind.SUM_SQUARE, ReduceKind.L1,
    ReduceKind.L2, ReduceKind.MAX, ReduceKind.MIN, ReduceKind.ARG_MAX,
)  # fmt: skip
AXES = ((-3, -2, -1), (-2, -1), (-3,), (-2,), (-1,))


@layer("reduce")
def reduce(p: Any, x: Value, b: Builder) -> Value:
    """Fold CHW, HW, C, H or W; folded axes stay as 1.  ReduceLayerParams; an epsilon of 0 stands for 1e-6."""
    b.need_rank(x, 3)
    if not (0 <= p.mode < len(MODES) and 0 <= p.axis < len(AXES)):
        raise b.invalid("mode and axis", expected="those of the format", got=(p.mode, p.axis))
    kind, axes = MODES[p.mode], AXES[p.axis]
    if kind is ReduceKind.ARG_MAX and len(axes) > 1:
        raise b.invalid("axis", expected="C, H or W for ARGMAX", got="HW" if len(axes) == 2 else "CHW")
    return b.emit(Reduce(kind, tuple(a % x.rank for a in axes), True, p.epsilon or 1e-6), x)


KINDS = {
    "reduceL1": ReduceKind.L1,
    "reduceL2": ReduceKind.L2,
    "reduceMax": ReduceKind.MAX,
    "reduceMin": ReduceKind.MIN,
    "reduceSum": ReduceKind.SUM,
    "reduceProd": ReduceKind.PROD,
    "reduceMean": ReduceKind.MEAN,
    "reduceSumSquare": ReduceKind.SUM_SQUARE,
    "reduceLogSumExp": ReduceKind.LOG_SUM_EXP,
}
"""Layers with axes, keepDims and reduceAll; reduceLogSum is two operators."""


def _fold(kind: ReduceKind, p: Any, x: Value, b: Builder) -> Value:
    """No axes at all mean every axis, as they do where such layers are written; the format does not say."""
    axes = range(x.rank) if p.reduceAll or not p.axes else sorted({b.axis(x, axis) for axis in p.axes})
    return _with_an_axis(b.emit(Reduce(kind, tuple(axes), p.keepDims), x), b)


def _with_an_axis(x: Value, b: Builder) -> Value:
    """A single number has shape (1,) in this format."""
    return x if x.rank else b.scalar(x)


def _folding(kind: ReduceKind) -> Lowering:
    def lower(p: Any, x: Value, b: Builder) -> Value:
        return _fold(kind, p, x, b)

    return lower


for _name, _kind in KINDS.items():
    layer(_name)(_folding(_kind))


@layer("reduceLogSum")
def reduce_log_sum(p: Any, x: Value, b: Builder) -> Value:
    """The logarithm of the sum; the older reduce layer's LOGSUM is a sum of logarithms.  ReduceLogSumLayerParams."""
    return b.unary(UnaryKind.LOG, _fold(ReduceKind.SUM, p, x, b))


@layer("argMax")
def arg_max(p: Any, x: Value, b: Builder) -> Value:
    """Place of the first largest number along an axis.  ArgMaxLayerParams."""
    return _position(ReduceKind.ARG_MAX, p, x, b)


@layer("argMin")
def arg_min(p: Any, x: Value, b: Builder) -> Value:
    """Place of the first smallest number along an axis.  ArgMinLayerParams."""
    return _position(ReduceKind.ARG_MIN, p, x, b)


def _position(kind: ReduceKind, p: Any, x: Value, b: Builder) -> Value:
    return _with_an_axis(b.emit(Reduce(kind, (b.axis(x, p.axis),), not p.removeDim), x), b)


@layer("dot", inputs=2)
def dot(p: Any, x: Value, y: Value, b: Builder) -> Value:
    """(..., C, 1, 1) twice -> (..., 1, 1, 1): sum over C of x * y, divided by both lengths for cosineSimilarity.

    A product of lengths below 1e-8 counts as 1e-8, so that zeros give 0.  DotProductLayerParams.
    """
    b.need_rank(x, 3)
    b.need_rank(y, 3)

    def over_channels(kind: ReduceKind, v: Value) -> Value:
        return b.emit(Reduce(kind, (v.rank - 3,), True), v)

    product = over_channels(ReduceKind.SUM, b.binary(BinaryKind.MUL, x, y))
    if not p.cosineSimilarity:
        return product
    lengths = b.binary(BinaryKind.MUL, over_channels(ReduceKind.L2, x), over_channels(ReduceKind.L2, y))
    return b.binary(BinaryKind.DIV, product, b.unary(UnaryKind.THRESHOLD, lengths, 1e-8))
