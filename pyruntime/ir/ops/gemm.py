"""Matrix products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import IDENTITY, Activation, Op


@dataclass(frozen=True, slots=True)
class Gemm(Op):
    """With a constant: x (..., K), w (N, K), bias (N)?, residual? -> y (..., N)."""

    code: ClassVar[str] = "GEMM"
    inputs: int
    outputs: int
    layout: int = 0
    has_bias: bool = False
    has_residual: bool = False
    activation: Activation = IDENTITY


@dataclass(frozen=True, slots=True)
class Matmul(Op):
    """a (..., M, K) or its transpose, b (..., K, N) or its transpose -> y (..., M, N)."""

    code: ClassVar[str] = "MATMUL"
    transpose_a: bool = False
    transpose_b: bool = False
