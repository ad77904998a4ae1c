"""Recurrent operators in a form that training can go back through: their products with the inputs stand apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import GateFunction, Gemm, Lstm, Recurrence, RecurrenceKind, Reshape, Rnn, RnnKind, Slice
from pyruntime.ir.ops.move import FIRST, LAST

if TYPE_CHECKING:
    from pyruntime.training.builder import TrainingBuilder

KINDS = {RnnKind.SIMPLE: RecurrenceKind.SIMPLE, RnnKind.GRU: RecurrenceKind.GRU}
"""No layer is a GRU_AFTER: passes make it, of loops, behind all that learns."""


def emit_lstm(op: Lstm, inputs: Sequence[Value], b: TrainingBuilder) -> tuple[Value, ...]:
    """y, h, c, as Lstm gives them."""
    x, h, c, w, r, bias, *peepholes = inputs
    recurrence = Recurrence(
        RecurrenceKind.LSTM, op.outputs, op.reverse, op.coupled, op.gate, op.block, op.output, op.has_peepholes,
        op.cell_clip,
    )  # fmt: skip
    hs, _, cs = b.emit_many(recurrence, (_sums(x, w, bias, b), h, r, c, *peepholes), 3)
    y, last = _results(hs, op.sequence, op.reverse, op.aligned, b)
    return y, last, _last(cs, op.reverse, b)[1]


def emit_rnn(op: Rnn, inputs: Sequence[Value], b: TrainingBuilder) -> tuple[Value, ...]:
    """y, h, as Rnn gives them."""
    x, h, w, r, bias = inputs
    kind = KINDS[op.kind]
    recurrence = Recurrence(
        kind, op.outputs, op.reverse, False, op.gate, GateFunction.LINEAR, op.output, False, 0.0
    )  # fmt: skip
    hs = b.emit_many(recurrence, (_sums(x, w, bias, b), h, r), 1 + kind)[0]
    return _results(hs, op.sequence, op.reverse, False, b)


def _sums(x: Value, w: Value, bias: Value, b: TrainingBuilder) -> Value:
    """x (S, B, I), w (G, H, I), bias (G, H) -> (S, B, G H): one product for all steps."""
    if x.shape[0] < 1:
        raise b.invalid("input", expected="a sequence of known length from 1 in training", got=list(x.shape))
    columns = math.prod(w.shape[:2])
    flat = b.prepared(Reshape((columns, w.shape[2])), w)
    gemm = Gemm(w.shape[2], columns, has_bias=True)
    return b.emit(gemm, x, flat, b.prepared(Reshape((columns,)), bias))


def _results(hs: Value, sequence: bool, reverse: bool, aligned: bool, b: TrainingBuilder) -> tuple[Value, Value]:
    last, h = _last(hs, reverse, b)
    if not sequence:
        return last, h
    if reverse and not aligned:
        return b.emit(Slice((hs.shape[0] - 1, 0, 0), (FIRST, LAST, LAST), (-1, 1, 1)), hs), h
    return hs, h


def _last(hs: Value, reverse: bool, b: TrainingBuilder) -> tuple[Value, Value]:
    """After the last step in processing order: (1, B, H) and (B, H)."""
    first = 0 if reverse else hs.shape[0] - 1
    last = b.emit(Slice((first, 0, 0), (first + 1, LAST, LAST), (1, 1, 1)), hs)
    return last, b.reshape(last, *hs.shape[1:])
