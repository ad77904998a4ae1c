"""Functions of one number."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Op


class UnaryKind(IntEnum):
    """Rows of csrc/ops/unary/unary.def, in its order."""

    LINEAR = 0
    LEAKY_RELU = 1
    THRESHOLDED_RELU = 2
    CLIP = 3
    TANH = 4
    SCALED_TANH = 5
    SIGMOID = 6
    SIGMOID_HARD = 7
    ELU = 8
    SOFTSIGN = 9
    SOFTPLUS = 10
    SQRT = 11
    RSQRT = 12
    INVERSE = 13
    POWER = 14
    EXP = 15
    LOG = 16
    ABS = 17
    THRESHOLD = 18


@dataclass(frozen=True, slots=True)
class Unary(Op):
    """y = f(x; a, b)."""

    code: ClassVar[str] = "UNARY"
    kind: UnaryKind
    a: float = 0.0
    b: float = 0.0
