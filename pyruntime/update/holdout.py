"""Examples that nobody learns from, which say how good a model is by now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.model import MLModel
from pyruntime.training.features import FeatureStore
from pyruntime.training.trainer import Trainer
from pyruntime.update.context import MetricKey
from pyruntime.update.examples import Examples, example_errors
from pyruntime.update.learner import Control

Floats = NDArray[np.float32]


class HoldOut:
    """What the frozen part of a network made of the hold-out examples, and their targets."""

    def __init__(self, trainer: Trainer, store: FeatureStore, targets: Floats) -> None:
        self._trainer, self._store, self._targets = trainer, store, targets

    def metrics(self, size: int) -> dict[str, float]:
        """validationLoss, and validationAccuracy of a classifier; the means over examples.  size: of a mini-batch."""
        loss = right = 0.0
        count = len(self._targets)
        for start in range(0, count, size):
            chosen = np.arange(start, min(start + size, count))
            evaluator = self._trainer.evaluator(len(chosen))
            self._store.take(chosen, evaluator.features)
            np.take(self._targets, chosen, axis=0, out=evaluator.target, mode="clip")
            own = evaluator.run()
            loss, right = loss + own[0], right + own[1]
        found = {MetricKey.VALIDATION_LOSS.value: loss / count}
        if self._trainer.is_classifier:
            found[MetricKey.VALIDATION_ACCURACY.value] = right / count
        return found


def accuracy(
    model: MLModel, examples: Examples, label: Callable[[Mapping[str, Any]], Any], control: Control
) -> dict[str, float]:
    """validationAccuracy by predictions, one by one: the share of examples whose label the model predicts."""
    right = count = 0
    inputs = model.model_description.input_descriptions_by_name
    predicted = model.model_description.predicted_feature_name
    for index, features in examples:
        with example_errors(index, examples.noun):
            wanted = label(features)
            answer = model.predict({name: value for name, value in features.items() if name in inputs})
        right += answer[predicted] == wanted
        count += 1
        control.check()
    return {MetricKey.VALIDATION_ACCURACY.value: right / count}
