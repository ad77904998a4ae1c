"""WeightParams -> float64 torch tensor: float32, float16, 1..8 bit linear or look-up table, signed int8."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch


def has(p: Any) -> bool:
    """True if the message carries any values."""
    return bool(len(p.floatValue) or p.float16Value or p.rawValue or p.int8RawValue)


def tensor(p: Any, shape: Sequence[int], like: torch.Tensor | None = None, axis: int = 0) -> torch.Tensor:
    """Values of p in row-major `shape`, in the dtype of `like` (float64 without it).

    axis: where the scales of linear quantization run when there is more than one.
    """
    shape = tuple(int(n) for n in shape)
    values = torch.from_numpy(_values(p, shape, axis))
    return values if like is None else values.to(like.dtype)


def vector(p: Any, like: torch.Tensor) -> torch.Tensor:
    """Floats of a one-dimensional parameter whose length only the file knows (PReLU alpha)."""
    count = len(p.floatValue) or len(p.float16Value) // 2
    if not count:
        count = len(p.rawValue) * 8 // int(p.quantization.numberOfBits)
    return tensor(p, (count,), like)


def _values(p: Any, shape: tuple[int, ...], axis: int) -> np.ndarray:
    count = int(np.prod(shape))
    if len(p.floatValue):
        flat = np.array(p.floatValue, dtype=np.float64)
    elif p.float16Value:
        flat = np.frombuffer(p.float16Value, dtype="<f2").astype(np.float64)
    elif p.int8RawValue:
        scale = float(p.quantization.linearQuantization.scale[0])
        flat = np.frombuffer(p.int8RawValue, dtype=np.int8) * scale
    elif p.rawValue:
        indices = _unpack(p.rawValue, int(p.quantization.numberOfBits), count)
        flat = _dequantize(p.quantization, indices, shape, axis)
    else:
        raise ValueError(f"no weights where shape {shape} is needed")
    if flat.size != count:
        raise ValueError(f"{flat.size} weights where shape {shape} is needed")
    return flat.reshape(shape)


def _unpack(raw: bytes, bits: int, count: int) -> np.ndarray:
    """count unsigned integers from one stream of bits, most significant bit first."""
    stream = np.unpackbits(np.frombuffer(raw, np.uint8))[: bits * count].reshape(count, bits)
    return stream.astype(np.int64) @ (1 << np.arange(bits - 1, -1, -1))


def _dequantize(q: Any, indices: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray:
    if q.WhichOneof("QuantizationType") == "lookupTableQuantization":
        return np.array(q.lookupTableQuantization.floatValue, np.float64)[indices]
    scale = np.array(q.linearQuantization.scale, np.float64)
    bias = np.array(q.linearQuantization.bias or [0.0] * len(scale), np.float64)
    along = [1] * len(shape)
    if len(scale) > 1:
        along[axis] = len(scale)
    return (indices.reshape(shape) * scale.reshape(along) + bias.reshape(along)).ravel()
