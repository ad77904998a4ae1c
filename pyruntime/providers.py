"""Feature providers: features of one example by name, as Core ML's code hands them around."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

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
