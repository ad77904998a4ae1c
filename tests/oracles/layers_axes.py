"""Layers of Core ML 3 that work along axes: reductions, order, running sums, softmax, layer normalisation."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from . import weights
from .registry import LayerFunction, layer

Fold = Callable[[torch.Tensor, tuple[int, ...], bool], torch.Tensor]


def _product(x: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


FOLDS: dict[str, Fold] = {
    "reduceL1": lambda x, axes, keep: x.abs().sum(axes, keepdim=keep),
    "reduceL2": lambda x, axes, keep: torch.linalg.vector_norm(x, dim=axes, keepdim=keep),
    "reduceMax": torch.amax,
    "reduceMin": torch.amin,
    "reduceSum": torch.sum,
    "reduceProd": _product,
    "reduceMean": torch.mean,
    "reduceLogSum": lambda x, axes, keep: x.sum(axes, keepdim=keep).log(),
    "reduceSumSquare": lambda x, axes, keep: (x * x).sum(axes, keepdim=keep),
    "reduceLogSumExp": torch.logsumexp,
}


def _folding(fold: Fold) -> LayerFunction:
    def function(p: Any, x: torch.Tensor) -> torch.Tensor:
        """No axes: all of them.  One number that is left has shape (1,)."""
        axes = tuple(range(x.ndim)) if p.reduceAll or not p.axes else tuple(p.axes)
        return torch.atleast_1d(fold(x, axes, p.keepDims))

    return function


for _name, _fold in FOLDS.items():
    layer(_name)(_folding(_fold))


def _position(p: Any, x: torch.Tensor) -> torch.Tensor:
    """The first largest: torch gives any of equal ones."""
    first = (x == x.amax(p.axis, keepdim=True)).to(torch.uint8).argmax(p.axis, keepdim=not p.removeDim)
    return torch.atleast_1d(first.to(x.dtype))


layer("argMax")(_position)
layer("argMin")(lambda p, x: _position(p, -x))


@layer("topK")
def top_k(p: Any, x: torch.Tensor, *k: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A stable sort: of equal numbers the first comes first."""
    count = int(k[0].item()) if k else int(p.K)
    places = (x if p.useBottomK else -x).argsort(dim=p.axis, stable=True).narrow(p.axis, 0, count)
    return x.gather(p.axis, places), places.to(x.dtype)


@layer("argSort")
def arg_sort(p: Any, x: torch.Tensor) -> torch.Tensor:
    return (-x if p.descending else x).argsort(dim=p.axis, stable=True).to(x.dtype)


@layer("cumSum")
def cum_sum(p: Any, x: torch.Tensor, *axis: torch.Tensor) -> torch.Tensor:
    along = int(axis[0].item()) if axis else p.axis
    turned = x.flip(along) if p.reverse else x
    total = turned.cumsum(along) - (turned if p.excludeFinalSum else 0)
    return total.flip(along) if p.reverse else total


@layer("softmaxND")
def softmax_nd(p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(x, p.axis)


@layer("layerNormalization")
def layer_normalization(p: Any, x: torch.Tensor) -> torch.Tensor:
    shape = tuple(p.normalizedShape)
    return F.layer_norm(x, shape, weights.tensor(p.gamma, shape, x), weights.tensor(p.beta, shape, x), p.eps)
