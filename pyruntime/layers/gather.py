"""Tables looked up by index."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import GatherRows
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


@layer("embedding")
def embedding(p: Any, x: Value, b: Builder) -> Value:
    """(..., 1, 1, 1) whole numbers -> (..., O, 1, 1): column of the (O, inputDim) matrix.  EmbeddingLayerParams."""
    b.need_rank(x, 3)
    size, outputs = int(p.inputDim), int(p.outputChannels)
    if any(d not in (1, -1) for d in x.shape[-3:]):
        raise b.invalid("input", expected="one index, shape (..., 1, 1, 1)", got=list(x.shape))
    table = b.weights(p.weights, (outputs, size), "weights")
    operands = [b.constant(table.T)]
    if p.hasBias:
        operands.append(b.constant(b.weights(p.bias, (outputs,), "bias")))
    index = b.reshape(x, *[0] * (x.rank - 4), -1) if x.rank > 3 else b.reshape(x, -1)
    y = b.emit(GatherRows(has_bias=p.hasBias), index, *operands)
    return b.reshape(y, *[0] * (y.rank - 1), outputs, 1, 1)
