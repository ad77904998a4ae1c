"""Parts of a tensor, cut with numbers of the file or of a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import BinaryKind, Concat, Slice, SliceBySize, SliceTo
from pyruntime.ir.ops.move import FIRST, LAST
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.axes import limited, slice_axis, without_axes
from pyruntime.layers.builder import Builder
from pyruntime.layers.conv import border
from pyruntime.layers.registry import layer
from pyruntime.layers.shapes import shape_of


@layer("slice")
def slice_one_axis(p: Any, x: Value, b: Builder) -> Value:
    """[startIndex, endIndex) step stride along C, H or W; negative indices count from the end.  SliceLayerParams."""
    if p.stride < 1:
        raise b.invalid("stride", expected="1 or more", got=p.stride)
    axes = {0: -3, 1: -2, 2: -1}
    if p.axis not in axes:
        raise b.invalid("axis", expected="CHANNEL, HEIGHT or WIDTH", got=p.axis)
    b.need_rank(x, -axes[p.axis])  # converters write it for vectors and matrices too
    y = slice_axis(x, axes[p.axis], int(p.startIndex), int(p.endIndex), int(p.stride), b)
    if y.shape[axes[p.axis]] == 0:
        raise b.invalid("startIndex and endIndex", expected="a range that is not empty", got=(p.startIndex, p.endIndex))
    return y


@layer("crop", inputs=(1, 2))
def crop(p: Any, x: Value, *rest: Any) -> Value:
    """Rows and columns cut off the last two axes.  CropLayerParams."""
    b: Builder = rest[-1]
    b.need_rank(x, 3)
    if len(rest) > 1:
        like, offset = rest[0], [int(v) for v in p.offset] or [0, 0]
        if len(offset) != 2:
            raise b.invalid("offset", expected="two numbers", got=offset)
        if like.rank < 2:
            raise b.invalid("second input", expected="height and width", got=f"shape {list(like.shape)}")
        if UNKNOWN in like.shape[-2:]:
            return _crop_to(x, shape_of(like, b), offset, b)
        ends = [o + like.shape[axis] for o, axis in zip(offset, (-2, -1), strict=True)]
        if any(0 <= x.shape[axis] < end for axis, end in zip((-2, -1), ends, strict=True)):
            raise b.invalid("offset", expected=f"at most {x.shape[-2:]} with the size {like.shape[-2:]}", got=offset)
        y = slice_axis(x, -2, offset[0], ends[0], 1, b)
        return slice_axis(y, -1, offset[1], ends[1], 1, b)
    (top, left), (bottom, right) = border(p.cropAmounts, "cropAmounts", b)
    y = slice_axis(x, -2, top, -bottom if bottom else LAST, 1, b)
    y = slice_axis(y, -1, left, -right if right else LAST, 1, b)
    if 0 in y.shape[-2:]:
        raise b.invalid("cropAmounts", expected=f"less than its input's {x.shape[-2:]}", got=[top, bottom, left, right])
    return y


def _crop_to(x: Value, shape: Value, offset: Sequence[int], b: Builder) -> Value:
    """The last two axes from `offset`, as long as the last two numbers of `shape`."""
    lead = [0.0] * (x.rank - 2)
    size = slice_axis(shape, 0, -2, LAST, 1, b)
    ends = b.emit(Concat(0), b.constant(lead), b.binary(BinaryKind.ADD, size, b.constant(offset))) if lead else size
    begin, natural = b.constant([*lead, *offset]), b.constant([*(1.0 for _ in lead), 0, 0])
    ones = b.constant([1.0] * x.rank)
    return b.emit(SliceTo((0,) * x.rank), x, begin, ends, ones, natural, natural)


class Cuts(NamedTuple):
    """Where each axis is cut; longer than the rank is legal."""

    begins: Sequence[int]
    ends: Sequence[int]
    strides: Sequence[int]
    from_start: Sequence[int]
    to_end: Sequence[int]
    squeezed: Sequence[int]


@layer("sliceStatic")
def slice_static(p: Any, x: Value, b: Builder) -> Value:
    """x[begin:end:stride] for each axis, as NumPy; masks take the natural ends.  SliceStaticLayerParams."""
    for name in ("beginIds", "endIds", "strides"):
        if len(getattr(p, name)) != x.rank:
            raise b.invalid(name, expected=f"{x.rank} numbers, one for each axis", got=list(getattr(p, name)))
    masks = [_flags(getattr(p, name), name, x, b) for name in ("beginMasks", "endMasks", "squeezeMasks")]
    return _cut(x, Cuts(p.beginIds, p.endIds, p.strides, *masks), b)


def _cut(x: Value, cuts: Cuts, b: Builder) -> Value:
    """One Slice, and a Reshape that drops the squeezed axes."""
    ranges: list[tuple[int, int, int]] = []
    for axis in range(x.rank):
        begin, end, stride = int(cuts.begins[axis]), int(cuts.ends[axis]), int(cuts.strides[axis])
        size = x.shape[axis]
        if cuts.squeezed[axis]:
            if size != UNKNOWN and not -size <= begin < size:
                raise b.invalid(f"begin of axis {axis}", expected=f"an index, {-size} to {size - 1}", got=begin)
            ranges.append((begin, begin + 1 if begin != -1 else LAST, 1))
            continue
        if stride == 0:
            raise b.invalid(f"stride of axis {axis}", expected="a number other than 0", got=0)
        first = (0 if stride > 0 else LAST) if cuts.from_start[axis] else begin
        last = (LAST if stride > 0 else FIRST) if cuts.to_end[axis] else limited(end)
        ranges.append((limited(first), last, limited(stride)))
    y = b.emit(Slice(*(tuple(numbers) for numbers in zip(*ranges, strict=True))), x) if ranges else x
    dropped = {axis for axis in range(x.rank) if cuts.squeezed[axis]}
    return without_axes(y, dropped, b) if dropped else y


@layer("sliceDynamic", inputs=(2, 7))
def slice_dynamic(p: Any, x: Value, begin: Value, *rest: Any) -> Value:
    """sliceStatic, whose numbers come as inputs: begin, then those that are no parameters.  SliceDynamicLayerParams.

    Inputs in order: begin, end, strides, begin masks, end masks, squeeze masks.
    """
    b: Builder = rest[-1]
    given: list[Value | None] = [*rest[:-1], *[None] * (6 - len(rest))]
    no_end = given[0] is None and not p.endIds
    parameters = [
        _at_least(p.endIds or [0] * x.rank, "endIds", x, b),
        _at_least(p.strides or [1] * x.rank, "strides", x, b),
        _flags(p.beginMasks, "beginMasks", x, b),
        [1] * x.rank if no_end else _flags(p.endMasks, "endMasks", x, b),
        _flags(p.squeezeMasks, "squeezeMasks", x, b),
    ]
    operands = [begin, *(v or b.constant(numbers) for v, numbers in zip(given, parameters, strict=True))]
    numbers = [b.numbers(value) for value in operands]
    squeezed = numbers.pop()
    if squeezed is None:
        raise b.unsupported("axes that only a prediction squeezes would make the rank of its result open")
    if any(n is not None and len(n) < x.rank for n in (*numbers, squeezed)):
        raise b.invalid("a list of numbers", expected=f"one number for each of {x.rank} axes", got="a shorter one")
    known = [n for n in numbers if n is not None]
    if len(known) == len(numbers):
        begins, ends, strides, from_start, to_end = known
        return _cut(x, Cuts(begins, ends, strides, from_start, to_end, squeezed), b)
    y = b.emit(SliceTo(tuple(int(bool(flag)) for flag in squeezed[: x.rank])), x, *operands[:-1])
    return y if y.rank else b.reshape(y, 1)


def _at_least(field: Sequence[int], name: str, x: Value, b: Builder) -> list[int]:
    """A list of the file with one number per axis or more, of which the first ones count."""
    if len(field) < x.rank:
        raise b.invalid(name, expected=f"one number for each of {x.rank} axes", got=list(field))
    return [int(v) for v in field[: x.rank]]


def _flags(field: Sequence[int], name: str, x: Value, b: Builder) -> list[int]:
    """Masks of the file, all 0 where it has none."""
    return _at_least(field or [0] * x.rank, name, x, b)


@layer("sliceBySize", inputs=2)
def slice_by_size(p: Any, x: Value, begin: Value, b: Builder) -> Value:
    """`size` elements along `axis` from the index in the second input.  SliceBySizeLayerParams."""
    axis, size = b.axis(x, int(p.axis)), int(p.size)
    if size < 1 or 0 <= x.shape[axis] < size:
        raise b.invalid("size", expected=f"1 up to the size of axis {axis} of shape {list(x.shape)}", got=size)
    first = b.numbers(begin)
    if first is None or len(first) != 1 or x.shape[axis] == UNKNOWN:
        return b.emit(SliceBySize(axis, size), x, begin)
    start = first[0] + (x.shape[axis] if first[0] < 0 else 0)
    if not 0 <= start <= x.shape[axis] - size:
        raise b.invalid("begin", expected=f"an index with {size} elements behind it, of {x.shape[axis]}", got=first[0])
    return slice_axis(x, axis, start, start + size, 1, b)
