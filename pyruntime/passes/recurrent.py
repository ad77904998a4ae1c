"""Loops that converters write for recurrent layers become the operator.

coremltools has no layer for PyTorch's GRU, whose reset gate acts after the recursion matrix.  It writes a loop over a
counter and an array of states (S + 1, B, H): iteration i reads x[i] and states[i], and writes states[i + 1].

Only what is that layer for every input is replaced: one more carried value, another activation, axis or number of
iterations, and the loop stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyruntime.ir.control import NO_LIMIT, Loop
from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.ops import (  # fmt: skip
    Binary,
    BinaryKind,
    Broadcast,
    BroadcastTo,
    Concat,
    GateFunction,
    Gather,
    Reshape,
    Rnn,
    RnnKind,
    Scatter,
    ScatterMode,
    Slice,
)
from pyruntime.ir.ops.move import LAST
from pyruntime.ir.types import UNKNOWN, Array
from pyruntime.passes.gru_cell import Cell, read_cell
from pyruntime.passes.reader import Reader
from pyruntime.passes.regions import constants_inside
from pyruntime.passes.rewrite import Rewriter


def recognise_recurrent_loops(graph: Graph) -> Graph:
    """Replace loops that are a GRU of PyTorch's kind over all of their input."""
    if not any(isinstance(node.op, Loop) for node in graph.nodes):
        return graph
    rewriter, around = Rewriter(graph), Reader(graph)
    tails: dict[str, Value] = {}
    for node in graph.nodes:
        found = _gru_loop(node, graph, around) if isinstance(node.op, Loop) else None
        if found is not None:
            around.first[found.states.name] = found.first
            _emit(found, node, rewriter, tails)
        elif isinstance(node.op, Slice) and node.inputs[0].name in tails and _is_tail(node):
            rewriter.replace(node.outputs[0], tails[node.inputs[0].name])
        else:
            rewriter.keep(node)
    return rewriter.finish()


@dataclass(frozen=True)
class GruLoop:
    """x (S, B, I), start (1, B, H) and whether it is all 0, and the array of states before and after the loop."""

    cell: Cell
    x: Value
    start: Value | Array
    is_zero: bool
    first: Value
    states: Value


def _gru_loop(node: Node, graph: Graph, around: Reader) -> GruLoop | None:
    op = node.op
    assert isinstance(op, Loop)
    if op.carried != 2 or not op.has_condition or op.may_exit or op.limit_is_input or op.limit != NO_LIMIT:
        return None
    used = graph.uses()
    for counter, states in ((0, 1), (1, 0)):
        if node.inputs[counter].shape == (1,) and not used[node.outputs[counter].name]:
            found = _over_counter(node, counter, states, around)
            if found is not None:
                return found
    return None


def _over_counter(node: Node, counter: int, states: int, around: Reader) -> GruLoop | None:
    """The loop, if carried value `counter` counts its iterations."""
    if not around.is_number(node.inputs[counter], 0):
        return None
    inside = constants_inside(node, around.graph.constants)
    test, body = (Reader(region) for region in inside.regions)
    i, before = body.graph.inputs[counter], body.graph.inputs[states]
    if body.plus(body.graph.outputs[counter], 1) != i:
        return None
    step = body.node(body.graph.outputs[states], Scatter)
    if step is None or step[0].axis != 0 or step[0].mode not in (ScatterMode.UPDATE, ScatterMode.ADD):
        return None
    if step[1][0] != before or step[1][1] != body.graph.outputs[counter] or before.rank != 3:
        return None
    cell = read_cell(_flat(step[1][2], body), body)
    if cell is None:
        return None
    x = _row_of(cell.inputs[0].x, i, body)
    if x is None or _row_of(cell.states[0].x, i, body) != before or x not in body.graph.inputs[2:]:
        return None
    outer = inside.inputs[body.graph.inputs.index(x)]
    if outer.rank != 3 or not _counts_steps(inside, test, counter, outer, around):
        return None
    return _from_start(cell, outer, inside.inputs[states], node.outputs[states], around)


def _flat(value: Value, reader: Reader) -> Value:
    """(B, H) behind reshapes that add axes of 1: the last axis stays."""
    while (found := reader.node(value, Reshape)) and _only_ones(found[1][0], value):
        value = found[1][0]
    return value


def _only_ones(a: Value, b: Value) -> bool:
    """Whether two shapes differ in axes of 1 only, and end alike."""
    left, right = ([size for size in v.shape if size != 1] for v in (a, b))
    return left == right and left.count(UNKNOWN) < 2 and a.shape[-1:] == b.shape[-1:]


def _row_of(value: Value, i: Value, reader: Reader) -> Value | None:
    """x, where the value is x[i] as a matrix."""
    if value.rank != 2:
        return None
    found = reader.node(_flat(value, reader), Gather)
    if found is None or found[0].axis != 0 or found[1][1] != i:
        return None
    x = found[1][0]
    return x if x.rank == 3 and x.shape[1:] == value.shape else None


def _counts_steps(node: Node, test: Reader, counter: int, x: Value, around: Reader) -> bool:
    """Whether the condition is counter < S, S the length of x, and changes nothing."""
    inputs, outputs = test.graph.inputs, test.graph.outputs
    if outputs[:2] != inputs[:2]:
        return False
    found = test.node(outputs[2], Binary)
    if found is None:
        return False
    less, more = found[1] if found[0].kind is BinaryKind.LT else found[1][::-1]
    if found[0].kind not in (BinaryKind.LT, BinaryKind.GT) or less != inputs[counter]:
        return False
    if (array := test.array(more)) is not None:
        return x.shape[0] != UNKNOWN and array.size == 1 and float(array.reshape(-1)[0]) == x.shape[0]
    return more in inputs[2:] and _is_size(node.inputs[inputs.index(more)], x, 0, around)


def _is_size(number: Value, x: Value, axis: int, around: Reader) -> bool:
    """Whether the number is the size of x's axis."""
    found = around.size_in(number)
    return found is not None and found == around.origin(x, axis)


def _from_start(cell: Cell, x: Value, first: Value, states: Value, around: Reader) -> GruLoop | None:
    """The loop, if its array of states begins as one state and as many zeros as x has steps, for the same examples."""
    if x.shape[2] != cell.inputs[0].w.shape[1] or x.shape[1] != first.shape[1]:
        return None
    array = around.array(first)
    found = around.node(first, Concat)
    if x.shape[0] != UNKNOWN and first.shape[0] == x.shape[0] + 1 and x.shape[1] != UNKNOWN:
        if array is not None and not array[1:].any():
            return GruLoop(cell, x, array[:1], not array.any(), first, states)
        if _is_zero(first, around):
            return GruLoop(cell, x, np.zeros((1, *first.shape[1:]), np.float32), True, first, states)
    if found is None or found[0].axis != 0 or len(found[1]) != 2:
        return None
    start, zeros = found[1]
    is_zero = _is_zero(start, around)
    if start.shape[0] != 1 or not _is_zero(zeros, around) or not _is_as_long(zeros, x, around):
        return None
    if x.shape[1] == UNKNOWN and around.origin(start, 1) != around.origin(x, 1):
        return None
    return GruLoop(cell, x, start, is_zero, first, states)


def _is_zero(value: Value, around: Reader) -> bool:
    array = around.array(value)
    if array is not None:
        return not array.any()
    node = around.makers.get(value.name)
    return node is not None and isinstance(node.op, Broadcast | BroadcastTo) and _is_zero(node.inputs[0], around)


def _is_as_long(zeros: Value, x: Value, around: Reader) -> bool:
    return UNKNOWN != zeros.shape[0] == x.shape[0] or around.origin(zeros, 0) == around.origin(x, 0)


def _emit(found: GruLoop, node: Node, rewriter: Rewriter, tails: dict[str, Value]) -> None:
    """The operator, and the array of states from what it gives."""
    weights, hidden = found.cell.weights, found.states.shape[2]
    op = Rnn(
        RnnKind.GRU_AFTER, weights[0].shape[2], hidden, True, False, GateFunction.SIGMOID, GateFunction.TANH, 0
    )  # fmt: skip
    start = found.start if isinstance(found.start, Value) else rewriter.constant(found.start)
    first = rewriter.constant(np.zeros((1, hidden), np.float32)) if found.is_zero else None
    if first is None:
        first = rewriter.emit(Reshape((-1, hidden)), (rewriter.resolve(start),), node.layer)
    operands = (rewriter.resolve(found.x), first, *map(rewriter.constant, weights))
    y = rewriter.emit_many(op, operands, 2, node.layer)[0]
    states = rewriter.emit(Concat(0), (rewriter.resolve(start), y), node.layer)
    tails[found.states.name] = y
    rewriter.replace(found.states, states)


def _is_tail(node: Node) -> bool:
    """Whether the slice leaves out the first state and nothing else."""
    op, (steps, *_) = node.op, node.inputs[0].shape
    assert isinstance(op, Slice)
    rest = all(cut == (0, LAST, 1) for cut in zip(op.begin[1:], op.end[1:], op.stride[1:], strict=True))
    return rest and (op.begin[0], op.stride[0]) == (1, 1) and (op.end[0] == LAST or op.end[0] == steps != UNKNOWN)
