"""Layers over volumes (C, D, H, W)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .formulas import convolve, convolve_transposed, pool, same_pads, spans_of
from .rows import Chooser, need, row
from .rows_image import groups_of, image, kernel_weights

AXES, EDGES = ("Depth", "Height", "Width"), (("Front", "Back"), ("Top", "Bottom"), ("Left", "Right"))
CUSTOM, VALID, SAME = range(3)


def three(prefix: str, values: list[int]) -> dict[str, int]:
    return {prefix + axis: value for axis, value in zip(AXES, values, strict=True)}


def custom(pads: list[tuple[int, int]]) -> dict[str, int]:
    names = [f"customPadding{edge}" for pair in EDGES for edge in pair]
    return dict(zip(names, [n for pair in pads for n in pair], strict=True))


def bias(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, 1, 1, 1)


@row("convolution3d", rounds=True)
def _convolution(g: Chooser) -> Any:
    x = image(g, 4)
    c = x.shape[-4]
    groups, turned = groups_of(g, c), g.random.random() < 0.3
    outputs = groups * g.int(1, 2)
    kernel, stride, dilation = ([g.int(1, most) for _ in range(3)] for most in (2, 2, 2))
    form, spans = g.pick([CUSTOM, VALID, SAME]), spans_of(kernel, dilation)
    pads = [(g.int(0, 1), g.int(0, 1)) if form == CUSTOM else (0, 0) for _ in range(3)]
    b = g.array(outputs) if g.flag() else np.zeros(outputs)
    w = kernel_weights(g, x, *((c, outputs // groups) if turned else (outputs, c // groups)), *kernel)
    fields = three("kernel", kernel) | three("stride", stride) | three("dilation", dilation) | custom(pads)
    fields |= {"inputChannels": c, "outputChannels": outputs, "nGroups": groups, "paddingType": form}
    more = {"weights": g.weights(w), "bias": g.weights(b), "hasBias": True, "isDeconvolution": turned}

    def straight(v: np.ndarray) -> np.ndarray:
        around = same_pads(v.shape[-3:], spans, stride) if form == SAME else pads
        return convolve(v, w, around, stride, dilation, groups) + bias(b)

    def transposed(v: np.ndarray) -> np.ndarray:
        full = [(n - 1) * s + k for n, s, k in zip(v.shape[-3:], stride, spans, strict=True)]
        begins, sizes = [a for a, _ in pads], [n - a - z for n, (a, z) in zip(full, pads, strict=True)]
        if form == SAME:
            sizes = [n * s for n, s in zip(v.shape[-3:], stride, strict=True)]
            begins = [max(0, n - size) // 2 for n, size in zip(full, sizes, strict=True)]
        need(min(sizes) > 0)
        return convolve_transposed(v, w, begins, sizes, stride, dilation, groups) + bias(b)

    return g.add([x], transposed if turned else straight, **fields, **more)


@row("pooling3d", rounds=True)
def _pooling(g: Chooser) -> Any:
    x, kind, exclude = image(g, 4), g.int(0, 1), g.flag()
    kernel, stride = [g.int(1, 2) for _ in range(3)], [g.int(1, 2) for _ in range(3)]
    form = g.pick([CUSTOM, VALID, SAME])
    pads = [(g.int(0, k - 1), g.int(0, k - 1)) if form == CUSTOM else (0, 0) for k in kernel]
    fields = three("kernel", kernel) | three("stride", stride) | custom(pads)

    def formula(v: np.ndarray) -> np.ndarray:
        around = same_pads(v.shape[-3:], kernel, stride) if form == SAME else pads
        need(all(n + sum(a) >= k for n, a, k in zip(v.shape[-3:], around, kernel, strict=True)))
        return pool(v, kind, kernel, stride, around, [(0, 0)] * 3, exclude=exclude)

    return g.add([x], formula, type=kind, countExcludePadding=exclude, paddingType=form, **fields)


@row("globalPooling3d", rounds=True)
def _global(g: Chooser) -> Any:
    x, kind, axes = image(g, 4), g.int(0, 1), (-3, -2, -1)
    return g.add([x], lambda v: v.mean(axes, keepdims=True) if kind else v.max(axes, keepdims=True), type=kind)
