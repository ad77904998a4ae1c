"""Nodes that compute nothing new, or nothing that anybody reads."""

from __future__ import annotations

import math
from dataclasses import replace

from pyruntime.ir.fold import fold
from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import (
    Broadcast,
    Concat,
    CumSum,
    Pad,
    Reduce,
    ReduceKind,
    Reshape,
    Resize,
    ResizeGrid,
    Slice,
    Tile,
    Transpose,
    Unary,
    UnaryKind,
)
from pyruntime.ir.ops.move import LAST
from pyruntime.ir.types import is_known
from pyruntime.native import lib
from pyruntime.passes.rewrite import Rewriter

FOLD_UP_TO = 1 << 20
"""Bytes of folded results that may be more than the operands have."""
OF_ONE_NUMBER = (ReduceKind.SUM, ReduceKind.MEAN, ReduceKind.PROD, ReduceKind.MAX, ReduceKind.MIN)
"""Ways to reduce that return a single number as it is."""


def drop_dead_nodes(graph: Graph) -> Graph:
    """Remove nodes whose outputs nobody reads."""
    live = {value.name for value in graph.outputs}
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if not live.isdisjoint(value.name for value in node.outputs):
            live.update(value.name for value in node.inputs)
            kept.append(node)
    constants = {name: array for name, array in graph.constants.items() if name in live}
    return replace(graph, nodes=tuple(reversed(kept)), constants=constants)


def fold_constants(graph: Graph) -> Graph:
    """Compute nodes whose operands are all constants now instead of in every prediction.

    Not where that makes much out of little: such a file would take memory that no limit of a prediction bounds.
    """
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        inputs = rewriter.operands(node)
        if node.regions or not all(value.name in rewriter.constants for value in inputs):
            rewriter.keep(node)
            continue
        if not lib.operators()[node.op.code].is_pure:
            rewriter.keep(node)
            continue
        arrays = [rewriter.constants[value.name] for value in inputs]
        if not all(is_known(value.shape) for value in node.outputs):  # readers were made for sizes that may come out
            rewriter.keep(node)
            continue
        if sum(map(_nbytes, node.outputs)) > max(FOLD_UP_TO, sum(array.nbytes for array in arrays)):
            rewriter.keep(node)
            continue
        results = fold(node.op, node.layer, arrays, [(value.dtype, value.shape) for value in node.outputs])
        for old, array in zip(node.outputs, results, strict=True):
            rewriter.replace(old, rewriter.constant(array))
    return rewriter.finish()


def _nbytes(value: Value) -> int:
    return math.prod(value.shape) * value.dtype.numpy.itemsize


def remove_identities(graph: Graph) -> Graph:
    """Read through nodes that return their operand unchanged."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if _is_identity(node):
            rewriter.replace(node.outputs[0], rewriter.resolve(node.inputs[0]))
        else:
            rewriter.keep(node)
    return rewriter.finish()


def _is_identity(node: Node) -> bool:
    op: Op = node.op
    if not node.inputs:
        return False
    before, after = node.inputs[0].shape, node.outputs[0].shape
    if isinstance(op, Reshape):
        same = before == after and is_known(before)
        kept = len(op.shape) == len(before) and all(op.source(axis) == axis for axis in range(len(before)))
        return same or kept
    if isinstance(op, Transpose):
        return op.axes == tuple(range(len(before)))
    if isinstance(op, Concat):
        return len(node.inputs) == 1
    if isinstance(op, Slice):
        return all(cut == (0, LAST, 1) for cut in zip(op.begin, op.end, op.stride, strict=True))
    if isinstance(op, Broadcast):
        return before == after and is_known(before)
    if isinstance(op, Pad):
        return not any(op.before) and not any(op.after)
    if isinstance(op, Resize):  # the same size: every grid but ROI_ALIGN samples the pixels themselves
        return before == after and is_known(before) and op.grid is not ResizeGrid.ROI_ALIGN
    if isinstance(op, Tile):
        return len(op.repeats) == len(before) and all(n == 1 for n in op.repeats)
    if isinstance(op, Unary):
        nothing = {UnaryKind.LINEAR: (1.0, 0.0), UnaryKind.CLIP: (-math.inf, math.inf), UnaryKind.POWER: (1.0, 0.0)}
        return nothing.get(op.kind) == (op.a, op.b)
    if isinstance(op, Reduce):  # of one number
        return op.keep_dims and op.kind in OF_ONE_NUMBER and all(before[axis] == 1 for axis in op.axes)
    if isinstance(op, CumSum):
        return op.axis >= 0 and before[op.axis] == 1 and not op.exclusive
    return False
