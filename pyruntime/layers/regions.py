"""What branches and loops write with: regions of a graph, and the joining of what they make.

A region is lowered with a builder of its own that shares names and constants with the one around it, so a region reads
values of the graph around it like its own; `close` turns those into inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import Broadcast
from pyruntime.ir.types import UNKNOWN, Shape
from pyruntime.layers.builder import Builder
from pyruntime.layers.scope import Blob, Later, Mixed


def close(
    regions: Sequence[tuple[Builder, Sequence[Value]]], first: Sequence[Value] = ()
) -> tuple[tuple[Graph, ...], tuple[Value, ...]]:
    """(graphs, the values around them that they read).

    regions: a builder and its results each; their graphs have the inputs `first` and then those values.
    """
    read: dict[str, Value] = {}
    for b, results in regions:
        own = {value.name for node in b.nodes for value in node.outputs} | {value.name for value in first}
        for value in (*(value for node in b.nodes for value in node.inputs), *results):
            if value.name not in own and value.name not in b.constants:
                read[value.name] = value
    graphs = []
    for b, results in regions:
        used = {value.name for node in b.nodes for value in node.inputs} | {value.name for value in results}
        constants = {name: b.constants[name] for name in sorted(used) if name in b.constants}
        stored = {name: b.stored[name] for name in constants if name in b.stored}
        graphs.append(Graph((*first, *read.values()), tuple(results), tuple(b.nodes), constants, stored))
    return tuple(graphs), tuple(read.values())


def emit_regions(
    op: Op, operands: Sequence[Value], regions: tuple[Graph, ...], like: Sequence[tuple[Value, Shape]], b: Builder
) -> tuple[Value, ...]:
    """The node; its results have the types of the values in `like`, in the shapes beside them."""
    results = tuple(Value(b.fresh(), value.dtype, shape) for value, shape in like)
    b.nodes.append(Node(op, tuple(operands), results, b.where, regions))
    return results


def blank(like: Value, shape: Shape, b: Builder) -> Value:
    """Zeros in place of a value that was not made: nobody reads them."""
    zero = b.constant(0.0) if like.dtype == 0 else None
    if zero is None:
        raise b.unsupported("a branch or loop can only make names that hold floats")
    return b.emit(Broadcast(tuple(0 if size == UNKNOWN else size for size in shape)), zero)


def joined(one: Shape, other: Shape) -> Shape | None:
    """The sizes that both have, UNKNOWN for those that differ; None: they differ in rank."""
    if len(one) != len(other):
        return None
    return tuple(a if a == b else UNKNOWN for a, b in zip(one, other, strict=True))


def differ(name: str, one: Shape, other: Shape) -> Mixed:
    return Mixed(f"it has rank {len(one)} in one case and rank {len(other)} in another, and its rank must be one")


def same_type(blobs: Sequence[Blob], name: str) -> Shape | Mixed:
    """The shape that covers all of these."""
    shape = blobs[0].value.shape
    for blob in blobs[1:]:
        both = joined(shape, blob.value.shape)
        if both is None or blob.value.dtype != blobs[0].value.dtype:
            return differ(name, shape, blob.value.shape)
        shape = both
    return shape


def flag(blob: Blob | Mixed | Later | None, b: Builder) -> Value:
    """A number that says whether the blob is there."""
    if isinstance(blob, Blob):
        return b.constant(1.0) if blob.made is None else blob.made
    return b.constant(0.0)
