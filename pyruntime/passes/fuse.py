"""Work that a kernel can do while a number is still in a register: activation and residual."""

from __future__ import annotations

from dataclasses import replace

from pyruntime.ir.graph import Graph, Node
from pyruntime.ir.op import Activation, Op
from pyruntime.ir.ops import Affine, Binary, BinaryKind, Conv, Gemm, Unary, UnaryKind
from pyruntime.passes.rewrite import Rewriter
from pyruntime.passes.sizes import Sizes, name_sizes


def fuse_activation(graph: Graph) -> Graph:
    """A clamp or leaky ReLU that alone reads a node with an `activation` becomes that activation."""
    rewriter = Rewriter(graph)
    uses = graph.uses()
    makers: dict[str, int] = {}
    for node in graph.nodes:
        if not node.inputs:
            rewriter.keep(node)
            continue
        if not isinstance(node.op, Unary):
            rewriter.keep(node)
            makers.update({value.name: len(rewriter.nodes) - 1 for value in node.outputs})
            continue
        source = rewriter.resolve(node.inputs[0])
        at = makers.get(source.name) if uses[node.inputs[0].name] == 1 else None
        fused = _with_activation(rewriter.nodes[at].op, node.op) if at is not None else None
        if at is None or fused is None:
            rewriter.keep(node)
            for value in node.outputs:
                makers[value.name] = len(rewriter.nodes) - 1
        else:
            rewriter.nodes[at] = replace(rewriter.nodes[at], op=fused)
            rewriter.replace(node.outputs[0], source)
    return rewriter.finish()


def _with_activation(maker: Op, unary: Op) -> Op | None:
    assert isinstance(unary, Unary)
    if not isinstance(maker, Conv | Gemm | Affine | Binary):
        return None
    now = maker.activation
    if unary.kind is UnaryKind.CLIP:
        joined = replace(now, lo=min(max(now.lo, unary.a), unary.b), hi=min(max(now.hi, unary.a), unary.b))
        return replace(maker, activation=joined)
    if unary.kind is UnaryKind.LEAKY_RELU and now.is_identity:
        return replace(maker, activation=Activation(slope=unary.a))
    if unary.kind is UnaryKind.CLAMPED_RELU and now.is_identity:
        return replace(maker, activation=Activation(slope=unary.a, hi=unary.b))
    return None


def fuse_residual(graph: Graph) -> Graph:
    """x + convolution, read by nobody else: the convolution adds x while it stores.

    The fused node stands where the addition stood, because only there both operands are known to exist.
    """
    rewriter = Rewriter(graph)
    uses, sizes = graph.uses(), name_sizes(graph)
    makers: dict[str, Node] = {}
    for node in graph.nodes:
        fused = _fused(node, makers, uses, sizes, rewriter)
        if fused is not None:
            old, joined = fused
            rewriter.nodes.remove(old)
            rewriter.nodes.append(joined)
        else:
            rewriter.keep(node)
        for value in node.outputs:
            makers[value.name] = rewriter.nodes[-1]
    return rewriter.finish()


def _fused(
    node: Node, makers: dict[str, Node], uses: dict[str, int], sizes: Sizes, rewriter: Rewriter
) -> tuple[Node, Node] | None:
    if not isinstance(node.op, Binary) or node.op.kind is not BinaryKind.ADD:
        return None
    operands = rewriter.operands(node)
    if sizes[operands[0].name] != sizes[operands[1].name] or operands[0] == operands[1]:
        return None
    candidates = [(i, makers.get(value.name)) for i, value in enumerate(operands) if uses[value.name] == 1]
    for i, maker in sorted(candidates, key=lambda c: rewriter.nodes.index(c[1]) if c[1] else -1, reverse=True):
        if maker is None or not isinstance(maker.op, Conv | Gemm) or maker.op.has_residual:
            continue
        if not maker.op.activation.is_identity:
            continue
        op = replace(maker.op, has_residual=True, activation=node.op.activation)
        return maker, Node(op, (*maker.inputs, operands[1 - i]), node.outputs, f"{maker.layer} + {node.layer}")
    return None
