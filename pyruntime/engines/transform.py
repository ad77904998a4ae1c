"""Models that turn one feature into another: what feature engineering types have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from pyruntime.description import FeatureDescription, MultiArrayConstraint
from pyruntime.engines.base import Engine, ModelPart
from pyruntime.errors import SpecError


class Transform(Engine):
    """One input, which must be there, and one output."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        inputs, outputs = self.description.inputs, self.description.outputs
        if len(inputs) != 1 or len(outputs) != 1:
            raise self.broken(f"it has {len(inputs)} inputs and {len(outputs)} outputs, expected one of each")
        self.input, self.output = inputs[0], outputs[0]
        if self.input.is_optional:
            raise self.broken(f"its input {self.input.name!r} is optional, which this type has no value for")

    def broken(self, rule: str) -> SpecError:
        """The error of a file that breaks a rule of this model type."""
        name = f" {self.part.name!r}" if self.part.name else ""
        return SpecError(f"{self.part.kind}{name}: {rule}")

    def need(self, feature: FeatureDescription, *kinds: str) -> None:
        """Raises SpecError when a feature is of none of these kinds."""
        if feature.kind not in kinds:
            raise self.broken(f"feature {feature.name!r} is {feature.type_name}, expected {' or '.join(kinds)}")

    @abstractmethod
    def apply(self, value: Any) -> Any:
        """The output from the input, both as features."""

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        return {self.output.name: self.apply(self.feature(features, self.input))}


def fixed_count(feature: FeatureDescription) -> int | None:
    """How many numbers a numeric feature has; None when the model takes several shapes or does not say."""
    constraint = feature.constraint
    if not isinstance(constraint, MultiArrayConstraint):
        return 1
    if not constraint.shape or constraint.shapes or constraint.ranges:
        return None
    return math.prod(constraint.shape)
