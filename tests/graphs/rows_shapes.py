"""Layers that give another shape, make numbers from a shape, or move them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .rows import Chooser, need, row
from .rows_image import image


def factored(g: Chooser, count: int, rank: int) -> list[int]:
    """`rank` sizes whose product is count."""
    sizes = []
    for _ in range(rank - 1):
        sizes.append(g.pick([n for n in range(1, count + 1) if count % n == 0]))
        count //= sizes[-1]
    sizes.append(count)
    g.random.shuffle(sizes)
    return sizes


def with_one_open(g: Chooser, shape: list[int]) -> list[int]:
    """-1 for one of the sizes, perhaps."""
    if shape and g.flag():
        shape[g.int(0, len(shape) - 1)] = -1
    return shape


@row("reshapeStatic", "reshapeDynamic", "reshapeLike")
def _reshape(g: Chooser) -> Any:
    x = image(g, 1)
    shape = factored(g, x.value.size, g.int(1, 5))
    if g.kind == "reshapeLike":
        like = [y for y in g.net.blobs if y.value.size == x.value.size]
        other = g.pick(like) if g.flag() else g.operand(g.array(*shape))
        return g.add([x, other], lambda v, y: v.reshape(y.shape))
    shape = with_one_open(g, shape)
    if g.kind == "reshapeStatic":
        return g.add([x], lambda v: v.reshape(shape), targetShape=shape)
    return g.add([x, g.operand(shape)], lambda v, s: v.reshape(s.astype(int)))


@row("rankPreservingReshape")
def _same_rank(g: Chooser) -> Any:
    x = image(g, 1)
    keep = g.int(0, x.rank - 1)
    rest = int(np.prod(x.shape[keep:]))
    target = [0] * keep + with_one_open(g, factored(g, rest, x.rank - keep))

    def formula(v: np.ndarray) -> np.ndarray:
        return v.reshape([n or v.shape[i] for i, n in enumerate(target)])

    return g.add([x], formula, targetShape=target)


@row("reshape")
def _old_reshape(g: Chooser) -> Any:
    x, last = g.blob(5, where=lambda v: v.value.size > 0), g.flag()
    seq, _, c, h, w = x.shape
    target = [seq, *factored(g, c * h * w, 3)] if g.flag() else factored(g, c * h * w, 3)

    def formula(v: np.ndarray) -> np.ndarray:
        s, (tc, th, tw) = target[0] if len(target) == 4 else v.shape[0], target[-3:]
        need(len(target) == 3 or v.shape[0] == s)
        if not last:
            return v.swapaxes(0, 1).reshape(v.shape[1], s, tc, th, tw).swapaxes(0, 1)
        y = np.moveaxis(v.swapaxes(0, 1), 2, -1).reshape(v.shape[1], s, th, tw, tc)
        return np.moveaxis(y, -1, 2).swapaxes(0, 1)

    return g.add([x], formula, targetShape=target, mode=int(last))


@row("flatten")
def _flatten(g: Chooser) -> Any:
    x, last = image(g), g.flag()

    def formula(v: np.ndarray) -> np.ndarray:
        return (np.moveaxis(v, -3, -1) if last else v).reshape(*v.shape[:-3], -1, 1, 1)

    return g.add([x], formula, mode=int(last))


@row("permute")
def _permute(g: Chooser) -> Any:
    x, order = g.blob(5), g.random.sample(range(4), 4)
    axes = [(0, 2, 3, 4)[i] for i in order]
    return g.add([x], lambda v: v.transpose(axes[0], 1, *axes[1:]), axis=order)


@row("transpose")
def _transpose(g: Chooser) -> Any:
    x = g.blob()
    axes = g.random.sample(range(x.rank), x.rank)
    return g.add([x], lambda v: v.transpose(axes), axes=axes)


@row("expandDims", "squeeze", "flattenTo2D")
def _ranks(g: Chooser) -> Any:
    if g.kind == "flattenTo2D":
        x = image(g, 1)
        axis = g.int(0, x.rank)
        return g.add([x], lambda v: v.reshape(int(np.prod(v.shape[:axis])), -1), axis=axis)
    if g.kind == "expandDims":
        x = g.blob(1, 4)
        need(x.shape != (1,))  # perhaps a number without axes: tests/layers has those
        rank = x.rank + g.int(1, 5 - x.rank)
        axes = sorted(g.random.sample(range(rank), rank - x.rank))
        return g.add([x], lambda v: np.expand_dims(v, axes), axes=[g.signed(a, rank) for a in axes])
    if g.flag():  # keeps axes that are open, so it stands only behind inputs of one shape
        fixed = {one.name for one in g.net.root.inputs if not one.open}
        x = g.blob(where=lambda v: 1 in v.shape and v.name in fixed)
        return g.add([x], lambda v: np.atleast_1d(v.squeeze()), squeezeAll=True)
    x = g.blob(where=lambda v: 1 in v.shape)
    ones = [i for i, n in enumerate(x.shape) if n == 1]
    gone = tuple(g.random.sample(ones, g.int(1, len(ones))))
    return g.add([x], lambda v: np.atleast_1d(v.squeeze(gone)), axes=[g.signed(a, x.rank) for a in gone])


@row("loadConstant", "loadConstantND")
def _constant(g: Chooser) -> Any:
    shape = (g.int(1, 3), g.int(1, 4), g.int(1, 4)) if g.kind == "loadConstant" else tuple(
        g.int(1, 3) for _ in range(g.int(1, 4)))  # fmt: skip
    values = g.wholes(shape, -3, 3) if g.flag() else g.array(*shape)
    whole = values[None, None] if g.kind == "loadConstant" else values
    return g.add([], lambda: whole, shape=shape, data=g.weights(values))


@row("getShape")
def _shape(g: Chooser) -> Any:
    return g.add([g.blob()], lambda x: np.array(x.shape))


@row("fillLike", "fillStatic", "fillDynamic")
def _fill(g: Chooser) -> Any:
    value = g.pick([0.0, 2.0, -0.5])
    shape = [g.int(1, 3) for _ in range(g.int(1, 4))]
    if g.kind == "fillLike":
        return g.add([g.blob()], lambda x: np.full(x.shape, value), value=value)
    if g.kind == "fillStatic":
        return g.add([], lambda: np.full(shape, value), value=value, targetShape=shape)
    return g.add([g.operand(shape)], lambda s: np.full(s.astype(int), value), value=value)


@row("broadcastToLike", "broadcastToStatic", "broadcastToDynamic")
def _broadcast(g: Chooser) -> Any:
    x = g.blob()
    shape = [n if n != 1 else g.int(1, 3) for n in x.shape]
    shape = [g.int(1, 2) for _ in range(g.int(0, 5 - x.rank))] + shape
    if g.kind == "broadcastToLike":
        like = [y for y in g.net.blobs if y.rank >= x.rank and all(
            n in (1, m) for n, m in zip(x.shape[::-1], y.shape[::-1], strict=False))]  # fmt: skip
        other = g.pick(like) if g.flag() or 0 in shape else g.operand(g.array(*shape))
        return g.add([x, other], lambda v, y: np.broadcast_to(v, y.shape))
    if g.kind == "broadcastToStatic":
        return g.add([x], lambda v: np.broadcast_to(v, shape), targetShape=shape)
    return g.add([x, g.operand(shape)], lambda v, s: np.broadcast_to(v, s.astype(int)))


@row("rangeStatic", "rangeDynamic", rounds=True)
def _range(g: Chooser) -> Any:
    """Ends that no sum of steps comes near, unless all are whole."""
    step = g.pick([1.0, 2.0, -1.0, 0.75])
    start = float(g.int(-2, 2))
    end = start + step * (g.int(1, 5) if step == int(step) else g.int(1, 5) - 0.5)
    given = g.int(1, 3) if g.kind == "rangeDynamic" else 0
    inputs = [g.operand([value]) for value in (end, start, step)[:given]]
    fields = {"startValue": start, "stepSizeValue": step} | ({"endValue": end} if not given else {})
    return g.add(inputs, lambda *_: np.arange(start, end, step), **fields)


@row("reorganizeData")
def _reorganize(g: Chooser) -> Any:
    mode, b = (g.int(0, 1) if g.legacy else g.int(0, 2)), 2
    x = g.blob(3, where=lambda v: v.value.size > 0 and (
        v.shape[-3] % (b * b) == 0 if mode else v.shape[-2] % b == v.shape[-1] % b == 0))  # fmt: skip

    def formula(v: np.ndarray) -> np.ndarray:
        lead, (c, h, w) = v.shape[:-3], v.shape[-3:]
        need(c % (b * b) == 0 if mode else h % b == w % b == 0)
        if mode == 0:
            cells = v.reshape(-1, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4)
            return cells.reshape(*lead, c * b * b, h // b, w // b)
        order = (b, b, c // b**2) if mode == 1 else (c // b**2, b, b)
        cells = v.reshape(-1, *order, h, w).transpose((0, 3, 4, 1, 5, 2) if mode == 1 else (0, 1, 4, 2, 5, 3))
        return cells.reshape(*lead, c // b**2, h * b, w * b)

    return g.add([x], formula, mode=mode, blockSize=b)


@row("copy")
def _copy(g: Chooser) -> Any:
    return g.add([g.blob()], lambda x: x)
