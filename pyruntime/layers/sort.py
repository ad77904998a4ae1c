"""Order along an axis.  Equal numbers keep their order; NaN comes last."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import ArgSort, TopK
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


@layer("topK", inputs=(1, 2))
def top_k(p: Any, x: Value, *rest: Any) -> tuple[Value, ...]:
    """The K largest numbers along an axis and their places, largest first; useBottomK: the smallest, smallest first.

    A second input, one number, stands for K; a prediction may then also ask for none.  TopKLayerParams.
    """
    b: Builder = rest[-1]
    axis = b.axis(x, p.axis)
    if len(rest) > 1:
        return b.emit_many(TopK(axis, 0, p.useBottomK), (x, rest[0]), 2)
    size = x.shape[axis]
    if p.K < 1 or 0 <= size < p.K:
        limit = "1 or more" if size < 0 else f"1 to {size}, the size of axis {p.axis} of its input"
        raise b.invalid("K", expected=limit, got=p.K)
    return b.emit_many(TopK(axis, p.K, p.useBottomK), (x,), 2)


@layer("argSort")
def arg_sort(p: Any, x: Value, b: Builder) -> Value:
    """Places of the numbers along an axis in ascending or descending order.  ArgSortLayerParams."""
    return b.emit(ArgSort(b.axis(x, p.axis), p.descending), x)
