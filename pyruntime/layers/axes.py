"""Axes taken apart and put together, with sizes known or open."""

from __future__ import annotations

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Reshape, Slice
from pyruntime.ir.ops.move import LAST, kept
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.builder import Builder


def size_of(x: Value, axis: int) -> int:
    """An entry of Reshape for a dimension of `x` that stays, wherever it goes."""
    return x.shape[axis] if x.shape[axis] > 0 else kept(axis)


def split_axis(x: Value, axis: int, outer: int, inner: int, b: Builder) -> Value:
    """(.., outer * inner, ..) -> (.., outer, inner, ..); one of them may be UNKNOWN."""
    before = [size_of(x, i) for i in range(axis)]
    return b.emit(Reshape((*before, outer, inner, *(size_of(x, i) for i in range(axis + 1, x.rank)))), x)


def merge_axes(x: Value, axis: int, b: Builder) -> Value:
    """(.., n, m, ..) -> (.., n * m, ..)."""
    before = [size_of(x, i) for i in range(axis)]
    return b.emit(Reshape((*before, UNKNOWN, *(size_of(x, i) for i in range(axis + 2, x.rank)))), x)


def with_axis(x: Value, axis: int, b: Builder) -> Value:
    """An axis of size 1 before `axis` of `x`."""
    sizes = [size_of(x, i) for i in range(x.rank)]
    return b.emit(Reshape((*sizes[:axis], 1, *sizes[axis:])), x)


def without_axes(x: Value, axes: set[int], b: Builder) -> Value:
    """`x` without these axes of size 1; (1,) when none is left."""
    sizes = tuple(size_of(x, axis) for axis in range(x.rank) if axis not in axes)
    return b.emit(Reshape(sizes), x) if sizes else b.scalar(x)


def slice_axis(x: Value, axis: int, begin: int, end: int, stride: int, b: Builder) -> Value:
    """x[begin:end:stride] along one axis, as NumPy; LAST as end: to the last element."""
    axis %= x.rank
    begins, ends, strides = [0] * x.rank, [LAST] * x.rank, [1] * x.rank
    begins[axis], ends[axis], strides[axis] = (limited(v) for v in (begin, end, stride))
    return b.emit(Slice(tuple(begins), tuple(ends), tuple(strides)), x)


def limited(index: int) -> int:
    """An index or stride of any size as one of 32 bits that means the same along every axis there can be."""
    return min(max(index, -LAST), LAST)
