"""Networks whose answer is as wide as the picture: boxes, the class of every pixel, another picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from classifiers import MOBILENET_V2, Stage, conv_norm, inverted_residuals
from torch import Tensor, nn

DEEPLAB: tuple[Stage, ...] = (*MOBILENET_V2[:-2], (6, 160, 3, 1, 3, 2), (6, 320, 1, 1, 3, 2))
"""MobileNetV2 whose last stages are dilated: a sixteenth of the picture's size."""


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.1)


class YoloV3Tiny(nn.Module):
    """Redmon and Farhadi 2018: boxes of 80 classes at a 32nd and a 16th of the picture's size, three a place."""

    def __init__(self) -> None:
        super().__init__()
        boxes = 3 * (80 + 5)

        def conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Module:
            return conv_norm(inputs, outputs, kernel, activation=_leaky)

        layers: list[nn.Module] = []
        for inputs, outputs in ((3, 16), (16, 32), (32, 64), (64, 128)):
            layers += [conv(inputs, outputs), nn.MaxPool2d(2, 2)]
        self.fine = nn.Sequential(*layers, conv(128, 256))
        pooled = [nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2, 1)]
        self.coarse = nn.Sequential(nn.MaxPool2d(2, 2), conv(256, 512), *pooled, conv(512, 1024), conv(1024, 256, 1))
        self.coarse_boxes = nn.Sequential(conv(256, 512), nn.Conv2d(512, boxes, 1))
        self.narrow = conv(256, 128, 1)
        self.fine_boxes = nn.Sequential(conv(384, 256), nn.Conv2d(256, boxes, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.fine(x)
        coarse = self.coarse(fine)
        grown = F.interpolate(self.narrow(coarse), scale_factor=2.0, mode="nearest")
        return self.coarse_boxes(coarse), self.fine_boxes(torch.cat([grown, fine], 1))


class DeepLab(nn.Module):
    """Chen and others 2017 on MobileNetV2: separable convolutions of three dilations beside a 1x1 and the mean of the
    picture; 21 classes for every pixel, of a picture of size x size."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

        def conv(inputs: int, outputs: int, kernel: int = 1, groups: int = 1, dilation: int = 1) -> nn.Module:
            return conv_norm(inputs, outputs, kernel, groups=groups, dilation=dilation, activation=nn.ReLU)

        self.features = inverted_residuals(DEEPLAB)
        dilated = [nn.Sequential(conv(320, 320, 3, 320, d), conv(320, 256)) for d in (6, 12, 18)]
        self.branches = nn.ModuleList([conv(320, 256), *dilated])
        self.whole = nn.Sequential(nn.Conv2d(320, 256, 1), nn.ReLU())
        self.classes = nn.Sequential(conv(5 * 256, 256), nn.Conv2d(256, 21, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        side = self.size // 16
        whole = F.interpolate(self.whole(F.adaptive_avg_pool2d(x, 1)), size=(side, side), mode="nearest")
        scores = self.classes(torch.cat([*(branch(x) for branch in self.branches), whole], 1))
        return F.interpolate(scores, size=(self.size, self.size), mode="bilinear", align_corners=False)


class _Stroke(nn.Module):
    """Reflected border, convolution, instance normalisation; doubled in size before, rectified after, if asked."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, double: bool = False, rectify: bool = True
    ) -> None:
        super().__init__()
        conv = [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(inputs, outputs, kernel, stride)]
        norm = nn.InstanceNorm2d(outputs, affine=True)
        self.steps = nn.Sequential(*conv, norm, *([nn.ReLU()] if rectify else []))
        self.double = double

    def forward(self, x: Tensor) -> Tensor:
        if self.double:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        y: Tensor = self.steps(x)
        return y


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(_Stroke(channels, channels, 3), _Stroke(channels, channels, 3, rectify=False))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.steps(x)


def style() -> nn.Module:
    """Johnson and others 2016, with instance normalisation and resizing instead of transposed convolutions."""
    return nn.Sequential(
        _Stroke(3, 32, 9), _Stroke(32, 64, 3, 2), _Stroke(64, 128, 3, 2), *(_Residual(128) for _ in range(5)),
        _Stroke(128, 64, 3, double=True), _Stroke(64, 32, 3, double=True),
        nn.ReflectionPad2d(4), nn.Conv2d(32, 3, 9), nn.Sigmoid(),
    )  # fmt: skip
