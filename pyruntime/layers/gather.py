"""Values looked up by index, and indices of values."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import (
    Broadcast,
    Gather,
    GatherAlong,
    GatherNd,
    GatherRows,
    OneHot,
    OneHotTo,
    Transpose,
    WhereNonZero,
)
from pyruntime.ir.types import is_known
from pyruntime.layers.axes import without_axes
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


@layer("embedding")
def embedding(p: Any, x: Value, b: Builder) -> Value:
    """(..., 1, 1, 1) whole numbers -> (..., O, 1, 1): column of the (O, inputDim) matrix.  EmbeddingLayerParams."""
    b.need_rank(x, 3)
    size, outputs = int(p.inputDim), int(p.outputChannels)
    if any(d not in (1, -1) for d in x.shape[-3:]):
        raise b.invalid("input", expected="one index, shape (..., 1, 1, 1)", got=list(x.shape))
    table = b.constant(b.weights(p.weights, (outputs, size), "weights"))
    operands = [b.prepared(Transpose((1, 0)), table)]
    if p.hasBias:
        operands.append(b.constant(b.weights(p.bias, (outputs,), "bias")))
    index = b.reshape(x, *[0] * (x.rank - 4), -1) if x.rank > 3 else b.reshape(x, -1)
    y = b.emit(GatherRows(has_bias=p.hasBias), index, *operands)
    return b.reshape(y, *[0] * (y.rank - 1), outputs, 1, 1)


@layer("embeddingND")
def embedding_nd(p: Any, x: Value, b: Builder) -> Value:
    """(..., 1) whole numbers -> (..., embeddingSize): columns of the weights.  EmbeddingNDLayerParams."""
    size, vocabulary = int(p.embeddingSize), int(p.vocabSize)
    if x.rank < 2 or x.shape[-1] not in (1, -1):
        raise b.invalid("input", expected="indices, shape (..., 1) of rank 2 or more", got=list(x.shape))
    table = b.constant(b.weights(p.weights, (size, vocabulary), "weights"))
    operands = [b.prepared(Transpose((1, 0)), table)]
    if p.hasBias:
        operands.append(b.constant(b.weights(p.bias, (size,), "bias")))
    return b.emit(GatherRows(has_bias=p.hasBias), without_axes(x, {x.rank - 1}, b), *operands)


@layer("gather", inputs=2)
def gather(p: Any, x: Value, indices: Value, b: Builder) -> Value:
    """numpy.take(x, indices, axis).  GatherLayerParams."""
    return b.emit(Gather(b.axis(x, int(p.axis))), x, indices)


@layer("gatherND", inputs=2)
def gather_nd(_p: Any, x: Value, indices: Value, b: Builder) -> Value:
    """x (d0, .., dn), indices (.., K) -> (.., dK, .., dn).  GatherNDLayerParams."""
    return b.emit(GatherNd(), x, indices)


@layer("gatherAlongAxis", inputs=2)
def gather_along_axis(p: Any, x: Value, indices: Value, b: Builder) -> Value:
    """numpy.take_along_axis(x, indices, axis), so other axes of size 1 broadcast.  GatherAlongAxisLayerParams."""
    axis = b.axis(x, int(p.axis))
    if x.rank == indices.rank and is_known(x.shape) and is_known(indices.shape):
        off = [max(n, m) if 1 in (n, m) else m for n, m in zip(x.shape, indices.shape, strict=True)]
        x = _repeated(x, (*off[:axis], x.shape[axis], *off[axis + 1 :]), b)
        indices = _repeated(indices, (*off[:axis], indices.shape[axis], *off[axis + 1 :]), b)
    return b.emit(GatherAlong(axis), x, indices)


def _repeated(x: Value, shape: tuple[int, ...], b: Builder) -> Value:
    fits = all(n in (1, size) for n, size in zip(x.shape, shape, strict=True))
    return b.emit(Broadcast(shape), x) if fits and x.shape != shape else x


@layer("whereNonZero")
def where_non_zero(_p: Any, x: Value, b: Builder) -> Value:
    """Indices of the numbers other than 0, (N, rank), in row-major order.  WhereNonZeroLayerParams."""
    return b.emit(WhereNonZero(), x)


@layer("oneHot", inputs=(1, 2))
def one_hot(p: Any, indices: Value, *rest: Any) -> Value:
    """One more axis at `axis`: onValue at the index, offValue elsewhere.  OneHotLayerParams.

    Its size is oneHotVectorSize or the second input; an index outside of it gives offValue everywhere.
    """
    b: Builder = rest[-1]
    axis = b.axis(indices, int(p.axis), added=1)
    sizes = b.numbers(rest[0]) if len(rest) > 1 else (int(p.oneHotVectorSize),)
    if sizes is None:
        return b.emit(OneHotTo(axis, 0, p.onValue, p.offValue), indices, rest[0])
    if len(sizes) != 1 or sizes[0] < 1:
        raise b.invalid("oneHotVectorSize", expected="a positive number", got=list(sizes))
    return b.emit(OneHot(axis, sizes[0], p.onValue, p.offValue), indices)
