"""The loop that converters write for PyTorch's GRU: recognised as it is, and left alone with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from pyruntime.ir.control import NO_LIMIT, Loop
from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.op import Activation
from pyruntime.ir.ops import BinaryKind, Concat, Gather, Gemm, Scatter, ScatterMode, Slice, UnaryKind
from pyruntime.ir.ops.move import LAST
from pyruntime.ir.show import show
from pyruntime.ir.types import DType
from pyruntime.ir.verify import verify
from pyruntime.layers.builder import Builder
from pyruntime.layers.regions import close, emit_regions
from pyruntime.native import lib
from pyruntime.passes.pipeline import optimise
from pyruntime.passes.recurrent import recognise_recurrent_loops

from ..layers.network import numbers
from .graphs import run

STEPS, INPUTS = 6, 3
Options = set[str]


class Gru:
    """Writes the loop; `has(word)` says what is to be different."""

    def __init__(self, words: str, hidden: int = 4, batch: int = 1) -> None:
        self.words, self.hidden, self.batch = set(words.split(", ")) - {""}, hidden, batch
        self.asked: Options = set()
        self.seed = 0

    def has(self, word: str) -> bool:
        self.asked.add(word)
        return word in self.words

    def graph(self) -> Graph:
        b = Builder(None, legacy=False)
        b.layer = "l"
        x = Value("x", DType.F32, (STEPS, self.batch, INPUTS))
        start = Value("start", DType.F32, (1, self.batch, self.hidden))
        other = Value("other", DType.F32, (STEPS, self.batch, INPUTS))
        matrix = Value("matrix", DType.F32, (self.hidden, INPUTS))
        self.other, self.matrix = other, matrix
        results = self.write(b, x, start)
        (graph,), _ = close([(b, results)], [x, start, other, matrix])
        assert self.words <= self.asked, self.words - self.asked
        verify(graph, "written")
        return graph

    def weights(self, *shape: int) -> np.ndarray:
        self.seed += 1
        return numbers(*shape, seed=self.seed) / np.float32(max(2, shape[-1] ** 0.5))

    def dense(self, b: Builder, x: Value, word: str = "") -> Value:
        w = b.constant(self.weights(self.hidden, x.shape[-1]))
        if word and self.has(f"{word} of an input"):
            w = self.matrix
        bias = [] if self.has("no bias") else [b.constant(self.weights(self.hidden))]
        activation = Activation(1.0, 0.0, np.inf) if word and self.has(f"{word} is clamped") else Activation()
        return b.emit(Gemm(x.shape[-1], self.hidden, has_bias=bool(bias), activation=activation), x, w, *bias)

    def both(self, b: Builder, kind: BinaryKind, one: Value, two: Value) -> Value:
        return b.binary(kind, two, one) if self.has("swapped") else b.binary(kind, one, two)

    def gate(self, b: Builder, x: Value, h: Value, word: str) -> Value:
        seen = b.unary(UnaryKind.ABS, h) if self.has(f"{word} sees another h") else h
        both = self.both(b, BinaryKind.ADD, self.dense(b, x, word), self.dense(b, seen))
        return b.unary(UnaryKind.TANH if self.has(f"{word} by tanh") else UnaryKind.SIGMOID, both)

    def rest(self, b: Builder, z: Value) -> Value:
        if self.has("1 - z by subtraction"):
            return b.binary(BinaryKind.SUB, b.constant(1.0), z)
        if self.has("1 - z by a line"):
            return b.unary(UnaryKind.LINEAR, z, -1.0, 1.0)
        minus = b.unary(UnaryKind.LINEAR, z, -1.0, 0.0)
        return b.binary(BinaryKind.ADD, minus, b.constant(2.0 if self.has("2 - z") else 1.0))

    def step(self, b: Builder, x: Value, h: Value) -> Value:
        r, z = self.gate(b, x, h, "r"), self.gate(b, x, h, "z")
        new, product = self.dense(b, x), self.dense(b, h)
        if self.has("resets before"):
            product = self.dense(b, b.binary(BinaryKind.MUL, r, h))
        elif not self.has("no reset"):
            product = self.both(b, BinaryKind.MUL, b.unary(UnaryKind.ABS, r) if self.has("another r") else r, product)
        both = self.both(b, BinaryKind.ADD, new, product)
        o = b.unary(UnaryKind.SIGMOID if self.has("o by sigmoid") else UnaryKind.TANH, both)
        kept = self.both(b, BinaryKind.MUL, r if self.has("keeps by r") else z, h)
        result = self.both(b, BinaryKind.ADD, self.both(b, BinaryKind.MUL, self.rest(b, z), o), kept)
        return b.unary(UnaryKind.LINEAR, result, 0.5, 0.0) if self.has("half of it") else result

    def body(self, b: Builder, i: Value, states: Value, x: Value) -> tuple[Value, Value]:
        later = b.unary(UnaryKind.LINEAR, i, 1.0, 2.0 if self.has("two at a time") else 1.0)
        from_x = self.other if self.has("x turns back") else x
        row = b.emit(Gather(0), from_x, b.unary(UnaryKind.LINEAR, i, -1.0, 5.0) if self.has("x turns back") else i)
        before = b.emit(Gather(0), states, b.constant([0.0]) if self.has("always the first state") else i)
        made = self.step(b, b.reshape(row, self.batch, INPUTS), b.reshape(before, self.batch, self.hidden))
        mode = ScatterMode.UPDATE if self.has("update") else ScatterMode.MAX if self.has("max") else ScatterMode.ADD
        at = i if self.has("in place") else later
        return later, b.emit(Scatter(mode, 0), states, at, b.reshape(made, 1, self.batch, self.hidden))

    def first(self, b: Builder, start: Value) -> Value:
        rows = STEPS + 1 if self.has("a longer array") else STEPS
        zeros = np.zeros((rows, self.batch, self.hidden), np.float32)
        if self.has("states are not 0"):
            zeros[2] = 1
        if self.has("constant start"):
            return b.constant(np.concatenate([self.weights(1, self.batch, self.hidden), zeros]))
        if self.has("zero start"):
            return b.constant(np.concatenate([zeros[:1], zeros]))
        return b.emit(Concat(0), start, b.constant(zeros))

    def write(self, b: Builder, x: Value, start: Value) -> list[Value]:
        first = self.first(b, start)
        i, states = Value(b.fresh(), DType.F32, (1,)), Value(b.fresh(), DType.F32, first.shape)
        extra = [Value(b.fresh(), DType.F32, (1,))] if self.has("one more value") else []
        turned = self.has("the counter comes second")
        carried = [states, i, *extra] if turned else [i, states, *extra]
        test, body = b.child(), b.child()
        length = b.constant([STEPS - 1.0 if self.has("one step less") else STEPS])
        goes_on = test.binary(BinaryKind.LT, i, length)
        if self.has("S > i"):
            goes_on = test.binary(BinaryKind.GT, length, i)
        if self.has("at most S"):
            goes_on = test.binary(BinaryKind.LE, i, b.constant([STEPS - 1.0]))
        tested = test.unary(UnaryKind.TANH, states) if self.has("the condition writes") else states
        after = [i, *([tested] if not turned else [])] if not turned else [tested, i]
        later, made = self.body(body, i, states, x)
        ends = [made, later] if turned else [later, made]
        ends += [body.unary(UnaryKind.LINEAR, e, 1.0, 2.0) for e in extra]
        exits = [body.unary(UnaryKind.LINEAR, i, 0.0, 0.0)] if self.has("may exit") else []
        graphs, outside = close([(test, [*after, *extra, goes_on]), (body, [*ends, *exits])], carried)
        begin = b.constant([1.0 if self.has("counts from 1") else 0.0])
        op = Loop(
            len(carried), 3 if self.has("a limit") else NO_LIMIT, has_condition=True, may_exit=self.has("may exit")
        )
        entering = [first, begin] if turned else [begin, first]
        results = emit_regions(
            op, (*entering, *([begin] if extra else []), *outside), graphs, [(v, v.shape) for v in carried], b
        )
        whole, count = results[0 if turned else 1], results[1 if turned else 0]
        tail = b.emit(Slice((1, 0, 0), (LAST,) * 3, (1, 1, 1)), whole)
        last = b.emit(Slice((-1, 0, 0), (-2, LAST, LAST), (-1, 1, 1)), tail)
        given = [b.unary(UnaryKind.EXP, tail), last]
        given += [whole] if self.has("all states") else []
        given += [count] if self.has("the counter is read") else []
        return given + ([results[2]] if extra else [])


def loops(graph: Graph) -> int:
    return sum(isinstance(node.op, Loop) for node in graph.nodes)


def inputs(gru: Gru) -> list[np.ndarray]:
    shapes = [(STEPS, gru.batch, INPUTS), (1, gru.batch, gru.hidden), (STEPS, gru.batch, INPUTS), (gru.hidden, INPUTS)]
    return [numbers(*shape, seed=40 + i) for i, shape in enumerate(shapes)]


def same_answer(gru: Gru, graph: Graph, threads: Sequence[int] = (1, 2)) -> None:
    """With the pass and without, in the whole pipeline; and the same bits for every number of threads."""
    contexts = [lib.Context(threads=n) for n in threads]
    plain = run(graph, inputs(gru), contexts[0])
    answers = [run(optimise(graph, context), inputs(gru), context) for context in contexts]
    for got, want in zip(answers[0], plain, strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6)
    for one, other in zip(answers[0], answers[-1], strict=True):
        np.testing.assert_array_equal(one, other)


THE_SAME = [
    "", "no bias", "swapped", "1 - z by subtraction", "1 - z by a line", "update", "S > i", "constant start",
    "zero start", "the counter comes second", "all states", "zero start, all states, swapped", "constant start, update",
]  # fmt: skip


@pytest.mark.parametrize("words", THE_SAME)
@pytest.mark.parametrize(("hidden", "batch"), [(4, 1), (1, 1), (1, 3), (20, 3), (200, 2)])
def test_the_loop_becomes_one_operator(words: str, hidden: int, batch: int) -> None:
    gru = Gru(words, hidden, batch)
    graph = gru.graph()
    after = recognise_recurrent_loops(graph)
    verify(after, "recognise_recurrent_loops")
    assert loops(after) == 0
    assert show(after).count("= rnn(") == 1
    same_answer(gru, graph)


OTHERS = [
    "r by tanh", "z by tanh", "o by sigmoid", "r sees another h", "z sees another h", "r is clamped", "z is clamped",
    "r of an input", "z of an input", "resets before", "no reset", "another r", "keeps by r", "2 - z", "half of it",
    "two at a time", "x turns back", "always the first state", "max", "in place", "a longer array", "states are not 0",
    "zero start, states are not 0", "one more value", "one step less", "at most S", "the condition writes", "may exit",
    "counts from 1", "a limit", "the counter is read",
]  # fmt: skip


@pytest.mark.parametrize("words", OTHERS)
def test_any_other_loop_stays(words: str) -> None:
    gru = Gru(words, hidden=INPUTS)
    try:
        graph = gru.graph()
    except lib.SpecError:
        pytest.fail("the case is not a legal graph")
    after = recognise_recurrent_loops(graph)
    assert loops(after) == 1
    assert "= rnn(" not in show(after)
    if words not in ("two at a time", "counts from 1"):  # these leave the array, and the prediction is refused
        same_answer(gru, graph)


def test_graphs_without_loops_are_not_looked_at() -> None:
    b = Builder(None, legacy=False)
    b.layer = "l"
    x = Value("x", DType.F32, (2,))
    graph = Graph((x,), (b.unary(UnaryKind.EXP, x),), tuple(b.nodes), b.constants)
    assert recognise_recurrent_loops(graph) is graph


# as coremltools writes them

CONVERTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one layer": ({}, {}),
    "two layers, batch first": ({"num_layers": 2, "batch_first": True}, {"batch": 2}),
    "without bias": ({"bias": False}, {}),
    "both directions, initial state": ({"bidirectional": True, "num_layers": 2}, {"batch": 3, "state": True}),
    "any length": ({"num_layers": 2, "bidirectional": True}, {"open": 0}),
    "any batch": ({"num_layers": 2, "batch_first": True}, {"open": 0}),
    "any length, batch first, initial state": ({"batch_first": True}, {"open": 1, "state": True}),
}


def converted(layer: dict[str, Any], case: dict[str, Any], make: Callable[[Any, Any], None]) -> None:
    torch, ct = pytest.importorskip("torch"), pytest.importorskip("coremltools")
    torch.manual_seed(2)
    gru, batch = torch.nn.GRU(INPUTS, 7, **layer).eval(), case.get("batch", 1)
    shape = [batch, STEPS, INPUTS] if layer.get("batch_first") else [STEPS, batch, INPUTS]
    directions = layer.get("num_layers", 1) * (2 if layer.get("bidirectional") else 1)
    given = [torch.randn(shape), torch.randn(directions, batch, 7)][: 2 if case.get("state") else 1]

    class Network(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.gru = gru

        def forward(self, *given: Any) -> Any:
            return self.gru(*given)

    traced = torch.jit.trace(Network(), tuple(given), check_trace=False)
    open_shape = [ct.RangeDim(1, 20) if i == case.get("open") else size for i, size in enumerate(shape)]
    types = [ct.TensorType("x", shape=open_shape), *(ct.TensorType("h", shape=g.shape) for g in given[1:])]
    model = ct.convert(traced, inputs=types, convert_to="neuralnetwork", skip_model_load=True)
    for size in (shape[case["open"]], 1, 9) if "open" in case else (None,):
        if size is not None:
            given[0] = torch.randn([size if i == case["open"] else n for i, n in enumerate(shape)])
        with torch.no_grad():
            wanted = gru(*given)
        make(model.get_spec(), (dict(zip(("x", "h"), (g.numpy() for g in given), strict=False)), wanted))


@pytest.mark.parametrize("name", CONVERTED)
def test_loops_of_converted_models(name: str) -> None:
    from pyruntime.description import describe_model
    from pyruntime.layers.network import lower_network
    from pyruntime.passes.clean import fold_constants
    from pyruntime.passes.regions import drop_dead_results

    from ..layers.network import predict

    def look(spec: Any, case: Any) -> None:
        features, wanted = case
        names = tuple(output.name for output in spec.description.output)
        graph = lower_network(spec.neuralNetwork, describe_model(spec), None, names).graph
        assert loops(recognise_recurrent_loops(fold_constants(drop_dead_results(graph)))) == 0
        got = predict(spec, features)
        for name, want in zip(names, wanted, strict=True):
            np.testing.assert_allclose(got[name], want.numpy(), rtol=1e-5, atol=1e-6)

    converted(*CONVERTED[name], look)
