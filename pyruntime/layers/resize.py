"""Images on another grid."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Resize, ResizeGrid, ResizeKind
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
    method = p.mode.samplingMethod
    if not 0 <= method < len(SAMPLING_GRIDS):
        raise b.invalid("mode.samplingMethod", expected="one of the format's four", got=method)
    op = Resize(ResizeKind.BILINEAR, SAMPLING_GRIDS[method], two(p.targetSize, 1, "targetSize", b))
    return b.channels_first(b.emit(op, b.channels_last(x)))
