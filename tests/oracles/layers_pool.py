"""Pooling, written over explicit windows so that every padding rule is visible."""

from typing import Any

import torch

from . import borders
from .registry import layer

MAX, AVERAGE, L2 = 0, 1, 2


@layer("pooling")
def pooling(p: Any, x: torch.Tensor) -> torch.Tensor:
    """x (.., C, H, W) -> (.., C, H', W').  NeuralNetwork.proto, PoolingLayerParams."""
    height, width = x.shape[-2:]
    kernel = (height, width) if p.globalPooling else borders.pair(p.kernelSize, 3)
    stride = (1, 1) if p.globalPooling else borders.pair(p.stride, 1)
    pads, reach = ((0, 0), (0, 0)), ((0, 0), (0, 0))
    if not p.globalPooling:
        pads, reach = _pads(p, (height, width), kernel, stride)

    def windows(values: torch.Tensor, border: float, beyond: float) -> torch.Tensor:
        """(.., H', W', kH, kW); border: value of padded cells, beyond: value of cells past the padding."""
        padded = borders.pad(borders.pad(values, pads, border), reach, beyond)
        return padded.unfold(-2, kernel[0], stride[0]).unfold(-2, kernel[1], stride[1])

    if p.type == MAX:
        return windows(x, -torch.inf, -torch.inf).amax((-1, -2))
    if p.type == L2:
        return windows(x * x, 0.0, 0.0).sum((-1, -2)).sqrt()
    counted_border = 0.0 if p.avgPoolExcludePadding else 1.0
    cells = windows(torch.ones_like(x), counted_border, 0.0).sum((-1, -2))
    return windows(x, 0.0, 0.0).sum((-1, -2)) / cells.clamp(min=1.0)


def _pads(
    p: Any, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int]
) -> tuple[borders.Pads, borders.Pads]:
    """Padding of the layer, and how far the last windows of includeLastPixel hang over its end."""
    kind = p.WhichOneof("PoolingPaddingType")
    if kind == "same":
        heavy = p.same.asymmetryMode == 1
        rows, columns = (borders.same(size[i], kernel[i], stride[i], heavy) for i in (0, 1))
        return (rows, columns), ((0, 0), (0, 0))
    if kind == "valid":
        return borders.amounts(p.valid.paddingAmounts), ((0, 0), (0, 0))
    both = borders.pair(p.includeLastPixel.paddingAmounts, 0)
    over = []
    for n, k, s, pad in zip(size, kernel, stride, both, strict=True):
        count = -(-(n + 2 * pad - k) // s) + 1
        if any(both) and (count - 1) * s >= n + pad:
            count -= 1
        over.append((0, (count - 1) * s + k - n - 2 * pad))  # negative: a rest that no window reaches
    return ((both[0], both[0]), (both[1], both[1])), (over[0], over[1])
