"""arrayFeatureExtractor: elements of an array by their places."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.engines.base import ModelPart
from pyruntime.engines.transform import Transform, fixed_count
from pyruntime.engines.values import array, as_declared, check_holds
from pyruntime.features import wrong


class ArrayFeatureExtractor(Transform):
    """Places count from 0 through the whole array, row by row; results come in the order of extractIndex."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        self.need(self.input, "multiArray")
        self.need(self.output, "multiArray", "double", "int64")
        indices, count = list(part.spec.arrayFeatureExtractor.extractIndex), fixed_count(self.input)
        if not indices:
            raise self.broken("extractIndex is empty, expected at least one place")
        self._most = max(indices)
        if self._most >= (2**31 if count is None else count):
            raise self.broken(f"extractIndex has {self._most}, the input is {self.input.type_name}")
        self._indices = np.array(indices, np.int64)
        check_holds(self.output, len(indices))

    def apply(self, value: Any) -> Any:
        flat = array(self.input, value).reshape(-1)
        if flat.size <= self._most:
            raise wrong(self.input, f"at least {self._most + 1} numbers", flat.size)
        return as_declared(self.output, flat[self._indices])
