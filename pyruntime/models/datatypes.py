"""Types of features as builders take them: `("image", Array(3, 224, 224))`.

Each knows its place in a FeatureType message: `datatype.write(message)`.
"""

from __future__ import annotations

import math
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.spec import messages


class _Datatype:
    """A type of features.  Two of them are equal when they write the same message."""

    def __init__(self, type_tag: str, full_tag: str, num_elements: int | None) -> None:
        self.type_tag, self.full_tag, self.num_elements = type_tag, full_tag, num_elements

    def write(self, message: Any, array_type: str = "DOUBLE") -> None:
        """Set a FeatureType message to this type.  array_type: how the numbers of arrays travel."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Datatype) and self.full_tag == other.full_tag

    def __hash__(self) -> int:
        return hash(self.full_tag)

    def __repr__(self) -> str:
        return self.full_tag


class Int64(_Datatype):
    """A whole number."""

    def __init__(self) -> None:
        super().__init__("Int64", "Int64", 1)

    def write(self, message: Any, array_type: str = "DOUBLE") -> None:
        message.int64Type.SetInParent()


class Double(_Datatype):
    """A number with 53 bits of precision."""

    def __init__(self) -> None:
        super().__init__("Double", "Double", 1)

    def write(self, message: Any, array_type: str = "DOUBLE") -> None:
        message.doubleType.SetInParent()


class String(_Datatype):
    """A text."""

    def __init__(self) -> None:
        super().__init__("String", "String", 1)

    def write(self, message: Any, array_type: str = "DOUBLE") -> None:
        message.stringType.SetInParent()


class Array(_Datatype):
    """An array of fixed sizes, at least one: Array(3), Array(3, 224, 224)."""

    def __init__(self, *dimensions: int) -> None:
        try:
            self.dimensions = tuple(int(size) for size in dimensions)
        except (TypeError, ValueError):
            raise BuildError(f"Array{dimensions}: expected whole numbers, such as Array(3, 224, 224)") from None
        if not dimensions:
            raise BuildError("Array(): expected at least one size, such as Array(3, 224, 224)")
        sizes = ",".join(map(str, self.dimensions))
        super().__init__("Array", f"Array({{{sizes}}})", math.prod(self.dimensions))

    def write(self, message: Any, array_type: str = "DOUBLE") -> None:
        message.multiArrayType.shape.extend(self.dimensions)
        message.multiArrayType.dataType = getattr(messages.ArrayFeatureType, array_type)


class Dictionary(_Datatype):
    """Numbers by key.  key_type: Int64 or String, or its class."""

    def __init__(self, key_type: Any = None) -> None:
        self.key_type = normalize_datatype(key_type)
        if not isinstance(self.key_type, Int64 | String):
            raise BuildError(f"Dictionary({key_type!r}): keys are Int64 or String")
        super().__init__("Dictionary", f"Dictionary({self.key_type})", None)

    def write(self, message: Any, array_type: str = "DOUBLE") -> None:
        key = "int64KeyType" if isinstance(self.key_type, Int64) else "stringKeyType"
        getattr(message.dictionaryType, key).SetInParent()


_SIMPLE: dict[Any, type[_Datatype]] = {
    int: Int64, float: Double, str: String, dict: Dictionary,
    "Int64": Int64, "Double": Double, "String": String, "Dictionary": Dictionary,
}  # fmt: skip


def normalize_datatype(datatype: Any) -> _Datatype:
    """A type from what callers write: an instance, a class, a Python type (int, float, str, dict) or a name.

    Raises BuildError for anything else.
    """
    if isinstance(datatype, _Datatype):
        return datatype
    if isinstance(datatype, type) and issubclass(datatype, _Datatype) and datatype is not Array:
        return datatype()  # type: ignore[call-arg]
    try:
        return _SIMPLE[datatype]()  # type: ignore[call-arg]
    except (KeyError, TypeError):
        known = "Int64(), Double(), String(), Array(sizes…) or Dictionary(key_type)"
        raise BuildError(f"{datatype!r} is no type of features; expected {known}") from None
