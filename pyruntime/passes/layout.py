"""Transposes move towards the results until they cancel.

Lowering puts a transpose before and one after every channels-last operator.  This pass keeps each of them pending: a
pending value is `transpose(source, axes)` that nobody has computed yet.  Operators that do not care about the order of
axes run on the source and their result is pending in turn; two pending transposes in a row are one, and the identity
is none.  A transpose is only emitted where an operator, or a result of the graph, needs that order of axes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import (  # fmt: skip
    Binary,
    Broadcast,
    Concat,
    CumSum,
    Pad,
    Reduce,
    Reshape,
    Select,
    Slice,
    Softmax,
    Tile,
    Transpose,
    Unary,
    UnaryGradient,
)
from pyruntime.ir.ops.move import kept
from pyruntime.ir.types import Shape
from pyruntime.passes.rewrite import Rewriter

Axes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """transpose(source, axes), not computed yet."""

    source: Value
    axes: Axes


def sink_transposes(graph: Graph) -> Graph:
    """Let pending transposes travel through the graph; emit what is left of them."""
    return _Sinker(graph).run()


def inverse(axes: Axes) -> Axes:
    result = [0] * len(axes)
    for to, source in enumerate(axes):
        result[source] = to
    return tuple(result)


def compose(outer: Axes, inner: Axes) -> Axes:
    """Axes of transpose(transpose(x, inner), outer)."""
    return tuple(inner[axis] for axis in outer)


class _Sinker:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.rewriter = Rewriter(graph)
        self.pending: dict[str, Pending] = {}
        self.emitted: dict[tuple[str, Axes], Value] = {}

    def run(self) -> Graph:
        for node in self.graph.nodes:
            if isinstance(node.op, Transpose):
                before = self._pending(node.inputs[0], len(node.op.axes))
                self.pending[node.outputs[0].name] = Pending(before.source, compose(node.op.axes, before.axes))
            elif not self._pass_through(node):
                for value in node.inputs:
                    self._materialise(value, node.layer)
                self.rewriter.keep(node)
        for value in self.graph.outputs:
            self._materialise(value, f"result {value.name}")
        return self.rewriter.finish()

    def _pending(self, value: Value, rank: int) -> Pending:
        return self.pending.get(value.name) or Pending(self.rewriter.resolve(value), tuple(range(rank)))

    def _materialise(self, value: Value, layer: str) -> None:
        if value.name in self.pending and self.rewriter.resolve(value) is value:
            waiting = self.pending[value.name]
            self.rewriter.replace(value, self._transposed(waiting.source, waiting.axes, layer))

    def _transposed(self, source: Value, axes: Axes, layer: str) -> Value:
        """transpose(source, axes) as a value: none, a constant, a reshape, or a node, each made once."""
        if axes == tuple(range(len(axes))):
            return source
        key = (source.name, axes)
        if key not in self.emitted:
            if source.name in self.rewriter.constants:
                array = np.ascontiguousarray(self.rewriter.constants[source.name].transpose(axes))
                self.emitted[key] = self.rewriter.constant(array)
            else:
                shape = _as_reshape(source.shape, axes)
                op: Op = Transpose(axes) if shape is None else Reshape(shape)
                self.emitted[key] = self.rewriter.emit(op, (source,), layer)
        return self.emitted[key]

    def _pass_through(self, node: Node) -> bool:
        """Run the node on the source of a pending operand, if its operator does not mind.  True when done."""
        moved = MOVES.get(type(node.op))
        waiting = [self.pending[v.name] for v in node.inputs if v.name in self.pending]
        if moved is None or not waiting:
            return False
        axes = waiting[0].axes
        rank = len(axes)
        op = moved(node.op, axes)
        if op is None or node.outputs[0].shape == () or len(node.outputs[0].shape) != rank:
            return False
        inputs = [self._in_order(value, axes, node.layer) for value in node.inputs]
        result = self.rewriter.emit(op, tuple(inputs), node.layer)
        self.pending[node.outputs[0].name] = Pending(result, axes)
        return True

    def _in_order(self, value: Value, axes: Axes, layer: str) -> Value:
        """`value` with its axes ordered as the source of a value that is pending with `axes`."""
        rank = len(axes)
        own = self._pending(value, value.rank)
        if value.rank < rank:  # broadcasting adds leading 1s; transposing needs to see them
            self._materialise(value, layer)
            source = self._with_leading_ones(self.rewriter.resolve(value), rank, layer)
            return self._transposed(source, inverse(axes), layer)
        return self._transposed(own.source, compose(inverse(axes), own.axes), layer)

    def _with_leading_ones(self, value: Value, rank: int, layer: str) -> Value:
        if value.name in self.rewriter.constants:
            array = self.rewriter.constants[value.name]
            return self.rewriter.constant(array.reshape((1,) * (rank - value.rank) + array.shape))
        own = tuple(size if size > 0 else kept(axis) for axis, size in enumerate(value.shape))
        return self.rewriter.emit(Reshape((1,) * (rank - value.rank) + own), (value,), layer)


def _as_reshape(shape: Shape, axes: Axes) -> Shape | None:
    """The Reshape that equals this transpose, when only axes of size 1 change places."""
    order = [axis for axis in axes if shape[axis] != 1]
    if order != sorted(order):
        return None
    return tuple(shape[axis] if shape[axis] > 0 else kept(axis) for axis in axes)


def _permuted(values: tuple[int, ...], axes: Axes) -> tuple[int, ...]:
    """Per-axis attributes of the transposed value, for its source."""
    return tuple(values[axis] for axis in inverse(axes))


def _reduce(op: Reduce, axes: Axes) -> Op | None:
    return replace(op, axes=tuple(sorted(axes[axis] for axis in op.axes))) if op.keep_dims else None


def _slice(op: Slice, axes: Axes) -> Op:
    return Slice(_permuted(op.begin, axes), _permuted(op.end, axes), _permuted(op.stride, axes))


def _tile(op: Tile, axes: Axes) -> Op | None:
    return Tile(_permuted(op.repeats, axes)) if len(op.repeats) == len(axes) else None


def _pad(op: Pad, axes: Axes) -> Op:
    return replace(op, before=_permuted(op.before, axes), after=_permuted(op.after, axes))


MOVES: dict[type[Op], Callable[[Any, Axes], Op | None]] = {
    Unary: lambda op, axes: op,
    UnaryGradient: lambda op, axes: op,
    Binary: lambda op, axes: op,
    Select: lambda op, axes: op,
    CumSum: lambda op, axes: replace(op, axis=axes[op.axis]) if op.axis >= 0 else None,
    Softmax: lambda op, axes: Softmax(axes[op.axis]),
    Concat: lambda op, axes: Concat(axes[op.axis]),
    Reduce: _reduce,
    Slice: _slice,
    Pad: _pad,
    Tile: _tile,
    Broadcast: lambda op, axes: Broadcast(_permuted(op.sizes, axes)) if len(op.sizes) == len(axes) else None,
}
"""Operators that run in any order of axes, and what they are on the source of a pending operand."""
