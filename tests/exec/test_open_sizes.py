"""Sizes that hang on numbers: known when shapes are bound, or only while running."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyruntime
from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import (
    BinaryKind,
    BroadcastTo,
    Concat,
    GetShape,
    Range,
    Reduce,
    ReduceKind,
    Reshape,
    ReshapeTo,
    Slice,
    Softmax,
    Tile,
    Transpose,
    UnaryKind,
)  # fmt: skip
from pyruntime.ir.types import UNKNOWN, DType
from pyruntime.layers.builder import Builder
from pyruntime.native import lib

from ..plan.networks import open_network, sample_inputs
from .graphs import one_by_one, session_of

LAST = 2**31 - 1


@pytest.fixture(scope="module")
def context() -> lib.Context:
    return lib.Context(threads=2)


def builder() -> Builder:
    b = Builder(None, legacy=False)
    b.layer = "layer"
    b.fold_up_to = 0
    return b


def graph_of(b: Builder, inputs: tuple[Value, ...], *outputs: Value) -> Graph:
    read = {v.name for node in b.nodes for v in node.inputs} | {v.name for v in outputs}
    return Graph(inputs, outputs, tuple(b.nodes), {name: a for name, a in b.constants.items() if name in read})


def same(got: list[np.ndarray], want: list[np.ndarray]) -> None:
    for g, w in zip(got, want, strict=True):
        np.testing.assert_array_equal(g, w)


def test_numbers_that_follow_from_shapes_are_computed_when_shapes_are_bound(context: lib.Context) -> None:
    b = builder()
    x = Value("x", DType.F32, (UNKNOWN, 6))
    rows = b.emit(Slice((0,), (1,), (1,)), b.emit(GetShape(), x))
    doubled = b.unary(UnaryKind.LINEAR, rows, 2.0)
    y = b.emit(ReshapeTo((UNKNOWN, UNKNOWN)), x, b.emit(Concat(0), doubled, b.constant([3])))
    session = session_of(graph_of(b, (x,), b.unary(UnaryKind.ABS, y), doubled), context)
    for count in (4, 1, 100):
        data = -np.arange(count * 6, dtype=np.float32).reshape(count, 6)
        bound = session.bind([data], 2)
        assert bound == [(DType.F32, (2 * count, 3)), (DType.F32, (1,))], "no size is left open"
        same(session.run([data], 2), [-data.reshape(-1, 3), np.array([2 * count], np.float32)])
        times = session.profile([data], 2, 3)
        assert np.flatnonzero(times).tolist() == [session.steps - 1], "only ABS runs in a prediction"


def test_large_results_are_not_kept_from_binding(context: lib.Context) -> None:
    """A small file must not take memory that no limit of a prediction bounds."""
    b = builder()
    x = Value("x", DType.F32, (2,))
    wide = b.emit(Tile((5000,)), b.emit(GetShape(), b.unary(UnaryKind.ABS, x)))
    session = session_of(graph_of(b, (x,), wide), context)
    data = np.zeros(2, np.float32)
    same(session.run([data], 1), [np.full(5000, 2, np.float32)])
    assert session.profile([data], 1, 3)[-1] > 0


def test_a_failure_when_bound_is_told_by_the_run(context: lib.Context) -> None:
    b = builder()
    x = Value("x", DType.F32, (UNKNOWN,))
    y = b.emit(ReshapeTo((UNKNOWN, 2)), x, b.constant([-1, 2]))
    session = session_of(graph_of(b, (x,), y), context)
    with pytest.raises(pyruntime.MLModelError, match="layer: the 3 elements"):
        session.run([np.zeros(3, np.float32)], 1)
    same(session.run([np.zeros(4, np.float32)], 1), [np.zeros((2, 2), np.float32)])


def counted(b: Builder, count: Value) -> Value:
    """0, 1, ... below the number in `count`."""
    return b.emit(Range(), b.constant(0.0), count, b.constant(1.0))


def test_a_result_whose_size_only_the_run_knows(context: lib.Context) -> None:
    b = builder()
    count = Value("count", DType.F32, ())
    numbers = counted(b, count)
    column = b.emit(Reshape((UNKNOWN, 1)), numbers)
    total = b.emit(Reduce(ReduceKind.SUM, (0,), True), column)
    graph = graph_of(b, (count,), numbers, column, total, count, b.unary(UnaryKind.ABS, total))
    session = session_of(graph, context)
    kept = []
    for n in (5, 0, 1000, 3, 0, 5):
        results = session.run([np.array(n, np.float32)], 5)
        want = np.arange(n, dtype=np.float32)
        total_of = want.sum(keepdims=True)[:, None]
        same(results, [want, want[:, None], total_of, np.array(n, np.float32), total_of])
        kept.append((results[0], want))
    for got, want in kept:  # a later run writes over no earlier result
        np.testing.assert_array_equal(got, want)
    assert [shape for _, shape in session.bind([np.array(1, np.float32)], 5)] == [(-1,), (-1, 1), (1, 1), (), (1, 1)]


def random_open_graph(seed: int, steps: int) -> Graph:
    """Vectors of lengths that follow from numbers, old values read again late, results of all kinds."""
    rng = np.random.default_rng(seed)
    b = builder()
    inputs = (Value("n", DType.F32, ()), Value("x", DType.F32, (UNKNOWN,)), Value("m", DType.F32, ()))
    values = [inputs[1], counted(b, inputs[0]), counted(b, inputs[2]), b.constant(rng.standard_normal(7))]
    for _ in range(steps):
        values.append(_open_step(b, rng, values, inputs))
    outputs = [values[int(i)] for i in rng.integers(0, len(values), 4)]
    return graph_of(b, inputs, *outputs, values[-1], values[-1])


def _open_step(b: Builder, rng: np.random.Generator, values: list[Value], inputs: tuple[Value, ...]) -> Value:
    def pick() -> Value:
        recent = values[-3:] if rng.random() < 0.7 else values
        return recent[int(rng.integers(len(recent)))]

    x = pick()
    kind = int(rng.integers(11))
    if kind == 0:
        return b.emit(Slice((0,), (20,), (1,)), b.emit(Concat(0), x, pick()))
    if kind == 1:
        return b.emit(Slice((1,), (LAST,), (2,)), x)
    if kind == 2:
        return b.binary(BinaryKind.MAX, x, x)
    if kind == 3:  # a sum has a size that is known, and its number is a size again
        total = b.emit(Reduce(ReduceKind.SUM, (0,), True), x)
        return counted(b, b.reshape(b.unary(UnaryKind.CLIP, total, 0.0, 30.0)))
    if kind == 4:
        return b.emit(GetShape(), x)
    if kind == 5:
        return b.reshape(b.emit(Transpose((1, 0)), b.emit(Tile((2, 1)), b.reshape(x, 1, -1))), -1)
    if kind == 6:
        shape = b.emit(GetShape(), pick())
        return b.emit(BroadcastTo((UNKNOWN,)), b.emit(Reduce(ReduceKind.SUM, (0,), True), x), shape)
    if kind == 7:
        return b.emit(ReshapeTo((UNKNOWN,)), x, b.emit(GetShape(), x))
    if kind == 8:
        return b.unary(UnaryKind.TANH, x)
    if kind == 9:
        return b.binary(BinaryKind.ADD, b.emit(Reduce(ReduceKind.SUM, (0,), True), pick()), x)
    op: Op = Softmax(0)
    return b.emit(op, x)


@pytest.mark.parametrize("steps", [1, 5, 25])
def test_random_graphs_give_what_their_operators_give_alone(context: lib.Context, steps: int) -> None:
    for seed in range(60):
        graph = random_open_graph(seed, steps)
        session = session_of(graph, context)
        rng = np.random.default_rng(seed)
        for _ in range(4):  # in memory full of old numbers, and under other sizes of what stays open
            n, m, length = rng.integers(1, 30, 3)
            inputs = [np.float32(n).reshape(()), rng.standard_normal(length, np.float32), np.float32(m).reshape(())]
            want = one_by_one(graph, inputs, context)
            for _ in range(2):
                same(session.run(inputs, len(graph.outputs)), want)


def test_the_answer_does_not_depend_on_the_number_of_threads() -> None:
    for seed in range(10):
        graph = random_open_graph(seed, 20)
        inputs = [np.float32(20).reshape(()), np.ones(5, np.float32), np.float32(7).reshape(())]
        answers = [session_of(graph, lib.Context(threads=n)).run(inputs, len(graph.outputs)) for n in (1, 3)]
        same(answers[0], answers[1])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=8))
def test_sizes_that_grow_and_shrink_from_run_to_run(counts: list[int]) -> None:
    graph = open_network()
    session = session_of(graph, lib.Context(threads=1))
    x = sample_inputs(graph)[0]
    for n in counts:
        results = session.run([x, np.array([n], np.float32)], len(graph.outputs))
        rows = min(n, 40) + 1
        np.testing.assert_array_equal(results[2], np.arange(rows, dtype=np.float32)[:, None])
        assert results[0].shape == (rows + len(x), 3)
        np.testing.assert_allclose(results[0][:rows].sum(1), 1, rtol=1e-6)
        np.testing.assert_array_equal(results[3], x.reshape(-1, 2, 3))


def test_memory_limit_counts_what_a_run_takes_and_the_session_works_on(context: lib.Context) -> None:
    b = builder()
    count = Value("count", DType.F32, ())
    y = counted(b, count)
    for _ in range(3):
        y = b.emit(Concat(0), y, y)
    session = session_of(graph_of(b, (count,), b.emit(Reduce(ReduceKind.SUM, (0,), True), y)), context, 1 << 20)
    small = np.array(9, np.float32)
    want = session.run([small], 1)
    for n in (1e6, 1e12, 1e5):
        with pytest.raises(MemoryError, match=r"layer: this model needs at least \d+ KiB .* the limit is 1024 KiB"):
            session.run([np.array(n, np.float32)], 1)
        same(session.run([small], 1), want)
    assert session.memory()[0] <= 1 << 20


def test_memory_limit_counts_results_of_open_size(context: lib.Context) -> None:
    b = builder()
    count = Value("count", DType.F32, ())
    graph = graph_of(b, (count,), counted(b, count))
    session_of(graph, context, 1 << 16).run([np.array(7000, np.float32)], 1)
    with pytest.raises(MemoryError, match="values and results here"):
        session_of(graph, context, 1 << 16).run([np.array(9000, np.float32)], 1)


def test_blocks_are_used_again(context: lib.Context) -> None:
    """A chain of twenty values needs the memory of two."""
    b = builder()
    count = Value("count", DType.F32, ())
    y = counted(b, count)
    for _ in range(20):
        y = b.unary(UnaryKind.ABS, y)
    session = session_of(graph_of(b, (count,), y), context)
    for _ in range(3):
        session.run([np.array(1024, np.float32)], 1)
        assert session.memory()[0] <= 2 * 4096 + 64


def test_a_failed_run_leaves_the_session_usable(context: lib.Context) -> None:
    b = builder()
    count = Value("count", DType.F32, ())
    numbers = counted(b, count)
    pairs = b.emit(ReshapeTo((UNKNOWN, 2)), numbers, b.constant([-1, 2]))
    session = session_of(graph_of(b, (count,), pairs), context)
    for n in (4, 5, 6):
        if n % 2:
            with pytest.raises(pyruntime.MLModelError, match="5 elements"):
                session.run([np.array(n, np.float32)], 1)
        else:
            same(session.run([np.array(n, np.float32)], 1), [np.arange(n, dtype=np.float32).reshape(-1, 2)])
