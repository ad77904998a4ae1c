"""Convolution, pooling, resizing, normalisation: layers about images, on the axes (C, H, W) at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..layers.network import borders
from .formulas import Pads, convolve, convolve_transposed, grid, pool, resample, same_pads, spans_of
from .net import Blob
from .rows import Chooser, need, row
from .rows_elementwise import channels


def image(g: Chooser, least: int = 3) -> Blob:
    x = g.blob(least)
    need(x.value.size)
    return x


def kernel_weights(g: Chooser, x: Blob, *shape: int) -> np.ndarray:
    """Whole numbers for whole numbers, else some of a size that keeps sums about as large as numbers are."""
    if x.whole and g.flag():
        return g.wholes(shape, -2, 2)
    return g.array(*shape, scale=1 / np.sqrt(np.prod(shape[1:])))


def groups_of(g: Chooser, count: int) -> int:
    return g.pick([n for n in range(1, count + 1) if count % n == 0])


@row("convolution", rounds=True)
def _convolution(g: Chooser) -> Any:
    x = image(g)
    c = x.shape[-3]
    groups = groups_of(g, c)
    outputs = groups * g.int(1, 3)
    kernel, stride = [g.int(1, 3), g.int(1, 3)], [g.int(1, 2), g.int(1, 2)]
    given = not g.legacy and g.random.random() < 0.2
    dilation = [1, 1] if given or g.flag() else [g.int(1, 2), g.int(1, 2)]
    fields: dict[str, Any] = {"outputChannels": outputs, "nGroups": groups, "kernelSize": kernel, "stride": stride,
                              "dilationFactor": dilation}  # fmt: skip
    bias = np.zeros(outputs)
    if not given and g.flag():
        bias = g.wholes([outputs], -2, 2) if x.whole else g.array(outputs)
        fields |= {"hasBias": True, "bias": g.weights(bias)}
    if not given and g.random.random() < 0.3:
        return _transposed(g, x, fields, bias)
    w = kernel_weights(g, x, outputs, c // groups, *kernel)
    same, spans = g.flag(), spans_of(kernel, dilation)
    pads = [(g.int(0, 2), g.int(0, 2)) for _ in range(2)]
    top_left = g.flag()
    fields |= {"same": {"asymmetryMode": int(top_left)}} if same else {"valid": {"paddingAmounts": borders(*pads)}}

    def formula(v: np.ndarray, weight: np.ndarray = w) -> np.ndarray:
        around = same_pads(v.shape[-2:], spans, stride, top_left) if same else pads
        return convolve(v, weight, around, stride, dilation, groups) + channels(bias)

    if given:
        return g.add([x, g.operand(w)], formula, kernelChannels=c // groups, **fields)
    return g.add([x], formula, kernelChannels=c // groups, weights=g.weights(w), **fields)


def _transposed(g: Chooser, x: Blob, fields: dict[str, Any], bias: np.ndarray) -> Any:
    c, outputs, groups = x.shape[-3], fields["outputChannels"], fields["nGroups"]
    kernel, stride, dilation = fields["kernelSize"], fields["stride"], fields["dilationFactor"]
    w = kernel_weights(g, x, c, outputs // groups, *kernel)
    spans = spans_of(kernel, dilation)
    same, top_left = g.flag(), g.flag()
    pads = [(g.int(0, 1), g.int(0, 1)) for _ in range(2)]
    fields |= {"same": {"asymmetryMode": int(top_left)}} if same else {"valid": {"paddingAmounts": borders(*pads)}}

    def formula(v: np.ndarray) -> np.ndarray:
        full = [(n - 1) * s + k for n, s, k in zip(v.shape[-2:], stride, spans, strict=True)]
        begins, sizes = [a for a, _ in pads], [n - a - b for n, (a, b) in zip(full, pads, strict=True)]
        if same:
            sizes = [n * s for n, s in zip(v.shape[-2:], stride, strict=True)]
            cuts = [max(0, n - size) for n, size in zip(full, sizes, strict=True)]
            begins = [cut - cut // 2 if top_left else cut // 2 for cut in cuts]
        need(min(sizes) > 0)
        return convolve_transposed(v, w, begins, sizes, stride, dilation, groups) + channels(bias)

    return g.add([x], formula, isDeconvolution=True, kernelChannels=c, weights=g.weights(w), **fields)


@row("pooling", rounds=True)
def _pooling(g: Chooser) -> Any:
    x, kind, exclude = image(g), g.int(0, 2), g.flag()
    kernel, stride = [g.int(1, 3), g.int(1, 3)], [g.int(1, 3), g.int(1, 3)]
    if kind == 2:
        x = g.float(3)
    fields: dict[str, Any] = {"type": kind, "kernelSize": kernel, "stride": stride, "avgPoolExcludePadding": exclude}
    if g.random.random() < 0.2:

        def everything(v: np.ndarray) -> np.ndarray:
            return pool(v, kind, v.shape[-2:], [1, 1], [(0, 0)] * 2, [(0, 0)] * 2, exclude=False)

        return g.add([x], everything, globalPooling=True, valid={}, **fields)
    form, top_left = g.int(0, 2), g.flag()
    pads = [(g.int(0, k // 2), g.int(0, k // 2)) for k in kernel]
    both = [a for a, _ in pads]
    paddings: list[dict[str, Any]] = [
        {"valid": {"paddingAmounts": borders(*pads)}},
        {"same": {"asymmetryMode": int(top_left)}},
        {"includeLastPixel": {"paddingAmounts": both}},
    ]

    def formula(v: np.ndarray) -> np.ndarray:
        around: Pads = [pads, same_pads(v.shape[-2:], kernel, stride, top_left), [(p, p) for p in both]][form]
        over = [_beyond(n, *more, any(both)) for n, *more in zip(v.shape[-2:], kernel, stride, both, strict=True)]
        need(all(n + sum(a) >= k for n, a, k in zip(v.shape[-2:], around, kernel, strict=True)))
        return pool(v, kind, kernel, stride, around, over if form == 2 else [(0, 0)] * 2, exclude=exclude)

    return g.add([x], formula, **fields, **paddings[form])


def _beyond(size: int, kernel: int, stride: int, pad: int, corrected: bool) -> tuple[int, int]:
    """How far the last window of includeLastPixel hangs over its padded axis."""
    count = -(-(size + 2 * pad - kernel) // stride) + 1
    if corrected and (count - 1) * stride >= size + pad:
        count -= 1
    return 0, max(0, (count - 1) * stride + kernel - size - 2 * pad)


@row("upsample", rounds=True)
def _upsample(g: Chooser) -> Any:
    x, mode, linear = image(g), g.int(0, 1), g.int(0, 2)
    if mode and linear and not g.legacy and g.flag():
        factors: Sequence[float] = [g.pick([1.5, 2.5, 1.25]), g.pick([1.5, 2.0])]
        return g.add([x], lambda v: _resized(v, factors, linear), mode=1, linearUpsampleMode=linear,
                     fractionalScalingFactor=factors)  # fmt: skip
    whole = [g.int(1, 3), g.int(1, 3)]
    if not mode:
        return g.add([x], lambda v: v.repeat(whole[0], -2).repeat(whole[1], -1), mode=0, scalingFactor=whole)
    linear = 0 if g.legacy else linear
    return g.add([x], lambda v: _resized(v, whole, linear), mode=1, linearUpsampleMode=linear, scalingFactor=whole)


def _resized(x: np.ndarray, factors: Sequence[float], mode: int) -> np.ndarray:
    def points(size: int, factor: float) -> np.ndarray:
        out = int(size * factor)
        i = np.arange(out, dtype=np.float64)
        return [i * size / out, i * (size - 1) / max(out - 1, 1), (i + 0.5) * size / out - 0.5][mode]

    return resample(x, points(x.shape[-2], factors[0]), points(x.shape[-1], factors[1]))


@row("resizeBilinear", always=True)
def _resize(g: Chooser) -> Any:
    x, method, target = image(g), g.int(0, 3), [g.int(1, 6), g.int(1, 6)]

    def formula(v: np.ndarray) -> np.ndarray:
        return resample(v, *(grid(method, 0, n - 1, t) for n, t in zip(v.shape[-2:], target, strict=True)))

    return g.add([x], formula, targetSize=target, mode={"samplingMethod": method})


@row("cropResize", always=True)
def _crop_resize(g: Chooser) -> Any:
    x = g.blob(5, where=lambda v: v.shape[0] == 1 and v.value.size > 0)
    count, method, numbers, scaled = g.int(1, 3), g.int(0, 3), g.int(4, 5), g.flag()
    low = 0.25 * g.wholes([count, 2], 0, 2)
    boxes = np.concatenate([low, low + 0.25 * g.wholes([count, 2], 1, 2)], 1) * (1 if scaled else 4)
    stored = np.concatenate([g.wholes([count, 1], 0, x.shape[1] - 1), boxes], 1)[:, 5 - numbers :]
    target, factor = [g.int(1, 4), g.int(1, 4)], g.pick([1.0, 0.5])
    other = g.operand(stored.reshape(count, 1, numbers, 1, 1)) if not g.legacy else g.net.input(
        stored.reshape(count, 1, numbers, 1, 1), kept=True)  # fmt: skip

    def formula(v: np.ndarray, b: np.ndarray) -> np.ndarray:
        h, w = v.shape[-2:]
        need(v.shape[0] == 1)
        made = []
        for chosen in b.reshape(-1, numbers):
            y0, x0, y1, x1 = chosen[-4:] * factor * (np.array([h - 1, w - 1] * 2) if scaled else 1)
            source = v[0] if numbers == 4 else v[0, int(chosen[0])][None]
            made.append(resample(source, grid(method, y0, y1, target[0]), grid(method, x0, x1, target[1])))
        return np.stack(made)

    return g.add([x, other], formula, targetSize=target, mode={"samplingMethod": method}, spatialScale=factor,
                 normalizedCoordinates=scaled)  # fmt: skip


@row("batchnorm", always=True)
def _batchnorm(g: Chooser) -> Any:
    x = g.float(3)
    c = x.shape[-3]
    gamma, beta, mean, variance = g.array(c), g.array(c), g.array(c), np.abs(g.array(c)) + 0.5
    names = ("gamma", "beta", "mean", "variance")
    fields = {n: g.weights(v) for n, v in zip(names, (gamma, beta, mean, variance), strict=True)}
    own, instance, eps = g.flag(), g.flag(), float(np.float32(0.01))
    axes = (-2, -1)

    def formula(v: np.ndarray) -> np.ndarray:
        need(v.shape[-3] == c)
        over = axes if instance else (*range(v.ndim - 3), *axes)
        m = v.mean(over, keepdims=True) if own else channels(mean)
        s = v.var(over, keepdims=True) if own else channels(variance)
        return channels(gamma) * (v - m) / np.sqrt(s + eps) + channels(beta)

    return g.add([x], formula, channels=c, epsilon=eps, computeMeanVar=own, instanceNormalization=instance and own,
                 **fields)  # fmt: skip


@row("mvn", "l2normalize", "lrn", "softmax", always=True)
def _normalised(g: Chooser) -> Any:
    x, eps = g.float(3), float(np.float32(0.01))
    if g.kind == "softmax":
        return g.add([x], lambda v: np.exp(v) / np.exp(v).sum(-3, keepdims=True))
    if g.kind == "l2normalize":
        return g.add([x], lambda v: v / np.sqrt((v * v).sum((-3, -2, -1), keepdims=True) + eps), epsilon=eps)
    if g.kind == "lrn":
        return _lrn(g, x)
    across, divide = g.flag(), g.flag()
    axes = (-3, -2, -1) if across else (-2, -1)

    def formula(v: np.ndarray) -> np.ndarray:
        y = v - v.mean(axes, keepdims=True)
        return y / np.sqrt(v.var(axes, keepdims=True) + eps) if divide else y

    return g.add([x], formula, acrossChannels=across, normalizeVariance=divide, epsilon=eps)


def _lrn(g: Chooser, x: Blob) -> Any:
    size, alpha, beta, k = g.pick([1, 3, 5]), 0.5, 0.75, g.pick([1.0, 2.0])

    def formula(v: np.ndarray) -> np.ndarray:
        half, c = size // 2, v.shape[-3]
        squares = [(v[..., max(0, i - half) : i + half + 1, :, :] ** 2).sum(-3) for i in range(c)]
        return v / (k + alpha / size * np.stack(squares, -3)) ** beta

    return g.add([x], formula, localSize=size, alpha=alpha, beta=beta, k=k)
