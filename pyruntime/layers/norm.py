"""Normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Affine, BinaryKind, Reduce, ReduceKind, UnaryKind
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


@layer("batchnorm")
def batchnorm(p: Any, x: Value, b: Builder) -> Value:
    """gamma * (x - mean) / sqrt(variance + eps) + beta per channel.  BatchnormLayerParams."""
    b.need_rank(x, 3)
    channels = int(p.channels)
    if x.shape[-3] not in (channels, UNKNOWN):
        raise b.invalid("channels", expected=f"{x.shape[-3]}, its input's channels", got=channels)
    if p.computeMeanVar and not p.instanceNormalization:
        raise b.unsupported(
            "statistics over a whole batch (computeMeanVar without instanceNormalization) are not supported"
        )
    epsilon = p.epsilon or 1e-5
    gamma = b.weights(p.gamma, (channels,), "gamma").astype(np.float64)
    beta = b.weights(p.beta, (channels,), "beta").astype(np.float64)
    if p.computeMeanVar:
        x, scale, shift = _standardise(x, (-2, -1), epsilon, True, b), gamma, beta
    else:
        mean = b.weights(p.mean, (channels,), "mean").astype(np.float64)
        variance = b.weights(p.variance, (channels,), "variance").astype(np.float64)
        if not (variance + epsilon > 0).all():
            raise b.invalid("variance", expected="above -epsilon in every channel", got=float(variance.min()))
        scale = gamma / np.sqrt(variance + epsilon)
        shift = beta - mean * scale
    return b.channels_first(b.emit(Affine(), b.channels_last(x), b.constant(scale), b.constant(shift)))


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


def _axes(x: Value, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axis % x.rank for axis in axes)


def _standardise(x: Value, axes: tuple[int, ...], epsilon: float, variance: bool, b: Builder) -> Value:
    """Two passes, not one: the mean of squares minus the square of the mean loses all digits of a large mean."""
    centred = b.binary(BinaryKind.SUB, x, b.emit(Reduce(ReduceKind.MEAN, _axes(x, axes), True), x))
    if not variance:
        return centred
    squares = b.binary(BinaryKind.MUL, centred, centred)
    spread = b.emit(Reduce(ReduceKind.MEAN, _axes(x, axes), True), squares)
    return b.binary(BinaryKind.MUL, centred, b.unary(UnaryKind.RSQRT, spread, epsilon))
