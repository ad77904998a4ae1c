"""Which weights of a network may be stored in few bits, and along which axis there is a scale per channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyruntime.spec.payloads import Payloads
from pyruntime.spec.weights import stored_weight, weights_of

_CHANNELS = {
    "convolution": "outputChannels", "innerProduct": "outputChannels", "embedding": "outputChannels",
    "embeddingND": "embeddingSize", "batchedMatmul": "weightMatrixSecondDimension",
    "simpleRecurrent": "outputVectorSize", "gru": "outputVectorSize", "uniDirectionalLSTM": "outputVectorSize",
    "biDirectionalLSTM": "outputVectorSize",
}  # fmt: skip
_ONE_SCALE = ("batchnorm", "scale", "bias", "loadConstant", "loadConstantND")
QUANTIZABLE = (*_CHANNELS, *_ONE_SCALE)
CONTROL_FLOW = {"branch": ("ifBranch", "elseBranch"), "loop": ("conditionNetwork", "bodyNetwork")}


@dataclass(frozen=True)
class Weighted:
    """One weight of a layer.

    part: "weights" or "bias", which is what selectors are asked about.
    shape: as stored, at least 2 axes; channel_axis: where the channels are, None for one scale.
    """

    layer: Any
    field: str
    params: Any
    part: str
    shape: tuple[int, ...]
    channel_axis: int | None


def weighted(layer: Any, payloads: Payloads | None = None) -> Iterator[Weighted]:
    """The weights of one layer that may be quantized.  payloads: those of a LeanModel."""
    kind = layer.WhichOneof("layer")
    if kind not in QUANTIZABLE:
        return
    for field, params in weights_of(getattr(layer, kind)):
        stored = stored_weight(params, payloads)
        if stored is None:
            continue
        matrix = field == "weights" or field.endswith("Matrix")
        part = "bias" if (field == "bias" and kind != "bias") or field.endswith("Vector") else "weights"
        shape, axis = _shape(kind, getattr(layer, kind), stored[1]) if matrix else ((1, stored[1]), None)
        yield Weighted(layer, field, params, part, shape, axis)


def _shape(kind: str, params: Any, count: int) -> tuple[tuple[int, ...], int]:
    """Stored shape of a matrix or kernel, as (channels, rest); of a transposed convolution (inputs, channels, rest)."""
    channels = int(getattr(params, _CHANNELS[kind]))
    if kind == "convolution" and params.isDeconvolution:
        channels //= max(1, params.nGroups)
        image = [int(size) for size in params.kernelSize] or [3, 3]
        return (int(params.kernelChannels), channels, image[0] * image[1]), 1
    return (channels, count // max(1, channels)), 0


def networks_of(spec: Any) -> Iterator[Any]:
    """Every network of a model, those in pipelines too, but not those in branches and loops."""
    kind = spec.WhichOneof("Type")
    if kind in ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor"):
        yield getattr(spec, kind)
    elif kind in ("pipeline", "pipelineClassifier", "pipelineRegressor"):
        for model in (spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline).models:
            yield from networks_of(model)


def layers_of(network: Any) -> Iterator[Any]:
    """Every layer of a network, those in branches and loops too."""
    for layer in network.layers:
        yield layer
        kind = layer.WhichOneof("layer")
        for inner in CONTROL_FLOW.get(kind, ()):
            yield from layers_of(getattr(getattr(layer, kind), inner))
