"""Models of one vector of numbers: what trees, linear models and support vector machines have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from pyruntime.description import FeatureDescription, MultiArrayConstraint
from pyruntime.engines.base import Engine, ModelPart
from pyruntime.engines.values import Doubles, array, as_declared, check_holds, number
from pyruntime.errors import FeatureTypeError, SpecError


def products(rows: Doubles, vectors: Doubles) -> Doubles:
    """(count, vectors) inner products.  Row by row: a product of matrices rounds otherwise for other counts of rows,
    and an example must have the same answer alone and among others."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.stack([vectors @ row for row in rows])


class VectorEngine(Engine):
    """The vector is all inputs in the order of the description: numbers, and arrays row by row.

    wanted: how many numbers the parameters are for.  exactly: a longer vector is wrong too.
    """

    TAKES_MISSING: ClassVar[bool] = False
    """Whether an optional input may be left out; its numbers are NaN then."""

    def __init__(self, part: ModelPart, wanted: int, *, exactly: bool = True) -> None:
        super().__init__(part)
        self.width = self._read_width(wanted, exactly)
        if 8 * self.width > part.memory_limit:
            raise SpecError(
                f"the inputs of the {part.kind} have {self.width} numbers, which memory_limit does not hold"
            )

    def _read_width(self, wanted: int, exactly: bool) -> int:
        inputs = self.description.inputs
        if not inputs:
            raise SpecError(f"the {self.part.kind} has no inputs")
        sizes = [self._size(feature) for feature in inputs]
        if sizes == [0]:  # one array of unsaid length
            return wanted
        total = sum(sizes)
        if 0 in sizes or total < wanted or (exactly and total != wanted):
            there = ", ".join(f"{f.name}: {f.type_name}" for f in inputs[:10]) + (", …" if len(inputs) > 10 else "")
            least = "" if exactly else "at least "
            raise SpecError(f"the {self.part.kind} is for {least}{wanted} numbers, its inputs have {total} ({there})")
        return total

    def _size(self, feature: FeatureDescription) -> int:
        """How many numbers an input has; 0 when the model does not say."""
        if feature.is_optional and not self.TAKES_MISSING:
            raise SpecError(f"input {feature.name!r} is optional, which a {self.part.kind} has no value for")
        if feature.kind in ("int64", "double"):
            return 1
        constraint = feature.constraint
        if not isinstance(constraint, MultiArrayConstraint) or constraint.shapes or constraint.ranges:
            raise SpecError(
                f"input {feature.name!r} of the {self.part.kind} is {feature.type_name}, "
                "expected a number or an array of one shape"
            )
        return math.prod(constraint.shape) if constraint.shape else 0

    def row(self, features: Mapping[str, Any]) -> Doubles:
        """The vector (width) of one example."""
        inputs = self.description.inputs
        if len(inputs) == 1 and inputs[0].kind == "multiArray":
            value = self.feature(features, inputs[0])
            row = np.full(self.width, np.nan) if value is None else array(inputs[0], value).reshape(-1)
        elif all(feature.kind != "multiArray" for feature in inputs):
            values = [(f, self.feature(features, f)) for f in inputs]
            row = np.array([np.nan if v is None else number(f, v) for f, v in values])
        else:
            row = np.concatenate([self._numbers(f, self.feature(features, f)) for f in inputs])
        if row.shape != (self.width,):
            name = inputs[0].name
            raise FeatureTypeError(f"feature {name!r}: expected an array of {self.width} numbers, got {row.size}")
        return row

    def _numbers(self, feature: FeatureDescription, value: Any) -> Doubles:
        if value is None:
            return np.full(self._size(feature), np.nan)
        if feature.kind == "multiArray":
            return array(feature, value).reshape(-1)
        return np.array([number(feature, value)])

    @abstractmethod
    def answers(self, rows: Doubles) -> list[dict[str, Any]]:
        """Outputs of each example in rows (count, width)."""

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        return self.answers(self.row(features)[None])[0]

    def predict_many(self, examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        rows: list[Doubles] = []  # no memory by the width that the file says before there are values
        for i, example in enumerate(examples):
            with self.naming(i):
                rows.append(self.row(example))
        return self.answers(np.array(rows)) if rows else []


class VectorRegressor(VectorEngine):
    """One output: predictedFeatureName, a number or an array of `dimensions` of them."""

    def check_output(self, dimensions: int) -> None:
        """To be called when the number of results is known.  Raises SpecError."""
        outputs, name = self.description.outputs, self.description.predicted_feature_name
        wanted = [feature for feature in outputs if feature.name == name] if name else list(outputs)
        if len(wanted) != 1 or len(outputs) != 1:
            there = ", ".join(f.name for f in outputs) or "none"
            raise SpecError(f"a {self.part.kind} has one output, its predictedFeatureName ({name!r}); here: {there}")
        check_holds(wanted[0], dimensions)
        self._output = wanted[0]

    @abstractmethod
    def values(self, rows: Doubles) -> Doubles:
        """(count, dimensions) results of rows (count, width)."""

    def answers(self, rows: Doubles) -> list[dict[str, Any]]:
        values = self.values(rows)
        if self._output.kind == "double":
            return [{self._output.name: value} for value in values[:, 0].tolist()]
        return [{self._output.name: as_declared(self._output, value)} for value in values]
