"""What a model takes and gives: MLModelDescription and its parts, read from the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyruntime.errors import SpecError

if TYPE_CHECKING:
    from pyruntime.parameters import ParameterDescription, ParameterKey

UNBOUNDED = -1
"""As an upper bound: any size."""
OPEN = -1
"""As a dimension: not fixed by the model."""

ARRAY_TYPES = {65568: "Float32", 65600: "Double", 131104: "Int32", 65552: "Float16", 131080: "Int8"}
COLOUR_SPACES = {10: "Grayscale", 20: "RGB", 30: "BGR", 40: "Grayscale 16 bit float"}


def _span(low: int, high: int) -> str:
    """3, 3…5 or 3… for any size from 3."""
    return str(low) if low == high else f"{low}…{high}" if high >= 0 else f"{low}…"


@dataclass(frozen=True)
class ImageConstraint:
    """An image: default size in pixels, colour space, and the other sizes the model takes.

    sizes: enumerated (width, height) pairs; ranges: inclusive (lower, upper) of width and of height, upper UNBOUNDED
    for any.  At most one of the two is given.
    """

    width: int
    height: int
    colour_space: int
    sizes: tuple[tuple[int, int], ...] = ()
    ranges: tuple[tuple[int, int], tuple[int, int]] | None = None

    @property
    def channels(self) -> int:
        return 3 if self.colour_space in (20, 30) else 1

    @property
    def is_bgr(self) -> bool:
        """The network sees blue first.  Images are handed over as RGB all the same."""
        return self.colour_space == 30

    @property
    def is_float(self) -> bool:
        return self.colour_space == 40

    @property
    def mode(self) -> str:
        """Pillow's mode of the images it takes."""
        return "F" if self.is_float else "RGB" if self.channels == 3 else "L"

    def allows(self, width: int, height: int) -> bool:
        if self.sizes:
            return (width, height) in self.sizes or (width, height) == (self.width, self.height)
        if self.ranges:
            return all(
                low <= size and (high < 0 or size <= high)
                for size, (low, high) in zip((width, height), self.ranges, strict=True)
            )
        return (width, height) == (self.width, self.height)

    def open_size(self) -> tuple[int, int]:
        """(height, width), OPEN where the model takes several."""
        widths = {self.width, *(w for w, _ in self.sizes)}
        heights = {self.height, *(h for _, h in self.sizes)}
        if self.ranges:
            (w0, w1), (h0, h1) = self.ranges
            widths, heights = widths | {w0, w1}, heights | {h0, h1}
        return (OPEN if len(heights) > 1 else self.height), (OPEN if len(widths) > 1 else self.width)

    def __str__(self) -> str:
        text = f"Image ({COLOUR_SPACES.get(self.colour_space, '?')} {self.width} x {self.height})"
        if self.sizes:
            return f"{text} or {', '.join(f'{w} x {h}' for w, h in self.sizes)}"
        if self.ranges:
            return f"{text}, {' x '.join(_span(low, high) for low, high in self.ranges)}"
        return text


@dataclass(frozen=True)
class MultiArrayConstraint:
    """An array: default shape, element type, and the other shapes the model takes.

    shapes: enumerated; ranges: inclusive (lower, upper) per axis, upper UNBOUNDED for any.
    """

    shape: tuple[int, ...]
    data_type: int
    shapes: tuple[tuple[int, ...], ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    default_value: float = 0.0

    @property
    def type_name(self) -> str:
        return ARRAY_TYPES.get(self.data_type, "?")

    def allows(self, shape: tuple[int, ...]) -> bool:
        if self.shapes:
            return shape in self.shapes or shape == self.shape
        if self.ranges:
            return len(shape) == len(self.ranges) and all(
                low <= size and (high < 0 or size <= high) for size, (low, high) in zip(shape, self.ranges, strict=True)
            )
        return shape == self.shape

    def open_shape(self) -> tuple[int, ...]:
        """The shape with OPEN where the model takes several sizes."""
        if self.shapes:
            if len({len(s) for s in (*self.shapes, self.shape)}) > 1:
                raise SpecError(f"shapes of different rank ({self.shapes}) for one input cannot be run")
            return tuple(
                size if {size} == {s[axis] for s in self.shapes} else OPEN for axis, size in enumerate(self.shape)
            )
        if self.ranges:
            return tuple(low if low == high else OPEN for low, high in self.ranges)
        return self.shape

    def __str__(self) -> str:
        def times(sizes: tuple[int, ...]) -> str:
            return " x ".join(map(str, sizes))

        text = f"MultiArray ({self.type_name} {times(self.shape)})"
        if self.shapes:
            return f"{text} or {', '.join(map(times, self.shapes))}"
        if self.ranges:
            return f"{text}, {' x '.join(_span(low, high) for low, high in self.ranges)}"
        return text


@dataclass(frozen=True)
class DictionaryConstraint:
    """A dictionary of numbers by `key`: "Int64" or "String"."""

    key: str

    def __str__(self) -> str:
        return f"Dictionary ({self.key} → Double)"


@dataclass(frozen=True)
class SequenceConstraint:
    """A sequence of "Int64" or "String"."""

    element: str

    def __str__(self) -> str:
        return f"Sequence ({self.element})"


Constraint = ImageConstraint | MultiArrayConstraint | DictionaryConstraint | SequenceConstraint


@dataclass(frozen=True)
class FeatureDescription:
    """One input or output.  kind: invalid, int64, double, string, image, multiArray, dictionary, sequence or state."""

    name: str
    kind: str
    is_optional: bool = False
    constraint: Constraint | None = None
    description: str = ""

    @property
    def type_name(self) -> str:
        """As the model card shows it."""
        text = str(self.constraint) if self.constraint else self.kind[:1].upper() + self.kind[1:]
        return f"{text}?" if self.is_optional else text


@dataclass(frozen=True)
class ModelDescription:
    """MLModelDescription: interface and metadata of a model."""

    inputs: tuple[FeatureDescription, ...]
    outputs: tuple[FeatureDescription, ...]
    training_inputs: tuple[FeatureDescription, ...] = ()
    predicted_feature_name: str = ""
    predicted_probabilities_name: str = ""
    short_description: str = ""
    version: str = ""
    author: str = ""
    license: str = ""
    creator_defined: Mapping[str, str] = field(default_factory=dict)
    is_updatable: bool = False
    class_labels: tuple[str, ...] | tuple[int, ...] | None = None
    parameter_descriptions_by_key: Mapping[ParameterKey, ParameterDescription] = field(default_factory=dict)

    @property
    def input_descriptions_by_name(self) -> dict[str, FeatureDescription]:
        return {feature.name: feature for feature in self.inputs}

    @property
    def output_descriptions_by_name(self) -> dict[str, FeatureDescription]:
        return {feature.name: feature for feature in self.outputs}

    @property
    def training_input_descriptions_by_name(self) -> dict[str, FeatureDescription]:
        return {feature.name: feature for feature in self.training_inputs}


def describe_model(spec: Any) -> ModelDescription:
    """The description part of a Model message."""
    d, meta = spec.description, spec.description.metadata
    return ModelDescription(
        inputs=_features(d.input, "input"),
        outputs=_features(d.output, "output"),
        training_inputs=_features(d.trainingInput, "training input"),
        predicted_feature_name=d.predictedFeatureName,
        predicted_probabilities_name=d.predictedProbabilitiesName,
        short_description=meta.shortDescription,
        version=meta.versionString,
        author=meta.author,
        license=meta.license,
        creator_defined=dict(meta.userDefined),
        is_updatable=spec.isUpdatable,
        class_labels=class_labels(spec),
    )


def class_labels(spec: Any) -> tuple[str, ...] | tuple[int, ...] | None:
    """Labels of a classifier; of a pipeline, of the model that makes the predicted feature, else the only ones."""
    kind = spec.WhichOneof("Type")
    model = getattr(spec, kind)
    if kind in ("pipeline", "pipelineClassifier", "pipelineRegressor"):
        parts = (model if kind == "pipeline" else model.pipeline).models
        wanted = spec.description.predictedFeatureName
        found = [(part, labels) for part in parts if (labels := class_labels(part)) is not None]
        named = [labels for part, labels in found if wanted and wanted in {o.name for o in part.description.output}]
        return named[-1] if named else found[0][1] if len(found) == 1 else None
    labels = model.WhichOneof("ClassLabels") if "ClassLabels" in model.DESCRIPTOR.oneofs_by_name else None
    if labels is None:
        return None
    return tuple(dict.fromkeys(getattr(model, labels).vector))  # k-NN stores one label per sample


def _features(messages: Any, what: str) -> tuple[FeatureDescription, ...]:
    features = tuple(_feature(message, what) for message in messages)
    names = [feature.name for feature in features]
    if len(set(names)) < len(names):
        raise SpecError(f"two {what}s of the model have the same name: {sorted(names)}")
    return features


def _feature(message: Any, what: str) -> FeatureDescription:
    kind = message.type.WhichOneof("Type")
    if not message.name or kind is None:
        raise SpecError(f"{what} {message.name!r} of the model has no {'type' if message.name else 'name'}")
    names = {"int64Type": "int64", "doubleType": "double", "stringType": "string", "imageType": "image"} | {
        "multiArrayType": "multiArray", "dictionaryType": "dictionary", "sequenceType": "sequence", "stateType": "state"
    }  # fmt: skip
    detail = getattr(message.type, kind)
    constraint: Constraint | None = None
    if kind == "imageType":
        constraint = _image(detail, message.name)
    elif kind == "multiArrayType":
        constraint = _array(detail, message.name)
    elif kind == "dictionaryType":
        constraint = DictionaryConstraint("String" if detail.WhichOneof("KeyType") == "stringKeyType" else "Int64")
    elif kind == "sequenceType":
        constraint = SequenceConstraint("String" if detail.WhichOneof("Type") == "stringType" else "Int64")
    return FeatureDescription(message.name, names[kind], message.type.isOptional, constraint, message.shortDescription)


def _range(message: Any) -> tuple[int, int]:
    return int(message.lowerBound), int(message.upperBound) if message.upperBound >= 0 else UNBOUNDED


def _image(t: Any, name: str) -> ImageConstraint:
    sizes: tuple[tuple[int, int], ...] = ()
    ranges = None
    flexibility = t.WhichOneof("SizeFlexibility")
    if flexibility == "enumeratedSizes":
        sizes = tuple((int(size.width), int(size.height)) for size in t.enumeratedSizes.sizes)
    elif flexibility == "imageSizeRange":
        ranges = (_range(t.imageSizeRange.widthRange), _range(t.imageSizeRange.heightRange))
    width, height = int(t.width), int(t.height)
    if not (width and height):  # no default: the first size, or the lower bounds
        width, height = sizes[0] if sizes else (ranges[0][0], ranges[1][0]) if ranges else (0, 0)
    if not (0 < width < 2**24 and 0 < height < 2**24) or t.colorSpace not in COLOUR_SPACES:
        raise SpecError(f"image {name!r}: size {width} x {height}, colour space {t.colorSpace} are not legal")
    check_sizes(f"image {name!r}", sizes, ranges or ())
    return ImageConstraint(width, height, t.colorSpace, sizes, ranges)


def check_sizes(what: str, shapes: tuple[tuple[int, ...], ...], ranges: tuple[tuple[int, int], ...]) -> None:
    """Enumerated sizes and ranges that can be."""
    for low, high in ranges:
        if not 0 <= low < 2**40 or 0 <= high < low:
            raise SpecError(f"{what}: a size from {low} to {high} is not legal, expected a range from small to large")
    for shape in shapes:
        if any(not 0 <= size < 2**40 for size in shape):
            raise SpecError(f"{what}: the size {list(shape)} is not legal")


def _array(t: Any, name: str) -> MultiArrayConstraint:
    shapes: tuple[tuple[int, ...], ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    flexibility = t.WhichOneof("ShapeFlexibility")
    if flexibility == "enumeratedShapes":
        shapes = tuple(tuple(int(size) for size in shape.shape) for shape in t.enumeratedShapes.shapes)
    elif flexibility == "shapeRange":
        ranges = tuple(_range(size) for size in t.shapeRange.sizeRanges)
    shape = tuple(int(size) for size in t.shape)
    if not shape:
        shape = shapes[0] if shapes else tuple(low for low, _ in ranges)
    if any(not 0 <= size < 2**40 for size in shape) or len(shape) > 8:
        raise SpecError(f"array {name!r}: shape {list(shape)} is not legal")
    ranks = {len(one) for one in (shape, *shapes)} | ({len(ranges)} if ranges else set())
    if len(ranks) > 1:
        raise SpecError(
            f"array {name!r}: its shapes have different ranks, {sorted(ranks)}; such an input cannot be run"
        )
    check_sizes(f"array {name!r}", shapes, ranges)
    value = t.WhichOneof("defaultOptionalValue")
    return MultiArrayConstraint(shape, t.dataType, shapes, ranges, float(getattr(t, value)) if value else 0.0)
