"""Inverted residual blocks as one step, where the wide image between is larger than a second-level cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from pyruntime.ir.graph import Graph, Node
from pyruntime.ir.op import Op
from pyruntime.ir.ops import Conv, Inverted
from pyruntime.passes.compress import FORM_SHIFT
from pyruntime.passes.rewrite import Rewriter

WIDE_BYTES = 512 << 10
"""A wide image below this stays in the cache by itself."""
WEIGHT_BYTES = 192 << 10
"""Weights above this are read again for every strip of rows."""


def fuse_inverted(graph: Graph) -> Graph:
    """1x1, depthwise and 1x1 convolution, each the only reader of the one before, become `Inverted`.

    Works on packed weights: those that learn, or that are computed, have no packed form and stay as they are.
    """
    rewriter = Rewriter(graph)
    uses, makers = graph.uses(), dict[str, Node]()
    for node in graph.nodes:
        chain = _chain(node, makers, uses)
        if chain is None:
            rewriter.keep(node)
        else:
            rewriter.nodes.remove(chain[0])
            rewriter.nodes.remove(chain[1])
            rewriter.nodes.append(_joined(chain))
        makers.update({value.name: rewriter.nodes[-1] for value in node.outputs})
    return rewriter.finish()


def _chain(node: Node, makers: Mapping[str, Node], uses: Mapping[str, int]) -> list[Node] | None:
    """The three nodes that end in this one, if one step for them pays."""
    chain = [node]
    while len(chain) < 3:
        if not isinstance(chain[0].op, Conv) or uses[chain[0].inputs[0].name] != 1:
            return None
        before = makers.get(chain[0].inputs[0].name)
        if before is None:
            return None
        chain.insert(0, before)
    expand, depthwise, project = (_packed(part.op) for part in chain)
    if expand is None or depthwise is None or project is None:
        return None
    shapes = [part.outputs[0].shape for part in chain]
    fits = (
        _is_pixelwise(expand) and _is_pixelwise(project) and shapes[1][-3:-1] == shapes[2][-3:-1]
        and depthwise.groups == depthwise.outputs == expand.outputs > 1
        and shapes[0][-3:-1] == chain[0].inputs[0].shape[-3:-1]
        and not expand.has_residual and not depthwise.has_residual
    )  # fmt: skip
    weights = prod(chain[0].inputs[1].shape) + prod(node.inputs[1].shape)
    pays = 4 * prod(shapes[0][-3:]) > WIDE_BYTES and 4 * weights <= WEIGHT_BYTES
    return chain if fits and pays and min(shapes[0]) >= 0 else None


def _packed(op: Op) -> Conv | None:
    """A convolution of images whose weight is packed and not compressed."""
    if not isinstance(op, Conv) or len(op.kernel) != 2 or op.transposed or not op.has_bias:
        return None
    return op if op.layout > 0 and not op.layout >> FORM_SHIFT else None


def _is_pixelwise(op: Conv) -> bool:
    return op.groups == 1 and op.kernel == op.strides == (1, 1)


def _joined(chain: Sequence[Node]) -> Node:
    expand, depthwise, project = (part.op for part in chain)
    assert isinstance(expand, Conv)
    assert isinstance(depthwise, Conv)
    assert isinstance(project, Conv)
    inputs = (*chain[0].inputs, *chain[1].inputs[1:], *chain[2].inputs[1:])
    names = " + ".join(part.layer for part in chain)
    return Node(Inverted(expand, depthwise, project), inputs, chain[2].outputs, names)
