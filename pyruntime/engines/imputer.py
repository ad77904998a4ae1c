"""imputer: what is missing is replaced."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyruntime.description import DictionaryConstraint
from pyruntime.engines.base import ModelPart
from pyruntime.engines.transform import Transform, fixed_count
from pyruntime.engines.values import array, as_declared, check_holds, dictionary, scalar

_KINDS = {
    "imputedDoubleValue": ("double", "multiArray"), "imputedInt64Value": ("int64", "multiArray"),
    "imputedStringValue": ("string",), "imputedDoubleArray": ("multiArray",), "imputedInt64Array": ("multiArray",),
    "imputedStringDictionary": ("dictionary",), "imputedInt64Dictionary": ("dictionary",),
}  # fmt: skip
"""Kinds of input that each member of ImputedValue is for."""


class Imputer(Transform):
    """Values equal to replaceValue, or NaN without one, become the imputed value.

    A dictionary gets imputed values for its missing keys too.  An Int64 or String input that names no replaceValue has
    nothing to replace.
    """

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        message = part.spec.imputer
        which = message.WhichOneof("ImputedValue")
        if which is None:
            raise self.broken("it has no imputed value")
        self.need(self.input, *_KINDS[which])
        same = self.output.kind == self.input.kind
        if not same and {self.input.kind, self.output.kind} - {"int64", "double"}:
            raise self.broken(f"output {self.output.name!r} is {self.output.type_name}, input {self.input.type_name}")
        value = getattr(message, which)
        if which.endswith("Dictionary"):
            self._check_keys("String" if which == "imputedStringDictionary" else "Int64")
            self._imputed: Any = dict(value.map)
        else:
            self._imputed = list(value.vector) if which.endswith("Array") else value
        self._read_replaced(message)
        self._check_count()

    def _read_replaced(self, message: Any) -> None:
        which = message.WhichOneof("ReplaceValue")
        self._replaced: Any = getattr(message, which) if which else math.nan
        is_text = isinstance(self._replaced, str)
        if which and is_text != (self.input.kind == "string"):
            raise self.broken(f"{which} does not go with the input, {self.input.type_name}")

    def _check_keys(self, key: str) -> None:
        for feature in (self.input, self.output):
            if feature.constraint != DictionaryConstraint(key):
                raise self.broken(f"feature {feature.name!r} is {feature.type_name}, expected {key} keys")

    def _check_count(self) -> None:
        count = fixed_count(self.input)
        if isinstance(self._imputed, list):
            self._imputed = np.array(self._imputed, np.float64)
            if count is None or self._imputed.size != count:
                size = self._imputed.size
                raise self.broken(f"its imputed array has {size} numbers, the input is {self.input.type_name}")
        if self.input.kind == "multiArray" and count is not None:
            check_holds(self.output, count)

    def apply(self, value: Any) -> Any:
        if self.input.kind == "dictionary":
            given = dictionary(self.input, value)
            kept = {key: number for key, number in given.items() if not self._is_missing(number)}
            return {key: kept[key] if key in kept else float(self._imputed.get(key, number))
                    for key, number in {**self._imputed, **given}.items()}  # fmt: skip
        if self.input.kind == "multiArray":
            numbers = array(self.input, value)
            missing = np.isnan(numbers) if self._replaces_nan else numbers == self._replaced
            fill = self._imputed.reshape(numbers.shape) if isinstance(self._imputed, np.ndarray) else self._imputed
            return as_declared(self.output, np.where(missing, fill, numbers))
        single = scalar(self.input, value)
        result = self._imputed if self._is_missing(single) else single
        return result if self.output.kind == "string" else as_declared(self.output, np.array([float(result)]))

    @property
    def _replaces_nan(self) -> bool:
        return isinstance(self._replaced, float) and math.isnan(self._replaced)

    def _is_missing(self, value: Any) -> bool:
        if self._replaces_nan:
            return isinstance(value, float) and math.isnan(value)
        return bool(value == self._replaced)
