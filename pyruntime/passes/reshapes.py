"""Reshapes move towards the results and merge.

A reshape costs nothing when it runs, but it stands between a dense layer and its activation, which then cannot fuse.
"""

from __future__ import annotations

from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.ops import Reshape, Unary
from pyruntime.ir.ops.move import kept
from pyruntime.ir.types import UNKNOWN
from pyruntime.passes.rewrite import Rewriter


def sink_reshapes(graph: Graph) -> Graph:
    """f(reshape(x)) is reshape(f(x)) for a function of one number; two reshapes in a row are one."""
    rewriter = Rewriter(graph)
    source_of: dict[str, tuple[Value, Reshape]] = {}
    for node in graph.nodes:
        inputs = rewriter.operands(node)
        before = source_of.get(inputs[0].name) if inputs else None
        if before is not None and isinstance(node.op, Unary):
            result = rewriter.emit(node.op, (before[0],), node.layer)
            _reshape(result, before[1], node, rewriter, source_of)
        elif isinstance(node.op, Reshape):
            merged = merge(before[1], node.op, inputs[0]) if before else None
            source = before[0] if before and merged else inputs[0]
            _reshape(source, merged or node.op, node, rewriter, source_of)
        else:
            rewriter.keep(node)
    return rewriter.finish()


def _reshape(
    x: Value, op: Reshape, node: Node, rewriter: Rewriter, source_of: dict[str, tuple[Value, Reshape]]
) -> None:
    same = keeps_shape(op, x) and x.shape == node.outputs[0].shape
    result = x if same else rewriter.emit(op, (x,), node.layer)
    if result is not x:
        source_of[result.name] = (x, op)
    rewriter.replace(node.outputs[0], result)


def merge(first: Reshape, second: Reshape, between: Value) -> Reshape | None:
    """`second` after `first` as one, where what `second` keeps is a known size or an axis that `first` kept too."""
    target = []
    for axis, size in enumerate(second.shape):
        source = second.source(axis)
        if source is None:
            target.append(size)
        elif between.shape[source] != UNKNOWN:
            target.append(between.shape[source])
        elif (origin := first.source(source)) is not None:
            target.append(0 if origin == axis else kept(origin))
        else:
            return None
    return Reshape(tuple(target)) if 0 not in between.shape else None


def keeps_shape(op: Reshape, x: Value) -> bool:
    """Whether every axis stays as it is: kept, the size that it has, or the one inferred axis among such."""
    same = len(op.shape) == x.rank and all(
        size in (0, UNKNOWN, kept(axis)) or size == before
        for axis, (size, before) in enumerate(zip(op.shape, x.shape, strict=True))
    )
    return same and op.shape.count(UNKNOWN) <= 1
