"""What the executor adds to each operator: 1000 steps on four numbers.  Target: under 1 microsecond a step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.ops import UnaryKind
from pyruntime.ir.types import DType
from pyruntime.layers.builder import Builder
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


@pytest.mark.parametrize("steps", [1, STEPS])
def test_steps(benchmark: Any, steps: int) -> None:
    plan, weights = encode(chain(steps))
    aligned = lib.aligned(len(plan))
    aligned[:] = np.frombuffer(plan, np.uint8)
    session = lib.Session(lib.Context(threads=1), aligned, weights, 1 << 20)
    x = np.array([-1, 2, -3, 4], np.float32)
    (y,) = benchmark(session.run, [x], 1)
    np.testing.assert_array_equal(y, [1, 2, 3, 4])
    benchmark.extra_info["nanoseconds per step"] = round(1e9 * benchmark.stats.stats.min / steps, 1)
    print(f"\n{steps} steps: {1e9 * benchmark.stats.stats.min / steps:.0f} ns per step (call included, best of all)")
