"""Random variations of drawings: the ways in which two people draw the same thing differently.

All functions take and return float32 tensors (N, 1, H, W) with ink in 0..1 on a ground of 0.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

MAX_TURN = math.radians(15)  # people hold the pen askew, but nobody draws a house upside down
SCALE_RANGE = (0.75, 1.15)  # below 1: the drawing becomes smaller on its sheet
MAX_STRETCH = 0.2  # width against height
MAX_SHEAR = 0.15
MAX_SHIFT = 4 / 28  # 4 pixels, as a share of the sheet
WARP = 0.12  # spread of the warp's grid points, as a share of half the sheet
WARP_POINTS = 4  # the warp is a smooth field through 4 x 4 random points


def vary(images: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """One random variation of each drawing: mirrored, turned, scaled, sheared, shifted, warped, restroked."""
    count = images.shape[0]
    grid = F.affine_grid(_affine(count, random), list(images.shape), align_corners=False)
    points = torch.randn(count, 2, WARP_POINTS, WARP_POINTS, generator=random) * WARP
    field = F.interpolate(points, size=images.shape[2:], mode="bicubic", align_corners=True)
    moved = F.grid_sample(images, grid + field.permute(0, 2, 3, 1), mode="bilinear", align_corners=False)
    return _restroke(moved, random)


def _affine(count: int, random: torch.Generator) -> torch.Tensor:
    """Random affine maps (count, 2, 3) from output to input coordinates, both in -1..1."""

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(count, generator=random) * (high - low) + low

    turn, shear = uniform(-MAX_TURN, MAX_TURN), uniform(-MAX_SHEAR, MAX_SHEAR)
    zoom, stretch = 1 / uniform(*SCALE_RANGE), torch.exp(uniform(-MAX_STRETCH, MAX_STRETCH) / 2)
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(turn) * zoom, torch.sin(turn) * zoom
    right, down = uniform(-2, 2) * MAX_SHIFT, uniform(-2, 2) * MAX_SHIFT
    row_x = torch.stack([cos * stretch * mirror, (shear * cos - sin) / stretch, right], dim=1)
    row_y = torch.stack([sin * stretch * mirror, (shear * sin + cos) / stretch, down], dim=1)
    return torch.stack([row_x, row_y], dim=1)


def _restroke(images: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Make a third of the strokes thicker, soften a third, leave the rest; then vary the ink's strength."""
    count = images.shape[0]
    kind = torch.rand(count, 1, 1, 1, generator=random)
    amount = torch.rand(count, 1, 1, 1, generator=random)
    thick = F.max_pool2d(images, 3, stride=1, padding=1)
    soft = F.avg_pool2d(images, 3, stride=1, padding=1) * 1.5
    other = torch.where(kind < 1 / 3, thick, torch.where(kind < 2 / 3, soft, images))
    ink = 0.7 + 0.6 * torch.rand(count, 1, 1, 1, generator=random)
    return ((images + amount * (other - images)) * ink).clamp(0, 1)
