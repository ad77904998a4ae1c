"""How good a model is on examples with known answers: their accuracy, or their loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pyruntime.errors import FeatureTypeError, UpdateError
from pyruntime.update.examples import example_errors

if TYPE_CHECKING:
    from pyruntime.model import MLModel

Numbered = Iterable[tuple[int, Mapping[str, Any]]]
NOUN = "held-out example"
LEAST = 1e-38
"""A probability of 0 counts as this much, as in training."""


class Scorer:
    """Answers of one model, beside what its training inputs say.

    Raises UpdateError when no single output can be compared with its target.
    """

    def __init__(self, model: MLModel) -> None:
        description = model.model_description
        self._model, self._inputs = model, set(description.input_descriptions_by_name)
        targets = [f.name for f in description.training_inputs if f.name not in self._inputs]
        self._label = description.predicted_feature_name
        self._shares = description.predicted_probabilities_name
        outputs = [f.name for f in description.outputs if f.name not in (self._label, self._shares)]
        if len(targets) != 1 or not (targets[0] == self._label or len(outputs) == 1 or self._shares):
            raise UpdateError(
                f"this model cannot be scored by its outputs: its targets are {', '.join(targets) or 'none'}, its "
                f"outputs {', '.join(f.name for f in description.outputs)}; give UpdateGuard a function as metric"
            )
        self._target, self._output = targets[0], outputs[0] if len(outputs) == 1 else None

    @property
    def has_labels(self) -> bool:
        """The target is the label that the model predicts."""
        return self._target == self._label

    def accuracy(self, examples: Numbered) -> float:
        """The share of right answers."""
        return self._mean(examples, self._right)

    def loss(self, examples: Numbered) -> float:
        """The mean cross entropy, or squared error."""
        return self._mean(examples, self._loss)

    def _mean(self, examples: Numbered, score: Callable[[Any, Mapping[str, Any]], float]) -> float:
        total, count = 0.0, 0
        for index, features in examples:
            with example_errors(index, NOUN):
                if self._target not in features:
                    raise FeatureTypeError(f"feature {self._target!r} is missing: what the right answer is")
                total += score(features[self._target], self._predict(features))
            count += 1
        return total / count if count else math.nan

    def _predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        inputs = {name: value for name, value in features.items() if name in self._inputs}
        answers: dict[str, Any] = self._model.predict(inputs)
        return answers

    def _right(self, wanted: Any, outputs: Mapping[str, Any]) -> float:
        if self.has_labels:
            return float(wanted == outputs[self._label])
        target, got = self._numbers(wanted, outputs)
        if not target.size == 1 < got.size:
            raise UpdateError(
                "accuracy needs a label, or the number of a class, as target; "
                'this model learns numbers: score it with metric="loss"'
            )
        return float(int(target[0]) == int(np.argmax(got)))

    def _loss(self, wanted: Any, outputs: Mapping[str, Any]) -> float:
        if self.has_labels:
            shares = outputs.get(self._shares or "")
            if not isinstance(shares, Mapping):
                raise UpdateError('this model gives no probabilities: score it with metric="accuracy"')
            return -math.log(max(float(shares.get(wanted, 0.0)), LEAST))
        target, got = self._numbers(wanted, outputs)
        if target.size == 1 < got.size:
            index = int(target[0])
            return -math.log(max(float(got[index]), LEAST)) if 0 <= index < got.size else math.inf
        if target.size != got.size:
            raise UpdateError(f"the target has {target.size} numbers, the output {got.size}: they cannot be compared")
        return float(np.mean((target - got) ** 2))

    def _numbers(self, wanted: Any, outputs: Mapping[str, Any]) -> tuple[Any, Any]:
        """Target and output as flat arrays; of a classifier's probabilities, in the order of its classes."""
        answer = outputs[self._output] if self._output else list(outputs[self._shares or ""].values())
        return np.asarray(wanted, np.float64).reshape(-1), np.asarray(answer, np.float64).reshape(-1)
