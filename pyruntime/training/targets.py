"""Targets of examples: class numbers and labels for cross entropy, arrays for squared error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.description import FeatureDescription
from pyruntime.engines.neural_network import NeuralNetworkEngine
from pyruntime.errors import SpecError
from pyruntime.features import number_array, wrong
from pyruntime.ir.types import Shape
from pyruntime.parameters import listed
from pyruntime.training.recipe import Recipe


class TargetReader:
    """Reads the target of an example.  result: shape of what the loss reads for one example.

    Raises SpecError when no training input can be the target.
    """

    def __init__(
        self,
        engine: NeuralNetworkEngine,
        recipe: Recipe,
        result: Shape,
        inputs: Sequence[FeatureDescription],
        source: str,
    ) -> None:
        self._engine, self._result = engine, result
        self._classes = math.prod(result)
        self._is_class = recipe.loss.kind == "categoricalCrossEntropyLossLayer"
        given = {feature.name: feature for feature in inputs}
        label = engine.description.predicted_feature_name
        self._by_label = recipe.loss.target not in given and self._is_class and bool(label) and label in given
        name = label if self._by_label else recipe.loss.target
        if name not in given:
            wanted = f"{recipe.loss.target!r}, the target of the loss" + (f", or {label!r}, the label" if label else "")
            raise SpecError(f"{source}: training inputs {sorted(given) or 'none'}: expected {wanted} among them")
        self.feature = given[name]
        if self._by_label:
            labels = engine.description.class_labels or ()
            if len(labels) != self._classes:
                raise SpecError(
                    f"{source}: {len(labels)} class labels, but the loss reads {self._classes} probabilities"
                )
            self._numbers: Mapping[Any, int] = {text: i for i, text in enumerate(labels)}

    def read(self, features: Mapping[str, Any]) -> NDArray[np.float32] | float:
        """What the loss takes for one example.  Raises FeatureTypeError naming the feature."""
        value = self._engine.feature(features, self.feature)
        if self._by_label:
            return self._label(value)
        array = number_array(self.feature, value)
        if self._is_class:
            return self._class(array)
        if not np.isfinite(array).all():
            raise wrong(self.feature, "finite numbers", "infinity among them")
        if array.size != self._classes or _plain(array.shape) != _plain(self._result):
            shape = " x ".join(map(str, _plain(self._result))) or "1"
            raise wrong(self.feature, f"an array of shape {shape}, that of what the loss reads", f"shape {array.shape}")
        return array.reshape(-1)

    def _label(self, value: Any) -> float:
        plain = value.item() if isinstance(value, np.generic) else value
        number = None if isinstance(plain, bool | float) else self._numbers.get(plain) if _is_key(plain) else None
        if number is None:
            raise wrong(
                self.feature,
                f"one of the model's {len(self._numbers)} class labels ({listed(self._numbers)})",
                f"{value!r}; a network's classes are fixed when it is made",
            )
        return float(number)

    def _class(self, array: NDArray[np.float32]) -> float:
        if array.size != 1:
            raise wrong(self.feature, "the number of one class", f"an array of shape {array.shape}")
        number = float(array.reshape(()))
        if not (0 <= number < self._classes and number == int(number)):
            raise wrong(self.feature, f"a class number from 0 to {self._classes - 1}", f"{number:g}")
        return number


def _plain(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape without its 1s."""
    return tuple(size for size in shape if size != 1)


def _is_key(value: Any) -> bool:
    return isinstance(value, str | int)
