"""Operators that move values and compute none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Dims, Op

FIRST = -(2**31)
"""As a slice's end with a negative stride: to the first element."""
LAST = 2**31 - 1
"""As a slice's end: to the last element."""


def kept(axis: int) -> int:
    """As an entry of Reshape: the size of the input's dimension `axis`."""
    return -2 - axis


@dataclass(frozen=True, slots=True)
class Reshape(Op):
    """The same elements under `shape`: one entry may be -1 (inferred), 0 keeps the dimension at that place.

    `kept(k)` keeps dimension k of the input, wherever it stands.
    """

    code: ClassVar[str] = "RESHAPE"
    shape: Dims

    def source(self, axis: int) -> int | None:
        """The input's dimension that entry `axis` keeps; None: it is a size, or inferred."""
        entry = self.shape[axis]
        return axis if entry == 0 else -2 - entry if entry < -1 else None


@dataclass(frozen=True, slots=True)
class Transpose(Op):
    """Dimension i of the result is dimension axes[i] of the input."""

    code: ClassVar[str] = "TRANSPOSE"
    axes: Dims


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Inputs side by side along `axis`, which counts from 0."""

    code: ClassVar[str] = "CONCAT"
    axis: int


@dataclass(frozen=True, slots=True)
class Slice(Op):
    """x[begin:end:stride] per axis, as NumPy."""

    code: ClassVar[str] = "SLICE"
    begin: Dims
    end: Dims
    stride: Dims


class PadMode(IntEnum):
    """PaddingLayerParams' three types."""

    CONSTANT = 0
    REFLECT = 1
    EDGE = 2


@dataclass(frozen=True, slots=True)
class Pad(Op):
    """numpy.pad, per axis."""

    code: ClassVar[str] = "PAD"
    mode: PadMode
    before: Dims
    after: Dims
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Tile(Op):
    """numpy.tile."""

    code: ClassVar[str] = "TILE"
    repeats: Dims


@dataclass(frozen=True, slots=True)
class TileTo(Op):
    """x, repeats (R) -> numpy.tile.  `repeats`: what is known of them, else -1."""

    code: ClassVar[str] = "TILE_TO"
    repeats: Dims


@dataclass(frozen=True, slots=True)
class SliceTo(Op):
    """x, begin, end, stride, begin mask, end mask -> Slice with numbers of a prediction.

    squeeze: per axis, 1 to take the element `begin` and drop the axis.
    """

    code: ClassVar[str] = "SLICE_TO"
    squeeze: Dims


@dataclass(frozen=True, slots=True)
class SliceBySize(Op):
    """x, begin -> `size` elements from there along `axis`."""

    code: ClassVar[str] = "SLICE_BY_SIZE"
    axis: int
    size: int


@dataclass(frozen=True, slots=True)
class PadTo(Op):
    """x, amounts (before and after for each axis) -> padded with `value`.

    to_size: an amount other than 0 is the size that its axis shall have.
    """

    code: ClassVar[str] = "PAD_TO"
    to_size: bool
    value: float


@dataclass(frozen=True, slots=True)
class Windows(Op):
    """An axis of L becomes two, ((L - size) / step + 1, size)."""

    code: ClassVar[str] = "WINDOWS"
    axis: int
    size: int
    step: int


@dataclass(frozen=True, slots=True)
class ReverseSequence(Op):
    """x, lengths -> x with the first lengths[b] elements along sequence_axis reversed."""

    code: ClassVar[str] = "REVERSE_SEQUENCE"
    batch_axis: int
    sequence_axis: int


@dataclass(frozen=True, slots=True)
class Band(Op):
    """x[.., i, j] where low <= j - i <= high, else 0."""

    code: ClassVar[str] = "BAND"
    low: int
    high: int
