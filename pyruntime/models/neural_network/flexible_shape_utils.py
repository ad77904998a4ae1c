"""Inputs and outputs of several sizes: listed ones, or ranges.

Sizes and ranges are objects with coremltools' names.  In ranges, both ends are included; -1 as the upper one is no end.
Every function changes the description of one feature in place and raises BuildError where that makes no valid model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
        return _known(self._width, "width").value

    @property
    def height(self) -> int:
        return _known(self._height, "height").value


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


def add_enumerated_image_sizes(spec: Any, feature_name: str, sizes: Iterable[NeuralNetworkImageSize]) -> None:
    """Let an image have one of several sizes, its default size among them."""
    image = _image(spec, feature_name)
    wanted = [(size.height, size.width) for size in sizes]
    have = [(size.height, size.width) for size in image.enumeratedSizes.sizes]
    image.enumeratedSizes.Clear()
    for height, width in _distinct([*have, *wanted, (image.height, image.width)] if not have else [*have, *wanted]):
        image.enumeratedSizes.sizes.add(height=height, width=width)
    _needs(spec, 3)


def update_image_size_range(spec: Any, feature_name: str, size_range: NeuralNetworkImageSizeRange) -> None:
    """Let an image have any size in a range, which its default size must be in."""
    image = _image(spec, feature_name)
    pairs = (("height", size_range.get_height_range()), ("width", size_range.get_width_range()))
    for what, one in pairs:
        _check_default(feature_name, what, getattr(image, what), one)
    for what, one in pairs:
        one.write(getattr(image.imageSizeRange, f"{what}Range"))
    _needs(spec, 3)


def add_enumerated_multiarray_shapes(
    spec: Any, feature_name: str, shapes: Iterable[NeuralNetworkMultiArrayShape]
) -> None:
    """Let an array of a rank-5 network have one of several shapes, its default shape among them."""
    array = _array(spec, feature_name)
    wanted = [tuple(shape.multiarray_shape) for shape in shapes]
    _enumerate(feature_name, array, [*wanted, tuple(array.shape)])
    _needs(spec, 3)


def update_multiarray_shape_range(spec: Any, feature_name: str, shape_range: NeuralNetworkMultiArrayShapeRange) -> None:
    """Let an array of a rank-5 network have any shape in ranges, which its default shape must be in."""
    array = _array(spec, feature_name)
    shape_range.validate_array_shape_range()
    _set_ranges(
        feature_name, array, [shape_range.arrayShapeRange[axis] for axis in "CHW"[: len(shape_range.arrayShapeRange)]]
    )
    _needs(spec, 3)


def add_multiarray_ndshape_enumeration(
    spec: Any, feature_name: str, enumerated_shapes: Iterable[Sequence[int]]
) -> None:
    """Let an array have one of several shapes, its default shape among them and first."""
    array = _array(spec, feature_name)
    wanted = [tuple(int(size) for size in shape) for shape in enumerated_shapes]
    if not wanted:
        raise BuildError(f"feature {feature_name!r}: expected at least one shape")
    _enumerate(feature_name, array, [tuple(array.shape), *wanted])
    _needs(spec, 4)


def set_multiarray_ndshape_range(
    spec: Any, feature_name: str, lower_bounds: Sequence[int], upper_bounds: Sequence[int]
) -> None:
    """Let an array have any shape in ranges, which its default shape must be in; -1 is no upper bound."""
    array = _array(spec, feature_name)
    if len(lower_bounds) != len(upper_bounds):
        raise BuildError(
            f"feature {feature_name!r}: {len(lower_bounds)} lower and {len(upper_bounds)} upper bounds, expected as many"
        )
    _set_ranges(feature_name, array, [ShapeRange(*pair) for pair in zip(lower_bounds, upper_bounds, strict=True)])
    _needs(spec, 4)


def _enumerate(name: str, array: Any, shapes: list[tuple[int, ...]]) -> None:
    have = [tuple(shape.shape) for shape in array.enumeratedShapes.shapes]
    shapes = _distinct([*have, *shapes])
    if any(size < 1 for shape in shapes for size in shape):
        raise BuildError(f"feature {name!r}: shapes {shapes}, expected sizes from 1")
    array.enumeratedShapes.Clear()
    for shape in shapes:
        array.enumeratedShapes.shapes.add().shape.extend(shape)


def _set_ranges(name: str, array: Any, ranges: list[ShapeRange]) -> None:
    if len(ranges) != len(array.shape):
        raise BuildError(
            f"feature {name!r} has shape {list(array.shape)}, expected {len(array.shape)} ranges, got {len(ranges)}"
        )
    for axis, (size, one) in enumerate(zip(array.shape, ranges, strict=True)):
        _check_default(name, f"size of axis {axis}", size, one)
    array.shapeRange.Clear()
    for one in ranges:
        one.write(array.shapeRange.sizeRanges.add())


def _check_default(name: str, what: str, size: int, allowed: ShapeRange) -> None:
    if not allowed.allows(size):
        upper = "no end" if allowed.isUnbounded else allowed.upperBound
        raise BuildError(
            f"feature {name!r}: the default {what} is {size}, outside the range {allowed.lowerBound} to {upper}"
        )


def _distinct(items: list[Any]) -> list[Any]:
    return list(dict.fromkeys(items))


def _feature(spec: Any, name: str) -> Any:
    features = [*spec.description.input, *spec.description.output]
    found = next((feature for feature in features if feature.name == name), None)
    if found is None:
        raise BuildError(f"{name!r} is no feature of the model; it has {', '.join(f.name for f in features)}")
    return found.type


def _image(spec: Any, name: str) -> Any:
    return _of_kind(_feature(spec, name), name, "imageType", "an image")


def _array(spec: Any, name: str) -> Any:
    return _of_kind(_feature(spec, name), name, "multiArrayType", "an array")


def _of_kind(feature: Any, name: str, kind: str, what: str) -> Any:
    if feature.WhichOneof("Type") != kind:
        raise BuildError(f"feature {name!r} is {feature.WhichOneof('Type')}, expected {what}")
    return getattr(feature, kind)


def _needs(spec: Any, version: int) -> None:
    spec.specificationVersion = max(spec.specificationVersion, version)
