"""Recurrent operators."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Op


class GateFunction(IntEnum):
    """Functions that recurrent layers accept; the last one has fixed constants whatever the file stores."""

    LINEAR = 0
    SIGMOID = 1
    TANH = 2
    RELU = 3
    HARD_SIGMOID = 4


@dataclass(frozen=True, slots=True)
class Lstm(Op):
    """x (S, B, I), h (B or 1, H), c (B or 1, H), w (4, H, I), r (4, H, H), bias (4, H), peepholes (3, H)?
    -> y (S or 1, B, H), h (B, H), c (B, H).  Equations: csrc/ops/rnn/rnn.h."""

    code: ClassVar[str] = "LSTM"
    inputs: int
    outputs: int
    sequence: bool
    reverse: bool
    coupled: bool
    gate: GateFunction
    block: GateFunction
    output: GateFunction
    has_peepholes: bool
    layout: int
    cell_clip: float
    aligned: bool = False
    """With `reverse`: y has each result at the position of its input, instead of in processing order."""


class RnnKind(IntEnum):
    """Recurrent units without a cell."""

    SIMPLE = 0
    GRU = 1
    GRU_AFTER = 2
    """The reset gate acts after the recursion matrix, as in PyTorch."""


@dataclass(frozen=True, slots=True)
class Rnn(Op):
    """x (S, B, I), h (B or 1, H), w (G, H, I), r (G, H, H), bias (G, H) -> y (S or 1, B, H), h (B, H).

    G is 1 for a simple unit, 3 for a GRU: update, reset, output; GRU_AFTER has a fourth row of bias, which its third
    product gets.  Equations: csrc/ops/rnn/rnn.h.
    """

    code: ClassVar[str] = "RNN"
    kind: RnnKind
    inputs: int
    outputs: int
    sequence: bool
    reverse: bool
    gate: GateFunction
    output: GateFunction
    layout: int
