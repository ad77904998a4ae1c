"""Layers that look up, write, mark or cut by indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .net import Blob
from .rows import Chooser, need, row
from .rows_image import image


def indices(g: Chooser, shape: tuple[int, ...], size: int, *, distinct: bool = False) -> Blob:
    """Places on an axis, negative ones counted from its end."""
    count = int(np.prod(shape))
    if distinct:
        need(count <= size)
        places = np.array(g.random.sample(range(size), count), float)
    else:
        places = g.wholes([count], 0, size - 1)
    if g.flag():
        places[::2] -= size
    return g.operand(places.reshape(shape))


def within(index: np.ndarray, size: int) -> np.ndarray:
    need(size and np.all((-size <= index) & (index < size)))
    return index.astype(int) % size


@row("gather")
def _gather(g: Chooser) -> Any:
    x = image(g, 1)
    axis = g.axis(x)
    shape = tuple(g.int(1, 3) for _ in range(g.int(1, min(2, 6 - x.rank))))
    index = indices(g, shape, x.shape[axis])
    return g.add([x, index], lambda v, i: np.take(v, within(i, v.shape[axis]), axis), axis=g.signed(axis, x.rank))


@row("gatherND")
def _gather_nd(g: Chooser) -> Any:
    x = image(g, 1)
    depth = g.int(1, x.rank)
    lead = tuple(g.int(1, 3) for _ in range(g.int(1, 5 - (x.rank - depth)) if x.rank - depth < 4 else 1))[:2]
    index = g.operand(np.stack([g.wholes(lead, 0, n - 1) for n in x.shape[:depth]], -1))

    def formula(v: np.ndarray, i: np.ndarray) -> np.ndarray:
        return v[tuple(within(i[..., k], v.shape[k]) for k in range(depth))]

    return g.add([x, index], formula)


@row("gatherAlongAxis")
def _gather_along(g: Chooser) -> Any:
    x = image(g, 1)
    axis = g.axis(x)
    index = indices(g, (*x.shape[:axis], g.int(1, 3), *x.shape[axis + 1 :]), x.shape[axis])

    def formula(v: np.ndarray, i: np.ndarray) -> np.ndarray:
        need(all(n == m for k, (n, m) in enumerate(zip(v.shape, i.shape, strict=True)) if k != axis))
        return np.take_along_axis(v, within(i, v.shape[axis]), axis)

    return g.add([x, index], formula, axis=g.signed(axis, x.rank))


CHANGES: list[Callable[..., Any]] = [
    lambda old, new: new, np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum,
]  # fmt: skip


def updates(g: Chooser, x: Blob, shape: tuple[int, ...], mode: int) -> Blob:
    if mode == 4:
        return g.operand(g.pick([2.0, -4.0]) * np.ones(shape))
    fitting = [y for y in g.net.blobs if y.shape == shape and not y.free]
    if fitting and g.flag():
        return g.pick(fitting)
    return g.operand(g.wholes(shape, -3, 3) if x.whole else g.array(*shape))


@row("scatter", rounds=True)
def _scatter(g: Chooser) -> Any:
    x, mode = image(g, 1), g.int(0, 6)
    axis = g.axis(x)
    count = g.int(1, 3)
    index = indices(g, (count,), x.shape[axis], distinct=mode == 0)
    new = updates(g, x, (*x.shape[:axis], count, *x.shape[axis + 1 :]), mode)

    def formula(v: np.ndarray, i: np.ndarray, u: np.ndarray) -> np.ndarray:
        y, rows = np.moveaxis(v.copy(), axis, 0), np.moveaxis(u, axis, 0)
        need(y.shape[1:] == rows.shape[1:])
        for place, new_row in zip(within(i, len(y)), rows, strict=True):
            y[place] = CHANGES[mode](y[place], new_row)
        return np.moveaxis(y, 0, axis)

    return g.add([x, index, new], formula, axis=g.signed(axis, x.rank), mode=mode)


@row("scatterND", rounds=True)
def _scatter_nd(g: Chooser) -> Any:
    x, mode = image(g, 1), g.int(0, 6)
    depth, count = g.int(1, x.rank), g.int(1, 3)
    cells = int(np.prod(x.shape[:depth]))
    need(count <= cells)
    places = np.array(g.random.sample(range(cells), count))
    index = g.operand(np.stack(np.unravel_index(places, x.shape[:depth]), -1))
    new = updates(g, x, (count, *x.shape[depth:]), mode)

    def formula(v: np.ndarray, i: np.ndarray, u: np.ndarray) -> np.ndarray:
        y = v.copy()
        need(y.shape[depth:] == u.shape[1:])
        for place, cell in zip(i, u, strict=True):
            at = tuple(int(within(p, n)) for p, n in zip(place, y.shape, strict=False))
            y[at] = CHANGES[mode](y[at], cell)
        return y

    return g.add([x, index, new], formula, mode=mode)


@row("scatterAlongAxis", rounds=True)
def _scatter_along(g: Chooser) -> Any:
    x, mode = image(g, 1), g.int(0, 6)
    axis = g.axis(x)
    count = g.int(1, x.shape[axis])
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    order = np.argsort(g.numbers.random(x.shape), axis)  # distinct along the axis
    index = g.operand(order.take(range(count), axis))
    new = updates(g, x, shape, mode)

    def formula(v: np.ndarray, i: np.ndarray, u: np.ndarray) -> np.ndarray:
        need(v.shape[:axis] + v.shape[axis + 1 :] == i.shape[:axis] + i.shape[axis + 1 :])
        y, places = v.copy(), within(i, v.shape[axis])
        changed = CHANGES[mode](np.take_along_axis(v, places, axis), u)
        np.put_along_axis(y, places, changed, axis)
        return y

    return g.add([x, index, new], formula, axis=g.signed(axis, x.rank), mode=mode)


@row("whereNonZero")
def _where(g: Chooser) -> Any:
    return g.add([g.blob()], lambda x: np.argwhere(x))


@row("oneHot")
def _one_hot(g: Chooser) -> Any:
    """Also of indices that are outside."""
    x = g.blob(1, 4, whole=True) if g.flag() else g.operand(g.wholes([g.int(1, 3), g.int(1, 3)], -1, 4))
    size, axis, on, off = g.int(1, 4), g.axis(x, 1), g.pick([1.0, 0.5]), g.pick([0.0, -2.0])
    need(x.rank < 5)
    inputs = [x, g.operand([size])] if g.flag() else [x]

    def formula(v: np.ndarray, *_: np.ndarray) -> np.ndarray:
        return np.moveaxis(np.where(v[..., None] == np.arange(size), on, off), -1, axis)

    return g.add(inputs, formula, oneHotVectorSize=size, axis=g.signed(axis, x.rank + 1), onValue=on, offValue=off)


def _cuts(g: Chooser, x: Blob) -> dict[str, list[Any]]:
    """What every axis keeps at least one element of."""
    fields: dict[str, list[Any]] = {n: [] for n in NAMES}
    for size in x.shape:
        stride, begin = g.pick([1, 1, 2, -1, -2]), g.int(0, size - 1)
        end = g.int(begin + 1, size + 1) if stride > 0 else g.int(0, begin) - 1
        end = -size - 1 if end < 0 else end
        free_begin, free_end, gone = (g.random.random() < 0.25 for _ in range(3))
        begin -= size * g.flag()
        for name, value in zip(NAMES, (begin, end, stride, free_begin, free_end, gone), strict=True):
            fields[name].append(value)
    return fields


NAMES = ("beginIds", "endIds", "strides", "beginMasks", "endMasks", "squeezeMasks")


def _sliced(x: np.ndarray, *lists: Any) -> np.ndarray:
    index: list[Any] = []
    for size, begin, end, stride, free_begin, free_end, gone in zip(x.shape, *lists, strict=True):
        if gone:
            need(-size <= begin < size)
            index.append(int(begin))
        else:
            index.append(slice(None if free_begin else int(begin), None if free_end else int(end), int(stride)))
    return np.atleast_1d(x[tuple(index)])


@row("sliceStatic", "sliceDynamic")
def _slice(g: Chooser) -> Any:
    x = image(g, 1)
    cuts = _cuts(g, x)
    lists = list(cuts.values())
    if g.kind == "sliceStatic":
        return g.add([x], lambda v: _sliced(v, *lists), **cuts)
    given = g.int(1, 5)
    squeezed = [g.net.constant(lists[5])] if given == 5 and g.flag() else []
    operands = [g.operand(numbers) for numbers in lists[:given]]
    rest = {n: v for n, v in list(cuts.items())[given + len(squeezed) :] if n != "beginIds"}
    if given == 1:
        rest["endIds"] = lists[1]

    def formula(v: np.ndarray, *numbers: np.ndarray) -> np.ndarray:
        return _sliced(v, *numbers[:given], *lists[given:])

    return g.add([x, *operands, *squeezed], formula, **rest)


@row("slice")
def _old_slice(g: Chooser) -> Any:
    x, axis, stride = image(g), g.int(0, 2), g.int(1, 2)
    size = x.shape[axis - 3]
    begin = g.int(0, size - 1)
    end = g.int(begin + 1, size)
    cut = [slice(None)] * 3
    cut[axis] = slice(begin, end, stride)

    def formula(v: np.ndarray) -> np.ndarray:
        y = v[(..., *cut)]
        need(y.size)
        return y

    start = begin - size if g.flag() and x.shape[axis - 3] == size else begin
    if start < 0:
        cut[axis] = slice(start, end, stride)
    return g.add([x], formula, axis=axis, startIndex=start, endIndex=end, stride=stride)


@row("sliceBySize")
def _by_size(g: Chooser) -> Any:
    x = image(g, 1)
    axis = g.axis(x)
    size = g.int(1, x.shape[axis])
    begin = g.operand([g.int(0, x.shape[axis] - size)])

    def formula(v: np.ndarray, first: np.ndarray) -> np.ndarray:
        need(first[0] + size <= v.shape[axis])
        return v.take(range(int(first[0]), int(first[0]) + size), axis)

    return g.add([x, begin], formula, axis=g.signed(axis, x.rank), size=size)


@row("NonMaximumSuppression")
def _suppression(g: Chooser) -> Any:
    """Boxes on a grid and scores that are far from each other, so that every comparison is clear."""
    batch, n, classes, most, per_class = g.int(1, 2), g.int(1, 5), g.int(1, 3), g.int(1, 5), g.flag()
    boxes = np.concatenate([g.wholes((batch, n, 2), 0, 4), g.wholes((batch, n, 2), 1, 4)], -1)
    scores = g.numbers.permutation(batch * n * classes).reshape(batch, n, classes) / 32.0
    iou, least = g.pick([0.07, 0.31, 0.77]), g.pick([-1.0, 0.1, 9.0]) + 1 / 64
    inputs = [g.net.input(boxes, kept=True), g.net.input(scores, kept=True)]
    if g.flag():
        inputs += [g.operand([value]) for value in (iou, least, most)]

    def formula(b: np.ndarray, s: np.ndarray, *_: np.ndarray) -> tuple[np.ndarray, ...]:
        each = [_stay(*one, iou, least, per_class)[:most] for one in zip(b, s, strict=True)]
        places = -np.ones((batch, most))
        kept_boxes, kept_scores = np.zeros((batch, most, 4)), np.zeros((batch, most, classes))
        for i, stay in enumerate(each):
            places[i, : len(stay)] = stay
            kept_boxes[i, : len(stay)], kept_scores[i, : len(stay)] = b[i, stay], s[i, stay]
        return kept_boxes, kept_scores, places, np.array([float(len(stay)) for stay in each])

    return g.add(inputs, formula, 4, iouThreshold=iou, scoreThreshold=least, maxBoxes=most,
                 perClassSuppression=per_class)  # fmt: skip


def _stay(boxes: np.ndarray, scores: np.ndarray, iou: float, least: float, per_class: bool) -> list[int]:
    best, kind, stay = scores.max(-1), scores.argmax(-1), list[int]()
    for i in np.argsort(-best, kind="stable"):
        rivals = [j for j in stay if not per_class or kind[i] == kind[j]]
        if best[i] >= least and all(_overlap(boxes[i], boxes[j]) <= iou for j in rivals):
            stay.append(int(i))
    return stay or [int(best.argmax())]


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    low, high = np.maximum(a[:2] - a[2:] / 2, b[:2] - b[2:] / 2), np.minimum(a[:2] + a[2:] / 2, b[:2] + b[2:] / 2)
    common = float(np.prod(np.maximum(high - low, 0)))
    return common / (float(np.prod(a[2:]) + np.prod(b[2:])) - common)
