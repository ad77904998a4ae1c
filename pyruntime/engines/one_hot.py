"""oneHotEncoder: a category as an array with one 1, or as a dictionary with one entry."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.description import DictionaryConstraint
from pyruntime.engines.base import ModelPart
from pyruntime.engines.transform import Transform
from pyruntime.engines.values import as_declared, check_holds, scalar
from pyruntime.features import wrong

ERROR_ON_UNKNOWN, IGNORE_UNKNOWN = range(2)


class OneHotEncoder(Transform):
    """outputSparse: {place of the category: 1.0}, else an array.  An unknown category is an error or all 0."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        message = part.spec.oneHotEncoder
        which = message.WhichOneof("CategoryType")
        categories = list(getattr(message, which).vector) if which else []
        self.need(self.input, "int64" if which == "int64Categories" else "string")
        if not categories or len(set(categories)) < len(categories):
            raise self.broken(f"it has {len(categories)} categories, expected at least one, all different")
        self._place = {category: i for i, category in enumerate(categories)}
        self._is_sparse, self._unknown = bool(message.outputSparse), int(message.handleUnknown)
        if self._unknown not in (ERROR_ON_UNKNOWN, IGNORE_UNKNOWN):
            raise self.broken(f"handleUnknown is {self._unknown}, expected 0 or 1")
        self.need(self.output, "dictionary" if self._is_sparse else "multiArray")
        if not self._is_sparse:
            check_holds(self.output, len(categories))
        elif self.output.constraint != DictionaryConstraint("Int64"):
            raise self.broken(f"output {self.output.name!r} is {self.output.type_name}, expected Int64 keys")

    def apply(self, value: Any) -> Any:
        category = scalar(self.input, value)
        place = self._place.get(category)
        if place is None and self._unknown == ERROR_ON_UNKNOWN:
            known = ", ".join(map(repr, list(self._place)[:10])) + (", …" if len(self._place) > 10 else "")
            raise wrong(self.input, f"a category that the model knows ({known})", repr(category))
        if self._is_sparse:
            return {} if place is None else {place: 1.0}
        row = np.zeros(len(self._place))
        if place is not None:
            row[place] = 1
        return as_declared(self.output, row)
