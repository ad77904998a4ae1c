"""The arena is hardly larger than what must be alive, and no two values that live together share bytes."""

from __future__ import annotations

import numpy as np
import pytest

from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.ops import Concat, UnaryKind
from pyruntime.ir.types import DType
from pyruntime.layers.builder import Builder
from pyruntime.native import lib

from .graphs import session_of

WIDTH = 1 << 12


def lasting_values(seed: int, steps: int) -> tuple[Graph, list[np.ndarray]]:
    """A chain of values of many sizes, some of which are read much later: running order leaves gaps between them."""
    rng = np.random.default_rng(seed)
    b = Builder(None, legacy=False)
    b.layer = "layer"
    x = Value("x", DType.F32, (1, WIDTH))
    data = rng.standard_normal((1, WIDTH)).astype(np.float32)
    values, numbers = [(x, data)], [(x, data)]
    for _ in range(steps):
        value, array = values[int(rng.integers(max(0, len(values) - 4), len(values)))]
        copies = max(1, int(rng.integers(1, 9)) * WIDTH // array.size)
        value = b.emit(Concat(0), *[b.unary(UnaryKind.LINEAR, value, 0.5)] * copies)
        array = np.concatenate([array * np.float32(0.5)] * copies)
        if array.shape[0] > 8:
            value, array = x, data
        values.append((b.unary(UnaryKind.ABS, value), np.abs(array)))
        numbers.append(values[-1])
    kept = [numbers[int(i)] for i in rng.integers(0, len(numbers), 6)]
    parts = [b.unary(UnaryKind.LINEAR, value, 2.0) for value, _ in kept]
    y = b.emit(Concat(0), *parts)
    return Graph((x,), (y,), tuple(b.nodes), b.constants), [data, np.concatenate([a * 2 for _, a in kept])]


@pytest.mark.parametrize("steps", [5, 20, 60, 300])
def test_values_that_live_together_share_no_bytes(steps: int) -> None:
    context = lib.Context(threads=2)
    for seed in range(8):
        graph, (data, want) = lasting_values(seed, steps)
        session = session_of(graph, context)
        for _ in range(2):
            np.testing.assert_array_equal(session.run([data], 1)[0], want)
        arena, peak = session.memory()
        assert peak <= arena <= max(1.25 * peak, peak + (64 << 10))


def test_gap_that_running_order_leaves_is_found() -> None:
    """a (1) lives to the end; b (4) ends before c (6) begins: c does not fit where b was, unless a lies above both."""
    b = Builder(None, legacy=False)
    b.layer = "layer"
    x = Value("x", DType.F32, (1, WIDTH * 8))
    small = b.unary(UnaryKind.ABS, x)
    wide = b.emit(Concat(0), *[small] * 4)
    again = b.unary(UnaryKind.EXP, b.emit(Concat(0), wide, small, small))
    y = b.emit(Concat(0), b.unary(UnaryKind.ABS, again), b.unary(UnaryKind.EXP, small))
    graph = Graph((x,), (y,), tuple(b.nodes), b.constants)
    session = session_of(graph, lib.Context(threads=1))
    data = np.linspace(-1, 1, WIDTH * 8, dtype=np.float32)[None]
    made = session.run([data], 1)[0]
    np.testing.assert_allclose(made, np.exp(np.abs(np.repeat(data, 7, 0))), rtol=1e-6)
    arena, peak = session.memory()
    assert arena <= peak + peak // 64
