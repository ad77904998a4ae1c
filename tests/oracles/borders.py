"""Border arithmetic shared by convolution, pooling, padding and crop."""

from typing import Any

import torch
import torch.nn.functional as F

Pads = tuple[tuple[int, int], tuple[int, int]]


def amounts(p: Any) -> Pads:
    """BorderAmounts -> ((top, bottom), (left, right)); nothing given means 0."""
    edges = [(int(e.startEdgeSize), int(e.endEdgeSize)) for e in p.borderAmounts]
    return (edges[0], edges[1]) if edges else ((0, 0), (0, 0))


def split(total: int, top_left_heavy: bool) -> tuple[int, int]:
    """The odd pixel of a SAME padding goes to the heavy side."""
    small = total // 2
    return (total - small, small) if top_left_heavy else (small, total - small)


def same(size: int, window: int, stride: int, top_left_heavy: bool) -> tuple[int, int]:
    """Pads of one axis so that the output has ceil(size / stride) points; window counts the dilation."""
    out = -(-size // stride)
    return split(max(0, (out - 1) * stride + window - size), top_left_heavy)


def pad(x: torch.Tensor, pads: Pads, value: float = 0.0) -> torch.Tensor:
    """x (.., H, W) with a constant border; negative amounts cut."""
    (top, bottom), (left, right) = pads
    return F.pad(x, (left, right, top, bottom), value=value)


def pair(values: Any, default: int) -> tuple[int, int]:
    """[H, W] of a repeated field; an absent one is (default, default)."""
    return (int(values[0]), int(values[1])) if len(values) else (default, default)
