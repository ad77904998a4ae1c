"""supportVectorRegressor and supportVectorClassifier, as libsvm computes them (SVM.proto)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.description import MultiArrayConstraint
from pyruntime.engines.base import ModelPart
from pyruntime.engines.coupling import coupled
from pyruntime.engines.labels import VectorClassifier, argmax_known, read_labels, sigmoid
from pyruntime.engines.svm_parts import broken, read_kernel, read_vectors
from pyruntime.engines.values import Doubles
from pyruntime.engines.vector import VectorRegressor, products

LEAST_PROBABILITY = 1e-7
"""Pairwise probabilities stay this far from 0 and from 1."""

_CELLS = 1 << 24  # kernel values at a time


def _input_width(part: ModelPart) -> int | None:
    """Numbers of all inputs; None when one does not say."""
    total = 0
    for feature in part.description.inputs:
        constraint = feature.constraint
        if isinstance(constraint, MultiArrayConstraint):
            if not constraint.shape:
                return None
            total += math.prod(constraint.shape)
        else:
            total += 1
    return total or None


def _numbers(message: Any, name: str, values: Any, count: int) -> Doubles:
    numbers = np.array(values, np.float64)
    if numbers.size != count:
        raise broken(message, f"{name} has {numbers.size} numbers, expected {count}")
    return numbers


def _finite(message: Any, name: str, values: Any, count: int) -> Doubles:
    numbers = _numbers(message, name, values, count)
    if not np.isfinite(numbers).all():
        raise broken(message, f"{name} has NaN or infinite numbers")
    return numbers


class SupportVectorRegressor(VectorRegressor):
    """The sum of alpha K(vector, x), minus rho."""

    def __init__(self, part: ModelPart) -> None:
        message = part.spec.supportVectorRegressor
        self._kernel, self._vectors = read_kernel(message), read_vectors(message, _input_width(part))
        self._alpha = _finite(message, "coefficients.alpha", message.coefficients.alpha, len(self._vectors))
        self._rho = float(_finite(message, "rho", [message.rho], 1)[0])
        super().__init__(part, self._vectors.shape[1])
        self.check_output(1)

    def values(self, rows: Doubles) -> Doubles:
        step = max(1, _CELLS // len(self._vectors))
        parts = [rows[i : i + step] for i in range(0, len(rows), step)]
        sums = [products(self._kernel(part, self._vectors), self._alpha[None])[:, 0] for part in parts]
        return (np.concatenate(sums) - self._rho)[:, None]


class SupportVectorClassifier(VectorClassifier):
    """One decision per pair of classes.  With probA and probB the pairs are coupled to probabilities, and the most
    probable class is the answer; without, the class that won most pairs is, and a dictionary has the shares of wins.

    libsvm writes NaN where training did not converge.  As there, a decision that is NaN is for the second class.
    """

    def __init__(self, part: ModelPart) -> None:
        message = part.spec.supportVectorClassifier
        self._kernel, self._vectors = read_kernel(message), read_vectors(message, _input_width(part))
        super().__init__(part, self._vectors.shape[1])
        counts = list(message.numberOfSupportVectorsPerClass)
        labels = read_labels(message, len(counts))
        self._check_classes(message, counts, len(labels))
        classes, pairs = len(labels), len(labels) * (len(labels) - 1) // 2
        self._ends = np.cumsum([0, *counts])
        vectors = len(self._vectors)
        rows = [_numbers(message, f"coefficients[{i}]", c.alpha, vectors) for i, c in enumerate(message.coefficients)]
        if len(rows) != classes - 1:
            raise broken(
                message, f"it has {len(rows)} rows of coefficients, expected {classes - 1} for {classes} classes"
            )
        self._alpha = np.stack(rows)
        self._rho = _numbers(message, "rho", message.rho, pairs)
        self._has_probabilities = bool(len(message.probA) or len(message.probB))
        if self._has_probabilities:
            self._a = _numbers(message, "probA", message.probA, pairs)
            self._b = _numbers(message, "probB", message.probB, pairs)
        self._first, self._second = np.triu_indices(classes, 1)
        self.check_outputs(labels)

    def _check_classes(self, message: Any, counts: list[int], labels: int) -> None:
        if labels < 2 or len(counts) != labels or min(counts) < 0 or sum(counts) != len(self._vectors):
            raise broken(
                message,
                f"numberOfSupportVectorsPerClass is {counts[:20]} for {labels} class labels and "
                f"{len(self._vectors)} support vectors, expected one number per label with that sum",
            )

    def decisions(self, rows: Doubles) -> Doubles:
        """(count, pairs) in the order (0,1), (0,2), …, (1,2), …: above 0 for the first class of the pair."""
        kernel = self._kernel(rows, self._vectors)
        # of[i][j - 1] for i < j and of[j][i]: what the vectors of a class add to its decisions against the others
        ends = zip(self._ends[:-1], self._ends[1:], strict=True)
        of = np.stack([products(kernel[:, a:b], self._alpha[:, a:b]) for a, b in ends])
        sums = of[self._first, :, self._second - 1] + of[self._second, :, self._first]
        return np.asarray(sums.T - self._rho)

    def decide(self, rows: Doubles) -> tuple[NDArray[np.int64], Doubles]:
        step = max(1, _CELLS // len(self._vectors))
        with np.errstate(invalid="ignore", over="ignore"):
            decisions = np.concatenate([self.decisions(rows[i : i + step]) for i in range(0, len(rows), step)])
        if not self._has_probabilities:
            votes = self._votes(decisions)
            return argmax_known(votes), votes / len(self._first)
        # sigmoid(-(A d + B)), for each pair
        pairwise = np.nan_to_num(sigmoid(-(self._a * decisions + self._b)), nan=0.0)
        pairwise = np.clip(pairwise, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        if len(self.labels) == 2:
            shares = np.concatenate([pairwise, 1 - pairwise], axis=1)
        else:
            shares = coupled(pairwise, len(self.labels))
        return argmax_known(shares), shares

    def _votes(self, decisions: Doubles) -> Doubles:
        winners = np.where(decisions > 0, self._first, self._second)
        votes = np.zeros((len(decisions), len(self.labels)))
        for label in range(len(self.labels)):
            votes[:, label] = (winners == label).sum(axis=1)
        return votes
