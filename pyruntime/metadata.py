"""Texts of a model that may be read and set, with coremltools' names."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any


class FeatureTexts(MutableMapping[str, str]):
    """Descriptions of inputs or outputs by feature name; setting one changes the model."""

    def __init__(self, features: Any, what: str) -> None:
        self._features = features
        self._what = what

    def _find(self, name: str) -> Any:
        for feature in self._features:
            if feature.name == name:
                return feature
        raise KeyError(f"the model has no {self._what} {name!r}, it has {', '.join(self) or 'none'}")

    def __getitem__(self, name: str) -> str:
        return str(self._find(name).shortDescription)

    def __setitem__(self, name: str, text: str) -> None:
        self._find(name).shortDescription = text

    def __delitem__(self, name: str) -> None:
        self._find(name).ClearField("shortDescription")

    def __iter__(self) -> Iterator[str]:
        return iter([feature.name for feature in self._features])

    def __len__(self) -> int:
        return len(self._features)

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name!r}: {text!r}' for name, text in self.items())}}}"


class MetadataText:
    """An attribute of MLModel that is a field of the model's metadata.

    >>> class MLModel:
    ...     author = MetadataText("author")
    """

    def __init__(self, field: str) -> None:
        self._field = field

    def __get__(self, model: Any, owner: type | None = None) -> Any:
        return self if model is None else str(getattr(model.metadata, self._field))

    def __set__(self, model: Any, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"{self._field} is text, got a {type(text).__name__}")
        setattr(model.metadata, self._field, text)
