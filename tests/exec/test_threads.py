"""Sessions in threads and in children, and in which order things may be given back."""

from __future__ import annotations

import gc
import multiprocessing
import sys
import threading
import time

import numpy as np
import pytest

from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.ops import UnaryKind
from pyruntime.ir.types import DType
from pyruntime.layers.builder import Builder
from pyruntime.native import lib

from .graphs import inputs_of, random_graph, session_of


def long_graph(elements: int, steps: int) -> Graph:
    """`steps` times tanh over many numbers."""
    b = Builder(None, legacy=False)
    x = Value("x", DType.F32, (elements,))
    y = x
    for _ in range(steps):
        y = b.unary(UnaryKind.TANH, y)
    return Graph((x,), (y,), tuple(b.nodes), b.constants)


def test_sessions_of_one_context_in_several_threads_give_what_they_give_alone() -> None:
    context = lib.Context(threads=4)
    graphs = [long_graph(60_000, 5), *(random_graph(seed, 30) for seed in range(3))]
    inputs = [inputs_of(graph, 9) for graph in graphs]
    alone = [session_of(g, context).run(x, len(g.outputs)) for g, x in zip(graphs, inputs, strict=True)]
    wrong: list[object] = []

    def work(i: int) -> None:
        try:
            session = session_of(graphs[i % len(graphs)], context)
            for _ in range(40):
                results = session.run(inputs[i % len(graphs)], len(graphs[i % len(graphs)].outputs))
                if not all(map(np.array_equal, results, alone[i % len(graphs)])):
                    wrong.append(i)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2 * len(graphs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_answer_does_not_depend_on_the_number_of_threads() -> None:
    for seed in range(10):
        graph = random_graph(seed, 20)
        inputs = inputs_of(graph, seed)
        answers = [session_of(graph, lib.Context(threads=n)).run(inputs, len(graph.outputs)) for n in (1, 2, 5)]
        for other in answers[1:]:
            for a, b in zip(answers[0], other, strict=True):
                np.testing.assert_array_equal(a, b)


def test_a_run_lets_other_python_threads_work() -> None:
    """Python never interrupts a thread here by itself, so the counter moves only while C runs without the lock."""
    session = session_of(long_graph(1_000_000, 60), lib.Context(threads=1))
    data = [np.linspace(-2, 2, 1_000_000, dtype=np.float32)]
    session.run(data, 1)
    count, stop = 0, threading.Event()

    def counts() -> None:
        nonlocal count
        while not stop.is_set():
            count += 1
            time.sleep(0.001)

    interval = sys.getswitchinterval()
    other = threading.Thread(target=counts)
    try:
        sys.setswitchinterval(1000)
        other.start()
        before = count
        session.run(data, 1)
        after = count
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        other.join()
    assert after > before


def test_a_session_keeps_its_context_plan_and_weights() -> None:
    graph = random_graph(1, 10)
    inputs = inputs_of(graph, 1)
    want = session_of(graph, lib.Context(threads=2)).run(inputs, len(graph.outputs))
    session = session_of(graph, lib.Context(threads=3))
    gc.collect()
    junk = [np.full(1 << 16, np.nan) for _ in range(20)]
    for got, w in zip(session.run(inputs, len(graph.outputs)), want, strict=True):
        np.testing.assert_array_equal(got, w)
    del session, junk
    gc.collect()


def test_contexts_and_sessions_come_and_go() -> None:
    graph = random_graph(2, 10)
    inputs = inputs_of(graph, 2)
    for i in range(40):
        context = lib.Context(threads=1 + i % 4)
        sessions = [session_of(graph, context) for _ in range(3)]
        del context
        for session in sessions[i % 3 :]:
            session.run(inputs, len(graph.outputs))
    assert threading.active_count() >= 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_predicts_without_its_parents_threads() -> None:
    graph = long_graph(100_000, 3)
    inputs = inputs_of(graph, 3)
    session = session_of(graph, lib.Context(threads=4))
    want = session.run(inputs, 1)[0]

    def child() -> None:
        np.testing.assert_array_equal(session.run(inputs, 1)[0], want)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    np.testing.assert_array_equal(session.run(inputs, 1)[0], want)
