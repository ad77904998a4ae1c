"""Models: MLModel, and what builds and changes them, at the places where coremltools has these.

from pyruntime.models import MLModel, datatypes
from pyruntime.models.neural_network import NeuralNetworkBuilder
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pyruntime.model import MLModel

if TYPE_CHECKING:
    from pyruntime.models import (
        array_feature_extractor,
        datatypes,
        feature_vectorizer,
        nearest_neighbors,
        neural_network,
        pipeline,
        updatable,
        utils,
    )

_MODULES = (
    "array_feature_extractor", "datatypes", "feature_vectorizer", "nearest_neighbors", "neural_network", "pipeline",
    "updatable", "utils",
)  # fmt: skip
"""Imported when they are first used."""

__all__ = [
    "MLModel",
    "array_feature_extractor",
    "datatypes",
    "feature_vectorizer",
    "nearest_neighbors",
    "neural_network",
    "pipeline",
    "updatable",
    "utils",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"pyruntime.models.{name}")
    raise AttributeError(f"module 'pyruntime.models' has no attribute {name!r}")
