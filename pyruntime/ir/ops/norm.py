"""Functions along the last axis, and normalisation over the last axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import IDENTITY, Activation, Op


@dataclass(frozen=True, slots=True)
class Affine(Op):
    """x (..., C), scale (C), shift (C) -> activation(x * scale + shift)."""

    code: ClassVar[str] = "AFFINE"
    activation: Activation = IDENTITY


@dataclass(frozen=True, slots=True)
class PRelu(Op):
    """x (..., C), slope (C) or (1) -> x < 0 ? slope * x : x."""

    code: ClassVar[str] = "PRELU"


@dataclass(frozen=True, slots=True)
class LayerNorm(Op):
    """x (..., N), gamma, beta (N) -> gamma * (x - mean) / sqrt(variance + epsilon) + beta, N the last `axes` axes."""

    code: ClassVar[str] = "LAYER_NORM"
    axes: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Lrn(Op):
    """x (..., C) -> x / (k + scale * sum of the squares of channels c - before .. c + after)^beta."""

    code: ClassVar[str] = "LRN"
    before: int
    after: int
    scale: float
    k: float
    beta: float
