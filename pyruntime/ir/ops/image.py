"""Pixels to numbers, and images on another grid."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Dims, Floats2, Floats3, Op


@dataclass(frozen=True, slots=True)
class Image(Op):
    """x u8 (N, H, W, C) -> y f32 (N, H, W, C) = scale * x + bias; reversed: R, G, B becomes B, G, R."""

    code: ClassVar[str] = "IMAGE"
    reversed: bool
    scale: float
    bias: Floats3


class ResizeKind(IntEnum):
    """How values between pixels are made."""

    NEAREST = 0
    BILINEAR = 1


class ResizeGrid(IntEnum):
    """Where position i of N samples an axis of X cells: csrc/ops/resize/resize.h."""

    FLOOR = 0
    STRICT_ALIGN = 1
    ALIGN = 2
    UPSAMPLE = 3
    ROI_ALIGN = 4
    HALF_PIXEL = 5


@dataclass(frozen=True, slots=True)
class Resize(Op):
    """x (..., H, W, C) -> y (..., OH, OW, C): to `size`, or by `factor` when size is empty."""

    code: ClassVar[str] = "RESIZE"
    kind: ResizeKind
    grid: ResizeGrid
    size: Dims
    factor: Floats2 = (1.0, 1.0)
