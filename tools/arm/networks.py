"""Networks to count, with weights from a seed, and what they should give: small enough for an emulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime import MLModel
from pyruntime.compiler import encode_graph
from pyruntime.config import MLModelConfiguration
from pyruntime.engines.neural_network import NeuralNetworkEngine
from pyruntime.layers.network import lower_network
from pyruntime.models import datatypes
from pyruntime.models.neural_network import NeuralNetworkBuilder
from pyruntime.passes.pipeline import PASSES


@dataclass(frozen=True)
class Network:
    """A plan without packed weights, an input, and what this machine's kernels make of it."""

    name: str
    plan: NDArray[np.uint8]
    weights: NDArray[np.uint8]
    input: NDArray[np.float32]
    expected: NDArray[np.float32]
    multiply_adds: int


class _Builder:
    """A chain of convolutions with ReLU."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        self.shape = (channels, height, width)
        self.random = np.random.default_rng(1)
        features = [("data", datatypes.Array(*self.shape))]
        self.builder: Any = NeuralNetworkBuilder(features, [("out", None)])
        self.multiply_adds, self.last = 0, "data"

    def convolution(self, outputs: int, kernel: int, stride: int = 1, *, depthwise: bool = False) -> None:
        channels, height, width = self.shape
        number = len(self.builder.spec.neuralNetwork.layers)
        per_output = 1 if depthwise else channels
        weight = self.random.standard_normal((kernel, kernel, per_output, outputs)).astype(np.float32)
        weight *= np.float32(np.sqrt(2 / (per_output * kernel * kernel)))
        bias = (self.random.standard_normal(outputs) * 0.1).astype(np.float32)
        pad = kernel // 2
        self.builder.add_convolution(
            f"conv{number}", per_output, outputs, kernel, kernel, stride, stride, "valid", channels if depthwise else 1,
            weight, bias, True, input_name=self.last, output_name=f"c{number}", padding_top=pad, padding_bottom=pad,
            padding_left=pad, padding_right=pad,
        )  # fmt: skip
        self.builder.add_activation(f"relu{number}", "RELU", f"c{number}", f"r{number}")
        self.shape, self.last = (outputs, height // stride, width // stride), f"r{number}"
        self.multiply_adds += kernel * kernel * per_output * outputs * self.shape[1] * self.shape[2]

    def network(self, name: str) -> Network:
        spec = self.builder.spec
        spec.neuralNetwork.layers[-1].output[0] = "out"
        shape = tuple(spec.description.input[0].type.multiArrayType.shape)
        image = self.random.standard_normal(shape).astype(np.float32)
        model = MLModel(spec, configuration=MLModelConfiguration(threads=1, cache_folder=None))
        expected = np.asarray(model.predict({"data": image})["out"], np.float32)
        assert isinstance(model.engine, NeuralNetworkEngine)
        part = model.engine.part
        lowered = lower_network(part.spec.neuralNetwork, part.description, part.payloads, ("out",))
        graph = lowered.graph
        for step in PASSES:
            graph = step(graph)
        return Network(name, *encode_graph(graph), image, expected.reshape(-1), self.multiply_adds)


def mobilenet_v1() -> Network:
    """The 27 convolutions of MobileNet v1, half as wide, on an image of 128 by 128."""
    net = _Builder(3, 128, 128)
    net.convolution(16, 3, 2)
    widths = (32, 64, 64, 128, 128, *[256] * 6, 512, 512)
    strides = (1, 2, 1, 2, 1, 2, *[1] * 5, 2, 1)
    for outputs, stride in zip(widths, strides, strict=True):
        net.convolution(net.shape[0], 3, stride, depthwise=True)
        net.convolution(outputs, 1)
    return net.network("mobilenet_v1")


def convolution_3x3() -> Network:
    """One 3x3 convolution, 64 to 64 channels at 56 by 56."""
    net = _Builder(64, 56, 56)
    net.convolution(64, 3)
    return net.network("convolution_3x3")


def convolution_1x1() -> Network:
    """One 1x1 convolution, 256 to 256 channels at 28 by 28."""
    net = _Builder(256, 28, 28)
    net.convolution(256, 1)
    return net.network("convolution_1x1")


NETWORKS: dict[str, Callable[[], Network]] = {
    function.__name__: function for function in (mobilenet_v1, convolution_3x3, convolution_1x1)
}
