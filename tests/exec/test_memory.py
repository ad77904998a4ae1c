"""Where the executor puts values: nothing that is still needed is written over, whatever shares memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import pyruntime
from pyruntime.engines.base import Engine
from pyruntime.engines.neural_network import NeuralNetworkEngine
from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.ops import BinaryKind, Concat, Reshape, Softmax, UnaryKind
from pyruntime.ir.types import DType
from pyruntime.layers.builder import Builder
from pyruntime.native import lib
from pyruntime.plan.encode import HEADER

from .graphs import inputs_of, one_by_one, random_graph, session_of

VALUE = struct.Struct("<iiiIQ8q")


def default_inputs(plan: np.ndarray) -> list[tuple[DType, tuple[int, ...]]]:
    """Types and default shapes of a plan's inputs, with 1 where any size goes, from its bytes (csrc/plan/plan.h)."""
    words = HEADER.unpack_from(plan)
    values_at, indices_at, inputs, first = words[4], words[8], words[10], words[11]
    found = []
    for number in struct.unpack_from(f"<{inputs}I", plan, indices_at + 4 * first):
        _, dtype, rank, _, _, *shape = VALUE.unpack_from(plan, values_at + number * VALUE.size)
        found.append((DType(dtype), tuple(1 if size < 0 else size for size in shape[:rank])))
    return found


def networks_of(engine: Engine) -> Iterator[NeuralNetworkEngine]:
    """The engine, or those of a pipeline, that are networks."""
    if isinstance(engine, NeuralNetworkEngine):
        yield engine
    for inner in getattr(engine, "engines", ()):
        yield from networks_of(inner)


@pytest.fixture(scope="module")
def context() -> lib.Context:
    return lib.Context(threads=2)


@pytest.fixture
def x() -> Value:
    return Value("x", DType.F32, (4, 6))


@pytest.fixture
def b() -> Builder:
    builder = Builder(None, legacy=False)
    builder.layer = "layer"
    return builder


def same(got: list[np.ndarray], want: list[np.ndarray]) -> None:
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_array_equal(g, w)


@pytest.mark.parametrize("steps", [1, 4, 12, 60])
def test_random_graphs_give_what_their_operators_give_alone(context: lib.Context, steps: int) -> None:
    for seed in range(40):
        graph = random_graph(seed, steps)
        session = session_of(graph, context)
        for repeat in range(2):  # the second time in an arena full of old numbers
            inputs = inputs_of(graph, seed + repeat)
            same(session.run(inputs, len(graph.outputs)), one_by_one(graph, inputs, context))


def test_one_session_for_shapes_that_grow_and_shrink(context: lib.Context, b: Builder, x: Value) -> None:
    y = b.unary(UnaryKind.LINEAR, b.emit(Concat(0), x, x), 2.0)
    graph = Graph((x,), (y,), tuple(b.nodes), b.constants)
    session = session_of(graph, context)
    for rows in (4, 1000, 1, 0, 70, 4):
        data = np.arange(rows * 6, dtype=np.float32).reshape(rows, 6)
        same(session.run([data], 1), [np.concatenate([data, data]) * 2])


def test_result_is_an_input_a_constant_or_a_reshape_of_an_input(context: lib.Context, b: Builder, x: Value) -> None:
    constant = b.constant(np.arange(6.0))
    flat = b.reshape(x, 24)
    graph = Graph((x,), (x, constant, flat, x), tuple(b.nodes), b.constants)
    data = inputs_of(graph, 0)
    results = session_of(graph, context).run(data, 4)
    same(results, [data[0], np.arange(6, dtype=np.float32), data[0].reshape(24), data[0]])
    for i, result in enumerate(results):
        assert not any(np.shares_memory(result, other) for other in [*data, *results[:i]])


def test_one_value_is_several_results_under_several_shapes(context: lib.Context, b: Builder, x: Value) -> None:
    y = b.unary(UnaryKind.ABS, x)
    graph = Graph((x,), (b.reshape(y, 6, 4), y, y, b.reshape(y, 24)), tuple(b.nodes), b.constants)
    data = inputs_of(graph, 1)
    want = np.abs(data[0])
    same(session_of(graph, context).run(data, 4), [want.reshape(6, 4), want, want, want.reshape(24)])


def test_a_value_with_a_second_reader_is_not_written_over(context: lib.Context, b: Builder, x: Value) -> None:
    y = b.unary(UnaryKind.ABS, x)
    negative = b.unary(UnaryKind.LINEAR, y, -1.0)
    again = b.unary(UnaryKind.LINEAR, negative, 3.0)
    graph = Graph((x,), (b.binary(BinaryKind.ADD, again, y),), tuple(b.nodes), b.constants)
    data = inputs_of(graph, 2)
    want = np.abs(data[0])
    np.testing.assert_allclose(session_of(graph, context).run(data, 1)[0], -2 * want, rtol=1e-6)


def test_a_second_reader_under_another_shape(context: lib.Context, b: Builder, x: Value) -> None:
    y = b.unary(UnaryKind.ABS, x)
    view = b.emit(Reshape((24,)), y)
    changed = b.unary(UnaryKind.LINEAR, y, 3.0)  # must not be written over y: `view` is y
    graph = Graph((x,), (b.binary(BinaryKind.SUB, view, b.reshape(changed, 24)),), tuple(b.nodes), b.constants)
    data = inputs_of(graph, 3)
    want = np.abs(data[0]).reshape(24)
    np.testing.assert_allclose(session_of(graph, context).run(data, 1)[0], -2 * want, rtol=1e-6)


def test_a_chain_in_place_takes_the_memory_of_one_value(context: lib.Context, b: Builder, x: Value) -> None:
    y = b.unary(UnaryKind.ABS, x)
    for _ in range(10):
        y = b.emit(Softmax(1), b.unary(UnaryKind.TANH, y))
    graph = Graph((x,), (b.emit(Concat(0), y, y),), tuple(b.nodes), b.constants)
    session = session_of(graph, context)
    data = inputs_of(graph, 4)
    same(session.run(data, 1), one_by_one(graph, data, context))
    assert session.memory() == (128, 128), "24 floats, rounded up to whole lines of cache"


def test_an_operand_that_broadcasts_is_not_written_over(context: lib.Context, b: Builder, x: Value) -> None:
    b.fold_up_to = 0
    row = b.unary(UnaryKind.ABS, b.constant(np.arange(6.0)))
    graph = Graph((x,), (b.binary(BinaryKind.SUB, row, x),), tuple(b.nodes), b.constants)
    data = inputs_of(graph, 5)
    same(session_of(graph, context).run(data, 1), [np.arange(6, dtype=np.float32) - data[0]])


def test_memory_limit_counts_values_and_results_and_names_both_numbers(
    context: lib.Context, b: Builder, x: Value
) -> None:
    y = b.unary(UnaryKind.ABS, x)
    graph = Graph((x,), (b.emit(Concat(0), y, y),), tuple(b.nodes), b.constants)
    data = [np.zeros((256, 6), np.float32)]  # 6 KiB as value, 12 KiB as result
    session_of(graph, context, 18 << 10).run(data, 1)
    with pytest.raises(MemoryError, match=r"needs at least 18 KiB .* the limit is 17 KiB") as error:
        session_of(graph, context, (18 << 10) - 1).run(data, 1)
    assert isinstance(error.value, pyruntime.MLModelError)


def test_a_session_still_works_after_shapes_over_its_limit(context: lib.Context, b: Builder, x: Value) -> None:
    y = b.unary(UnaryKind.ABS, x)
    graph = Graph((x,), (b.emit(Concat(0), y, y),), tuple(b.nodes), b.constants)
    session = session_of(graph, context, 1 << 14)
    small = inputs_of(graph, 6)
    want = session.run(small, 1)
    for _ in range(2):
        with pytest.raises(MemoryError):
            session.run([np.zeros((5000, 6), np.float32)], 1)
        same(session.run(small, 1), want)


def test_another_element_type_of_the_same_shape_is_refused(context: lib.Context, b: Builder, x: Value) -> None:
    graph = Graph((x,), (b.unary(UnaryKind.ABS, x),), tuple(b.nodes), b.constants)
    session = session_of(graph, context)
    session.run(inputs_of(graph, 7), 1)
    with pytest.raises(pyruntime.MLModelError, match="wrong element type"):
        session.run([np.zeros((4, 6), np.uint8)], 1)


def test_arrays_that_begin_at_an_odd_byte(context: lib.Context, b: Builder, x: Value) -> None:
    """As NumPy shows floats of a file: C reads floats at multiples of four only (the sanitizer would say so)."""
    data = inputs_of(Graph((x,), (), (), {}), 8)[0]
    room = np.zeros(data.nbytes + 1, np.uint8)
    odd = room[1:].view(np.float32).reshape(data.shape)
    odd[:] = data
    assert not odd.flags.aligned
    graph = Graph((x,), (b.unary(UnaryKind.ABS, x),), tuple(b.nodes), b.constants)
    same(session_of(graph, context).run([odd], 1), [np.abs(data)])
    same(lib.run_once(Concat(0), "layer", [odd, odd], 1, context), [np.concatenate([data, data])])


def test_arrays_that_are_not_contiguous(context: lib.Context, b: Builder, x: Value) -> None:
    data = np.arange(48, dtype=np.float32).reshape(6, 8)[:, ::2].T
    graph = Graph((x,), (b.unary(UnaryKind.LINEAR, x, -1.0),), tuple(b.nodes), b.constants)
    same(session_of(graph, context).run([data], 1), [-data])


def test_arena_is_close_to_its_lower_bound(models_dir: Path) -> None:
    """At most 1.5 times the bytes that are alive at one step, on every network of the folder."""
    ratios = {}
    for path in sorted(models_dir.glob("*.mlmodel")):
        try:
            model = pyruntime.MLModel(path)
        except pyruntime.MLModelError:
            continue  # of a type that this package does not run
        for engine in networks_of(model.engine):
            session = engine.session()
            inputs = [np.zeros(shape, dtype.numpy) for dtype, shape in default_inputs(engine.program.plan)]
            session.bind(inputs, len(engine.program.outputs))
            arena, peak = session.memory()
            if peak:
                ratios[path.name] = arena / peak
    print({name: round(ratio, 3) for name, ratio in ratios.items()})
    assert ratios, "no network in the folder"
    assert max(ratios.values()) <= 1.5, ratios
