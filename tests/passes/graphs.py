"""Graphs for tests of passes: written with a Builder, run with and without passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pyruntime.ir.graph import Graph, Pass, Value
from pyruntime.ir.show import show
from pyruntime.ir.types import DType
from pyruntime.ir.verify import verify
from pyruntime.layers.builder import Builder
from pyruntime.native import lib
from pyruntime.plan.encode import encode

Write = Callable[..., Value | tuple[Value, ...]]


def graph(write: Write, *shapes: Sequence[int]) -> Graph:
    """The graph that `write(b, input, …)` writes for inputs of these shapes, named x0, x1, …"""
    b = Builder(None, legacy=False)
    b.layer = "l"
    inputs = tuple(Value(f"x{i}", DType.F32, tuple(shape)) for i, shape in enumerate(shapes))
    results = write(b, *inputs)
    outputs = results if isinstance(results, tuple) else (results,)
    return Graph(inputs, outputs, tuple(b.nodes), b.constants)


def after(g: Graph, *passes: Pass) -> Graph:
    for step in passes:
        g = step(g)
        verify(g, step.__name__)
    return g


def text(g: Graph) -> str:
    """`show` without the layers' names; constants of up to 4 numbers with their values."""
    lines = [line.split("  #")[0] for line in show(g).splitlines()]
    small = {name: array for name, array in g.constants.items() if array.size <= 4}
    return "\n".join(lines + [f"{name} = {array.tolist()}" for name, array in sorted(small.items())])


def run(g: Graph, arrays: Sequence[np.ndarray], context: lib.Context) -> list[np.ndarray]:
    plan, weights = encode(g)
    aligned = lib.aligned(len(plan))
    aligned[:] = np.frombuffer(plan, np.uint8)
    session = lib.Session(context, aligned, weights, 1 << 30)
    return session.run([np.ascontiguousarray(a, np.float32) for a in arrays], len(g.outputs))
