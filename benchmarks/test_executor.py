"""What the executor adds to each operator: 1000 steps on four numbers.

Targets: under 1 microsecond a step; under 2 where its sizes are only known while running.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.ir.control import Loop
from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.ops import Range, Slice, UnaryKind
from pyruntime.ir.types import DType
from pyruntime.layers.builder import Builder
from pyruntime.layers.regions import close, emit_regions
from pyruntime.native import lib
from pyruntime.plan.encode import encode

STEPS = 1000


def chain(steps: int) -> Graph:
    """`steps` times the absolute value."""
    b = Builder(None, legacy=False)
    x = Value("x", DType.F32, (4,))
    y = x
    for _ in range(steps):
        y = b.unary(UnaryKind.ABS, y)
    return Graph((x,), (y,), tuple(b.nodes), b.constants)


def open_chain(steps: int) -> Graph:
    """The same on the numbers below x[3] + 1, whose count is only known while running."""
    b = Builder(None, legacy=False)
    x = Value("x", DType.F32, (4,))
    end = b.unary(UnaryKind.LINEAR, b.emit(Slice((3,), (4,), (1,)), x), 1.0, 1.0)
    y = b.emit(Range(), b.constant(1.0), end, b.constant(1.0))
    for _ in range(steps):
        y = b.unary(UnaryKind.ABS, y)
    return Graph((x,), (y,), tuple(b.nodes), b.constants)


def loop(steps: int) -> Graph:
    """One step in a loop of `steps` iterations."""
    b = Builder(None, legacy=False)
    x, carried = (Value(name, DType.F32, (4,)) for name in ("x", "carried"))
    body = b.child()
    graphs, _ = close([(body, [body.unary(UnaryKind.ABS, carried)])], [carried])
    (y,) = emit_regions(Loop(1, steps), (x,), graphs, [(x, x.shape)], b)
    return Graph((x,), (y,), tuple(b.nodes), {})


@pytest.mark.parametrize("make", [chain, open_chain, loop], ids=["plain", "open", "loop"])
@pytest.mark.parametrize("steps", [1, STEPS])
def test_steps(benchmark: Any, make: Any, steps: int) -> None:
    plan, weights = encode(make(steps))
    aligned = lib.aligned(len(plan))
    aligned[:] = np.frombuffer(plan, np.uint8)
    session = lib.Session(lib.Context(threads=1), aligned, weights, 1 << 20)
    x = np.array([1, 2, 3, 4], np.float32)
    (y,) = benchmark(session.run, [x], 1)
    np.testing.assert_array_equal(y, [1, 2, 3, 4])
    benchmark.extra_info["nanoseconds per step"] = round(1e9 * benchmark.stats.stats.min / steps, 1)
    print(f"\n{steps} steps: {1e9 * benchmark.stats.stats.min / steps:.0f} ns per step (call included, best of all)")
