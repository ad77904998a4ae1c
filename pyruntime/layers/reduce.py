"""Reductions."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Reduce, ReduceKind
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer

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
