"""Weights of updatable layers stored in less than 32 bits, and what they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.spec import messages

FORMS = ("float16", "linear", "table")


def compress(weight: Any, channels: int, form: str) -> None:
    """Store the floats of a WeightParams as half floats, 8 linear bits per channel, or 4 bits of a table."""
    w = np.array(weight.floatValue, np.float32).reshape(channels, -1)
    weight.ClearField("floatValue")
    if form == "float16":
        weight.float16Value = w.astype(np.float16).tobytes()
    elif form == "linear":
        low, scale = w.min(1), np.maximum((w.max(1) - w.min(1)) / 255, 1e-6)
        weight.rawValue = np.round((w - low[:, None]) / scale[:, None]).astype(np.uint8).tobytes()
        weight.quantization.numberOfBits = 8
        weight.quantization.linearQuantization.scale.extend(scale)
        weight.quantization.linearQuantization.bias.extend(low)
    else:
        table = np.linspace(w.min(), w.max(), 16, dtype=np.float32)
        codes = np.abs(w.reshape(-1, 1) - table).argmin(1).astype(np.uint8)
        codes = np.append(codes, np.zeros(len(codes) % 2, np.uint8))
        weight.rawValue = (codes[::2] << 4 | codes[1::2]).tobytes()
        weight.quantization.numberOfBits = 4
        weight.quantization.lookupTableQuantization.floatValue.extend(table)


def expand(weight: Any, count: int) -> np.ndarray:
    """The numbers that a compressed weight stands for."""
    if weight.float16Value:
        return np.frombuffer(weight.float16Value, np.float16).astype(np.float32)
    raw = np.frombuffer(weight.rawValue, np.uint8)
    if weight.quantization.numberOfBits == 8:
        scale, low = (
            np.array(getattr(weight.quantization.linearQuantization, n), np.float32) for n in ("scale", "bias")
        )
        return (raw.reshape(len(scale), -1).astype(np.float32) * scale[:, None] + low[:, None]).ravel()
    codes = np.stack([raw >> 4, raw & 15], 1).ravel()[:count]
    return np.array(weight.quantization.lookupTableQuantization.floatValue, np.float32)[codes]


def expanded(spec: Any) -> Any:
    """A copy of the model with floats in every layer."""
    copy = messages.Model.FromString(spec.SerializeToString())
    for layer in copy.neuralNetwork.layers:
        p = getattr(layer, layer.WhichOneof("layer"))
        for field in ("weights", "bias"):
            weight = getattr(p, field, None)
            if weight is None or not (weight.float16Value or weight.rawValue):
                continue
            count = p.outputChannels if field == "bias" else _numbers(p)
            values = expand(weight, count)
            for name in ("float16Value", "rawValue", "quantization"):
                weight.ClearField(name)
            weight.floatValue.extend(values)
    return copy


def _numbers(p: Any) -> int:
    if hasattr(p, "kernelChannels"):
        return int(p.outputChannels * p.kernelChannels * np.prod(list(p.kernelSize) or [3, 3]))
    return int(p.outputChannels * p.inputChannels)
