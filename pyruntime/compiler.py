"""From a graph to the bytes that C runs."""

from __future__ import annotations

import numpy as np

from pyruntime.ir.graph import Graph
from pyruntime.ir.types import Bytes
from pyruntime.native import lib
from pyruntime.passes.pipeline import optimise
from pyruntime.plan.encode import encode


def compile_graph(graph: Graph, context: lib.Context) -> tuple[Bytes, Bytes]:
    """(plan, weights) for the kernels of `context`, both aligned as C wants them."""
    return compile_only([graph], context)


def compile_only(graphs: list[Graph], context: lib.Context) -> tuple[Bytes, Bytes]:
    """Like `compile_graph`, of the one graph in a list, which is taken out of it.

    Nobody keeps its arrays then: each goes when it is packed or copied, so weights are hardly in memory twice.
    """
    graphs.append(optimise(graphs.pop(), context))
    return _encoded(graphs)


def encode_graph(graph: Graph) -> tuple[Bytes, Bytes]:
    """(plan, weights) of a graph that is optimised already."""
    return _encoded([graph])


def _encoded(graphs: list[Graph]) -> tuple[Bytes, Bytes]:
    plan, weights = encode(graphs.pop())
    aligned = lib.aligned(len(plan))
    aligned[:] = np.frombuffer(plan, np.uint8)
    return aligned, weights
