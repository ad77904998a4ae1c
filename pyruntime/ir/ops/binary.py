"""Functions of two numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import IDENTITY, Activation, Op


class BinaryKind(IntEnum):
    """Rows of csrc/ops/binary/binary.def, in its order."""

    ADD = 0
    SUB = 1
    MUL = 2
    DIV = 3
    MAX = 4
    MIN = 5
    POW = 6
    MOD = 7
    FLOOR_DIV = 8
    EQ = 9
    NE = 10
    LT = 11
    LE = 12
    GT = 13
    GE = 14
    AND = 15
    OR = 16
    XOR = 17


@dataclass(frozen=True, slots=True)
class Binary(Op):
    """z = activation(f(x, y)), broadcast as NumPy does."""

    code: ClassVar[str] = "BINARY"
    kind: BinaryKind
    activation: Activation = IDENTITY
