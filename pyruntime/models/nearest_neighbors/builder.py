"""KNearestNeighborsClassifierBuilder: updatable classifiers that compare with examples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pyruntime.errors import BuildError
from pyruntime.metadata import MetadataText
from pyruntime.models.datatypes import Array, Dictionary, Int64, String
from pyruntime.models.interface import label_type, set_features
from pyruntime.spec import messages
from pyruntime.spec.weights import write_floats

_WEIGHTINGS = {"uniform": "uniformWeighting", "inverse_distance": "inverseDistanceWeighting"}
_INDICES = {"linear": "linearIndex", "kd_tree": "singleKdTreeIndex"}


class KNearestNeighborsClassifierBuilder:
    """Build a k-nearest-neighbours classifier.

    builder = KNearestNeighborsClassifierBuilder("embedding", "label", 128, default_class_label="unknown")
    builder.add_samples(vectors, labels)
    model = pyruntime.MLModel(builder.spec)

    input_name: of the vector, float32 (number_of_dimensions).
    output_name: of the label; the scores are `<output_name>Probs`.
    default_class_label: a text or a whole number, what labels then are; the answer while there are no examples.
    number_of_neighbors: how many vote; 1 to 1000 may be chosen later, see set_number_of_neighbors_with_bounds.
    weighting_scheme: "uniform", or "inverse_distance".
    index_type: "linear", or "kd_tree" with leaves of leaf_size examples.
    """

    def __init__(
        self,
        input_name: str,
        output_name: str,
        number_of_dimensions: int,
        default_class_label: Any,
        *,
        number_of_neighbors: int = 5,
        weighting_scheme: str = "uniform",
        index_type: str = "linear",
        leaf_size: int = 30,
        use_float_arraytype: bool = True,
    ) -> None:
        if number_of_dimensions < 1:
            raise BuildError(f"number_of_dimensions is {number_of_dimensions}, expected at least 1")
        self.spec: Any = messages.Model(specificationVersion=4, isUpdatable=True)
        self._label = self._label_type(default_class_label)
        self._write_interface(
            input_name, output_name, number_of_dimensions, "FLOAT32" if use_float_arraytype else "DOUBLE"
        )
        message = self._message
        message.nearestNeighborsIndex.numberOfDimensions = number_of_dimensions
        message.nearestNeighborsIndex.squaredEuclideanDistance.SetInParent()
        if isinstance(self._label, Int64):
            message.int64ClassLabels.SetInParent()
            message.defaultInt64Label = int(default_class_label)
        else:
            message.stringClassLabels.SetInParent()
            message.defaultStringLabel = default_class_label
        self.weighting_scheme = weighting_scheme
        self.set_index_type(index_type, leaf_size)
        self.set_number_of_neighbors_with_bounds(number_of_neighbors, allowed_range=(1, max(1000, number_of_neighbors)))

    @staticmethod
    def _label_type(label: Any) -> Int64 | String:
        try:
            return label_type([label])
        except BuildError:
            kind = type(label).__name__
            raise BuildError(f"default_class_label is a {kind}, expected a text or a whole number") from None

    def _write_interface(self, source: str, result: str, width: int, array_type: str) -> None:
        inputs, label = [(source, Array(width))], (result, self._label)
        outputs = [label, (f"{result}Probs", Dictionary(self._label))]
        set_features(self.spec, inputs, outputs, [*inputs, label], array_type=array_type)
        self.spec.description.predictedFeatureName = result
        self.spec.description.predictedProbabilitiesName = f"{result}Probs"

    @property
    def _message(self) -> Any:
        return self.spec.kNearestNeighborsClassifier

    @property
    def metadata(self) -> Any:
        """The metadata message of the model."""
        return self.spec.description.metadata

    author = MetadataText("author")
    license = MetadataText("license")
    description = MetadataText("shortDescription")

    @property
    def is_updatable(self) -> bool:
        """Whether examples may be added on the device; True unless it is set."""
        return bool(self.spec.isUpdatable)

    @is_updatable.setter
    def is_updatable(self, value: bool) -> None:
        self.spec.isUpdatable = value

    @property
    def weighting_scheme(self) -> str:
        """How votes count: "uniform", or "inverse_distance"."""
        return _key_of(_WEIGHTINGS, self._message.WhichOneof("WeightingScheme"))

    @weighting_scheme.setter
    def weighting_scheme(self, value: str) -> None:
        getattr(self._message, _WEIGHTINGS[_choice("weighting_scheme", value, _WEIGHTINGS)]).SetInParent()

    @property
    def index_type(self) -> str:
        """How examples are searched: "linear", or "kd_tree"; the results are the same."""
        return _key_of(_INDICES, self._message.nearestNeighborsIndex.WhichOneof("IndexType"))

    @index_type.setter
    def index_type(self, value: str) -> None:
        self.set_index_type(value)

    def set_index_type(self, index_type: str, leaf_size: int = 30) -> None:
        """Choose how examples are searched.  leaf_size: of a kd_tree, from 1."""
        kind = _choice("index_type", index_type, _INDICES)
        if leaf_size < 1:
            raise BuildError(f"leaf_size is {leaf_size}, expected at least 1")
        index = self._message.nearestNeighborsIndex
        getattr(index, _INDICES[kind]).SetInParent()
        if kind == "kd_tree":
            index.singleKdTreeIndex.leafSize = leaf_size

    @property
    def leaf_size(self) -> int:
        """Examples per leaf of a kd_tree; 0 for a linear index."""
        return int(self._message.nearestNeighborsIndex.singleKdTreeIndex.leafSize)

    @leaf_size.setter
    def leaf_size(self, value: int) -> None:
        self.set_index_type("kd_tree", value)

    @property
    def number_of_dimensions(self) -> int:
        return int(self._message.nearestNeighborsIndex.numberOfDimensions)

    @property
    def number_of_neighbors(self) -> int:
        """How many examples vote; set_number_of_neighbors_with_bounds changes it."""
        return int(self._message.numberOfNeighbors.defaultValue)

    def set_number_of_neighbors_with_bounds(
        self,
        number_of_neighbors: int,
        allowed_range: tuple[int, int] | None = None,
        allowed_set: Iterable[int] | None = None,
    ) -> None:
        """How many examples vote, and what may be chosen instead: a range, both ends included, or a set."""
        if (allowed_range is None) == (allowed_set is None):
            raise BuildError("expected exactly one of allowed_range and allowed_set")
        if allowed_range is not None:
            if not isinstance(allowed_range, tuple) or len(allowed_range) != 2:
                raise BuildError(f"allowed_range is {allowed_range!r}, expected a pair (smallest, largest)")
            low, high = allowed_range
            fits, what = 1 <= low <= number_of_neighbors <= high, f"{low} to {high}"
        else:
            values = sorted({int(value) for value in allowed_set or ()})
            fits, what = number_of_neighbors in values and values[0] > 0, f"one of {values}"
        if not fits:
            raise BuildError(f"number_of_neighbors is {number_of_neighbors}, expected {what}, and all of them from 1")
        parameter = self._message.numberOfNeighbors
        parameter.Clear()
        parameter.defaultValue = number_of_neighbors
        if allowed_range is not None:
            parameter.range.minValue, parameter.range.maxValue = low, high
        else:
            parameter.set.values.extend(values)

    def number_of_neighbors_allowed_range(self) -> tuple[int, int] | None:
        """(smallest, largest), or None when there is a set."""
        parameter = self._message.numberOfNeighbors
        return (parameter.range.minValue, parameter.range.maxValue) if parameter.HasField("range") else None

    def number_of_neighbors_allowed_set(self) -> set[int] | None:
        """The allowed numbers, or None when there is a range."""
        parameter = self._message.numberOfNeighbors
        return set(parameter.set.values) if parameter.HasField("set") else None

    def add_samples(self, data_points: Any, labels: Any) -> None:
        """Add examples.

        data_points: numbers (examples, number_of_dimensions).  labels: one per example, of the default label's type.
        """
        try:
            points = np.asarray(data_points, np.float32)
        except (TypeError, ValueError):
            raise BuildError("add_samples: data_points is no array of numbers, one row per example") from None
        if points.ndim != 2 or points.shape[1] != self.number_of_dimensions or not len(points):
            raise BuildError(f"add_samples: expected shape (examples, {self.number_of_dimensions}), got {points.shape}")
        labels = list(labels)
        if len(labels) != len(points):
            raise BuildError(f"add_samples: {len(points)} examples and {len(labels)} labels, expected as many")
        if label_type(labels) != self._label:
            raise BuildError(f"add_samples: labels are {label_type(labels)}, the default label is {self._label}")
        message = self._message
        for point in points:
            write_floats(message.nearestNeighborsIndex.floatSamples.add(), point)
        if isinstance(self._label, Int64):
            message.int64ClassLabels.vector.extend(int(label) for label in labels)
        else:
            message.stringClassLabels.vector.extend(
                label.decode() if isinstance(label, bytes) else label for label in labels
            )


def _choice(what: str, value: Any, choices: Iterable[str]) -> str:
    if not isinstance(value, str) or value.lower() not in choices:
        raise BuildError(f"{what} is {value!r}, expected one of {', '.join(choices)}")
    return value.lower()


def _key_of(table: dict[str, str], member: str) -> str:
    return next(key for key, value in table.items() if value == member)
