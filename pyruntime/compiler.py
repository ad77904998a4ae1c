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
    return encode_graph(optimise(graph, context))


def encode_graph(graph: Graph) -> tuple[Bytes, Bytes]:
    """(plan, weights) of a graph that is optimised already."""
    plan, weights = encode(graph)
    aligned = lib.aligned(len(plan))
    aligned[:] = np.frombuffer(plan, np.uint8)
    return aligned, weights
