"""A model file -> the network in it as plain steps with sample inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from networks import Entry, open_network

from peers.layers import LAYERS
from peers.network import Array, PlainNetwork, Unwritable, Writer, merge_relu6
from pyruntime.description import ImageConstraint
from pyruntime.spec.weights import read_floats, read_weights


def read_network(path: Path, threads: int = 0) -> tuple[PlainNetwork, Entry]:
    """Raises Unwritable when a layer has no plain form."""
    entry = open_network(path, threads)
    spec, payloads = entry.engine.part.spec, entry.engine.part.payloads
    network = getattr(spec, entry.engine.part.kind)
    kinds = [layer.WhichOneof("layer") for layer in network.layers]
    inputs: dict[str, Array] = {}
    for feature, array in zip(entry.engine.description.inputs, entry.arrays, strict=True):
        reads = [k for k, layer in zip(kinds, network.layers, strict=True) if feature.name in layer.input]
        if isinstance(feature.constraint, ImageConstraint):
            inputs[feature.name] = _image(feature.name, feature.constraint, network, array, payloads)
        elif reads == ["embedding"]:
            inputs[feature.name] = array.reshape(-1).astype(np.int64)
        elif reads == ["uniDirectionalLSTM"]:
            inputs[feature.name] = array.reshape(1, 1, -1)
        else:
            inputs[feature.name] = array[:, 0] if array.shape[-2:] != (1, 1) else array.reshape(array.shape[0], -1)

    def read(params: Any, shape: tuple[int, ...]) -> Array:
        return read_weights(params, shape=shape, layer="", field="", payloads=payloads)

    w = Writer({name: array.shape for name, array in inputs.items()}, read)
    for kind, layer in zip(kinds, network.layers, strict=True):
        if kind not in LAYERS:
            raise Unwritable(f"layer type {kind} has no plain form here")
        LAYERS[kind](getattr(layer, kind), [w.find(name) for name in layer.input], list(layer.output), w)
    outputs = tuple(w.find(name) for name in entry.engine.program.outputs)
    steps = merge_relu6(w.steps, outputs)
    return PlainNetwork(path.stem, inputs, outputs, tuple(steps), w.shapes), entry


def _image(name: str, image: ImageConstraint, network: Any, pixels: Array, payloads: Any) -> Array:
    """Pixels as the first layer sees them, float32 (1, C, H, W): peers need not preprocess, our network does."""
    x = pixels.reshape(1, *pixels.shape[-3:]).astype(np.float32).transpose(0, 3, 1, 2)
    x = x[:, ::-1] if image.is_bgr else x
    for entry in network.preprocessing:
        if entry.featureName not in ("", name):
            continue
        if entry.WhichOneof("preprocessor") == "scaler":
            s = entry.scaler
            colours = [s.blueBias, s.greenBias, s.redBias] if image.is_bgr else [s.redBias, s.greenBias, s.blueBias]
            bias = [s.grayBias] if image.channels == 1 else colours
            x = x * np.float32(s.channelScale) + np.asarray(bias, np.float32)[:, None, None]
        else:
            x = x - read_floats(entry.meanImage, payloads).reshape(x.shape)
    return np.ascontiguousarray(x)
