"""Feature and batch providers: features of one example by name, and examples by number.

Where examples are taken, any sequence of dictionaries does; these classes are for code that comes from Core ML, and for
examples that are made when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from pyruntime.errors import FeatureTypeError


@runtime_checkable
class FeatureProvider(Protocol):
    """MLFeatureProvider: names, and the value of each, None for a name that is not among them."""

    @property
    def feature_names(self) -> set[str]: ...

    def feature_value(self, name: str) -> Any: ...


class DictionaryFeatureProvider(Mapping[str, Any]):
    """MLDictionaryFeatureProvider: a provider from a dictionary, and still one to read."""

    def __init__(self, features: Mapping[str, Any]) -> None:
        for name in features:
            if not isinstance(name, str):
                raise FeatureTypeError(f"names of features are text, got {name!r}")
        self._features = dict(features)

    @property
    def feature_names(self) -> set[str]:
        return set(self._features)

    def feature_value(self, name: str) -> Any:
        return self._features.get(name)

    def __getitem__(self, name: str) -> Any:
        return self._features[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._features)

    def __len__(self) -> int:
        return len(self._features)

    def __repr__(self) -> str:
        return f"DictionaryFeatureProvider({', '.join(sorted(self._features))})"


def features_of(provider: FeatureProvider | Mapping[str, Any]) -> Mapping[str, Any]:
    """The features of a provider as a dictionary; a dictionary as it is.  Raises FeatureTypeError for anything else."""
    if isinstance(provider, Mapping):
        return provider
    if isinstance(provider, FeatureProvider):
        return {name: provider.feature_value(name) for name in provider.feature_names}
    raise FeatureTypeError(
        "expected a dictionary of features or a provider with feature_names and feature_value, "
        f"got a {type(provider).__name__}"
    )


@runtime_checkable
class BatchProvider(Protocol):
    """MLBatchProvider: examples by number.  The same one may be asked for again, and in any order."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> FeatureProvider | Mapping[str, Any]: ...


class ArrayBatchProvider:
    """MLArrayBatchProvider: from a list of examples, or from one list of values per feature name.

    Raises FeatureTypeError when lists have different lengths, when values of one feature are of different types, or
    when a value is of no type that a feature can have.
    """

    def __init__(self, data: Sequence[FeatureProvider | Mapping[str, Any]] | Mapping[str, Any]) -> None:
        self._columns: dict[str, Any] | None = None
        self._examples: list[Mapping[str, Any]] = []
        if isinstance(data, Mapping):
            self._columns = {name: _column(name, values) for name, values in data.items()}
            lengths = {name: len(values) for name, values in self._columns.items()}
            if len(set(lengths.values())) > 1:
                raise FeatureTypeError(f"features of a batch need equally many values, got {lengths}")
            self._count = next(iter(lengths.values()), 0)
        else:
            self._examples = [features_of(example) for example in data]
            self._count = len(self._examples)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        if not -self._count <= index < self._count:
            raise IndexError(f"example {index} of a batch of {self._count}")
        if self._columns is None:
            return self._examples[index]
        return {name: values[index] for name, values in self._columns.items()}


def _column(name: str, values: Any) -> Any:
    """The values of one feature; the rows of an array."""
    if isinstance(values, np.ndarray) and values.ndim and values.dtype.kind in "fiubU":
        return values if values.dtype.kind != "U" else values.tolist()
    if isinstance(values, str | bytes) or not isinstance(values, Sequence):
        raise FeatureTypeError(f"feature {name!r} of a batch: expected a list of values, got a {type(values).__name__}")
    kinds = {_kind(name, i, value): i for i, value in reversed(list(enumerate(values)))}
    if len(kinds) > 1:
        found = ", ".join(f"{kind} (example {i})" for kind, i in sorted(kinds.items(), key=lambda item: item[1]))
        raise FeatureTypeError(f"feature {name!r} of a batch: expected values of one type, got {found}")
    return list(values)


def _kind(name: str, index: int, value: Any) -> str:
    """The feature type that a value can be."""
    if hasattr(value, "mode") and hasattr(value, "size"):
        return "image"
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return "array"
    for kind, types in _KINDS.items():
        if isinstance(value, types) and not isinstance(value, bool):
            return kind
    raise FeatureTypeError(f"feature {name!r} of example {index}: a {type(value).__name__} cannot be a feature")


_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,), "int64": (int, np.integer), "double": (float, np.floating), "dictionary": (Mapping,),
    "sequence or array": (list, tuple),
}  # fmt: skip
