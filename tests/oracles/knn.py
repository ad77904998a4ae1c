"""The nearest-neighbour classifier by brute force in float64, and its update: appended examples."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

SMALLEST_DISTANCE = 1e-12  # stands for 0 in 1/distance, so that an exact hit outweighs everything else


def _labels(knn: Any) -> Any:
    """The repeated field that has one label per sample."""
    return getattr(knn, knn.WhichOneof("ClassLabels")).vector


def classify(knn: Any, x: np.ndarray) -> tuple[Any, dict[Any, float]]:
    """Label of vector x, and the share of the votes that each known label has.

    Votes: 1, or 1/Euclidean distance.  Of equal scores the label with the nearer example wins, then the one
    seen first.
    An empty model gives its default label and no shares.
    """
    labels = list(_labels(knn)) if knn.WhichOneof("ClassLabels") else []
    if not labels:
        return getattr(knn, knn.WhichOneof("DefaultClassLabel")), {}
    samples = np.array([s.vector for s in knn.nearestNeighborsIndex.floatSamples], dtype=np.float64)
    distances = np.sqrt(((samples - np.asarray(x, np.float64).ravel()) ** 2).sum(1))
    nearest = np.argsort(distances, kind="stable")[: knn.numberOfNeighbors.defaultValue]
    score = dict.fromkeys(labels, 0.0)
    for i in nearest:  # from near to far, so max() below meets the nearer label first
        inverse = knn.WhichOneof("WeightingScheme") == "inverseDistanceWeighting"
        score[labels[i]] += 1 / max(distances[i], SMALLEST_DISTANCE) if inverse else 1.0
    in_order = sorted(nearest, key=lambda i: (distances[i], i))
    best = max(dict.fromkeys(labels[i] for i in in_order), key=lambda label: score[label])
    total = sum(score.values())
    return best, {label: value / total for label, value in score.items()}


def append(knn: Any, vectors: Iterable[np.ndarray], labels: Sequence[Any]) -> None:
    """Teach the model examples, in place."""
    if knn.WhichOneof("ClassLabels") is None:
        knn.stringClassLabels.SetInParent()
    for vector in vectors:
        knn.nearestNeighborsIndex.floatSamples.add(vector=np.asarray(vector, np.float32).ravel().tolist())
    _labels(knn).extend(labels)
