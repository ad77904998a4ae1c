"""Chains of linear functions and thresholds become one clamp.

Converters of Core ML 2's time had no ReLU6 and wrote it as relu(x), times -1, max(x, -6), times -1.
"""

from __future__ import annotations

import math

from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.ops import Unary, UnaryKind
from pyruntime.passes.rewrite import Rewriter


def merge_clamps(graph: Graph) -> Graph:
    """Join a unary node with the unary node before it where both together are one node of a simpler form."""
    rewriter = Rewriter(graph)
    uses = graph.uses()
    before: dict[str, Unary] = {}
    source_of: dict[str, Value] = {}
    for node in graph.nodes:
        op = canonical(node.op) if isinstance(node.op, Unary) else None
        if op is None:
            rewriter.keep(node)
            continue
        source = rewriter.resolve(node.inputs[0])
        first = before.get(source.name)
        joined = join(first, op) if first and uses[node.inputs[0].name] == 1 else None
        if joined is None:
            result = rewriter.emit(op, (source,), node.layer)
            before[result.name], source_of[result.name] = op, source
        else:
            result = source_of[source.name]
            for part in joined:
                before_part, result = result, rewriter.emit(part, (result,), node.layer)
                before[result.name], source_of[result.name] = part, before_part
        rewriter.replace(node.outputs[0], result)
    return rewriter.finish()


def canonical(op: Unary) -> Unary:
    """A threshold is a clamp without upper end."""
    return Unary(UnaryKind.CLIP, op.a, math.inf) if op.kind is UnaryKind.THRESHOLD else op


def join(first: Unary, second: Unary) -> tuple[Unary, ...] | None:
    """What `second` after `first` is in a simpler form, or None.  Exact: nothing is rounded differently."""
    kinds = (first.kind, second.kind)
    if kinds == (UnaryKind.CLIP, UnaryKind.CLIP):
        return (Unary(UnaryKind.CLIP, _clip(first.a, second), _clip(first.b, second)),)
    if kinds == (UnaryKind.LINEAR, UnaryKind.LINEAR) and abs(first.a) == abs(second.a) == 1 and first.b == 0:
        return (Unary(UnaryKind.LINEAR, first.a * second.a, second.b),)
    if kinds == (UnaryKind.LINEAR, UnaryKind.CLIP) and first.b == 0 and abs(first.a) == 1:
        low, high = sorted((first.a * second.a, first.a * second.b))
        return Unary(UnaryKind.CLIP, low, high), first
    return None


def _clip(x: float, op: Unary) -> float:
    return min(max(x, op.a), op.b)
