"""categoricalMapping: a text to a number or back, also for each item of a sequence."""

from __future__ import annotations

from typing import Any

from pyruntime.description import SequenceConstraint
from pyruntime.engines.base import ModelPart
from pyruntime.engines.transform import Transform
from pyruntime.engines.values import scalar, sequence
from pyruntime.features import wrong


class CategoricalMapping(Transform):
    """A value that the table does not have becomes valueOnUnknown; without one it is an error."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        message = part.spec.categoricalMapping
        which = message.WhichOneof("MappingType")
        if which is None:
            raise self.broken("it has no mapping, expected stringToInt64Map or int64ToStringMap")
        self._table = dict(getattr(message, which).map)
        source, target = ("String", "Int64") if which == "stringToInt64Map" else ("Int64", "String")
        unknown = message.WhichOneof("ValueOnUnknown")
        self._has_default = unknown is not None
        self._default: Any = getattr(message, unknown) if unknown else None
        if unknown and unknown != ("int64Value" if target == "Int64" else "strValue"):
            raise self.broken(f"its value for unknown ones is {unknown}, expected {target}")
        for feature, name in ((self.input, source), (self.output, target)):
            is_item = feature.kind == name.lower()
            is_sequence = isinstance(feature.constraint, SequenceConstraint) and feature.constraint.element == name
            if not (is_item or is_sequence):
                raise self.broken(f"feature {feature.name!r} is {feature.type_name}, expected {name} or a sequence")
        if (self.input.kind == "sequence") != (self.output.kind == "sequence"):
            raise self.broken("one of its features is a sequence, expected both or none")

    def apply(self, value: Any) -> Any:
        if self.input.kind == "sequence":
            return [self._mapped(item) for item in sequence(self.input, value)]
        return self._mapped(scalar(self.input, value))

    def _mapped(self, item: Any) -> Any:
        if item in self._table:
            return self._table[item]
        if self._has_default:
            return self._default
        known = ", ".join(map(repr, list(self._table)[:10])) + (", …" if len(self._table) > 10 else "")
        raise wrong(self.input, f"one of {known}", repr(item))
