"""Scales, biases and batchnorms folded into the layer before them, so that there are fewer weights to quantize."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.models.neural_network.weighted_layers import CONTROL_FLOW, layers_of
from pyruntime.spec.weights import read_weights, weight_form, write_weights

Affine = tuple[NDArray[np.float64], NDArray[np.float64]]


def fold_affine_layers(network: Any, outputs: Iterable[str]) -> None:
    """Fold what follows directly and alone: after a convolution or inner product a * y + b per channel.

    outputs: names that callers see, and which therefore stay.  Networks in branches and loops stay as they are.
    """
    readers = Counter(name for layer in layers_of(network) for name in layer.input)
    readers.update(outputs)
    readers.update(layer.loop.conditionVar for layer in layers_of(network) if layer.WhichOneof("layer") == "loop")
    writers = Counter(name for layer in layers_of(network) for name in layer.output)
    place = 0
    while place + 1 < len(network.layers):
        first, second = network.layers[place], network.layers[place + 1]
        alone = list(first.output) == list(second.input) and readers[first.output[0]] == 1 == writers[first.output[0]]
        if alone and _fold(first, second):
            first.output[0] = second.output[0]
            del network.layers[place + 1]
        else:
            place += 1


def _fold(first: Any, second: Any) -> bool:
    """Put `second` into `first` if that can be done."""
    kind = first.WhichOneof("layer")
    if (
        kind not in ("convolution", "innerProduct")
        or second.WhichOneof("layer") in CONTROL_FLOW
        or len(first.input) != 1
    ):
        return False
    params = getattr(first, kind)
    channels = int(params.outputChannels)
    if not _plain(params.weights) or (params.hasBias and not _plain(params.bias)):
        return False
    affine = _affine(second, channels, kind)
    if affine is None:
        return False
    factor, offset = affine
    _scale_weights(first, kind, params, factor)
    bias = np.zeros(channels)
    if params.hasBias:
        bias = read_weights(params.bias, shape=(channels,), layer=first.name, field="bias").astype(np.float64)
    bias = bias * factor + offset
    if params.hasBias or bias.any():
        params.hasBias = True
        write_weights(params.bias, bias)
    return True


def _plain(weight: Any) -> bool:
    return weight_form(weight) == "floatValue" and not weight.isUpdatable


def _scale_weights(layer: Any, kind: str, params: Any, factor: NDArray[np.float64]) -> None:
    channels = len(factor)
    count = len(params.weights.floatValue)
    if kind == "convolution" and params.isDeconvolution:
        groups = max(1, params.nGroups)
        shape: tuple[int, ...] = (groups, int(params.kernelChannels) // groups, channels // groups, -1)
        along: NDArray[np.float64] = factor.reshape((groups, 1, channels // groups, 1))
    else:
        shape, along = (channels, -1), factor.reshape((channels, 1))
    weights = read_weights(params.weights, shape=(count,), layer=layer.name, field="weights").reshape(shape)
    write_weights(params.weights, weights * along)


def _affine(layer: Any, channels: int, before: str) -> Affine | None:
    """Factor and offset per channel of a layer that is nothing but these; None for others."""
    kind = layer.WhichOneof("layer")
    if kind == "batchnorm" and before == "convolution":
        return _of_batchnorm(layer.batchnorm, layer.name, channels)
    if kind == "scale":
        factor = _per_channel(layer.scale.scale, list(layer.scale.shapeScale), channels, layer.name)
        offset = np.zeros(channels)
        if layer.scale.hasBias:
            found = _per_channel(layer.scale.bias, list(layer.scale.shapeBias), channels, layer.name)
            if found is None:
                return None
            offset = found
        return None if factor is None else (factor, offset)
    if kind == "bias":
        found = _per_channel(layer.bias.bias, list(layer.bias.shape), channels, layer.name)
        return None if found is None else (np.ones(channels), found)
    return None


def _of_batchnorm(params: Any, name: str, channels: int) -> Affine | None:
    fields = [params.gamma, params.beta, params.mean, params.variance]
    if params.computeMeanVar or int(params.channels) != channels or not all(map(_plain, fields)):
        return None
    gamma, beta, mean, variance = (
        read_weights(field, shape=(channels,), layer=name, field="batchnorm").astype(np.float64) for field in fields
    )
    factor = gamma / np.sqrt(variance + (params.epsilon or 1e-5))
    return factor, beta - mean * factor


def _per_channel(weight: Any, shape: list[int], channels: int, name: str) -> NDArray[np.float64] | None:
    """A stored factor or offset of shape [1], [C] or [C, 1, 1], as one number per channel."""
    if not _plain(weight) or shape not in ([1], [channels], [channels, 1, 1], [1, 1, 1]):
        return None
    found = read_weights(weight, shape=(shape[0],), layer=name, field="scale").astype(np.float64)
    return np.array(np.broadcast_to(found, (channels,)))
