"""Images on another grid."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Dims, Floats2, Op


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


class BoxMode(IntEnum):
    """BoxCoordinatesMode.Coordinates: two corners, or centre and size."""

    CORNERS_HEIGHT_FIRST = 0
    CORNERS_WIDTH_FIRST = 1
    CENTER_HEIGHT_FIRST = 2
    CENTER_WIDTH_FIRST = 3


@dataclass(frozen=True, slots=True)
class CropResize(Op):
    """x (..., H, W, C), B images; boxes (N, 4) -> y (N, B, OH, OW, C); (N, 5), an image each -> (N, 1, OH, OW, C)."""

    code: ClassVar[str] = "CROP_RESIZE"
    grid: ResizeGrid
    mode: BoxMode
    normalized: bool
    scale: float
    size: Dims
