"""The interface of a model, as builders write it: inputs, outputs, training inputs, class labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pyruntime.errors import BuildError
from pyruntime.models.datatypes import Array, Dictionary, Double, Int64, String, normalize_datatype
from pyruntime.spec import messages

Feature = tuple[str, Any]
"""A name and a type of `datatypes`, or None where the type may stay open."""


def named_features(features: Any, *, width: int | None = None) -> list[Feature]:
    """Features from what callers write: pairs (name, type), or a list of names, which are numbers.

    width: number of values when `features` is one name, which is then an array of so many.
    Raises BuildError.
    """
    if isinstance(features, str):
        return [(features, Array(width if width is not None else 1))]
    found: list[Feature] = []
    for place, feature in enumerate(features):
        if isinstance(feature, str):
            found.append((feature, Double()))
        elif isinstance(feature, tuple | list) and len(feature) == 2 and isinstance(feature[0], str):
            found.append((feature[0], feature[1]))
        else:
            raise BuildError(f"feature {place} is {feature!r}, expected a pair (name, type)")
    return found


def add_features(
    target: Any, features: Iterable[Feature], *, array_type: str = "DOUBLE", optional: bool = False
) -> None:
    """Append features to a list of FeatureDescription messages.  A type of None is an array of unknown shape."""
    for name, datatype in features:
        feature = target.add(name=name)
        if datatype is None:
            feature.type.multiArrayType.dataType = getattr(messages.ArrayFeatureType, array_type)
        else:
            normalize_datatype(datatype).write(feature.type, array_type)
        if optional:
            feature.type.isOptional = True


def set_features(
    spec: messages.Model,
    inputs: Sequence[Feature] | None,
    outputs: Sequence[Feature] | None,
    training: Sequence[Feature] | None = None,
    *,
    array_type: str = "DOUBLE",
) -> None:
    """Replace the interface of a model, keeping what is given as None."""
    for name, features in (("input", inputs), ("output", outputs), ("trainingInput", training)):
        if features is not None:
            spec.description.ClearField(name)
            add_features(getattr(spec.description, name), features, array_type=array_type)


def label_type(class_labels: Sequence[Any]) -> Int64 | String:
    """Whether labels are numbers or texts.  Raises BuildError for a mixture and for none."""
    if not len(class_labels):
        raise BuildError("class_labels is empty, expected at least one label")
    if all(isinstance(label, int | np.integer) and not isinstance(label, bool) for label in class_labels):
        return Int64()
    if all(isinstance(label, str | bytes) for label in class_labels):
        return String()
    kinds = sorted({type(label).__name__ for label in class_labels})
    raise BuildError(f"class_labels are of type {', '.join(kinds)}; expected all whole numbers, or all texts")


def write_labels(message: Any, class_labels: Sequence[Any]) -> None:
    """Write labels into stringClassLabels or int64ClassLabels of a classifier message, replacing those it has."""
    if isinstance(label_type(class_labels), Int64):
        message.int64ClassLabels.ClearField("vector")
        message.int64ClassLabels.vector.extend(int(label) for label in class_labels)
    else:
        message.stringClassLabels.ClearField("vector")
        message.stringClassLabels.vector.extend(
            label.decode() if isinstance(label, bytes) else label for label in class_labels
        )


def classifier_outputs(output_features: Any, class_labels: Sequence[Any]) -> list[Feature]:
    """The outputs of a classifier: the label, and the dictionary of its scores.

    output_features: None (`classLabel`, `classProbability`), the label's name (only the label), or two features,
    whose types must fit when they are given.  Raises BuildError.
    """
    label = label_type(class_labels)
    defaults: list[Feature] = [("classLabel", label), ("classProbability", Dictionary(label))]
    if output_features is None:
        return defaults
    if isinstance(output_features, str):
        return [(output_features, label), defaults[1]]
    names = [feature if isinstance(feature, str) else feature[0] for feature in output_features]
    if not 1 <= len(names) <= 2:
        raise BuildError(f"a classifier has 1 or 2 outputs, the label and its scores; got {names}")
    for feature, (_, expected) in zip(output_features, defaults, strict=False):
        if not isinstance(feature, str) and normalize_datatype(feature[1]) != expected:
            raise BuildError(f"output {feature[0]!r} is {feature[1]!r}; labels of this kind need {expected!r}")
    return [(name, datatype) for name, (_, datatype) in zip(names, defaults, strict=False)]
