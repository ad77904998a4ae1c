"""Per-channel scales and shifts: one form for all, folded into the weights before them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.ops import Affine, Binary, BinaryKind, Conv, Gemm, Reshape, Unary, UnaryKind
from pyruntime.ir.types import UNKNOWN
from pyruntime.passes.rewrite import Rewriter

Floats = NDArray[np.float32]


def constants_to_affine(graph: Graph) -> Graph:
    """x + c and x * c with a constant: linear for one number, Affine for one number per channel (last axis)."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        rewritten = _rewrite(node, rewriter)
        if rewritten is None:
            rewriter.keep(node)
        else:
            rewriter.replace(node.outputs[0], rewritten)
    return rewriter.finish()


def _rewrite(node: Node, rewriter: Rewriter) -> Value | None:
    if not isinstance(node.op, Binary) or not node.op.activation.is_identity:
        return None
    x, y = rewriter.operands(node)
    if x.name in rewriter.constants and node.op.kind in (BinaryKind.ADD, BinaryKind.MUL):
        x, y = y, x
    if y.name not in rewriter.constants or x.name in rewriter.constants or x.shape != node.outputs[0].shape:
        return None
    numbers = rewriter.constants[y.name].astype(np.float32, copy=False)
    if node.op.kind is BinaryKind.SUB:
        numbers = -numbers
    elif node.op.kind not in (BinaryKind.ADD, BinaryKind.MUL):
        return None
    product = node.op.kind is BinaryKind.MUL
    if numbers.size == 1:
        c = float(numbers.reshape(()))
        return rewriter.emit(Unary(UnaryKind.LINEAR, c if product else 1.0, 0.0 if product else c), (x,), node.layer)
    if numbers.size != numbers.shape[-1] or numbers.shape[-1] != x.shape[-1]:
        return None
    vector = np.ascontiguousarray(numbers.reshape(-1))
    scale, shift = (vector, np.zeros_like(vector)) if product else (np.ones_like(vector), vector)
    return rewriter.emit(Affine(), (x, rewriter.constant(scale), rewriter.constant(shift)), node.layer)


def merge_affines(graph: Graph) -> Graph:
    """Two linear functions in a row, one of them per channel, are one Affine.  A clamp may only follow."""
    rewriter = Rewriter(graph)
    uses = graph.uses()
    makers: dict[str, Node] = {}
    for node in graph.nodes:
        if not node.inputs:
            rewriter.keep(node)
            continue
        source = node.inputs[0] if node.inputs else None
        maker = makers.get(rewriter.resolve(source).name) if source and uses[source.name] == 1 else None
        joined = _joined(maker, node, rewriter) if maker else None
        if joined is None:
            rewriter.keep(node)
            for value in node.outputs:
                makers[value.name] = rewriter.nodes[-1]
        else:
            assert maker is not None
            rewriter.nodes.remove(maker)
            result = rewriter.emit(joined[0], (maker.inputs[0], *map(rewriter.constant, joined[1:])), node.layer)
            makers[result.name] = rewriter.nodes[-1]
            rewriter.replace(node.outputs[0], result)
    return rewriter.finish()


def _joined(first: Node, second: Node, rewriter: Rewriter) -> tuple[Affine, Floats, Floats] | None:
    """The Affine that is `second` after `first`, with its scale and shift; both computed in double precision."""
    one, two = _linear(first, rewriter), _linear(second, rewriter)
    if one is None or two is None or not (isinstance(first.op, Affine) or isinstance(second.op, Affine)):
        return None
    if isinstance(first.op, Affine) and not first.op.activation.is_identity:
        return None
    scale, shift = one[0] * two[0], one[1] * two[0] + two[1]
    op = second.op if isinstance(second.op, Affine) else Affine()
    size = max(scale.size, shift.size)
    return op, *(np.broadcast_to(v, (size,)).astype(np.float32) for v in (scale, shift))  # type: ignore[return-value]


def _linear(node: Node, rewriter: Rewriter) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Scale and shift of an Affine or linear node, as vectors of one number or one per channel."""
    if isinstance(node.op, Unary) and node.op.kind is UnaryKind.LINEAR:
        return np.array([node.op.a]), np.array([node.op.b])
    if isinstance(node.op, Affine) and all(v.name in rewriter.constants for v in node.inputs[1:]):
        scale, shift = (rewriter.constants[v.name].astype(np.float64) for v in node.inputs[1:])
        return scale, shift
    return None


def fold_scale_into_affine(graph: Graph) -> Graph:
    """(x * r) * scale + shift, r computed, one number per channel: instance normalisation ends so.  An Affine of x."""
    rewriter = Rewriter(graph)
    uses = graph.uses()
    makers: dict[str, tuple[Node, Value, Value]] = {}
    for node in graph.nodes:
        source = rewriter.resolve(node.inputs[0]).name if isinstance(node.op, Affine) else None
        found = makers.get(source) if source and uses[node.inputs[0].name] == 1 else None
        if found is None:
            rewriter.keep(node)
            scaled = _scaled_channels(rewriter.nodes[-1])
            if scaled is not None:
                makers[node.outputs[0].name] = (rewriter.nodes[-1], *scaled)
            continue
        maker, x, r = found
        _, scale, shift = rewriter.operands(node)
        rewriter.nodes.remove(maker)
        vector = rewriter.emit(Reshape((r.shape[-1],)), (r,), node.layer)
        product = rewriter.emit(Binary(BinaryKind.MUL), (vector, scale), node.layer)
        rewriter.replace(node.outputs[0], rewriter.emit(node.op, (x, product, shift), node.layer))
    return rewriter.finish()


def _scaled_channels(node: Node) -> tuple[Value, Value] | None:
    """x and r when the node is x * r with one r for each of x's channels, all sizes known."""
    if not isinstance(node.op, Binary) or node.op.kind is not BinaryKind.MUL or not node.op.activation.is_identity:
        return None
    for x, r in (node.inputs, node.inputs[::-1]):
        known = x.shape == node.outputs[0].shape and UNKNOWN not in (*x.shape, *r.shape) and x.shape != r.shape
        if known and r.shape[-1:] == x.shape[-1:] and math.prod(r.shape) == r.shape[-1]:
            return x, r
    return None


def fold_affine_into_weights(graph: Graph) -> Graph:
    """An Affine that alone reads a convolution or dense layer becomes part of its weights and bias."""
    rewriter = Rewriter(graph)
    uses = graph.uses()
    makers: dict[str, int] = {}
    for node in graph.nodes:
        at = makers.get(rewriter.resolve(node.inputs[0]).name) if isinstance(node.op, Affine) else None
        maker = rewriter.nodes[at] if at is not None else None
        if maker is None or uses[node.inputs[0].name] != 1 or not _folds(maker, node, rewriter):
            rewriter.keep(node)
            for value in node.outputs:
                makers[value.name] = len(rewriter.nodes) - 1
            continue
        assert at is not None
        rewriter.nodes[at] = _folded(maker, node, rewriter)
        rewriter.replace(node.outputs[0], maker.outputs[0])
    return rewriter.finish()


def _folds(maker: Node, node: Node, rewriter: Rewriter) -> bool:
    op = maker.op
    if not isinstance(op, Conv | Gemm) or op.layout or op.has_residual or not op.activation.is_identity:
        return False
    operands = (*maker.inputs[1:], *rewriter.operands(node)[1:])
    return all(value.name in rewriter.constants for value in operands)


def _folded(maker: Node, node: Node, rewriter: Rewriter) -> Node:
    """In double precision: one rounding instead of three."""
    op = maker.op
    assert isinstance(op, Conv | Gemm)
    assert isinstance(node.op, Affine)
    scale, shift = (rewriter.constants[v.name].astype(np.float64) for v in rewriter.operands(node)[1:])
    weights = rewriter.constants[maker.inputs[1].name].astype(np.float64)
    bias = rewriter.constants[maker.inputs[2].name].astype(np.float64) if op.has_bias else 0.0
    scaled = (weights * scale.reshape(-1, *[1] * (weights.ndim - 1))).astype(np.float32)
    moved = (bias * scale + shift).astype(np.float32)
    inputs = (maker.inputs[0], rewriter.constant(scaled), rewriter.constant(moved))
    return replace(maker, op=replace(op, has_bias=True, activation=node.op.activation), inputs=inputs)
