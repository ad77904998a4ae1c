"""Every rule of the format for k-NN has a file that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyruntime.errors import SpecError
from pyruntime.model import MLModel

Change = Callable[[Any, Any], None]


def clear(*names: str) -> Change:
    def change(spec: Any, knn: Any) -> None:
        for name in names:
            holder = knn if name in knn.DESCRIPTOR.fields_by_name else knn.nearestNeighborsIndex
            holder.ClearField(name)

    return change


def setting(path: str, value: Any) -> Change:
    def change(spec: Any, knn: Any) -> None:
        *way, name = path.split(".")
        for step in way:
            knn = getattr(knn, step)
        setattr(knn, name, value)

    return change


def no_samples(spec: Any, knn: Any) -> None:
    del knn.nearestNeighborsIndex.floatSamples[:]
    del knn.stringClassLabels.vector[:]


def short_sample(spec: Any, knn: Any) -> None:
    knn.nearestNeighborsIndex.floatSamples[1].vector.append(1)


def not_finite(spec: Any, knn: Any) -> None:
    knn.nearestNeighborsIndex.floatSamples[1].vector[0] = float("nan")


def wide_input(spec: Any, knn: Any) -> None:
    spec.description.input[0].type.multiArrayType.shape[0] = 3


def image_input(spec: Any, knn: Any) -> None:
    image = spec.description.input[0].type.imageType
    image.width = image.height = image.colorSpace = 10


def number_label(spec: Any, knn: Any) -> None:
    spec.description.output[0].type.int64Type.SetInParent()


def number_keys(spec: Any, knn: Any) -> None:
    spec.description.output[1].type.dictionaryType.int64KeyType.SetInParent()


def no_prediction(spec: Any, knn: Any) -> None:
    spec.description.predictedFeatureName = "other"


RULES: list[tuple[str, Change, str]] = [
    ("no k", clear("numberOfNeighbors"), "numberOfNeighbors is 0"),
    ("k of zero", setting("numberOfNeighbors.defaultValue", 0), "numberOfNeighbors"),
    ("negative k", setting("numberOfNeighbors.defaultValue", -1), "numberOfNeighbors"),
    (
        "k outside its bounds",
        setting("numberOfNeighbors.range.minValue", 5),
        "default breaks its rule.*5 to 1000, got 3",
    ),
    ("no weighting", clear("uniformWeighting"), "WeightingScheme is not set"),
    ("no index type", clear("linearIndex"), "IndexType is not set"),
    ("no distance", clear("squaredEuclideanDistance"), "DistanceFunction is not set"),
    ("no index", clear("nearestNeighborsIndex"), "no nearestNeighborsIndex"),
    ("empty leaves", setting("nearestNeighborsIndex.singleKdTreeIndex.leafSize", 0), "leafSize is 0"),
    ("negative leaves", setting("nearestNeighborsIndex.singleKdTreeIndex.leafSize", -7), "leafSize is -7"),
    ("no dimensions", setting("nearestNeighborsIndex.numberOfDimensions", 0), "numberOfDimensions is 0"),
    ("more labels", lambda spec, knn: knn.stringClassLabels.vector.append("x"), "3 samples and 4 labels"),
    ("fewer labels", lambda spec, knn: knn.stringClassLabels.vector.pop(), "3 samples and 2 labels"),
    ("a long sample", short_sample, "sample 1 has 3 numbers, expected 2"),
    ("a sample that is not finite", not_finite, "sample 1 has NaN"),
    ("empty without default", no_samples, "no samples, which needs a default label"),
    ("default of another type", setting("defaultInt64Label", 1), "expected the same type"),
    ("no labels at all", clear("stringClassLabels"), "neither class labels nor a default label"),
    ("input of another width", wide_input, "array of 2 numbers"),
    ("input that is no array", image_input, "array of 2 numbers"),
    ("label of another type", number_label, "output 'label'"),
    ("probabilities by another type", number_keys, "output 'labelProbs'"),
    ("no predicted feature", no_prediction, "output 'label'"),
]


@pytest.mark.parametrize(("change", "message"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_a_broken_rule_is_named(make_knn: Any, change: Change, message: str) -> None:
    spec = make_knn([[0, 0], [1, 0], [2, 0]], ["a", "b", "b"])
    MLModel(spec)
    change(spec, spec.kNearestNeighborsClassifier)
    with pytest.raises(SpecError, match=message):
        MLModel(spec)
