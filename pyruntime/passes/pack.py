"""Constants in the form that the chosen kernels read, made once."""

from __future__ import annotations

from dataclasses import replace

from pyruntime.ir.graph import Graph
from pyruntime.ir.op import Op
from pyruntime.ir.ops import Conv, Gemm, Lstm, Rnn
from pyruntime.ir.pages import let_go
from pyruntime.ir.types import Array
from pyruntime.native import lib
from pyruntime.native.lib import Context
from pyruntime.passes.compress import compress
from pyruntime.passes.rewrite import Rewriter

PACKED = {Conv: (1,), Gemm: (1,), Lstm: (3, 4), Rnn: (2, 3)}
"""Operators with constants to pack, and which operands these are."""


def pack_weights(graph: Graph, context: Context) -> Graph:
    """Pack for the kernels of `context`; its level goes into the compiled model's manifest.

    Weights that the file has in a smaller form stay small where the context's `weights` says so.
    """
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        op, inputs = node.op, list(rewriter.operands(node))
        for which in PACKED.get(type(op), ()):
            if inputs[which].name not in rewriter.constants:
                continue
            operands = [(value, rewriter.constants.get(value.name)) for value in rewriter.operands(node)]
            stored = graph.stored.get(inputs[which].name) if context.weights == "compressed" else None
            packed: tuple[Op, Array] | None = compress(node, operands, stored, context) if stored else None
            packed = packed or lib.pack(node.op, node.layer, operands, which, context)
            if packed is not None:
                op, array = packed
                let_go(rewriter.constants[inputs[which].name])
                inputs[which] = rewriter.constant(array)
        rewriter.nodes.append(replace(node, op=op, inputs=tuple(inputs)))
    return rewriter.finish()
