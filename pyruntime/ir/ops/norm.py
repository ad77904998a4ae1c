"""Per-channel functions along the last axis."""

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
