"""glmRegressor and glmClassifier: weights times the input plus an offset, and a link function."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.engines.base import ModelPart
from pyruntime.engines.labels import (
    VectorClassifier,
    argmax_known,
    normal_cdf,
    read_labels,
    sigmoid,
    softmax,
)
from pyruntime.engines.values import Doubles
from pyruntime.engines.vector import VectorRegressor, products
from pyruntime.errors import SpecError

REGRESSION_LINKS = ("NoTransform", "Logit", "Probit")
CLASS_LINKS = ("Logit", "Probit")
REFERENCE_CLASS, ONE_VS_REST = range(2)


def _read_weights(message: Any) -> tuple[Doubles, Doubles]:
    """weights (vectors, width) and offsets (vectors) of a GLM message.  Raises SpecError."""
    name = message.DESCRIPTOR.name
    rows, offset = [np.array(w.value, np.float64) for w in message.weights], np.array(message.offset, np.float64)
    widths = sorted({row.size for row in rows})
    if len(widths) != 1 or not widths[0]:
        raise SpecError(f"weights of the {name}: expected vectors of one length, here {len(rows)} of lengths {widths}")
    if offset.size != len(rows):
        raise SpecError(f"the {name} has {len(rows)} weight vectors and {offset.size} offsets, expected one each")
    weights = np.stack(rows)
    if not (np.isfinite(weights).all() and np.isfinite(offset).all()):
        bad = np.flatnonzero(~(np.isfinite(weights).all(axis=1) & np.isfinite(offset)))[0]
        raise SpecError(f"weights of the {name}: vector {bad} or its offset has NaN or infinite numbers")
    return weights, offset


def _link(message: Any, names: tuple[str, ...]) -> str:
    value = int(message.postEvaluationTransform)
    if not 0 <= value < len(names):
        raise SpecError(
            f"postEvaluationTransform of the {message.DESCRIPTOR.name} is {value}, expected 0 to {len(names) - 1}"
        )
    return names[value]


def _apply(link: str, scores: Doubles) -> Doubles:
    return sigmoid(scores) if link == "Logit" else normal_cdf(scores) if link == "Probit" else scores


def _scores(rows: Doubles, weights: Doubles, offset: Doubles) -> Doubles:
    return products(rows, weights) + offset


class LinearRegressor(VectorRegressor):
    """link(weights x + offset), one number per weight vector."""

    def __init__(self, part: ModelPart) -> None:
        message = part.spec.glmRegressor
        self._weights, self._offset = _read_weights(message)
        super().__init__(part, self._weights.shape[1])
        self._link = _link(message, REGRESSION_LINKS)
        self.check_output(len(self._weights))

    def values(self, rows: Doubles) -> Doubles:
        return _apply(self._link, _scores(rows, self._weights, self._offset))


class LinearClassifier(VectorClassifier):
    """Two classes: one weight vector for the second.  More: one per class (OneVsRest, whose probabilities are divided
    by their sum), or one for each but the first, whose score is 0 (ReferenceClass: softmax)."""

    def __init__(self, part: ModelPart) -> None:
        message = part.spec.glmClassifier
        self._weights, self._offset = _read_weights(message)
        super().__init__(part, self._weights.shape[1])
        self._link, self._encoding = _link(message, CLASS_LINKS), int(message.classEncoding)
        vectors = len(self._weights)
        per_class = self._encoding == ONE_VS_REST and vectors > 1
        labels = read_labels(message, vectors if per_class else vectors + 1)
        self._check(len(labels), vectors)
        self.check_outputs(labels)

    def _check(self, labels: int, vectors: int) -> None:
        if self._encoding not in (REFERENCE_CLASS, ONE_VS_REST):
            raise SpecError(f"classEncoding of the GLMClassifier is {self._encoding}, expected 0 or 1")
        wanted = labels - 1 if labels == 2 or self._encoding == REFERENCE_CLASS else labels
        if labels < 2 or vectors != wanted:
            encoding = ("ReferenceClass", "OneVsRest")[self._encoding]
            raise SpecError(
                f"the GLMClassifier ({encoding}) has {labels} class labels and {vectors} weight vectors, "
                f"expected {max(wanted, 1)} for at least two labels"
            )
        if self._link == "Probit" and labels > 2:
            raise SpecError(f"a GLMClassifier with Probit is for two classes, this one has {labels}")

    def decide(self, rows: Doubles) -> tuple[NDArray[np.int64], Doubles]:
        scores = _scores(rows, self._weights, self._offset)
        if len(self.labels) == 2:
            second = _apply(self._link, scores[:, 0])
            return (scores[:, 0] > 0).astype(np.int64), np.stack([1 - second, second], axis=1)
        if self._encoding == REFERENCE_CLASS:
            shares = softmax(np.concatenate([np.zeros((len(scores), 1)), scores], axis=1))
            return argmax_known(shares), shares
        each = sigmoid(scores)
        total = each.sum(axis=1, keepdims=True)
        shares = np.where(total > 0, each / np.where(total > 0, total, 1), 1 / each.shape[1])
        return argmax_known(scores), shares
