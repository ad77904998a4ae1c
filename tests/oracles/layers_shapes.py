"""Layers about shapes: PyTorch's functions of that name."""

from typing import Any

import torch

from . import weights
from .registry import layer


def _sizes(shape: Any) -> list[int]:
    return [int(n) for n in shape]


@layer("getShape")
def get_shape(p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.tensor(x.shape).to(x.dtype)


@layer("fillLike")
def fill_like(p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.full_like(x, p.value)


@layer("fillStatic")
def fill_static(p: Any) -> torch.Tensor:
    return torch.full(_sizes(p.targetShape), p.value)


@layer("fillDynamic")
def fill_dynamic(p: Any, shape: torch.Tensor) -> torch.Tensor:
    return torch.full(_sizes(shape), p.value)


@layer("broadcastToLike")
def broadcast_to_like(p: Any, x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return x.expand(like.shape)


@layer("broadcastToStatic")
def broadcast_to_static(p: Any, x: torch.Tensor) -> torch.Tensor:
    return x.expand(_sizes(p.targetShape))


@layer("broadcastToDynamic")
def broadcast_to_dynamic(p: Any, x: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
    return x.expand(_sizes(shape))


@layer("rangeStatic")
def range_static(p: Any) -> torch.Tensor:
    return torch.arange(p.startValue, p.endValue, p.stepSizeValue)


@layer("rangeDynamic")
def range_dynamic(p: Any, end: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
    start, step = [float(r) for r in rest] + [p.startValue, p.stepSizeValue][len(rest) :]
    return torch.arange(start, float(end), step)


@layer("reshapeStatic")
def reshape_static(p: Any, x: torch.Tensor) -> torch.Tensor:
    return x.reshape(_sizes(p.targetShape))


@layer("reshapeLike")
def reshape_like(p: Any, x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return x.reshape(like.shape)


@layer("reshapeDynamic")
def reshape_dynamic(p: Any, x: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
    return x.reshape(_sizes(shape))


@layer("rankPreservingReshape")
def rank_preserving_reshape(p: Any, x: torch.Tensor) -> torch.Tensor:
    """0 keeps the size."""
    return x.reshape([n or x.shape[i] for i, n in enumerate(_sizes(p.targetShape))])


@layer("expandDims")
def expand_dims(p: Any, x: torch.Tensor) -> torch.Tensor:
    rank = x.ndim + len(p.axes)
    for axis in sorted(int(a) % rank for a in p.axes):
        x = x.unsqueeze(axis)
    return x


@layer("squeeze")
def squeeze(p: Any, x: torch.Tensor) -> torch.Tensor:
    y = x.squeeze() if p.squeezeAll else x.squeeze(tuple(int(a) for a in p.axes))
    return y.reshape(1) if y.ndim == 0 else y


@layer("flattenTo2D")
def flatten_to_2d(p: Any, x: torch.Tensor) -> torch.Tensor:
    front = x.shape[: p.axis] if p.axis else x.shape[:0]
    return x.reshape(int(torch.tensor(front).prod()), -1)


@layer("loadConstantND")
def load_constant_nd(p: Any) -> torch.Tensor:
    return weights.tensor(p.data, p.shape)
