"""A k-NN message of the file, checked against the rules of the format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import SpecError
from pyruntime.neighbors.messages import read_store
from pyruntime.neighbors.segments import Label
from pyruntime.neighbors.store import ExampleStore
from pyruntime.spec.payloads import Payloads


@dataclass(frozen=True)
class Neighbors:
    """The examples that are stored, and how they vote.

    default_label: the answer while there are none.  leaf_size: 0 for the linear index.
    inverse_distance: votes weigh 1 / distance instead of 1.
    """

    store: ExampleStore
    default_label: Label | None
    label_type: type[str] | type[int]
    leaf_size: int
    inverse_distance: bool

    @property
    def dimensions(self) -> int:
        return self.store.dimensions

    @property
    def labels(self) -> tuple[Label, ...]:
        """One per example."""
        return tuple(self.store.labels())


def read_neighbors(model: Any, payloads: Payloads | None) -> Neighbors:
    """Check and read a k-NN model.  Raises SpecError naming the rule that it breaks."""
    message = model.kNearestNeighborsClassifier
    _check_choices(message)
    default, label_type = _labels(message)
    store = read_store(model, payloads)
    for segment in store.segments:
        if not segment.samples.checked and segment.samples.floats is not None:
            _check_finite(segment.samples.floats)
    if not len(store) and default is None:
        raise _broken("it has no samples, which needs a default label (defaultStringLabel or defaultInt64Label)")
    index = message.nearestNeighborsIndex
    is_tree = index.WhichOneof("IndexType") == "singleKdTreeIndex"
    inverse = message.WhichOneof("WeightingScheme") == "inverseDistanceWeighting"
    leaf_size = index.singleKdTreeIndex.leafSize if is_tree else 0
    return Neighbors(store, default, label_type, leaf_size, inverse)


def _check_finite(floats: NDArray[np.float32]) -> None:
    if not np.isfinite(floats).all():
        sample = np.flatnonzero(~np.isfinite(floats).all(axis=1))[0]
        raise _broken(f"floatSamples: sample {sample} has NaN or infinite numbers, expected finite ones")


def _broken(rule: str) -> SpecError:
    return SpecError(f"kNearestNeighborsClassifier: {rule}; the file is damaged or badly written")


def _check_choices(message: Any) -> None:
    """Everything that must be set is set."""
    index = message.nearestNeighborsIndex
    if not message.HasField("nearestNeighborsIndex"):
        raise _broken("it has no nearestNeighborsIndex")
    if not message.HasField("numberOfNeighbors") or message.numberOfNeighbors.defaultValue < 1:
        k = message.numberOfNeighbors.defaultValue
        raise _broken(f"numberOfNeighbors is {k}, expected at least 1")
    for holder, choice, options in (
        (message, "WeightingScheme", "uniformWeighting or inverseDistanceWeighting"),
        (index, "IndexType", "linearIndex or singleKdTreeIndex"),
        (index, "DistanceFunction", "squaredEuclideanDistance"),
    ):
        if holder.WhichOneof(choice) is None:
            raise _broken(f"{choice} is not set, expected {options}")
    if index.WhichOneof("IndexType") == "singleKdTreeIndex" and index.singleKdTreeIndex.leafSize < 1:
        raise _broken(f"singleKdTreeIndex.leafSize is {index.singleKdTreeIndex.leafSize}, expected at least 1")


def _labels(message: Any) -> tuple[Label | None, type[str] | type[int]]:
    """The default label, and the type of all labels."""
    labels, default = message.WhichOneof("ClassLabels"), message.WhichOneof("DefaultClassLabel")
    types: dict[str | None, type[str] | type[int]] = {
        "stringClassLabels": str, "defaultStringLabel": str, "int64ClassLabels": int, "defaultInt64Label": int,
    }  # fmt: skip
    if labels and default and types[labels] is not types[default]:
        raise _broken(f"its labels are {labels} and its default label is {default}, expected the same type")
    if not labels and not default:
        raise _broken("neither class labels nor a default label are set")
    return getattr(message, default) if default else None, types[labels or default]
