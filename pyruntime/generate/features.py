"""Features as types of Python and as phrases for people."""

from __future__ import annotations

import math

from pyruntime.description import (
    UNBOUNDED,
    DictionaryConstraint,
    FeatureDescription,
    ImageConstraint,
    MultiArrayConstraint,
    SequenceConstraint,
)

ELEMENTS = {65568: "float32", 65600: "float64", 131104: "int32", 65552: "float16", 131080: "int8"}
ELEMENT_WORDS = {
    65568: "32-bit floats", 65600: "doubles", 131104: "32-bit integers", 65552: "16-bit floats",
    131080: "8-bit integers",
}  # fmt: skip
SCALARS = {"int64": "int", "double": "float", "string": "str"}
KEYS = {"String": "str", "Int64": "int"}
KEY_WORDS = {"String": "strings", "Int64": "integers"}


def input_type(feature: FeatureDescription) -> str:
    """The annotation of an input."""
    constraint = feature.constraint
    if isinstance(constraint, ImageConstraint):
        return f"Image | NDArray[np.{'float32' if constraint.is_float else 'uint8'}]"
    if isinstance(constraint, DictionaryConstraint):
        return f"Mapping[{KEYS[constraint.key]}, float]"
    if isinstance(constraint, SequenceConstraint):
        return f"Sequence[{KEYS[constraint.element]}]"
    return _common(feature)


def output_type(feature: FeatureDescription) -> str:
    """The annotation of an output: what a prediction makes of it."""
    constraint = feature.constraint
    if isinstance(constraint, ImageConstraint):
        return "Image"
    if isinstance(constraint, DictionaryConstraint):
        return f"dict[{KEYS[constraint.key]}, float]"
    if isinstance(constraint, SequenceConstraint):
        return f"list[{KEYS[constraint.element]}]"
    return _common(feature)


def _common(feature: FeatureDescription) -> str:
    if isinstance(feature.constraint, MultiArrayConstraint):
        return f"NDArray[np.{ELEMENTS.get(feature.constraint.data_type, 'float32')}]"
    return SCALARS.get(feature.kind, "Any")


def phrase(feature: FeatureDescription) -> str:
    """As Core ML's generated classes say it: "grayscale image, 28 pixels wide by 28 pixels high"."""
    constraint = feature.constraint
    if isinstance(constraint, ImageConstraint):
        return _image(constraint)
    if isinstance(constraint, MultiArrayConstraint):
        return _array(constraint, optional=feature.is_optional)
    if isinstance(constraint, DictionaryConstraint):
        return f"dictionary of {KEY_WORDS[constraint.key]} to doubles"
    if isinstance(constraint, SequenceConstraint):
        return f"sequence of {KEY_WORDS[constraint.element]}"
    return {"int64": "integer value", "double": "double value", "string": "string value"}.get(
        feature.kind, feature.kind
    )


def _image(image: ImageConstraint) -> str:
    colours = "16-bit float grayscale" if image.is_float else "color" if image.channels == 3 else "grayscale"
    text = f"{colours} image (Pillow mode {image.mode}), {image.width} pixels wide by {image.height} pixels high"
    if image.sizes:
        sizes = " or ".join(f"{width} x {height}" for width, height in image.sizes)
        return f"{text} by default, one of {sizes}"
    if image.ranges:
        (w, h) = image.ranges
        return f"{text} by default, {_span(w)} pixels wide by {_span(h)} pixels high"
    return text


def _array(array: MultiArrayConstraint, *, optional: bool) -> str:
    shape = " x ".join(map(str, array.shape))
    words = ELEMENT_WORDS.get(array.data_type, "numbers")
    text = f"{shape or 'any shape of'} array of {words}" if shape else f"array of {words}, of any shape"
    if array.shapes:
        text += f"; or of shape {' or '.join(' x '.join(map(str, shape)) for shape in array.shapes)}"
    elif array.ranges:
        text += f"; sizes {', '.join(map(_span, array.ranges))}"
    if optional:
        value = array.default_value
        text += f"; when it is missing, {value:g} in every element" if math.isfinite(value) else ""
    return text


def _span(bounds: tuple[int, int]) -> str:
    low, high = bounds
    return f"{low} or more" if high == UNBOUNDED else str(low) if low == high else f"{low} to {high}"
