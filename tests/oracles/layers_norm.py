"""Normalisation.  The channel is axis -3.  "0 means default" scalars of the format are resolved here."""

from typing import Any

import torch

from . import weights
from .registry import layer

CHW, HW = (-3, -2, -1), (-2, -1)


@layer("batchnorm")
def batchnorm(p: Any, x: torch.Tensor) -> torch.Tensor:
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta; stored, instance or batch statistics."""
    per_channel = (int(p.channels), 1, 1)
    if p.computeMeanVar:
        axes = HW if p.instanceNormalization else tuple(i for i in range(x.ndim) if i != x.ndim - 3)
        mean, variance = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
    else:
        mean, variance = weights.tensor(p.mean, per_channel, x), weights.tensor(p.variance, per_channel, x)
    y = (x - mean) / (variance + (p.epsilon or 1e-5)).sqrt()
    return y * weights.tensor(p.gamma, per_channel, x) + weights.tensor(p.beta, per_channel, x)


@layer("mvn")
def mvn(p: Any, x: torch.Tensor) -> torch.Tensor:
    """Subtract the mean over (C, H, W) or (H, W); optionally divide by sqrt(variance + epsilon)."""
    axes = CHW if p.acrossChannels else HW
    y = x - x.mean(axes, keepdim=True)
    if not p.normalizeVariance:
        return y
    return y / (x.var(axes, correction=0, keepdim=True) + (p.epsilon or 1e-6)).sqrt()


@layer("l2normalize")
def l2normalize(p: Any, x: torch.Tensor) -> torch.Tensor:
    """x / sqrt(sum of squares over (C, H, W) + epsilon)."""
    return x / ((x * x).sum(CHW, keepdim=True) + (p.epsilon or 1e-6)).sqrt()


@layer("lrn")
def lrn(p: Any, x: torch.Tensor) -> torch.Tensor:
    """x / (k + alpha/n * sum of squares of n neighbouring channels)^beta; an even n reaches further back."""
    n = int(p.localSize)
    squares = torch.nn.functional.pad(x * x, (0, 0, 0, 0, n // 2, (n - 1) // 2))
    total = squares.unfold(-3, n, 1).sum(-1)
    return x / ((p.k or 1.0) + p.alpha / n * total) ** p.beta


@layer("softmax")
def softmax(_: Any, x: torch.Tensor) -> torch.Tensor:
    """Over the channel axis."""
    return torch.softmax(x, -3)
