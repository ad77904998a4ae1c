"""Model files of every type that is no network, made here.

    spec = model("scaler", {"x": 3}, {"y": 3})
    spec.scaler.shiftValue.extend([1, 2, 3])

A feature's type: "int64", "double", "string", "dict[string]", "dict[int64]", "seq[string]", "seq[int64]", a number n
for an array of n doubles, or a shape, with "float32" or "int32" behind it where it is not of doubles:
(2, 3, "float32").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pyruntime.config import MLModelConfiguration
from pyruntime.errors import SpecError
from pyruntime.model import MLModel
from pyruntime.spec import messages

ONE_THREAD = MLModelConfiguration(threads=1)
ARRAYS = {"double": 65600, "float32": 65568, "int32": 131104}

Types = Mapping[str, Any]


def model(
    kind: str, inputs: Types, outputs: Types, *, predicted: str = "", probabilities: str = "", version: int = 4
) -> Any:
    """A Model message of a type, with its interface."""
    spec = messages.Model(specificationVersion=version)
    getattr(spec, kind).SetInParent()
    for features, types in ((spec.description.input, inputs), (spec.description.output, outputs)):
        for name, what in types.items():
            feature(features, name, what)
    spec.description.predictedFeatureName = predicted
    spec.description.predictedProbabilitiesName = probabilities
    return spec


def feature(features: Any, name: str, what: Any) -> Any:
    """Add a feature; a "?" at the end makes it optional."""
    added = features.add(name=name)
    optional = isinstance(what, str) and what.endswith("?")
    what = what[:-1] if optional else what
    added.type.isOptional = optional
    if isinstance(what, str):
        outer, _, inner = what.partition("[")
        inner = inner.rstrip("]")
        if outer == "dict":
            getattr(added.type.dictionaryType, f"{inner}KeyType").SetInParent()
        elif outer == "seq":
            getattr(added.type.sequenceType, f"{inner}Type").SetInParent()
        else:
            getattr(added.type, f"{outer}Type").SetInParent()
        return added
    shape = what if isinstance(what, tuple) else (what,)
    dtype = "double"
    if shape and isinstance(shape[-1], str):
        *shape, dtype = shape
    added.type.multiArrayType.shape.extend(shape)
    added.type.multiArrayType.dataType = ARRAYS[dtype]
    return added


def opened(spec: Any, **options: Any) -> MLModel:
    return MLModel(spec, configuration=MLModelConfiguration(threads=1, **options))


def predict(spec: Any, **features: Any) -> Any:
    return opened(spec).predict(features)


def refused(spec: Any, *words: str) -> None:
    """Loading raises SpecError with these words in its sentence."""
    with pytest.raises(SpecError) as error:
        opened(spec)
    missing = [word for word in words if word not in str(error.value)]
    assert not missing, f"{missing} not in: {error.value}"
