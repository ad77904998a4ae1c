"""Networks that name what a picture shows: (1, 3, H, W) in, probabilities of CLASSES classes out.

Shapes and widths are those of the papers; weights are random (catalogue.py).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 1000


def conv_norm(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    stride: int = 1,
    groups: int = 1,
    dilation: int = 1,
    activation: Callable[[], nn.Module] | None = nn.ReLU6,
) -> nn.Sequential:
    """Convolution that keeps the size (but for its stride), batch normalisation, activation."""
    padding = (kernel - 1) // 2 * dilation
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([activation()] if activation else []))


class Classifier(nn.Module):
    """Features, their mean over the picture, a dense layer when `width` is given, probabilities (1, CLASSES)."""

    def __init__(self, features: nn.Module, width: int | None) -> None:
        super().__init__()
        self.features = features
        self.dense = nn.Linear(width, CLASSES) if width else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        mean = F.adaptive_avg_pool2d(self.features(x), 1).flatten(1)
        return F.softmax(self.dense(mean), 1)


def mobilenet_v1() -> nn.Module:
    """Howard and others 2017: depthwise and pointwise convolutions in turn."""
    widths = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    blocks, channels = [conv_norm(3, 32, stride=2)], 32
    for width, stride in zip(widths, strides, strict=True):
        blocks += [conv_norm(channels, channels, stride=stride, groups=channels), conv_norm(channels, width, 1)]
        channels = width
    return Classifier(nn.Sequential(*blocks), channels)


class InvertedResidual(nn.Module):
    """Expand, depthwise, project; added to its input where the shapes are the same."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, kernel: int, dilation: int) -> None:
        super().__init__()
        width = inputs * expansion
        expand = [conv_norm(inputs, width, 1)] if expansion > 1 else []
        depthwise = conv_norm(width, width, kernel, stride, groups=width, dilation=dilation)
        self.steps = nn.Sequential(*expand, depthwise, conv_norm(width, outputs, 1, activation=None))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.steps(x)
        return x + y if self.residual else y


Stage = tuple[int, int, int, int, int, int]
MOBILENET_V2: tuple[Stage, ...] = (
    (1, 16, 1, 1, 3, 1), (6, 24, 2, 2, 3, 1), (6, 32, 3, 2, 3, 1), (6, 64, 4, 2, 3, 1), (6, 96, 3, 1, 3, 1),
    (6, 160, 3, 2, 3, 1), (6, 320, 1, 1, 3, 1),
)  # fmt: skip
"""Expansion, channels, blocks, stride of the first block, kernel, dilation."""
EFFICIENTNET_LITE0: tuple[Stage, ...] = (
    (1, 16, 1, 1, 3, 1), (6, 24, 2, 2, 3, 1), (6, 40, 2, 2, 5, 1), (6, 80, 3, 2, 3, 1), (6, 112, 3, 1, 5, 1),
    (6, 192, 4, 2, 5, 1), (6, 320, 1, 1, 3, 1),
)  # fmt: skip


def inverted_residuals(stages: tuple[Stage, ...]) -> nn.Sequential:
    """A first convolution to 32 channels and the blocks of all stages."""
    blocks: list[nn.Module] = [conv_norm(3, 32, stride=2)]
    channels = 32
    for expansion, width, count, stride, kernel, dilation in stages:
        for i in range(count):
            blocks.append(InvertedResidual(channels, width, stride if i == 0 else 1, expansion, kernel, dilation))
            channels = width
    return nn.Sequential(*blocks)


def mobilenet_v2(stages: tuple[Stage, ...] = MOBILENET_V2) -> nn.Module:
    """Sandler and others 2018.  With other stages: EfficientNet-Lite."""
    return Classifier(nn.Sequential(inverted_residuals(stages), conv_norm(stages[-1][1], 1280, 1)), 1280)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 around a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.steps = nn.Sequential(
            conv_norm(inputs, width, 1, activation=nn.ReLU),
            conv_norm(width, width, 3, stride, activation=nn.ReLU),
            conv_norm(width, outputs, 1, activation=None),
        )
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else conv_norm(inputs, outputs, 1, stride, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.steps(x) + self.shortcut(x))


def resnet50() -> nn.Module:
    """He and others 2015, with the stride in the 3x3 convolution."""
    blocks: list[nn.Module] = [conv_norm(3, 64, 7, 2, activation=nn.ReLU), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(count):
            blocks.append(Bottleneck(channels, width, stride if i == 0 else 1))
            channels = 4 * width
    return Classifier(nn.Sequential(*blocks), channels)


class Fire(nn.Module):
    """Squeeze to few channels, expand by 1x1 and 3x3 side by side."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.one = nn.Conv2d(squeezed, expanded, 1)
        self.three = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.one(x)), F.relu(self.three(x))], 1)


def squeezenet11() -> nn.Module:
    """Iandola and others 2016, version 1.1: the classes come from a convolution."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2)

    features = nn.Sequential(
        nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool(), Fire(128, 32, 128),
        Fire(256, 32, 128), pool(), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
        nn.Conv2d(512, CLASSES, 1), nn.ReLU(),
    )  # fmt: skip
    return Classifier(features, None)


class Inception(nn.Module):
    """Four branches side by side: 1x1, 3x3, 5x5, and a maximum followed by 1x1."""

    def __init__(self, inputs: int, one: int, before3: int, three: int, before5: int, five: int, pooled: int) -> None:
        super().__init__()

        def conv(a: int, b: int, kernel: int) -> nn.Module:
            return conv_norm(a, b, kernel, activation=nn.ReLU)

        self.branches = nn.ModuleList(
            [
                conv(inputs, one, 1),
                nn.Sequential(conv(inputs, before3, 1), conv(before3, three, 3)),
                nn.Sequential(conv(inputs, before5, 1), conv(before5, five, 5)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(inputs, pooled, 1)),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def googlenet() -> nn.Module:
    """Szegedy and others 2014, with batch normalisation and without the side outputs."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, 1)

    features = nn.Sequential(
        conv_norm(3, 64, 7, 2, activation=nn.ReLU), pool(), conv_norm(64, 64, 1, activation=nn.ReLU),
        conv_norm(64, 192, activation=nn.ReLU), pool(),
        Inception(192, 64, 96, 128, 16, 32, 32), Inception(256, 128, 128, 192, 32, 96, 64), pool(),
        Inception(480, 192, 96, 208, 16, 48, 64), Inception(512, 160, 112, 224, 24, 64, 64),
        Inception(512, 128, 128, 256, 24, 64, 64), Inception(512, 112, 144, 288, 32, 64, 64),
        Inception(528, 256, 160, 320, 32, 128, 128), pool(),
        Inception(832, 256, 160, 320, 32, 128, 128), Inception(832, 384, 192, 384, 48, 128, 128),
    )  # fmt: skip
    return Classifier(features, 1024)


def vgg16() -> nn.Module:
    """Simonyan and Zisserman 2014: 3x3 convolutions, and 124 of its 138 million weights in dense layers."""
    layers: list[nn.Module] = []
    channels = 3
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2, 2))
    dense = [nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, CLASSES)]
    return nn.Sequential(*layers, nn.Flatten(), *dense, nn.Softmax(1))
