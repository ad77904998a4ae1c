"""Matrix product with a constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import IDENTITY, Activation, Op


@dataclass(frozen=True, slots=True)
class Gemm(Op):
    """x (..., K), w (N, K), bias (N)?, residual? -> y (..., N)."""

    code: ClassVar[str] = "GEMM"
    inputs: int
    outputs: int
    layout: int = 0
    has_bias: bool = False
    has_residual: bool = False
    activation: Activation = IDENTITY
