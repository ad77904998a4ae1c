"""scaler: y = scale (x + shift); normalizer: a vector divided by its norm."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.engines.base import ModelPart
from pyruntime.engines.transform import Transform, fixed_count
from pyruntime.engines.values import Doubles, array, as_declared, check_holds, number

NUMBERS = ("int64", "double", "multiArray")
MAX, L1, L2 = range(3)


class Scaler(Transform):
    """Shift first, then scale; each for all elements, for each element, or not there."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        self.need(self.input, *NUMBERS)
        self.need(self.output, *NUMBERS)
        self._count = fixed_count(self.input)
        self._shift = self._read("shiftValue", part.spec.scaler.shiftValue, 0.0)
        self._scale = self._read("scaleValue", part.spec.scaler.scaleValue, 1.0)
        if self._count is not None:
            check_holds(self.output, self._count)

    def _read(self, field: str, values: Any, default: float) -> Doubles:
        numbers = np.array(values, np.float64)
        allowed = (0, 1) if self._count is None else (0, 1, self._count)
        if numbers.size not in allowed or not np.isfinite(numbers).all():
            listed = " or ".join(map(str, sorted(set(allowed))))
            raise self.broken(f"{field} has {numbers.size} numbers, expected {listed} finite ones")
        return numbers if numbers.size else np.array([default])

    def apply(self, value: Any) -> Any:
        is_array = self.input.kind == "multiArray"
        given = array(self.input, value) if is_array else np.array([number(self.input, value)])
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = self._scale * (given.reshape(-1) + self._shift)
        return as_declared(self.output, scaled.reshape(given.shape))


class Normalizer(Transform):
    """LMax divides by the largest number as the format is written, L1 by the sum of magnitudes, L2 by the length.
    A vector of norm 0 stays as it is."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        self.need(self.input, "multiArray")
        self.need(self.output, "multiArray")
        self._norm = int(part.spec.normalizer.normType)
        if not MAX <= self._norm <= L2:
            raise self.broken(f"normType is {self._norm}, expected 0 to 2")
        count = fixed_count(self.input)
        if count is not None:
            check_holds(self.output, count)

    def apply(self, value: Any) -> Any:
        given = array(self.input, value)
        if self._norm == MAX:
            norm = float(given.max(initial=-np.inf))
        elif self._norm == L1:
            norm = float(np.abs(given).sum())
        else:
            norm = float(np.sqrt((given**2).sum()))
        return as_declared(self.output, given / norm if norm and np.isfinite(norm) else given)
