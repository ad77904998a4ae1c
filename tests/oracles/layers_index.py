"""Gathering, scattering, reversing, windows, bands: PyTorch's functions of that name, and plain loops."""

from typing import Any

import torch

from . import weights
from .registry import layer


def _places(index: torch.Tensor, limit: int) -> torch.Tensor:
    """Whole numbers, negative ones counted from the end."""
    return index.long() % limit


@layer("embeddingND")
def embedding_nd(p: Any, x: torch.Tensor) -> torch.Tensor:
    table = weights.tensor(p.weights, (p.embeddingSize, p.vocabSize), x)
    y = table.T[x[..., 0].long()]
    return y + weights.tensor(p.bias, (p.embeddingSize,), x) if p.hasBias else y


@layer("gather")
def gather(p: Any, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    axis = p.axis % x.ndim
    rows = x.index_select(axis, _places(index, x.shape[axis]).reshape(-1))
    return rows.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


@layer("gatherND")
def gather_nd(p: Any, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    return x[tuple(index[..., i].long() for i in range(index.shape[-1]))]


@layer("gatherAlongAxis")
def gather_along_axis(p: Any, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    return torch.take_along_dim(x, _places(index, x.shape[p.axis]), p.axis)


def _change(mode: int, old: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    return (new, old + new, old - new, old * new, old / new, torch.maximum(old, new), torch.minimum(old, new))[mode]


@layer("scatter")
def scatter(p: Any, x: torch.Tensor, index: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
    axis = p.axis % x.ndim
    y = x.clone().movedim(axis, 0)
    rows = updates.reshape(*x.shape[:axis], -1, *x.shape[axis + 1 :]).movedim(axis, 0)
    for place, row in zip(index.long().reshape(-1).tolist(), rows, strict=True):
        y[place] = _change(p.mode, y[place], row)
    return y.movedim(0, axis).contiguous()


@layer("scatterND")
def scatter_nd(p: Any, x: torch.Tensor, index: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
    y, depth = x.clone(), index.shape[-1]
    places = index.long().reshape(-1, depth).tolist()
    for place, row in zip(places, updates.reshape(-1, *x.shape[depth:]), strict=True):
        y[tuple(place)] = _change(p.mode, y[tuple(place)], row)
    return y


@layer("scatterAlongAxis")
def scatter_along_axis(p: Any, x: torch.Tensor, index: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
    y = x.clone().movedim(p.axis, 0)
    places = _places(index, x.shape[p.axis]).movedim(p.axis, 0)
    for place, row in zip(places, updates.movedim(p.axis, 0), strict=True):
        y.scatter_(0, place[None], _change(p.mode, y.gather(0, place[None])[0], row)[None])
    return y.movedim(0, p.axis).contiguous()


@layer("whereNonZero")
def where_non_zero(p: Any, x: torch.Tensor) -> torch.Tensor:
    return x.nonzero().to(x.dtype)


@layer("oneHot")
def one_hot(p: Any, index: torch.Tensor, *size: torch.Tensor) -> torch.Tensor:
    count = int(size[0]) if size else int(p.oneHotVectorSize)
    hot = index.unsqueeze(-1) == torch.arange(count)
    return torch.where(hot, p.onValue, p.offValue).movedim(-1, p.axis % (index.ndim + 1)).contiguous()


@layer("reverse")
def reverse(p: Any, x: torch.Tensor) -> torch.Tensor:
    return x.flip([axis for axis, flag in enumerate(p.reverseDim) if flag])


@layer("reverseSeq")
def reverse_seq(p: Any, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    y = x.clone().movedim((p.batchAxis, p.sequenceAxis), (0, 1))
    for entry, length in zip(y, lengths.long().tolist(), strict=True):
        entry[:length] = entry[:length].flip(0)
    return y.movedim((0, 1), (p.batchAxis, p.sequenceAxis)).contiguous()


@layer("slidingWindows")
def sliding_windows(p: Any, x: torch.Tensor) -> torch.Tensor:
    axis = p.axis % x.ndim
    return x.unfold(axis, int(p.windowSize), int(p.step)).movedim(-1, axis + 1).contiguous()


@layer("matrixBandPart")
def matrix_band_part(p: Any, x: torch.Tensor) -> torch.Tensor:
    y = x if p.numLower < 0 else x.triu(-p.numLower)
    return y if p.numUpper < 0 else y.tril(p.numUpper)


@layer("lowerTriangular")
def lower_triangular(p: Any, x: torch.Tensor) -> torch.Tensor:
    return x.tril(p.k)


@layer("upperTriangular")
def upper_triangular(p: Any, x: torch.Tensor) -> torch.Tensor:
    return x.triu(p.k)
