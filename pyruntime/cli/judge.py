"""How good a model is on examples that it has not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyruntime.model import MLModel


@dataclass(frozen=True)
class Score:
    """kind: "accuracy" (share of right answers) or "mean squared error"."""

    kind: str
    value: float

    def __str__(self) -> str:
        return f"{self.value:.1%}" if self.kind == "accuracy" else f"{self.value:g}"


def judge(model: MLModel, examples: Sequence[dict[str, Any]]) -> Score | None:
    """The score on training examples; None when the model's target cannot be compared with an output."""
    description = model.model_description
    inputs = description.input_descriptions_by_name
    targets = [f.name for f in description.training_inputs if f.name not in inputs]
    if not examples or len(targets) != 1:
        return None
    pairs = []
    for features in examples:
        outputs = model.predict({name: value for name, value in features.items() if name in inputs})
        pairs.append((features[targets[0]], outputs.get(description.predicted_feature_name), outputs))
    if targets[0] == description.predicted_feature_name:
        return Score("accuracy", float(np.mean([wanted == label for wanted, label, _ in pairs])))
    if len(description.outputs) != 1:
        return None
    return _numbers([(wanted, outputs[description.outputs[0].name]) for wanted, _, outputs in pairs])


def _numbers(pairs: Sequence[tuple[Any, Any]]) -> Score | None:
    """Scores that are compared with the index of the right one, or numbers with numbers."""
    arrays = [
        (np.asarray(wanted, np.float64).reshape(-1), np.asarray(got, np.float64).reshape(-1)) for wanted, got in pairs
    ]
    if all(wanted.size == 1 < got.size for wanted, got in arrays):
        return Score("accuracy", float(np.mean([int(wanted[0]) == int(np.argmax(got)) for wanted, got in arrays])))
    if all(wanted.size == got.size for wanted, got in arrays):
        return Score("mean squared error", float(np.mean([np.mean((wanted - got) ** 2) for wanted, got in arrays])))
    return None
