"""Softmax."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Softmax
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


@layer("softmax")
def softmax(_p: Any, x: Value, b: Builder) -> Value:
    """Over the channel axis, -3.  SoftmaxLayerParams."""
    b.need_rank(x, 3)
    return b.emit(Softmax(x.rank - 3), x)


@layer("softmaxND")
def softmax_nd(p: Any, x: Value, b: Builder) -> Value:
    """Over one axis, which may count from the end.  SoftmaxNDLayerParams."""
    return b.emit(Softmax(b.axis(x, p.axis)), x)
