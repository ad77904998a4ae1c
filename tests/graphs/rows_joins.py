"""Layers that join, part, repeat, pad and crop."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..layers.network import borders
from .net import Blob
from .rows import Chooser, need, row
from .rows_image import image


@row("concat", "concatND", "stack")
def _joined(g: Chooser) -> Any:
    x = g.blob(3 if g.kind == "concat" else 1, 4 if g.kind == "stack" else 5)
    sequences = g.kind == "concat" and x.rank == 5 and g.flag()
    axis = {"concat": x.rank - (5 if sequences else 3), "concatND": g.axis(x), "stack": g.axis(x, 1)}[g.kind]
    between = g.kind == "concatND" and g.flag()

    def fits(y: Blob) -> bool:
        if g.kind == "stack" or between:
            return y.shape == x.shape
        return y.rank == x.rank and all(
            n == m for i, (n, m) in enumerate(zip(y.shape, x.shape, strict=True)) if i != axis
        )

    xs = [x, *[g.blob(where=fits) for _ in range(g.int(0, 3))]]
    g.random.shuffle(xs)
    if g.kind == "stack":
        need(x.shape != (1,))  # perhaps numbers without axes: tests/layers has those
        return g.add(xs, lambda *v: np.stack(v, axis), axis=g.signed(axis, x.rank + 1))
    if g.kind == "concat":
        return g.add(xs, lambda *v: np.concatenate(v, axis), sequenceConcat=sequences)

    def formula(*v: np.ndarray) -> np.ndarray:
        if not between:
            return np.concatenate(v, axis)
        y = np.stack(v, axis + 1)
        return y.reshape(*y.shape[:axis], -1, *y.shape[axis + 2 :])

    return g.add(xs, formula, axis=g.signed(axis, x.rank), interleave=between)


@row("split", "splitND")
def _split(g: Chooser) -> Any:
    x = image(g, 3 if g.kind == "split" else 1)
    axis = x.rank - 3 if g.kind == "split" else g.axis(x)
    size = x.shape[axis]
    if g.kind == "splitND" and g.flag():
        cuts = sorted(g.random.sample(range(1, size), g.int(0, min(size - 1, 3))))
        sizes = np.diff([0, *cuts, size]).tolist()

        def parted(v: np.ndarray) -> tuple[np.ndarray, ...]:
            need(v.shape[axis] == size)
            return tuple(np.split(v, cuts, axis))

        return g.add([x], parted, len(sizes), axis=g.signed(axis, x.rank), splitSizes=sizes, numSplits=0)
    parts = g.pick([n for n in range(1, min(size, 5) + 1) if size % n == 0])
    fields = {"nOutputs": parts} if g.kind == "split" else {"axis": g.signed(axis, x.rank), "numSplits": parts}
    return g.add([x], lambda v: tuple(np.split(v, parts, axis)), parts, **fields)


@row("tile", "sequenceRepeat")
def _repeat(g: Chooser) -> Any:
    if g.kind == "sequenceRepeat":
        x, times = g.blob(5), g.int(1, 3)
        return g.add([x], lambda v: np.concatenate([v] * times, -5), nRepetitions=times)
    x = g.blob()
    reps = [g.pick([1] * 8 + [2] * 6 + [3] * 5 + [0]) for _ in range(g.int(1, x.rank))]
    if g.flag():
        return g.add([x, g.operand(reps)], lambda v, r: np.tile(v, r.astype(int)))
    return g.add([x], lambda v: np.tile(v, reps), reps=reps)


@row("padding")
def _padding(g: Chooser) -> Any:
    x = image(g, 2)
    kind = g.pick(["constant", "reflection", "replication"])
    limits = [n - 1 if kind == "reflection" else 2 for n in x.shape[-2:]]
    pads = [(g.int(0, min(2, n)), g.int(0, min(2, n))) for n in limits]
    mode = {"constant": "constant", "reflection": "reflect", "replication": "edge"}[kind]
    more = {"constant_values": 0.5} if kind == "constant" else {}

    def formula(v: np.ndarray) -> np.ndarray:
        need(kind != "reflection" or all(max(p) < n for p, n in zip(pads, v.shape[-2:], strict=True)))
        return np.pad(v, [(0, 0)] * (v.ndim - 2) + pads, mode, **more)  # type: ignore[call-overload, no-any-return]

    return g.add([x], formula, paddingAmounts=borders(*pads), **{kind: {"value": 0.5} if more else {}})


@row("constantPad")
def _constant_pad(g: Chooser) -> Any:
    x, to_size, value = g.blob(), g.flag(), g.pick([0.0, -1.5])
    if to_size:
        amounts = []
        for n in x.shape:
            pair = [g.pick([0, max(n - 1, 0), n + 2]), 0]
            amounts += pair[::-1] if g.flag() else pair
    else:
        amounts = [g.int(0, 2) for _ in range(2 * x.rank)]

    def formula(v: np.ndarray, *_: np.ndarray) -> np.ndarray:
        pairs = list(zip(amounts[::2], amounts[1::2], strict=True))
        if to_size:
            pairs = [
                (max(0, a - n) if a else 0, max(0, b - n) if b else 0) for (a, b), n in zip(pairs, v.shape, strict=True)
            ]
        return np.pad(v, pairs, constant_values=value)

    inputs, fields = ([x, g.operand(amounts)], {}) if g.flag() else ([x], {"padAmounts": amounts})
    return g.add(inputs, formula, value=value, padToGivenOutputSizeMode=to_size, **fields)


@row("crop")
def _crop(g: Chooser) -> Any:
    x = image(g)
    h, w = x.shape[-2:]
    if g.flag():
        other = g.blob(3, where=lambda y: 0 < y.shape[-2] <= h and 0 < y.shape[-1] <= w)
        top, left = (g.int(0, n - m) for n, m in zip((h, w), other.shape[-2:], strict=True))

        def like(v: np.ndarray, y: np.ndarray) -> np.ndarray:
            need(top + y.shape[-2] <= v.shape[-2] and left + y.shape[-1] <= v.shape[-1])
            return v[..., top : top + y.shape[-2], left : left + y.shape[-1]]

        return g.add([x, other], like, offset=[top, left])
    top, left = g.int(0, h - 1), g.int(0, w - 1)
    bottom, right = g.int(0, h - 1 - top), g.int(0, w - 1 - left)

    def formula(v: np.ndarray) -> np.ndarray:
        need(top + bottom < v.shape[-2] and left + right < v.shape[-1])
        return v[..., top : v.shape[-2] - bottom, left : v.shape[-1] - right]

    return g.add([x], formula, cropAmounts=borders((top, bottom), (left, right)))
