"""Updates written into a tensor at the places that indices say."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Scatter, ScatterAlong, ScatterMode, ScatterNd
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


@layer("scatter", inputs=3)
def scatter(p: Any, x: Value, indices: Value, updates: Value, b: Builder) -> Value:
    """x with updates (x before axis, indices, x behind axis) along `axis`.  ScatterLayerParams."""
    return b.emit(Scatter(_mode(p, b), b.axis(x, int(p.axis))), x, indices, updates)


@layer("scatterND", inputs=3)
def scatter_nd(p: Any, x: Value, indices: Value, updates: Value, b: Builder) -> Value:
    """x with updates (.., rest of x) where each K numbers of indices (.., K) point.  ScatterNDLayerParams."""
    return b.emit(ScatterNd(_mode(p, b)), x, indices, updates)


@layer("scatterAlongAxis", inputs=3)
def scatter_along_axis(p: Any, x: Value, indices: Value, updates: Value, b: Builder) -> Value:
    """numpy.put_along_axis, and its kin.  ScatterAlongAxisLayerParams."""
    return b.emit(ScatterAlong(_mode(p, b), b.axis(x, int(p.axis))), x, indices, updates)


def _mode(p: Any, b: Builder) -> ScatterMode:
    if p.mode not in list(ScatterMode):
        raise b.invalid("mode", expected="one of the format's seven", got=p.mode)
    return ScatterMode(p.mode)
