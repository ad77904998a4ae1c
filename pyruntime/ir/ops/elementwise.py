"""Functions of one number, of two, and per channel along the last axis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Activation, Op


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


class BinaryKind(IntEnum):
    """Rows of csrc/ops/binary/binary.def, in its order."""

    ADD = 0
    SUB = 1
    MUL = 2
    DIV = 3
    MAX = 4
    MIN = 5
    POW = 6


@dataclass(frozen=True, slots=True)
class Binary(Op):
    """z = activation(f(x, y)), broadcast as NumPy does."""

    code: ClassVar[str] = "BINARY"
    kind: BinaryKind
    activation: Activation = Activation()


@dataclass(frozen=True, slots=True)
class Affine(Op):
    """x (..., C), scale (C), shift (C) -> activation(x * scale + shift)."""

    code: ClassVar[str] = "AFFINE"
    activation: Activation = Activation()


@dataclass(frozen=True, slots=True)
class PRelu(Op):
    """x (..., C), slope (C) or (1) -> x < 0 ? slope * x : x."""

    code: ClassVar[str] = "PRELU"


@dataclass(frozen=True, slots=True)
class Softmax(Op):
    """exp(x - max) / sum along `axis`, which counts from 0."""

    code: ClassVar[str] = "SOFTMAX"
    axis: int
