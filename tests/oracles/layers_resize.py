"""Upsampling and resizing as one matrix per axis: y = Mh x Mw^T, with rows of M given by a sampling grid."""

import math
from typing import Any

import numpy as np
import torch

from . import borders
from .registry import layer


def _matrix(points: np.ndarray, size: int) -> torch.Tensor:
    """(len(points), size): linear interpolation at positions in [0, size - 1]."""
    points = np.clip(points, 0, size - 1)
    low = np.minimum(np.floor(points).astype(int), max(size - 2, 0))
    weight = points - low
    m = np.zeros((len(points), size))
    rows = np.arange(len(points))
    m[rows, low] += 1 - weight
    m[rows, np.minimum(low + 1, size - 1)] += weight
    return torch.from_numpy(m)


def _resample(x: torch.Tensor, grids: list[np.ndarray]) -> torch.Tensor:
    rows, columns = (_matrix(g, n).to(x.dtype) for g, n in zip(grids, x.shape[-2:], strict=True))
    return rows @ x @ columns.T


@layer("upsample")
def upsample(p: Any, x: torch.Tensor) -> torch.Tensor:
    """By whole factors, nearest or bilinear, or by fractional factors in the two align-corners modes."""
    if p.mode == 0:
        rows, columns = borders.pair(p.scalingFactor, 1)
        return x.repeat_interleave(rows, -2).repeat_interleave(columns, -1)
    return _resample(x, [_upsample_grid(p, axis, x.shape[axis - 2]) for axis in (0, 1)])


def _upsample_grid(p: Any, axis: int, size: int) -> np.ndarray:
    if len(p.fractionalScalingFactor):  # product in float32: 10 * 2.3 must be 23, not 22.9999
        out = math.floor(np.float32(size) * np.float32(p.fractionalScalingFactor[axis]))
    else:
        out = size * borders.pair(p.scalingFactor, 1)[axis]
    i = np.arange(out, dtype=np.float64)
    if p.linearUpsampleMode == 0:
        return i * size / out
    if p.linearUpsampleMode == 1:
        return i * (size - 1) / max(out - 1, 1)
    return (i + 0.5) * size / out - 0.5


@layer("resizeBilinear")
def resize_bilinear(p: Any, x: torch.Tensor) -> torch.Tensor:
    """To targetSize [H, W], on one of the four grids of SamplingMode."""
    method, target = p.mode.samplingMethod, borders.pair(p.targetSize, 1)
    return _resample(x, [sampling_grid(method, n, t) for n, t in zip(x.shape[-2:], target, strict=True)])


def sampling_grid(method: int, size: int, count: int) -> np.ndarray:
    """count points in [0, size - 1]."""
    if method == 0:  # STRICT_ALIGN_ENDPOINTS_MODE
        return np.linspace(0, size - 1, count)
    if method == 1:  # ALIGN_ENDPOINTS_MODE
        return np.linspace(0, size - 1, count) if count > 1 else np.array([(size - 1) / 2])
    if method == 2:  # UPSAMPLE_MODE
        return np.linspace(0, size - size / count, count).clip(max=size - 1)
    spacing = max(1, size - 1) / count  # ROI_ALIGN_MODE
    return (spacing / 2 + spacing * np.arange(count)).clip(max=size - 1)
