"""treeEnsembleRegressor and treeEnsembleClassifier: sums of decision trees (TreeEnsemble.proto).

Comparisons are made in double precision.  Converters of libraries that compare in single precision write thresholds
that are floats, and an input that is not one may be on the other side of a threshold: so when every threshold of a
model is exactly a float, inputs are rounded to floats first, except where nodes test for equality.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyruntime.engines.base import ModelPart
from pyruntime.engines.labels import Labels, VectorClassifier, argmax_known, read_labels, sigmoid, softmax
from pyruntime.engines.tree_nodes import ReadForest, read_forest
from pyruntime.engines.values import Doubles
from pyruntime.engines.vector import VectorRegressor
from pyruntime.errors import SpecError
from pyruntime.native.trees import TreeSum

NO_TRANSFORM, SOFTMAX, LOGISTIC, SOFTMAX_WITH_REFERENCE = range(4)
"""TreeEnsemblePostEvaluationTransform."""


class _Sum:
    """The trees and their base value."""

    def __init__(self, part: ModelPart, read: ReadForest, features: int) -> None:
        self.read, self.dimensions = read, read.dimensions
        self._trees = TreeSum(part.context, read.forest, features, read.dimensions)

    def of(self, rows: Doubles) -> Doubles:
        if self.read.single:
            with np.errstate(over="ignore"):
                rows = rows.astype(np.float32).astype(np.float64)
        sums = np.tile(self.read.base, (len(rows), 1))
        self._trees.add(rows, sums)
        return sums


def _transform(part: ModelPart) -> int:
    value = int(getattr(part.spec, part.kind).postEvaluationTransform)
    if not NO_TRANSFORM <= value <= SOFTMAX_WITH_REFERENCE:
        raise SpecError(f"postEvaluationTransform of the {part.kind} is {value}, expected 0 to 3")
    return value


class TreeRegressor(VectorRegressor):
    """The transformed sum, one number or an array."""

    TAKES_MISSING = True

    def __init__(self, part: ModelPart) -> None:
        read = read_forest(part.spec.treeEnsembleRegressor.treeEnsemble)
        super().__init__(part, read.features, exactly=False)
        self._sum = _Sum(part, read, self.width)
        self._transform = _transform(part)
        self.check_output(self._sum.dimensions)

    def values(self, rows: Doubles) -> Doubles:
        sums = self._sum.of(rows)
        if self._transform == LOGISTIC:
            return sigmoid(sums)
        if self._transform == SOFTMAX:
            return softmax(sums)
        if self._transform == SOFTMAX_WITH_REFERENCE:
            return softmax(np.concatenate([np.zeros((len(sums), 1)), sums[:, 1:]], axis=1))
        return sums


class TreeClassifier(VectorClassifier):
    """Probabilities from the sum.  One number for two classes is about the second of them.

    Without a transform, sums of several classes that are not negative are votes: they are divided by their sum.
    """

    TAKES_MISSING = True

    def __init__(self, part: ModelPart) -> None:
        read = read_forest(part.spec.treeEnsembleClassifier.treeEnsemble)
        super().__init__(part, read.features, exactly=False)
        self._sum = _Sum(part, read, self.width)
        self._transform = _transform(part)
        labels = read_labels(part.spec.treeEnsembleClassifier, max(2, self._sum.dimensions))
        self._check_dimensions(labels)
        self.check_outputs(labels)

    def _check_dimensions(self, labels: Labels) -> None:
        count, dimensions = len(labels), self._sum.dimensions
        fits = dimensions == count or (dimensions == 1 and count == 2)
        if self._transform == SOFTMAX_WITH_REFERENCE and dimensions == count - 1:
            fits = True
        if not fits or count < 2:
            raise SpecError(
                f"a treeEnsembleClassifier with {count} class labels and numPredictionDimensions {dimensions}: "
                "expected at least two labels, and as many dimensions (or 1 for two labels)"
            )

    def decide(self, rows: Doubles) -> tuple[NDArray[np.int64], Doubles]:
        sums = self._sum.of(rows)
        if sums.shape[1] == 1:
            second = sums[:, 0] if self._transform == NO_TRANSFORM else sigmoid(sums[:, 0])
            return (second >= 0.5).astype(np.int64), np.stack([1 - second, second], axis=1)
        shares = self._shares(sums)
        return argmax_known(shares), shares

    def _shares(self, sums: Doubles) -> Doubles:
        if self._transform == SOFTMAX:
            return softmax(sums)
        if self._transform == LOGISTIC:
            return sigmoid(sums)
        if self._transform == SOFTMAX_WITH_REFERENCE:
            others = sums if sums.shape[1] < len(self.labels) else sums[:, 1:]
            return softmax(np.concatenate([np.zeros((len(sums), 1)), others], axis=1))
        total = sums.sum(axis=1, keepdims=True)
        are_votes = (sums >= 0).all(axis=1, keepdims=True) & (total > 0)
        return np.where(are_votes, sums / np.where(are_votes, total, 1), sums)
