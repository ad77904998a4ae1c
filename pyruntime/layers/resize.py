"""Images on another grid."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import BoxMode, CropResize, Resize, ResizeGrid, ResizeKind
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.builder import Builder
from pyruntime.layers.conv import two
from pyruntime.layers.registry import layer

UPSAMPLE_GRIDS = (ResizeGrid.UPSAMPLE, ResizeGrid.STRICT_ALIGN, ResizeGrid.HALF_PIXEL)
"""UpsampleLayerParams.LinearUpsampleMode: DEFAULT, ALIGN_CORNERS_TRUE, ALIGN_CORNERS_FALSE."""
SAMPLING_GRIDS = (ResizeGrid.STRICT_ALIGN, ResizeGrid.ALIGN, ResizeGrid.UPSAMPLE, ResizeGrid.ROI_ALIGN)
"""SamplingMode.Method."""


@layer("upsample")
def upsample(p: Any, x: Value, b: Builder) -> Value:
    """(..., C, H, W) -> (..., C, H*f, W*f), nearest or bilinear.  UpsampleLayerParams."""
    b.need_rank(x, 3)
    fractional = [float(f) for f in p.fractionalScalingFactor]
    if fractional and (len(fractional) != 2 or p.scalingFactor or not all(0 < f < 2**16 for f in fractional)):
        raise b.invalid("fractionalScalingFactor", expected="two positive numbers and no scalingFactor", got=fractional)
    factor = fractional or [float(f) for f in two(p.scalingFactor, 1, "scalingFactor", b)]
    if p.mode == 0:
        kind, grid = ResizeKind.NEAREST, ResizeGrid.FLOOR
    elif p.mode == 1 and 0 <= p.linearUpsampleMode < len(UPSAMPLE_GRIDS):
        kind, grid = ResizeKind.BILINEAR, UPSAMPLE_GRIDS[p.linearUpsampleMode]
    else:
        raise b.invalid(
            "mode", expected="NN or BILINEAR with a known linearUpsampleMode", got=(p.mode, p.linearUpsampleMode)
        )
    return b.channels_first(b.emit(Resize(kind, grid, (), (factor[0], factor[1])), b.channels_last(x)))


@layer("resizeBilinear")
def resize_bilinear(p: Any, x: Value, b: Builder) -> Value:
    """(..., C, H, W) -> (..., C, targetSize).  ResizeBilinearLayerParams."""
    b.need_rank(x, 3)
    op = Resize(ResizeKind.BILINEAR, _grid(p, b), two(p.targetSize, 1, "targetSize", b))
    return b.channels_first(b.emit(op, b.channels_last(x)))


def _grid(p: Any, b: Builder) -> ResizeGrid:
    method = p.mode.samplingMethod
    if not 0 <= method < len(SAMPLING_GRIDS):
        raise b.invalid("mode.samplingMethod", expected="one of the format's four", got=method)
    return SAMPLING_GRIDS[method]


@layer("cropResize", inputs=2)
def crop_resize(p: Any, x: Value, boxes: Value, b: Builder) -> Value:
    """(1, B, C, H, W) and N boxes of (N, 1, 4, 1, 1) -> (N, B, C, *targetSize); of (N, 1, 5, 1, 1) -> (N, 1, C, ...).

    The first of five numbers says which of the B images the box is in.  A spatialScale of 0 means 1.
    CropResizeLayerParams.
    """
    if x.rank != 5 or boxes.rank != 5:
        raise b.invalid("inputs", expected="an image and boxes of rank 5", got=f"{list(x.shape)}, {list(boxes.shape)}")
    numbers, ones = boxes.shape[2], (boxes.shape[1], *boxes.shape[3:])
    if numbers not in (4, 5) or any(size not in (1, UNKNOWN) for size in ones):
        raise b.invalid("boxes", expected="of shape (N, 1, 4, 1, 1) or (N, 1, 5, 1, 1)", got=list(boxes.shape))
    if x.shape[0] not in (1, UNKNOWN):
        raise b.invalid("the image", expected="of shape (1, B, C, H, W)", got=list(x.shape))
    mode = p.boxIndicesMode.boxMode
    if not 0 <= mode < len(BoxMode):
        raise b.invalid("boxIndicesMode.boxMode", expected="one of the format's four", got=mode)
    scale = p.spatialScale or 1.0
    size = two(p.targetSize, 1, "targetSize", b)
    op = CropResize(_grid(p, b), BoxMode(mode), p.normalizedCoordinates, scale, size)
    return b.channels_first(b.emit(op, b.channels_last(x), b.reshape(boxes, 0, numbers)))
