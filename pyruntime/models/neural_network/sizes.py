"""Sizes and ranges as callers of flexible_shape_utils write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyruntime.errors import BuildError


class Shape:
    """One size, from 1."""

    def __init__(self, shape_value: int) -> None:
        if shape_value < 1:
            raise BuildError(f"a size is {shape_value}, expected at least 1")
        self.value = int(shape_value)


class Size(Shape):
    """One size of an image, from 1 pixel."""

    def __init__(self, size_value: int) -> None:
        super().__init__(size_value)


class NeuralNetworkMultiArrayShape:
    """Sizes of an array: channels alone, or channels, height and width."""

    def __init__(self, channel: int | None = None, height: int | None = None, width: int | None = None) -> None:
        self._sizes: dict[str, Shape] = {}
        for axis, size in zip("CHW", (channel, height, width), strict=True):
            if size is not None:
                self._sizes[axis] = Shape(size)

    def set_channel_shape(self, channel_shape: int) -> None:
        self._sizes["C"] = Shape(channel_shape)

    def set_height_shape(self, height_shape: int) -> None:
        self._sizes["H"] = Shape(height_shape)

    def set_width_shape(self, width_shape: int) -> None:
        self._sizes["W"] = Shape(width_shape)

    @property
    def multiarray_shape(self) -> list[int]:
        """[C] or [C, H, W]; other combinations are refused."""
        if set(self._sizes) not in ({"C"}, {"C", "H", "W"}):
            raise BuildError(f"a shape has {sorted(self._sizes)}; expected C alone, or C, H and W")
        return [self._sizes[axis].value for axis in "CHW" if axis in self._sizes]


class NeuralNetworkImageSize:
    """Height and width of an image, in pixels."""

    def __init__(self, height: int | None = None, width: int | None = None) -> None:
        self._height = Size(height) if height is not None else None
        self._width = Size(width) if width is not None else None

    def set_width(self, width: int) -> None:
        self._width = Size(width)

    def set_height(self, height: int) -> None:
        self._height = Size(height)

    @property
    def width(self) -> int:
        return int(_known(self._width, "width").value)

    @property
    def height(self) -> int:
        return int(_known(self._height, "height").value)


def _known(value: Any, what: str) -> Any:
    if value is None:
        raise BuildError(f"the {what} is not set")
    return value


class ShapeRange:
    """A range of sizes, both ends included; an upper bound of -1 is no bound."""

    def __init__(self, lowerBound: int, upperBound: int) -> None:
        if lowerBound < 0:
            raise BuildError(f"the lower bound is {lowerBound}, expected at least 0")
        if upperBound != -1 and lowerBound > upperBound:
            raise BuildError(f"the range is {lowerBound} to {upperBound}, expected the smaller one first")
        if upperBound < -1:
            raise BuildError(f"the upper bound is {upperBound}, expected a size, or -1 for none")
        self.lowerBound, self.upperBound = int(lowerBound), int(upperBound)

    @property
    def isUnbounded(self) -> bool:
        return self.upperBound == -1

    @property
    def isFlexible(self) -> bool:
        return self.lowerBound != self.upperBound

    def allows(self, size: int) -> bool:
        """Whether a size is in the range."""
        return size >= self.lowerBound and (self.isUnbounded or size <= self.upperBound)

    def write(self, message: Any) -> None:
        """Set a SizeRange message."""
        message.lowerBound, message.upperBound = self.lowerBound, self.upperBound


def _range(value: Any) -> ShapeRange:
    if isinstance(value, ShapeRange):
        return value
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise BuildError(f"a range is {value!r}, expected a pair (lower, upper)")
    return ShapeRange(*value)


class NeuralNetworkMultiArrayShapeRange:
    """Ranges of an array's sizes.  input_ranges: by "C", "H" and "W"."""

    def __init__(self, input_ranges: Mapping[str, Any] | None = None) -> None:
        unknown = sorted(set(input_ranges or ()) - set("CHW"))
        if unknown:
            raise BuildError(f"ranges of {unknown}, expected C, H and W")
        self.arrayShapeRange = {axis: _range(pair) for axis, pair in (input_ranges or {}).items()}

    def add_channel_range(self, channel_range: Any) -> None:
        self.arrayShapeRange["C"] = _range(channel_range)

    def add_height_range(self, height_range: Any) -> None:
        self.arrayShapeRange["H"] = _range(height_range)

    def add_width_range(self, width_range: Any) -> None:
        self.arrayShapeRange["W"] = _range(width_range)

    def get_shape_range_dims(self) -> int:
        """How many axes have a range."""
        return len(self.arrayShapeRange)

    def validate_array_shape_range(self) -> None:
        """Refuse other than C, or C, H and W."""
        if set(self.arrayShapeRange) not in ({"C"}, {"C", "H", "W"}):
            raise BuildError(f"ranges of {sorted(self.arrayShapeRange)}; expected C alone, or C, H and W")

    def get_channel_range(self) -> ShapeRange:
        return self.arrayShapeRange["C"]

    def get_height_range(self) -> ShapeRange:
        return self.arrayShapeRange["H"]

    def get_width_range(self) -> ShapeRange:
        return self.arrayShapeRange["W"]

    def isFlexible(self) -> bool:
        """Whether any of the sizes may change."""
        return any(one.isFlexible for one in self.arrayShapeRange.values())


class NeuralNetworkImageSizeRange:
    """Ranges of an image's height and width."""

    def __init__(self, height_range: Any = None, width_range: Any = None) -> None:
        self._height_range = _range(height_range) if height_range is not None else None
        self._width_range = _range(width_range) if width_range is not None else None

    def add_width_range(self, width_range: Any) -> None:
        self._width_range = _range(width_range)

    def add_height_range(self, height_range: Any) -> None:
        self._height_range = _range(height_range)

    def get_width_range(self) -> ShapeRange:
        found: ShapeRange = _known(self._width_range, "range of widths")
        return found

    def get_height_range(self) -> ShapeRange:
        found: ShapeRange = _known(self._height_range, "range of heights")
        return found
