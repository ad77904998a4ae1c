"""What training adds: products and gradients of run-time operands, losses, optimizer steps.  csrc/ops/training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Dims, Op
from pyruntime.ir.ops.conv import Conv
from pyruntime.ir.ops.norm import LayerNorm, Lrn
from pyruntime.ir.ops.pool import Pool
from pyruntime.ir.ops.resize import CropResize, Resize
from pyruntime.ir.ops.rnn import GateFunction
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
    """x (..., H, W, C), g (..., OH, OW, C), y as g -> gradient of x; or with a depth before the height."""

    code: ClassVar[str] = "POOL_GRADIENT"
    pool: Pool


@dataclass(frozen=True, slots=True)
class ConvWeightGradient(Op):
    """x (..., H, W, C), g (..., OH, OW, O) -> gradient of the weight (O, C/groups, KH, KW)."""

    code: ClassVar[str] = "CONV_WEIGHT_GRADIENT"
    conv: Conv


@dataclass(frozen=True, slots=True)
class LayerNormGradient(Op):
    """x (..., N), g, gamma (N) -> gradients of x, gamma, beta."""

    code: ClassVar[str] = "LAYER_NORM_GRADIENT"
    norm: LayerNorm


@dataclass(frozen=True, slots=True)
class LrnGradient(Op):
    """x (..., C), g -> gradient of x."""

    code: ClassVar[str] = "LRN_GRADIENT"
    lrn: Lrn


@dataclass(frozen=True, slots=True)
class ResizeGradient(Op):
    """g (..., OH, OW, C) -> gradient of x (..., height, width, C)."""

    code: ClassVar[str] = "RESIZE_GRADIENT"
    resize: Resize
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class CropResizeGradient(Op):
    """g, boxes as CropResize has them -> gradient of x, of that shape."""

    code: ClassVar[str] = "CROP_RESIZE_GRADIENT"
    crop: CropResize
    shape: Dims


class RecurrenceKind(IntEnum):
    """What a recurrent unit is: pr_recurrence_kind."""

    SIMPLE = 0
    GRU = 1
    LSTM = 2


@dataclass(frozen=True, slots=True)
class Recurrence(Op):
    """sums (S, B, G H) of the inputs' products, h (B or 1, H), r (G, H, H), c (B or 1, H)?, peepholes (3, H)?
    -> hs (S, B, H), gates?, cs?: Lstm and Rnn while they learn.  csrc/ops/training/recurrence.h."""

    code: ClassVar[str] = "RECURRENCE"
    kind: RecurrenceKind
    outputs: int
    reverse: bool
    coupled: bool
    gate: GateFunction
    block: GateFunction
    output: GateFunction
    has_peepholes: bool
    cell_clip: float


@dataclass(frozen=True, slots=True)
class RecurrenceGradient(Op):
    """g, hs, h, r, gates?, gradient of cs?, cs?, c?, peepholes? -> gradients of sums, h (B, H), c (B, H)?"""

    code: ClassVar[str] = "RECURRENCE_GRADIENT"
    forward: Recurrence


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
