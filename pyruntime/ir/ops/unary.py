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
    CEIL = 19
    FLOOR = 20
    ROUND = 21
    SIGN = 22
    EXP2 = 23
    SIN = 24
    COS = 25
    TAN = 26
    ASIN = 27
    ACOS = 28
    ATAN = 29
    SINH = 30
    COSH = 31
    ASINH = 32
    ACOSH = 33
    ATANH = 34
    ERF = 35
    GELU = 36
    GELU_TANH = 37
    GELU_SIGMOID = 38
    CLAMPED_RELU = 39
    NOT = 40
    EQ = 41
    NE = 42
    LT = 43
    LE = 44
    GT = 45
    GE = 46


@dataclass(frozen=True, slots=True)
class Unary(Op):
    """y = f(x; a, b)."""

    code: ClassVar[str] = "UNARY"
    kind: UnaryKind
    a: float = 0.0
    b: float = 0.0
