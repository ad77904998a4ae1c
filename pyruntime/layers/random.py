"""Random layers.

A seed from 0 gives the same numbers in every prediction, on every board and for any number of threads; a layer that
runs several times in one prediction, and layers with the same seed, get different ones.  A seed below 0 is fresh
each time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Categorical, Random, RandomKind, ShapeFormKind
from pyruntime.ir.ops.random import seed_words
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer
from pyruntime.native.lib import MAX_RANK


def _numbers(p: Any, kind: RandomKind, b: Builder) -> tuple[float, float]:
    """What `Random` calls a and b."""
    if kind is RandomKind.NORMAL:
        if not (math.isfinite(p.mean) and 0 <= p.stdDev < math.inf):
            raise b.invalid("mean and stdDev", expected="a number and one from 0", got=(p.mean, p.stdDev))
        return p.mean, p.stdDev
    if kind is RandomKind.UNIFORM:
        if not -math.inf < p.minVal <= p.maxVal < math.inf:
            raise b.invalid("minVal and maxVal", expected="two numbers in order", got=(p.minVal, p.maxVal))
        return p.minVal, p.maxVal
    if not 0 <= p.prob <= 1:
        raise b.invalid("prob", expected="0 to 1", got=p.prob)
    return p.prob, 0.0


def _emit(p: Any, kind: RandomKind, form: ShapeFormKind, x: Value, b: Builder) -> Value:
    return b.emit(Random(kind, form, *seed_words(p.seed), *_numbers(p, kind, b)), x)


def _static(p: Any, kind: RandomKind, b: Builder) -> Value:
    shape = np.array(p.outputShape, np.float64)
    if not 1 <= shape.size <= MAX_RANK or (shape >= 2**31).any() or (shape != shape.astype(np.float32)).any():
        expected = f"1 to {MAX_RANK} sizes that a float holds"
        raise b.invalid("outputShape", expected=expected, got=list(p.outputShape)[:9])
    return _emit(p, kind, ShapeFormKind.SHAPE, b.constant(shape), b)


def _file(name: str, kind: RandomKind) -> None:
    """The three layers of one distribution, Random<name>(Like, Static, Dynamic)LayerParams."""

    @layer(f"random{name}Like")
    def like(p: Any, x: Value, b: Builder) -> Value:
        """y (shape of x)."""
        return _emit(p, kind, ShapeFormKind.LIKE, x, b)

    @layer(f"random{name}Static", inputs=0)
    def static(p: Any, b: Builder) -> Value:
        """y (outputShape)."""
        return _static(p, kind, b)

    @layer(f"random{name}Dynamic")
    def dynamic(p: Any, shape: Value, b: Builder) -> Value:
        """y (the numbers in `shape`)."""
        return _emit(p, kind, ShapeFormKind.SHAPE, shape, b)


_file("Normal", RandomKind.NORMAL)
_file("Uniform", RandomKind.UNIFORM)
_file("Bernoulli", RandomKind.BERNOULLI)


@layer("categoricalDistribution")
def categorical_distribution(p: Any, x: Value, b: Builder) -> Value:
    """x (..., N) -> y (..., numSamples), indices of classes.  CategoricalDistributionLayerParams.

    Class i is drawn with a probability proportional to exp(x[i] / temperature) for logits, else to
    (x[i] + eps)^(1 / temperature).  A temperature of 0, which is what a file without one has, means 1.
    """
    b.need_rank(x, 1)
    if p.numSamples < 1:
        raise b.invalid("numSamples", expected="1 or more", got=p.numSamples)
    if not 0 <= p.temperature < math.inf:
        raise b.invalid("temperature", expected="a number from 0", got=p.temperature)
    if not 0 <= p.eps < math.inf:
        raise b.invalid("eps", expected="a number from 0", got=p.eps)
    return b.emit(Categorical(p.numSamples, p.isLogits, *seed_words(p.seed), p.eps, p.temperature or 1.0), x)
