"""Layers that fold, order or turn around axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .rows import Chooser, need, row
from .rows_image import image

Fold = Callable[..., Any]

FOLDS: dict[str, Fold] = {
    "reduceL1": lambda x, **k: np.abs(x).sum(**k),
    "reduceL2": lambda x, **k: np.sqrt((x * x).sum(**k)),
    "reduceMax": np.max, "reduceMin": np.min, "reduceSum": np.sum, "reduceProd": np.prod, "reduceMean": np.mean,
    "reduceLogSum": lambda x, **k: np.log(x.sum(**k)),
    "reduceSumSquare": lambda x, **k: (x * x).sum(**k),
    "reduceLogSumExp": lambda x, **k: np.log(np.exp(x).sum(**k)),
}  # fmt: skip
EXACT = ("reduceL1", "reduceMax", "reduceMin", "reduceSum", "reduceProd", "reduceSumSquare")


@row(*EXACT, rounds=True)
def _exact_fold(g: Chooser) -> Any:
    return _fold(g)


@row(*[kind for kind in FOLDS if kind not in EXACT], always=True)
def _fold(g: Chooser) -> Any:
    fold, low = FOLDS[g.kind], {"reduceLogSum": 0.1, "reduceL2": 0.1}.get(g.kind, -3.0)
    x = image(g, 1) if g.kind in EXACT else g.float(low=low, high=3)
    need(x.value.size)
    everything, keep = g.random.random() < 0.2, g.flag()
    axes = tuple(g.random.sample(range(x.rank), g.int(1, x.rank)))
    over = tuple(range(x.rank)) if everything else axes
    fields = {"axes": [g.signed(axis, x.rank) for axis in axes], "keepDims": keep, "reduceAll": everything}
    return g.add([x], lambda v: np.atleast_1d(fold(v, axis=over, keepdims=keep)), **fields)


OLD: list[Fold] = [
    np.sum, np.mean, np.prod, lambda x, **k: np.log(x + 1e-6).sum(**k), FOLDS["reduceSumSquare"], FOLDS["reduceL1"],
    FOLDS["reduceL2"], np.max, np.min,
]  # fmt: skip


@row("reduce", always=True)
def _reduce(g: Chooser) -> Any:
    mode, axis = g.int(0, 9), g.int(0, 4)
    if mode == 9:
        return _old_position(g, g.int(2, 4))
    x = g.float(3, low=0.1 if mode in (3, 6) else -3, high=3)
    over = ((-3, -2, -1), (-2, -1), (-3,), (-2,), (-1,))[axis]
    return g.add([x], lambda v: OLD[mode](v, axis=over, keepdims=True), mode=mode, axis=axis, epsilon=1e-6)


def _old_position(g: Chooser, axis: int) -> Any:
    x, along = image(g), (-3, -2, -1)[axis - 2]
    return g.net.add("reduce", [x], lambda v: v.argmax(along, keepdims=True), mode=9, axis=axis)


@row("argMax", "argMin")
def _position(g: Chooser) -> Any:
    x = image(g, 1)
    axis, gone = g.axis(x), g.flag()
    sign = 1 if g.kind == "argMax" else -1

    def formula(v: np.ndarray) -> np.ndarray:
        return np.atleast_1d((sign * v).argmax(axis, keepdims=not gone))

    return g.add([x], formula, axis=g.signed(axis, x.rank), removeDim=gone)


@row("topK")
def _top(g: Chooser) -> Any:
    x = image(g, 1)
    axis, bottom = g.axis(x), g.flag()
    k = g.int(1, x.shape[axis])
    inputs = [x, g.operand([k])] if g.flag() else [x]

    def formula(v: np.ndarray, *count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        need(k <= v.shape[axis])
        places = np.argsort(v if bottom else -v, axis, kind="stable").take(range(k), axis)
        return np.take_along_axis(v, places, axis), places

    return g.add(inputs, formula, 2, axis=g.signed(axis, x.rank), K=k, useBottomK=bottom)


@row("argSort")
def _sort(g: Chooser) -> Any:
    x = image(g, 1)
    axis, down = g.axis(x), g.flag()
    return g.add([x], lambda v: np.argsort(-v if down else v, axis, kind="stable"), axis=axis, descending=down)


@row("cumSum", rounds=True)
def _sums(g: Chooser) -> Any:
    x = image(g, 1)
    axis, without, back = g.axis(x), g.flag(), g.flag()
    inputs = [x, g.operand([axis])] if g.flag() else [x]

    def formula(v: np.ndarray, *_: np.ndarray) -> np.ndarray:
        turned = np.flip(v, axis) if back else v
        total = turned.cumsum(axis) - (turned if without else 0)
        return np.flip(total, axis) if back else total

    return g.add(inputs, formula, axis=axis, excludeFinalSum=without, reverse=back)


@row("reverse")
def _reverse(g: Chooser) -> Any:
    x = g.blob()
    flags = [g.flag() for _ in x.shape]
    return g.add([x], lambda v: np.flip(v, [i for i, flag in enumerate(flags) if flag]), reverseDim=flags)


@row("reverseSeq")
def _reverse_sequence(g: Chooser) -> Any:
    x = image(g, 2)
    batch, along = g.random.sample(range(x.rank), 2)
    lengths = g.operand(g.wholes([x.shape[batch]], 0, x.shape[along]))

    def formula(v: np.ndarray, counts: np.ndarray) -> np.ndarray:
        y = np.moveaxis(v.copy(), (batch, along), (0, 1))
        need(len(counts) == len(y) and counts.max() <= y.shape[1])
        for entry, count in zip(y, counts.astype(int), strict=True):
            entry[:count] = entry[:count][::-1].copy()
        return np.moveaxis(y, (0, 1), (batch, along))

    return g.add([x, lengths], formula, batchAxis=g.signed(batch, x.rank), sequenceAxis=g.signed(along, x.rank))


@row("slidingWindows")
def _windows(g: Chooser) -> Any:
    x = image(g, 1)
    need(x.rank < 5)
    axis = g.axis(x)
    size, step = g.int(1, x.shape[axis]), g.int(1, 2)

    def formula(v: np.ndarray) -> np.ndarray:
        need(v.shape[axis] >= size)
        starts = range(0, v.shape[axis] - size + 1, step)
        return np.stack([v.take(range(i, i + size), axis) for i in starts], axis)

    return g.add([x], formula, axis=g.signed(axis, x.rank), windowSize=size, step=step)


@row("matrixBandPart", "lowerTriangular", "upperTriangular")
def _band(g: Chooser) -> Any:
    x, k = g.blob(2), g.int(-2, 2)
    if g.kind != "matrixBandPart":
        return g.add([x], lambda v: np.tril(v, k) if g.kind == "lowerTriangular" else np.triu(v, k), k=k)
    low, high = g.int(-1, 2), g.int(-1, 2)

    def formula(v: np.ndarray) -> np.ndarray:
        y = v if low < 0 else np.triu(v, -low)
        return y if high < 0 else np.tril(y, high)

    return g.add([x], formula, numLower=low, numUpper=high)
