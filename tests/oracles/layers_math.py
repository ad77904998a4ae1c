"""Activations, unary functions, element-wise layers with several inputs, dot product and reductions."""

from collections.abc import Callable
from functools import reduce as fold
from typing import Any

import torch
import torch.nn.functional as F

from . import weights
from .registry import layer

Function = Callable[[torch.Tensor], torch.Tensor]


def _per_channel(p: Any, x: torch.Tensor) -> torch.Tensor:
    return weights.vector(p, x)[:, None, None]


def _activations(x: torch.Tensor) -> dict[str, Callable[[Any], torch.Tensor]]:
    return {
        "linear": lambda p: p.alpha * x + p.beta,
        "ReLU": lambda p: x.clamp(min=0),
        "leakyReLU": lambda p: torch.where(x < 0, p.alpha * x, x),
        "thresholdedReLU": lambda p: torch.where(x >= p.alpha, x, 0.0),
        "PReLU": lambda p: torch.where(x < 0, _per_channel(p.alpha, x) * x, x),
        "tanh": lambda p: torch.tanh(x),
        "scaledTanh": lambda p: p.alpha * torch.tanh(p.beta * x),
        "sigmoid": lambda p: torch.sigmoid(x),
        "sigmoidHard": lambda p: (p.alpha * x + p.beta).clamp(0, 1),
        "ELU": lambda p: torch.where(x < 0, p.alpha * torch.expm1(x), x),
        "softsign": lambda p: x / (1 + x.abs()),
        "softplus": lambda p: torch.logaddexp(x, torch.zeros_like(x)),
        "parametricSoftplus": lambda p: (
            _per_channel(p.alpha, x) * torch.logaddexp(_per_channel(p.beta, x) * x, torch.zeros_like(x))
        ),
    }


@layer("activation")
def activation(p: Any, x: torch.Tensor) -> torch.Tensor:
    """The kind is the member of the oneof; its parameters mean what they say, 0 included."""
    kind = p.WhichOneof("NonlinearityType")
    return _activations(x)[kind](getattr(p, kind))


@layer("unary")
def unary(p: Any, x: torch.Tensor) -> torch.Tensor:
    """f(scale * x + shift).  epsilon enters RSQRT, INVERSE and, where it is written, LOG."""
    x = (p.scale or 1.0) * x + p.shift
    eps = p.epsilon or 1e-6
    functions: list[Callable[[], torch.Tensor]] = [
        lambda: x.sqrt(),
        lambda: (x + eps).rsqrt(),
        lambda: 1 / (x + eps),
        lambda: x**p.alpha,
        lambda: x.exp(),
        lambda: (x + p.epsilon).log(),
        lambda: x.abs(),
        lambda: x.clamp(min=p.alpha),
    ]
    return functions[p.type]()


@layer("add")
def add(p: Any, *xs: torch.Tensor) -> torch.Tensor:
    """Sum of the inputs; one input: x + alpha."""
    return xs[0] + p.alpha if len(xs) == 1 else fold(torch.add, xs)


@layer("multiply")
def multiply(p: Any, *xs: torch.Tensor) -> torch.Tensor:
    """Product of the inputs; one input: x * alpha."""
    return xs[0] * p.alpha if len(xs) == 1 else fold(torch.mul, xs)


@layer("average")
def average(_: Any, *xs: torch.Tensor) -> torch.Tensor:
    return fold(torch.add, xs) / len(xs)


@layer("max")
def maximum(_: Any, *xs: torch.Tensor) -> torch.Tensor:
    return fold(torch.maximum, xs)


@layer("min")
def minimum(_: Any, *xs: torch.Tensor) -> torch.Tensor:
    return fold(torch.minimum, xs)


def _aligned(p: Any, shape: Any, like: torch.Tensor) -> torch.Tensor:
    """A parameter of shape [1], [C], [1,H,W] or [C,H,W] as (.., .., ..), first axis at the channel."""
    values = weights.tensor(p, shape, like)
    return values if values.ndim == 3 else values[:, None, None]


@layer("scale")
def scale(p: Any, x: torch.Tensor) -> torch.Tensor:
    y = x * _aligned(p.scale, p.shapeScale, x)
    return y + _aligned(p.bias, p.shapeBias, x) if p.hasBias else y


@layer("bias")
def bias(p: Any, x: torch.Tensor) -> torch.Tensor:
    return x + _aligned(p.bias, p.shape, x)


@layer("dot")
def dot(p: Any, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Two (.., C, 1, 1) -> (.., 1, 1, 1)."""
    if p.cosineSimilarity:
        return F.cosine_similarity(a, b, dim=-3).unsqueeze(-3)
    return (a * b).sum(-3, keepdim=True)


@layer("reduce")
def reduce(p: Any, x: torch.Tensor) -> torch.Tensor:
    """Over CHW, HW, C, H or W; the reduced axes stay as 1.  LOGSUM is a sum of logarithms."""
    axes = [(-3, -2, -1), (-2, -1), (-3,), (-2,), (-1,)][p.axis]
    eps = p.epsilon or 1e-6
    functions: list[Function] = [
        lambda v: v.sum(axes, keepdim=True),
        lambda v: v.mean(axes, keepdim=True),
        lambda v: fold(lambda r, axis: r.prod(axis, keepdim=True), axes, v),
        lambda v: (v + eps).log().sum(axes, keepdim=True),
        lambda v: (v * v).sum(axes, keepdim=True),
        lambda v: v.abs().sum(axes, keepdim=True),
        lambda v: (v * v).sum(axes, keepdim=True).sqrt(),
        lambda v: v.amax(axes, keepdim=True),
        lambda v: v.amin(axes, keepdim=True),
        lambda v: _argmax(v, axes),
    ]
    return functions[p.mode](x)


def _argmax(x: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """Index of the first largest value, as a float."""
    if len(axes) != 1:
        raise ValueError("ARGMAX takes one axis")
    top = x == x.amax(axes, keepdim=True)
    return top.to(torch.uint8).argmax(axes[0], keepdim=True).to(x.dtype)
