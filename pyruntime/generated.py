"""What the classes that `pyruntime generate` writes stand on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar


class TypedFeatures:
    """Features of one example in typed attributes; a FeatureProvider.  None stands for a missing feature."""

    attributes_by_feature: ClassVar[Mapping[str, str]] = {}
    """The attribute of each feature: names of features may be anything, also no names for Python."""

    def to_features(self) -> dict[str, Any]:
        """By the model's names, as MLModel.predict takes them."""
        found = {feature: getattr(self, name) for feature, name in self.attributes_by_feature.items()}
        return {feature: _plain(value) for feature, value in found.items() if value is not None}

    @property
    def feature_names(self) -> set[str]:
        """Those that have a value."""
        return set(self.to_features())

    def feature_value(self, name: str) -> Any:
        """The value of a feature by the model's name; None when there is none."""
        return self.to_features().get(name)


def _plain(value: Any) -> Any:
    """A label as the model knows it."""
    return value.value if isinstance(value, Enum) else value


def beside(module_file: str, name: str) -> str:
    """The path of the model that lies beside a generated module."""
    return os.path.join(os.path.dirname(os.path.abspath(module_file)), name)
