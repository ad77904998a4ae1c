"""Windows over images and volumes, and interpolation, in NumPy.  The last axes are those of space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from .rows import need

Pads = Sequence[tuple[int, int]]


def same_pads(sizes: Sequence[int], spans: Sequence[int], strides: Sequence[int], top_left: bool = False) -> Pads:
    """ceil(size / stride) windows per axis; the odd cell goes to the end, or to the start."""
    totals = [max(0, (-(-n // s) - 1) * s + k - n) for n, k, s in zip(sizes, spans, strides, strict=True)]
    pairs = [(total // 2, total - total // 2) for total in totals]
    return [pair[::-1] for pair in pairs] if top_left else pairs


def spans_of(kernel: Sequence[int], dilation: Sequence[int]) -> list[int]:
    return [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]


def padded(x: np.ndarray, pads: Pads, value: float = 0.0) -> np.ndarray:
    return np.pad(x, [(0, 0)] * (x.ndim - len(pads)) + list(pads), constant_values=value)


def slabs(
    x: np.ndarray, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """For each cell of the kernel: its place, and what it meets in every window."""
    sizes = x.shape[-len(kernel) :]
    counts = [(n - k) // s + 1 for n, k, s in zip(sizes, spans_of(kernel, dilation), stride, strict=True)]
    need(min(counts) > 0)
    for place in product(*map(range, kernel)):
        cuts = [slice(i * d, i * d + (n - 1) * s + 1, s)
                for i, d, n, s in zip(place, dilation, counts, stride, strict=True)]  # fmt: skip
        yield place, x[(..., *cuts)]


def convolve(
    x: np.ndarray, w: np.ndarray, pads: Pads, stride: Sequence[int], dilation: Sequence[int], groups: int
) -> np.ndarray:
    """x (.., C, *S), w (O, C/groups, *K) -> (.., O, *S')."""
    rank = w.ndim - 2
    lead, size = x.shape[: -1 - rank], x.shape[-1 - rank :]
    need(size[0] == w.shape[1] * groups)
    y: np.ndarray | float = 0.0
    grouped = w.reshape(groups, -1, *w.shape[1:])
    for place, slab in slabs(padded(x, pads), w.shape[2:], stride, dilation):
        shape = slab.shape[-rank:]
        cells = slab.reshape(-1, groups, w.shape[1], int(np.prod(shape)))
        y = y + np.einsum("lgcn,goc->lgon", cells, grouped[(..., *place)])
    return np.asarray(y).reshape(*lead, w.shape[0], *shape)


def convolve_transposed(
    x: np.ndarray, w: np.ndarray, begins: Sequence[int], sizes: Sequence[int], stride: Sequence[int],
    dilation: Sequence[int], groups: int,
) -> np.ndarray:  # fmt: skip
    """x (.., C, *S), w (C, O/groups, *K) -> (.., O, *sizes), from `begins` of the full result."""
    rank = w.ndim - 2
    lead, shape = x.shape[: -1 - rank], x.shape[-rank:]
    need(x.shape[-1 - rank] == w.shape[0])
    kernel = w.shape[2:]
    full = [(n - 1) * s + k for n, s, k in zip(shape, stride, spans_of(kernel, dilation), strict=True)]
    cells = x.reshape(-1, groups, w.shape[0] // groups, int(np.prod(shape)))
    grouped = w.reshape(groups, -1, *w.shape[1:])
    y = np.zeros(
        (len(cells), groups, w.shape[1], *[max(f, b + n) for f, b, n in zip(full, begins, sizes, strict=True)])
    )
    for place in product(*map(range, kernel)):
        cuts = [slice(i * d, i * d + (n - 1) * s + 1, s)
                for i, d, n, s in zip(place, dilation, shape, stride, strict=True)]  # fmt: skip
        made = np.einsum("lgcn,gco->lgon", cells, grouped[(..., *place)])
        y[(..., *cuts)] += made.reshape(*made.shape[:-1], *shape)
    y = y[(..., *[slice(b, b + n) for b, n in zip(begins, sizes, strict=True)])]
    return y.reshape(*lead, groups * w.shape[1], *y.shape[-rank:])


def pool(
    x: np.ndarray, kind: int, kernel: Sequence[int], stride: Sequence[int], pads: Pads, over: Pads, *,
    exclude: bool,
) -> np.ndarray:  # fmt: skip
    """Maximum (0), average (1) or root of the sum of squares (2).  over: cells past the padding, which never count."""
    ones = [1] * len(kernel)

    def windows(v: np.ndarray, inside: float, beyond: float) -> np.ndarray:
        grown = padded(padded(v, pads, inside), over, beyond)
        return np.stack([slab for _, slab in slabs(grown, kernel, stride, ones)])

    if kind == 0:
        y: np.ndarray = windows(x, -np.inf, -np.inf).max(0)
        return y
    if kind == 2:
        return np.asarray(np.sqrt(windows(x * x, 0, 0).sum(0)))
    cells = windows(np.ones_like(x), 0.0 if exclude else 1.0, 0).sum(0)
    return np.asarray(windows(x, 0, 0).sum(0) / np.maximum(cells, 1))


def resample(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(.., H, W) at these positions, which are clipped to the image."""
    return np.asarray(_matrix(rows, x.shape[-2]) @ x @ _matrix(columns, x.shape[-1]).T)


def _matrix(points: np.ndarray, size: int) -> np.ndarray:
    points = np.clip(points, 0, size - 1)
    low = np.floor(points).astype(int)
    m, i = np.zeros((len(points), size)), np.arange(len(points))
    m[i, low] += 1 - (points - low)
    m[i, np.minimum(low + 1, size - 1)] += points - low
    return m


def grid(method: int, first: float, last: float, count: int) -> np.ndarray:
    """The grids of SamplingMode over [first, last]."""
    length, i = abs(last - first), np.arange(count)
    if method in (0, 1):
        steps = i * length / (count - 1) if count > 1 else np.array([length / 2 if method == 1 else 0.0])
    elif method == 2:
        steps = np.minimum(i * (length + 1) / count, length)
    else:
        steps = np.minimum((i + 0.5) * max(1, length) / count, length)
    return np.asarray(first + np.copysign(steps, last - first))
