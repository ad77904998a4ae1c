"""Normalisation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Affine, BinaryKind, LayerNorm, Lrn, Reduce, ReduceKind, Reshape, UnaryKind
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer

FARTHEST = 2**31 - 1
"""Channels that a window of local response normalisation may reach: more than an array has."""


@layer("batchnorm")
def batchnorm(p: Any, x: Value, b: Builder) -> Value:
    """gamma * (x - mean) / sqrt(variance + eps) + beta per channel.  BatchnormLayerParams.

    computeMeanVar: statistics of the numbers themselves, over (H, W) with instanceNormalization, else over all axes but
    the channels'.
    """
    b.need_rank(x, 3)
    channels = int(p.channels)
    if x.shape[-3] not in (channels, UNKNOWN):
        raise b.invalid("channels", expected=f"{x.shape[-3]}, its input's channels", got=channels)
    epsilon = p.epsilon or 1e-5
    scale, shift = (b.constant(b.weights(w, (channels,), name)) for w, name in ((p.gamma, "gamma"), (p.beta, "beta")))
    collected = b.statistics(x, p)
    if collected is not None:
        x = _scaled(b.binary(BinaryKind.SUB, x, collected[0]), collected[1], epsilon, b)
    elif p.computeMeanVar:
        outer = [axis for axis in range(-x.rank, -3) if axis + x.rank != b.examples_axis]
        axes = (-2, -1) if p.instanceNormalization else (*outer, -2, -1)
        x = _standardise(x, axes, epsilon, True, b)
    else:
        scale, shift = _with_statistics(p, scale, shift, epsilon, b)
    return b.channels_first(b.emit(Affine(), b.channels_last(x), scale, shift))


def _with_statistics(p: Any, gamma: Value, beta: Value, epsilon: float, b: Builder) -> tuple[Value, Value]:
    """Scale and shift that stand for gamma, beta and the mean and variance of the file.  Constants: in double."""
    mean, variance = (b.weights(w, gamma.shape, name) for w, name in ((p.mean, "mean"), (p.variance, "variance")))
    if not (variance.astype(np.float64) + epsilon > 0).all():
        raise b.invalid("variance", expected="above -epsilon in every channel", got=float(variance.min()))
    root = np.sqrt(variance.astype(np.float64) + epsilon)
    if gamma.name in b.constants and beta.name in b.constants:
        scale = b.constants[gamma.name].astype(np.float64) / root
        return b.constant(scale), b.constant(b.constants[beta.name].astype(np.float64) - mean * scale)
    learned = b.binary(BinaryKind.DIV, gamma, b.constant(root))
    return learned, b.binary(BinaryKind.SUB, beta, b.binary(BinaryKind.MUL, b.constant(mean.copy()), learned))


@layer("mvn")
def mvn(p: Any, x: Value, b: Builder) -> Value:
    """Mean, and variance if wanted, removed per channel or across channels.  MeanVarianceNormalizeLayerParams."""
    b.need_rank(x, 3)
    axes = (-3, -2, -1) if p.acrossChannels else (-2, -1)
    return _standardise(x, axes, p.epsilon or 1e-6, p.normalizeVariance, b)


@layer("l2normalize")
def l2normalize(p: Any, x: Value, b: Builder) -> Value:
    """x / sqrt(sum of squares over (C, H, W) + eps).  L2NormalizeLayerParams."""
    b.need_rank(x, 3)
    squares = b.emit(Reduce(ReduceKind.SUM_SQUARE, _axes(x, (-3, -2, -1)), True), x)
    return b.binary(BinaryKind.MUL, x, b.unary(UnaryKind.RSQRT, squares, p.epsilon or 1e-6))


@layer("lrn")
def lrn(p: Any, x: Value, b: Builder) -> Value:
    """x / (k + alpha / localSize * sum of squares over localSize channels)^beta.  LRNLayerParams; k 0 stands for 1.

    An even window reaches one channel further back than forward; the format does not say.
    """
    b.need_rank(x, 3)
    size = int(p.localSize)
    if size < 1:
        raise b.invalid("localSize", expected="1 or more", got=size)
    before, after = (min(reach, FARTHEST) for reach in (size // 2, (size - 1) // 2))
    op = Lrn(before, after, p.alpha / size, p.k or 1.0, p.beta)
    return b.channels_first(b.emit(op, b.channels_last(x)))


@layer("layerNormalization")
def layer_normalization(p: Any, x: Value, b: Builder) -> Value:
    """gamma * (x - mean) / sqrt(variance + eps) + beta over the last axes.  LayerNormalizationLayerParams."""
    shape = tuple(int(size) for size in p.normalizedShape)
    last = x.shape[x.rank - len(shape) :] if 0 < len(shape) <= x.rank else None
    if last is None or any(want < 1 or there not in (want, UNKNOWN) for want, there in zip(shape, last, strict=True)):
        raise b.invalid(
            "normalizedShape", expected=f"the last sizes of its input's shape {list(x.shape)}", got=list(shape)
        )
    gamma, beta = (
        b.prepared(Reshape((math.prod(shape),)), b.constant(b.weights(weight, shape, name)))
        for weight, name in ((p.gamma, "gamma"), (p.beta, "beta"))
    )
    return b.emit(LayerNorm(len(shape), p.eps), x, gamma, beta)


def _axes(x: Value, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axis % x.rank for axis in axes)


def _standardise(x: Value, axes: tuple[int, ...], epsilon: float, variance: bool, b: Builder) -> Value:
    """Two passes, not one: the mean of squares minus the square of the mean loses all digits of a large mean."""
    centred = b.binary(BinaryKind.SUB, x, b.emit(Reduce(ReduceKind.MEAN, _axes(x, axes), True), x))
    if not variance:
        return centred
    count = math.prod(x.shape[axis] for axis in axes) if all(x.shape[axis] != UNKNOWN for axis in axes) else 0
    if count > 0:
        total = b.emit(Reduce(ReduceKind.SUM_SQUARE, _axes(x, axes), True), centred)
        return _scaled(centred, b.unary(UnaryKind.LINEAR, total, 1 / count), epsilon, b)
    squares = b.binary(BinaryKind.MUL, centred, centred)
    return _scaled(centred, b.emit(Reduce(ReduceKind.MEAN, _axes(x, axes), True), squares), epsilon, b)


def _scaled(centred: Value, variance: Value, epsilon: float, b: Builder) -> Value:
    return b.binary(BinaryKind.MUL, centred, b.unary(UnaryKind.RSQRT, variance, epsilon))
