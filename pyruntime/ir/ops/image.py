"""Pixels to numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Floats3, Op


@dataclass(frozen=True, slots=True)
class Image(Op):
    """x u8 (N, H, W, C) -> y f32 (N, H, W, C) = scale * x + bias; reversed: R, G, B becomes B, G, R."""

    code: ClassVar[str] = "IMAGE"
    reversed: bool
    scale: float
    bias: Floats3
