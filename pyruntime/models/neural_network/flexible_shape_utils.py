"""Inputs and outputs of several sizes: listed ones, or ranges.

Sizes and ranges are objects with coremltools' names.  In ranges, both ends are included; -1 as the upper one is no end.
Every function changes the description of one feature in place and raises BuildError where that makes no valid model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.neural_network.sizes import (
    NeuralNetworkImageSize,
    NeuralNetworkImageSizeRange,
    NeuralNetworkMultiArrayShape,
    NeuralNetworkMultiArrayShapeRange,
    Shape,
    ShapeRange,
    Size,
)

__all__ = [
    "NeuralNetworkImageSize",
    "NeuralNetworkImageSizeRange",
    "NeuralNetworkMultiArrayShape",
    "NeuralNetworkMultiArrayShapeRange",
    "Shape",
    "ShapeRange",
    "Size",
    "add_enumerated_image_sizes",
    "add_enumerated_multiarray_shapes",
    "add_multiarray_ndshape_enumeration",
    "set_multiarray_ndshape_range",
    "update_image_size_range",
    "update_multiarray_shape_range",
]


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
            f"feature {feature_name!r}: {len(lower_bounds)} lower, {len(upper_bounds)} upper bounds, expected as many"
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
