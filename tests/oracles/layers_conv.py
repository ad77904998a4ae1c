"""Convolution, dense layers and embedding.  NeuralNetwork.proto: ConvolutionLayerParams and following."""

import math
from typing import Any

import torch
import torch.nn.functional as F

from . import borders, weights
from .registry import layer


@layer("convolution")
def convolution(p: Any, x: torch.Tensor, kernel: torch.Tensor | None = None) -> torch.Tensor:
    """x (.., C, H, W) -> (.., O, H', W'), or its transpose when isDeconvolution."""
    groups = int(p.nGroups) or 1
    size = borders.pair(p.kernelSize, 3)
    channels = int(p.kernelChannels)
    if kernel is not None:
        w = kernel.reshape(kernel.shape[-4:])
    elif p.isDeconvolution:
        w = weights.tensor(p.weights, (channels, int(p.outputChannels) // groups, *size), x, axis=1)
    else:
        w = weights.tensor(p.weights, (int(p.outputChannels), channels, *size), x)
    images = x.reshape(-1, *x.shape[-3:])
    y = _transposed(p, images, w, groups) if p.isDeconvolution else _plain(p, images, w, groups)
    if p.hasBias:
        y = y + weights.tensor(p.bias, (int(p.outputChannels), 1, 1), x)
    return y.reshape(*x.shape[:-3], *y.shape[-3:])


def _windows(p: Any, w: torch.Tensor) -> tuple[tuple[int, int], tuple[int, int], list[int]]:
    """Strides, dilations, and kernel sizes with the dilation counted."""
    stride, dilation = borders.pair(p.stride, 1), borders.pair(p.dilationFactor, 1)
    return stride, dilation, [(k - 1) * d + 1 for k, d in zip(w.shape[-2:], dilation, strict=True)]


def _plain(p: Any, x: torch.Tensor, w: torch.Tensor, groups: int) -> torch.Tensor:
    stride, dilation, window = _windows(p, w)
    if p.WhichOneof("ConvolutionPaddingType") == "same":
        heavy = p.same.asymmetryMode == 1
        top_bottom, left_right = (borders.same(x.shape[i - 2], window[i], stride[i], heavy) for i in (0, 1))
        pads = (top_bottom, left_right)
    else:
        pads = borders.amounts(p.valid.paddingAmounts)
    return F.conv2d(borders.pad(x, pads), w, stride=stride, dilation=dilation, groups=groups)


def _transposed(p: Any, x: torch.Tensor, w: torch.Tensor, groups: int) -> torch.Tensor:
    """Make the full result, then cut it to size; points that no input reaches are 0."""
    stride, dilation, _ = _windows(p, w)
    full = F.conv_transpose2d(x, w, stride=stride, dilation=dilation, groups=groups)
    cuts = list(borders.amounts(p.valid.paddingAmounts))
    size = [full.shape[i - 2] - sum(cuts[i]) for i in (0, 1)]
    if p.WhichOneof("ConvolutionPaddingType") == "same":
        size = [int(n) for n in p.outputShape] or [x.shape[i - 2] * stride[i] for i in (0, 1)]
        cuts = [borders.split(max(0, full.shape[i - 2] - size[i]), p.same.asymmetryMode == 1) for i in (0, 1)]
    if len(p.outputShape):
        size = [int(n) for n in p.outputShape]
    ends = [cuts[i][0] + size[i] - full.shape[i - 2] for i in (0, 1)]
    return borders.pad(full, ((-cuts[0][0], ends[0]), (-cuts[1][0], ends[1])))


@layer("innerProduct")
def inner_product(p: Any, x: torch.Tensor) -> torch.Tensor:
    """y = W x + b over the last axis (rank 1..3) or over the last three (rank 4, 5): -> (.., O, 1, 1)."""
    w = weights.tensor(p.weights, (int(p.outputChannels), int(p.inputChannels)), x)
    flat = x if x.ndim <= 3 else x.reshape(*x.shape[:-3], math.prod(x.shape[-3:]))
    y = flat @ w.T
    if p.hasBias:
        y = y + weights.tensor(p.bias, (int(p.outputChannels),), x)
    return y if x.ndim <= 3 else y[..., None, None]


@layer("batchedMatmul")
def batched_matmul(p: Any, x: torch.Tensor, *second: torch.Tensor) -> torch.Tensor:
    """The matrix product over the last two axes; a stored second matrix is transposed, (columns, rows)."""
    if not second:
        sizes = (int(p.weightMatrixSecondDimension), int(p.weightMatrixFirstDimension))
        y = x @ weights.tensor(p.weights, sizes, x).T
        return y + weights.tensor(p.bias, sizes[:1], x) if p.hasBias else y
    left, right = x, second[0]
    left = left[None] if left.ndim == 1 else left.mT if p.transposeA else left
    right = right[:, None] if right.ndim == 1 else right.mT if p.transposeB else right
    return left @ right


@layer("embedding")
def embedding(p: Any, x: torch.Tensor) -> torch.Tensor:
    """Index (.., 1, 1, 1) -> column of W: (.., O, 1, 1).  A fraction in the index is cut off."""
    w = weights.tensor(p.weights, (int(p.outputChannels), int(p.inputDim)), x)
    y = w.T[x.reshape(x.shape[:-3]).long()]
    if p.hasBias:
        y = y + weights.tensor(p.bias, (int(p.outputChannels),), x)
    return y[..., None, None]
