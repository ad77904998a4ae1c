"""identity: inputs as outputs; classConfidenceThresholding: confidences with a row of ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyruntime.description import MultiArrayConstraint
from pyruntime.engines.base import Engine, ModelPart
from pyruntime.engines.transform import Transform, fixed_count
from pyruntime.engines.values import any_value, array, as_declared, check_holds
from pyruntime.errors import SpecError


class Identity(Engine):
    """Every output is the input of its name."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        inputs = self.description.input_descriptions_by_name
        for output in self.description.outputs:
            source = inputs.get(output.name)
            if source is None or source.kind != output.kind:
                there = source.type_name if source else "not there"
                raise SpecError(
                    f"identity: output {output.name!r} is {output.type_name}, the input of that name is {there}"
                )

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        inputs = self.description.input_descriptions_by_name
        values = {f.name: self.feature(features, inputs[f.name]) for f in self.description.outputs}
        return {name: any_value(inputs[name], value) for name, value in values.items() if value is not None}


class ClassConfidenceThresholding(Transform):
    """[C] confidences to [2, C]: themselves, and ones.  The file's curves are for people who choose a threshold."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        self.need(self.input, "multiArray")
        self.need(self.output, "multiArray")
        assert isinstance(self.input.constraint, MultiArrayConstraint)
        count = fixed_count(self.input)
        if count is not None:
            check_holds(self.output, 2 * count)

    def apply(self, value: Any) -> Any:
        row = array(self.input, value).reshape(-1)
        return as_declared(self.output, np.stack([row, np.ones(row.size)]))
