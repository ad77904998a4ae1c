"""featureVectorizer: features one after the other; dictVectorizer: a dictionary's values at their keys' places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pyruntime.description import DictionaryConstraint, FeatureDescription
from pyruntime.engines.base import Engine, ModelPart
from pyruntime.engines.transform import Transform, fixed_count
from pyruntime.engines.values import Doubles, array, as_declared, check_holds, dictionary, number
from pyruntime.errors import SpecError
from pyruntime.features import wrong

MAX_SIZE = 1 << 28


class FeatureVectorizer(Engine):
    """Numbers, arrays and dictionaries with keys 0 … n - 1, in the order of inputList."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        described = self.description.input_descriptions_by_name
        self._columns: list[tuple[FeatureDescription, int]] = []
        for column in part.spec.featureVectorizer.inputList:
            if column.inputColumn not in described:
                raise SpecError(f"featureVectorizer: inputColumn {column.inputColumn!r} is none of its inputs")
            self._columns.append((described[column.inputColumn], int(column.inputDimensions)))
        for feature, size in self._columns:
            self._check(feature, size)
        total = sum(size for _, size in self._columns)
        if len(self.description.outputs) != 1 or not 0 < total <= MAX_SIZE:
            raise SpecError(
                f"featureVectorizer: it has {len(self.description.outputs)} outputs and {total} numbers in all, "
                f"expected one output and 1 to {MAX_SIZE} numbers"
            )
        self._output = self.description.outputs[0]
        check_holds(self._output, total)

    def _check(self, feature: FeatureDescription, size: int) -> None:
        what = f"featureVectorizer: input {feature.name!r} ({feature.type_name})"
        if feature.kind not in ("int64", "double", "multiArray", "dictionary") or feature.is_optional:
            raise SpecError(f"{what}: expected a number, an array or a dictionary that is not optional")
        if feature.kind == "dictionary":
            if feature.constraint != DictionaryConstraint("Int64"):
                raise SpecError(f"{what}: expected Int64 keys")
        elif fixed_count(feature) not in (size, None):
            raise SpecError(f"{what}: its inputDimensions are {size}")

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        parts = [self._numbers(feature, size, self.feature(features, feature)) for feature, size in self._columns]
        return {self._output.name: as_declared(self._output, np.concatenate(parts))}

    def _numbers(self, feature: FeatureDescription, size: int, value: Any) -> Doubles:
        if feature.kind == "dictionary":
            row = np.zeros(size)
            for key, amount in dictionary(feature, value).items():
                if not 0 <= int(key) < size:
                    raise wrong(feature, f"keys from 0 to {size - 1}", f"the key {key}")
                row[int(key)] = amount
            return row
        if feature.kind != "multiArray":
            return np.array([number(feature, value)])
        row = array(feature, value).reshape(-1)
        if row.size != size:
            raise wrong(feature, f"an array of {size} numbers", f"{row.size}")
        return row


class DictVectorizer(Transform):
    """One place per known key; keys that are absent give 0, and keys that the model does not know are left out.

    An output with Int64 keys gets the places of the keys that are there instead of an array.  The map says whether keys
    are texts or numbers: a converter describes every input as one with texts.
    """

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        message = part.spec.dictVectorizer
        which = message.WhichOneof("Map")
        keys = list(getattr(message, which).vector) if which else []
        if not keys or len(set(keys)) < len(keys):
            raise self.broken(f"it has {len(keys)} keys, expected at least one, all different")
        if self.input.kind != "dictionary":
            raise self.broken(f"input {self.input.name!r} is {self.input.type_name}, expected a dictionary")
        own = DictionaryConstraint("Int64" if which == "int64ToIndex" else "String")
        self._keyed = replace(self.input, constraint=own)
        self._is_sparse = self.output.constraint == DictionaryConstraint("Int64")
        if not self._is_sparse:
            self.need(self.output, "multiArray")
            check_holds(self.output, len(keys))
        self._place = {key: i for i, key in enumerate(keys)}

    def apply(self, value: Any) -> Any:
        given = dictionary(self._keyed, value)
        found = {self._place[key]: amount for key, amount in given.items() if key in self._place}
        if self._is_sparse:
            return found
        row = np.zeros(len(self._place))
        for place, amount in found.items():
            row[place] = amount
        return as_declared(self.output, row)
