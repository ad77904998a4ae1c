"""Layer normalisation as converters compose it, made one operator.

    d = x - mean(x),   y = d / sqrt(mean(d * d) + epsilon),   y * gamma + beta

A `mvn` layer with a `scale` becomes nearly the same nodes: its mean of squares is their sum and a share of it.
"""

from __future__ import annotations

from dataclasses import replace
from math import isclose

import numpy as np

from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.ops import Affine, Binary, BinaryKind, LayerNorm, Reduce, ReduceKind, Unary, UnaryKind
from pyruntime.passes.rewrite import Rewriter


def fuse_layer_norm(graph: Graph) -> Graph:
    """Mean, difference, variance and quotient along the last axis as one LayerNorm, with the Affine that follows."""
    return _Fuser(graph).run()


class _Fuser:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.rewriter = Rewriter(graph)
        self.uses = graph.uses()
        self.makers = graph.producers()
        self.fused: dict[str, int] = {}

    def run(self) -> Graph:
        for node in self.graph.nodes:
            if not (isinstance(node.op, Binary) and self._fuse(node)) and not self._scale(node):
                self.rewriter.keep(node)
        return self.rewriter.finish()

    def _scale(self, node: Node) -> bool:
        """A scale and shift that alone read a normalisation without them become its gamma and beta."""
        at = self.fused.get(node.inputs[0].name) if node.op == Affine() else None
        vectors = [self.graph.constants.get(value.name) for value in node.inputs[1:]]
        if at is None or self.uses[node.inputs[0].name] != 1 or any(v is None for v in vectors):
            return False
        fused = self.rewriter.nodes[at]
        self.rewriter.nodes[at] = replace(fused, inputs=(fused.inputs[0], *node.inputs[1:]), outputs=node.outputs)
        return True

    def _fuse(self, node: Node) -> bool:
        found = self._normalised(node)
        size = node.outputs[0].shape[-1] if node.outputs[0].rank else 0
        if found is None or size < 1:
            return False
        x, epsilon = found
        ones, zeros = (self.rewriter.constant(np.full(size, number, np.float32)) for number in (1, 0))
        inputs = (self.rewriter.resolve(x), ones, zeros)
        self.fused[node.outputs[0].name] = len(self.rewriter.nodes)
        self.rewriter.nodes.append(Node(LayerNorm(1, epsilon), inputs, node.outputs, node.layer))
        return True

    def _made(self, value: Value, readers: int = 1) -> Node | None:
        """The node that makes a value which is read that often."""
        return self.makers.get(value.name) if self.uses[value.name] == readers else None

    def _normalised(self, node: Node) -> tuple[Value, float] | None:
        """x and epsilon, where `node` is (x - mean) / sqrt(variance + epsilon)."""
        assert isinstance(node.op, Binary)
        if not node.op.activation.is_identity or node.op.kind not in (BinaryKind.MUL, BinaryKind.DIV):
            return None
        for difference, root in (node.inputs, node.inputs[::-1]):
            variance = self._root(root, inverse=node.op.kind is BinaryKind.MUL)
            x = self._difference(difference, variance[0]) if variance else None
            if x is not None and variance:
                return x, variance[1]
            if node.op.kind is BinaryKind.DIV:
                break
        return None

    def _root(self, value: Value, *, inverse: bool) -> tuple[Value, float] | None:
        """v and epsilon, where `value` is sqrt(v + epsilon) or, if `inverse`, 1 / sqrt(v + epsilon)."""
        maker = self._made(value)
        if maker is None or not isinstance(maker.op, Unary):
            return None
        op, source, epsilon = maker.op, maker.inputs[0], 0.0
        if op.kind is UnaryKind.RSQRT:
            epsilon = op.a
        elif (op.kind, op.a) == (UnaryKind.POWER, -0.5):
            pass
        elif inverse or not (op.kind is UnaryKind.SQRT or (op.kind, op.a) == (UnaryKind.POWER, 0.5)):
            return None
        if (op.kind is UnaryKind.RSQRT or op.a == -0.5) is not inverse:
            return None
        added = self._made(source)
        if added and isinstance(added.op, Unary) and (added.op.kind, added.op.a) == (UnaryKind.LINEAR, 1):
            return added.inputs[0], epsilon + added.op.b
        return source, epsilon

    def _reduced(self, value: Value, kind: ReduceKind, rank: int) -> Value | None:
        """What `value` is the mean or sum of, along the last axis; axes of 1 beside it change nothing."""
        maker = self._made(value)
        if maker is None or not isinstance(maker.op, Reduce) or maker.op.kind is not kind:
            return None
        shape, axes = maker.inputs[0].shape, maker.op.axes
        if not maker.op.keep_dims or len(shape) != rank or rank - 1 not in axes:
            return None
        return maker.inputs[0] if all(shape[axis] == 1 for axis in axes if axis != rank - 1) else None

    def _squares(self, variance: Value, rank: int) -> tuple[Value, int] | None:
        """What `variance` is the mean of squares of, and how many readers of that the squares are."""
        share = self._made(variance)
        if share is not None and isinstance(share.op, Unary) and (share.op.kind, share.op.b) == (UnaryKind.LINEAR, 0):
            source = self._reduced(share.inputs[0], ReduceKind.SUM_SQUARE, rank)
            is_mean = source is not None and isclose(share.op.a * source.shape[-1], 1, rel_tol=1e-6)
            return (source, 1) if source is not None and is_mean else None
        squares = self._reduced(variance, ReduceKind.MEAN, rank)
        square = self._made(squares) if squares else None
        if square is None:
            return None
        source = square.inputs[0]
        if square.op == Binary(BinaryKind.MUL) and square.inputs == (source, source):
            return source, 2
        squared = isinstance(square.op, Unary) and (square.op.kind, square.op.a) == (UnaryKind.POWER, 2)
        return (source, 1) if squared else None

    def _difference(self, value: Value, variance: Value) -> Value | None:
        """x, where `value` is x minus its mean and `variance` the mean of its squares, and nobody else reads it."""
        squares = self._squares(variance, value.rank)
        if squares is None or squares[0] != value:
            return None
        centred = self._made(value, squares[1] + 1)
        if centred is None or centred.op != Binary(BinaryKind.SUB):
            return None
        x, mean = centred.inputs
        return x if x.shape == value.shape and self._reduced(mean, ReduceKind.MEAN, value.rank) == x else None
