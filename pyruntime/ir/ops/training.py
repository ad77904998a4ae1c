"""What training adds: products and gradients of run-time operands, losses, optimizer steps.  csrc/ops/training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op
from pyruntime.ir.ops.conv import Conv
from pyruntime.ir.ops.pool import Pool
from pyruntime.ir.ops.unary import UnaryKind


@dataclass(frozen=True, slots=True)
class Product(Op):
    """a (..., K), b (K, N), bias (N)? -> a b + bias (..., N).

    transpose_a: a (..., M), its leading axes are K, -> (M, N); transpose_b: b (N, K).
    """

    code: ClassVar[str] = "PRODUCT"
    transpose_a: bool = False
    transpose_b: bool = False
    has_bias: bool = False


@dataclass(frozen=True, slots=True)
class UnaryGradient(Op):
    """g, v -> g * f'; v is the argument of f or, for kinds in FROM_RESULT, its result."""

    code: ClassVar[str] = "UNARY_GRADIENT"
    kind: UnaryKind
    a: float = 0.0
    b: float = 0.0


@dataclass(frozen=True, slots=True)
class PoolGradient(Op):
    """x (..., H, W, C), g (..., OH, OW, C), y as g -> gradient of x."""

    code: ClassVar[str] = "POOL_GRADIENT"
    pool: Pool


@dataclass(frozen=True, slots=True)
class ConvWeightGradient(Op):
    """x (..., H, W, C), g (..., OH, OW, O) -> gradient of the weight (O, C/groups, KH, KW)."""

    code: ClassVar[str] = "CONV_WEIGHT_GRADIENT"
    conv: Conv


@dataclass(frozen=True, slots=True)
class CrossEntropy(Op):
    """p (rows, classes) of a softmax, target (rows), weights (classes)? -> gradient before it, losses (rows)."""

    code: ClassVar[str] = "CROSS_ENTROPY"
    floor: float
    smoothing: float = 0.0


@dataclass(frozen=True, slots=True)
class SquaredError(Op):
    """y, target (rows, n) -> gradient of the mean loss (rows, n), losses (rows)."""

    code: ClassVar[str] = "SQUARED_ERROR"


@dataclass(frozen=True, slots=True)
class ClipNorm(Op):
    """Gradients -> by what to multiply them (1), so that the norm of all together is at most `most`."""

    code: ClassVar[str] = "CLIP_NORM"
    most: float
    limit: float = math.inf


@dataclass(frozen=True, slots=True)
class Sgd(Op):
    """w, g, hyper (2), v?, scale (1)? -> w', v'?"""

    code: ClassVar[str] = "SGD"
    has_momentum: bool
    nesterov: bool = False
    has_scale: bool = False
    decay: float = 0.0
    limit: float = math.inf


@dataclass(frozen=True, slots=True)
class Adam(Op):
    """w, g, m, v, hyper (6), scale (1)? -> w', m', v'."""

    code: ClassVar[str] = "ADAM"
    decoupled: bool = False
    has_scale: bool = False
    decay: float = 0.0
    limit: float = math.inf


FROM_RESULT = frozenset(
    [
        UnaryKind.CLIP, UnaryKind.TANH, UnaryKind.SIGMOID, UnaryKind.SIGMOID_HARD, UnaryKind.SQRT, UnaryKind.RSQRT,
        UnaryKind.INVERSE, UnaryKind.EXP, UnaryKind.EXP2, UnaryKind.TAN,
    ]
)  # fmt: skip
"""Kinds whose slope is computed from the result: rows of csrc/ops/training/slope.def with a y."""
