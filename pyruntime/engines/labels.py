"""Class labels and what a classifier says: the label, and the probability of every label."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.description import DictionaryConstraint
from pyruntime.engines.values import Doubles
from pyruntime.engines.vector import VectorEngine
from pyruntime.errors import SpecError

Labels = tuple[str, ...] | tuple[int, ...]


def read_labels(message: Any, default: int) -> Labels:
    """The labels of a classifier's message; 0 … default - 1 when it has none.  Raises SpecError for equal ones."""
    which = message.WhichOneof("ClassLabels")
    vector = getattr(message, which).vector if which else ()
    labels: Labels = tuple(vector) if len(vector) else tuple(range(default))
    if len(set(labels)) < len(labels):
        twice = next(label for i, label in enumerate(labels) if label in labels[:i])
        raise SpecError(f"class label {twice!r} of the {message.DESCRIPTOR.name} is there twice")
    return labels


class VectorClassifier(VectorEngine):
    """Two outputs: predictedFeatureName, the label, and maybe predictedProbabilitiesName, a dictionary of all."""

    def check_outputs(self, labels: Labels) -> None:
        """To be called when the labels are known.  Raises SpecError."""
        d = self.description
        self.labels = labels
        key = "Int64" if isinstance(labels[0], int) else "String"
        for feature in d.outputs:
            is_label = feature.name == d.predicted_feature_name and feature.kind == key.lower()
            shares = DictionaryConstraint(key)
            if not is_label and (
                feature.name != d.predicted_probabilities_name or feature.constraint != shares or not feature.name
            ):
                raise SpecError(
                    f"output {feature.name!r} ({feature.type_name}) of a {self.part.kind} with {key} labels: expected "
                    f"the label (predictedFeatureName {d.predicted_feature_name!r}, type {key}), or its probabilities "
                    f"(predictedProbabilitiesName {d.predicted_probabilities_name!r}, {shares})"
                )
        if d.predicted_feature_name not in d.output_descriptions_by_name:
            raise SpecError(f"predictedFeatureName {d.predicted_feature_name!r} is none of the model's outputs")

    @abstractmethod
    def decide(self, rows: Doubles) -> tuple[NDArray[np.int64], Doubles]:
        """Numbers of the labels (count), and probabilities (count, labels), of rows (count, width)."""

    def answers(self, rows: Doubles) -> list[dict[str, Any]]:
        chosen, shares = self.decide(rows)
        d = self.description
        made = []
        for best, row in zip(chosen.tolist(), shares.tolist(), strict=True):
            answer: dict[str, Any] = {d.predicted_feature_name: self.labels[best]}
            if d.predicted_probabilities_name in d.output_descriptions_by_name:
                answer[d.predicted_probabilities_name] = dict(zip(self.labels, row, strict=True))
            made.append(answer)
        return made


def sigmoid(x: Doubles) -> Doubles:
    """1 / (1 + e^-x), without overflow."""
    with np.errstate(over="ignore", under="ignore"):
        e = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1, e) / (1 + e), np.float64)


def softmax(x: Doubles) -> Doubles:
    """Along the last axis."""
    with np.errstate(under="ignore", invalid="ignore"):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def normal_cdf(x: Doubles) -> Doubles:
    """Phi, the share of a standard normal distribution below x."""
    from math import erfc, sqrt

    flat = [0.5 * erfc(-value / sqrt(2)) for value in np.asarray(x, np.float64).reshape(-1).tolist()]
    return np.array(flat).reshape(np.shape(x))


def argmax_known(scores: Doubles) -> NDArray[np.int64]:
    """Place of the largest score in each row, the first of equal ones; a NaN is never the largest."""
    return np.asarray(np.argmax(np.where(np.isnan(scores), -np.inf, scores), axis=-1), np.int64)
