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
    chains = _Chains(Rewriter(graph))
    uses = graph.uses()
    for node in graph.nodes:
        op = canonical(node.op) if isinstance(node.op, Unary) else None
        if op is None:
            chains.rewriter.keep(node)
            continue
        result = chains.push(op, chains.rewriter.resolve(node.inputs[0]), node.layer)
        chains.read_once[result.name] = uses[node.outputs[0].name] == 1
        chains.rewriter.replace(node.outputs[0], result)
    return chains.rewriter.finish()


class _Chains:
    """The unary nodes written so far: by result, what each does, on which value, and whether one node only reads it."""

    def __init__(self, rewriter: Rewriter) -> None:
        self.rewriter = rewriter
        self.ops: dict[str, Unary] = {}
        self.sources: dict[str, Value] = {}
        self.read_once: dict[str, bool] = {}

    def push(self, op: Unary, source: Value, layer: str) -> Value:
        """`op` on `source`, joined with what made the source, and that with what came before."""
        first = self.ops.get(source.name)
        joined = join(first, op) if first and self.read_once[source.name] else None
        if joined is None:
            result = self.rewriter.emit(op, (source,), layer)
            self.ops[result.name], self.sources[result.name] = op, source
            return result
        result = self.sources[source.name]
        for part in joined:
            result = self.push(part, result, layer)
            self.read_once[result.name] = True
        return result


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
