"""Less memory for a step: weights are changed as soon as their gradient is there, and values are computed twice.

A step keeps what the way forward made until the way back has read it.  When that is too much, the way forward is cut
into segments; only what a later segment reads is kept, and the way back computes the rest of a segment again when it
comes to it.  The same operators see the same numbers, so no bit changes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.native import lib


def finish_early(graph: Graph) -> Graph:
    """Nodes that make nothing but results of the graph move up to where their operands are there.

    These are the optimizer's: their results are the caller's memory, and the gradient that they read is free again.
    """
    results = {value.name for value in graph.outputs}
    made = {value.name: i for i, node in enumerate(graph.nodes) for value in node.outputs}

    def turn(i: int, node: Node) -> tuple[int, int, int]:
        if i and all(value.name in results for value in node.outputs):
            return max((made.get(value.name, -1) for value in node.inputs), default=-1), 1, i
        return i, 0, i

    ordered = sorted(enumerate(graph.nodes), key=lambda item: turn(*item))
    return replace(graph, nodes=tuple(node for _, node in ordered))


def recompute(graph: Graph, segments: int) -> Graph:
    """The graph of a step, whose first result is the loss, with the way forward in that many segments."""
    forward, back = _ways(graph)
    pieces = _cut(forward, segments)
    segment_of = {value.name: i for i, piece in enumerate(pieces) for node in piece for value in node.outputs}
    kept = {value.name for value in graph.outputs}
    for i, piece in enumerate(pieces):
        for node in piece:
            kept.update(v.name for v in node.inputs if segment_of.get(v.name, i) != i)
            if node.regions or not lib.operators()[node.op.code].is_pure:
                kept.update(value.name for value in node.outputs)
    again = {name for name, i in segment_of.items() if name not in kept and i < len(pieces) - 1}
    nodes = list(forward)
    done: set[int] = set()
    for node in back:
        for i in sorted({segment_of[v.name] for v in node.inputs if v.name in again} - done, reverse=True):
            done.add(i)
            nodes += _clones(pieces[i], _read(back, again), again)
        nodes.append(replace(node, inputs=tuple(_second(v) if v.name in again else v for v in node.inputs)))
    return replace(graph, nodes=tuple(nodes))


def _ways(graph: Graph) -> tuple[list[Node], list[Node]]:
    """The nodes up to the one that makes the loss, and those behind it."""
    loss = graph.outputs[0].name
    last = next(i for i, node in enumerate(graph.nodes) if any(value.name == loss for value in node.outputs))
    return list(graph.nodes[: last + 1]), list(graph.nodes[last + 1 :])


def _cut(nodes: Sequence[Node], segments: int) -> list[list[Node]]:
    """Neighbours in segments whose results have about as many bytes."""
    total = sum(map(_bytes, nodes)) or 1
    pieces: list[list[Node]] = [[] for _ in range(segments)]
    so_far = 0
    for node in nodes:
        pieces[min(segments * so_far // total, segments - 1)].append(node)
        so_far += _bytes(node)
    return [piece for piece in pieces if piece]


def _bytes(node: Node) -> int:
    return sum(4 * math.prod(value.shape) for value in node.outputs)


def _read(back: Iterable[Node], again: set[str]) -> set[str]:
    return {value.name for node in back for value in node.inputs if value.name in again}


def _clones(piece: Sequence[Node], wanted: set[str], again: set[str]) -> list[Node]:
    """Those nodes of a segment that values in `wanted` need, from what was kept."""
    found: list[Node] = []
    needed = set(wanted)
    for node in reversed(piece):
        if any(value.name in needed and value.name in again for value in node.outputs):
            needed.update(value.name for value in node.inputs)
            inputs = tuple(_second(v) if v.name in again else v for v in node.inputs)
            found.append(replace(node, inputs=inputs, outputs=tuple(map(_second, node.outputs))))
    return found[::-1]


def _second(value: Value) -> Value:
    """The value when it is computed again."""
    return replace(value, name=f"{value.name} again")


def choices(graph: Graph) -> list[int]:
    """Numbers of segments that are worth a try: up to one per node of the way forward, in growing steps."""
    most = len(_ways(graph)[0])
    found, at = [], 2
    while at <= most:
        found.append(at)
        at = max(at + 1, at * 3 // 2)
    return found
