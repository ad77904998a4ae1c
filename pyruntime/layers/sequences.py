"""Axes read backwards or through windows, and matrices cut along their diagonals."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Band, ReverseSequence, Slice, Windows
from pyruntime.ir.ops.move import FIRST, LAST
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


@layer("reverse")
def reverse(p: Any, x: Value, b: Builder) -> Value:
    """The axes whose flag is set, backwards.  ReverseLayerParams."""
    flags = [bool(flag) for flag in p.reverseDim]
    if len(flags) != x.rank:
        raise b.invalid("reverseDim", expected=f"{x.rank} flags, one for each axis", got=flags)
    begin = tuple(LAST if flag else 0 for flag in flags)
    end = tuple(FIRST if flag else LAST for flag in flags)
    return b.emit(Slice(begin, end, tuple(-1 if flag else 1 for flag in flags)), x)


@layer("reverseSeq", inputs=2)
def reverse_seq(p: Any, x: Value, lengths: Value, b: Builder) -> Value:
    """The first lengths[i] elements of entry i of batchAxis, backwards along sequenceAxis.  ReverseSeqLayerParams."""
    batch, sequence = b.axis(x, int(p.batchAxis)), b.axis(x, int(p.sequenceAxis))
    return b.emit(ReverseSequence(batch, sequence), x, lengths)


@layer("slidingWindows")
def sliding_windows(p: Any, x: Value, b: Builder) -> Value:
    """An axis of L becomes ((L - windowSize) // step + 1, windowSize).  SlidingWindowsLayerParams."""
    return b.emit(Windows(b.axis(x, int(p.axis)), int(p.windowSize), int(p.step)), x)


@layer("matrixBandPart")
def matrix_band_part(p: Any, x: Value, b: Builder) -> Value:
    """numLower diagonals below the main one and numUpper above; negative: all.  MatrixBandPartLayerParams."""
    return _band(x, FIRST if p.numLower < 0 else -int(p.numLower), LAST if p.numUpper < 0 else int(p.numUpper), b)


@layer("lowerTriangular")
def lower_triangular(p: Any, x: Value, b: Builder) -> Value:
    """numpy.tril(x, k).  LowerTriangularLayerParams."""
    return _band(x, FIRST, int(p.k), b)


@layer("upperTriangular")
def upper_triangular(p: Any, x: Value, b: Builder) -> Value:
    """numpy.triu(x, k).  UpperTriangularLayerParams."""
    return _band(x, int(p.k), LAST, b)


def _band(x: Value, low: int, high: int, b: Builder) -> Value:
    """x[.., i, j] where low <= j - i <= high.  Diagonals beyond 32 bits are beyond every matrix."""
    return b.emit(Band(*(min(max(diagonal, FIRST), LAST) for diagonal in (low, high))), x)
