"""The network that turns a drawing into an embedding, in PyTorch.

Every block is a convolution or a matrix with a normalisation behind it, and gives the two as one (`folded`),
because the shipped model has no normalisation layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

EMBEDDING = 128


class ConvNorm(nn.Module):
    """Convolution, batch normalisation and, if wanted, ReLU.  (N, I, H, W) -> (N, O, H/stride, W/stride).

    pad False: no padding, so a kernel as large as the image leaves one pixel.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        relu: bool = True,
        pad: bool = True,
    ) -> None:
        super().__init__()
        padding = kernel // 2 if pad else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.relu = relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.conv(x))
        return F.relu(y) if self.relu else y

    def folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight (O, I/groups, K, K) and bias (O,) of the one convolution that does both, as in eval mode."""
        mean, spread = _statistics(self.norm)
        gain = self.norm.weight / spread
        return self.conv.weight * gain[:, None, None, None], self.norm.bias - mean * gain


class Residual(nn.Module):
    """relu(x + body(x)); the body ends without ReLU and keeps the shape."""

    def __init__(self, *body: ConvNorm) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.body(x))


class LinearNorm(nn.Module):
    """Matrix and normalisation, scaled so that the squared length is about 1.  (N, I) -> (N, O)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs, affine=False)
        self.scale = outputs**-0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.linear(x)) * self.scale

    def folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight (O, I) and bias (O,) of the one matrix that does both, as in eval mode."""
        mean, spread = _statistics(self.norm)
        gain = self.scale / spread
        return self.linear.weight * gain[:, None], -mean * gain


def _statistics(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation per channel that the normalisation uses in eval mode."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a normalisation without running statistics cannot be folded")
    return norm.running_mean, torch.sqrt(norm.running_var + norm.eps)


def blocks() -> Sequence[nn.Module]:
    """The network's blocks, first to last.  Comments: the shape behind the block."""
    return (
        ConvNorm(1, 24, 3),  # 24, 28, 28
        nn.MaxPool2d(2),  # 24, 14, 14
        ConvNorm(24, 40, 3),  # 40, 14, 14
        ConvNorm(40, 64, 3, stride=2),  # 64, 7, 7
        Residual(ConvNorm(64, 64, 3, relu=False)),
        ConvNorm(64, 128, 1),  # 128, 7, 7
        Residual(ConvNorm(128, 128, 3, groups=128), ConvNorm(128, 128, 1, relu=False)),
        ConvNorm(128, 128, 7, groups=128, relu=False, pad=False),  # 128, 1, 1: a weight per place
        nn.Flatten(),  # 128
        LinearNorm(128, EMBEDDING),  # 128
    )


class DrawingEmbedding(nn.Sequential):
    """float32 (N, 1, 28, 28), ink 0..1, to embeddings (N, 128); near in Euclidean distance means alike."""

    def __init__(self) -> None:
        super().__init__(*blocks())
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's stub lacks it
