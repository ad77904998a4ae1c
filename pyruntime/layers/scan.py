"""Running sums."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import CumSum
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer

FROM_INPUT = -1


@layer("cumSum", inputs=(1, 2))
def cum_sum(p: Any, x: Value, *rest: Any) -> Value:
    """Sums up to each place along an axis; excludeFinalSum leaves the number there out, reverse starts at the end.

    A second input, one number, stands for the axis.  CumSumLayerParams.
    """
    b: Builder = rest[-1]
    if len(rest) == 1:
        return b.emit(CumSum(b.axis(x, p.axis), p.excludeFinalSum, p.reverse), x)
    known = b.numbers(rest[0])
    if known is not None and len(known) == 1:
        return b.emit(CumSum(b.axis(x, known[0]), p.excludeFinalSum, p.reverse), x)
    return b.emit(CumSum(FROM_INPUT, p.excludeFinalSum, p.reverse), x, rest[0])
