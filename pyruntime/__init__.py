"""Core ML models on Linux boards.

    .mlmodel file → spec → layers → graph IR → passes → plan → C executor → CPU kernels

    model = pyruntime.MLModel("Classifier.mlmodel")
    model.predict({"image": picture})

Names are Core ML's, in coremltools' spelling where it has one.  They are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pyruntime.compiled.generations import Generation, generations, rollback
    from pyruntime.config import ComputeUnit, MLModelConfiguration
    from pyruntime.custom import MLCustomLayer, MLCustomModel, register_custom_layer, register_custom_model
    from pyruntime.description import (
        DictionaryConstraint,
        FeatureDescription,
        ImageConstraint,
        ModelDescription,
        MultiArrayConstraint,
        SequenceConstraint,
    )
    from pyruntime.errors import (
        CustomLayerError,
        CustomModelError,
        DamageWarning,
        FeatureTypeError,
        GenerationWarning,
        MLModelError,
        ModelIOError,
        ParametersError,
        PredictionCancelled,
        SpecError,
        UnsupportedError,
        UpdateCancelled,
        UpdateError,
        UpdateLocked,
        UpdateRefused,
    )
    from pyruntime.image_folder import ImageFolderProvider
    from pyruntime.images import CropAndScale, ImageOptions
    from pyruntime.model import MLModel, MLPredictionOptions, compile_model
    from pyruntime.model_types import register_model_type
    from pyruntime.models.updatable import make_updatable, split_for_update
    from pyruntime.parameters import NumericConstraint, ParameterDescription, ParameterKey
    from pyruntime.providers import (
        ArrayBatchProvider,
        BatchProvider,
        DictionaryFeatureProvider,
        FeatureProvider,
    )
    from pyruntime.spec import load_spec, save_spec
    from pyruntime.training.options import Adapter, LearningRateSchedule, TrainingOptions
    from pyruntime.update import (
        MetricKey,
        MLUpdateContext,
        MLUpdateProgressHandlers,
        MLUpdateTask,
        TaskState,
        TrainingHistory,
        UpdateEvent,
        UpdateGuard,
    )

_HOME = {
    "compiled.generations": ("Generation", "generations", "rollback"),
    "config": ("ComputeUnit", "MLModelConfiguration"),
    "custom": ("MLCustomLayer", "MLCustomModel", "register_custom_layer", "register_custom_model"),
    "description": (
        "DictionaryConstraint", "FeatureDescription", "ImageConstraint", "ModelDescription", "MultiArrayConstraint",
        "SequenceConstraint",
    ),
    "errors": (
        "CustomLayerError", "CustomModelError", "DamageWarning", "FeatureTypeError", "GenerationWarning",
        "MLModelError", "ModelIOError", "ParametersError", "PredictionCancelled", "SpecError", "UnsupportedError",
        "UpdateCancelled", "UpdateError", "UpdateLocked", "UpdateRefused",
    ),
    "image_folder": ("ImageFolderProvider",),
    "images": ("CropAndScale", "ImageOptions"),
    "model": ("MLModel", "MLPredictionOptions", "compile_model"),
    "model_types": ("register_model_type",),
    "models.updatable": ("make_updatable", "split_for_update"),
    "parameters": ("NumericConstraint", "ParameterDescription", "ParameterKey"),
    "providers": ("ArrayBatchProvider", "BatchProvider", "DictionaryFeatureProvider", "FeatureProvider"),
    "spec": ("load_spec", "save_spec"),
    "training.options": ("Adapter", "LearningRateSchedule", "TrainingOptions"),
    "update": (
        "MLUpdateContext", "MLUpdateProgressHandlers", "MLUpdateTask", "MetricKey", "TaskState", "TrainingHistory",
        "UpdateEvent", "UpdateGuard",
    ),
}  # fmt: skip
"""Public names by the module that has them."""

_MODULES = ("converters", "models", "spec", "tasks", "utils")
"""Modules that `import pyruntime` alone makes reachable."""

_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Adapter",
    "ArrayBatchProvider",
    "BatchProvider",
    "ComputeUnit",
    "CropAndScale",
    "CustomLayerError",
    "CustomModelError",
    "DamageWarning",
    "DictionaryConstraint",
    "DictionaryFeatureProvider",
    "FeatureDescription",
    "FeatureProvider",
    "FeatureTypeError",
    "Generation",
    "GenerationWarning",
    "ImageConstraint",
    "ImageFolderProvider",
    "ImageOptions",
    "LearningRateSchedule",
    "MLCustomLayer",
    "MLCustomModel",
    "MLModel",
    "MLModelConfiguration",
    "MLModelError",
    "MLPredictionOptions",
    "MLUpdateContext",
    "MLUpdateProgressHandlers",
    "MLUpdateTask",
    "MetricKey",
    "ModelDescription",
    "ModelIOError",
    "MultiArrayConstraint",
    "NumericConstraint",
    "ParameterDescription",
    "ParameterKey",
    "ParametersError",
    "PredictionCancelled",
    "SequenceConstraint",
    "SpecError",
    "TaskState",
    "TrainingHistory",
    "TrainingOptions",
    "UnsupportedError",
    "UpdateCancelled",
    "UpdateError",
    "UpdateEvent",
    "UpdateGuard",
    "UpdateLocked",
    "UpdateRefused",
    "compile_model",
    "generations",
    "load_spec",
    "make_updatable",
    "register_custom_layer",
    "register_custom_model",
    "register_model_type",
    "rollback",
    "save_spec",
    "split_for_update",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"pyruntime.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'pyruntime' has no attribute {name!r}")
    value = getattr(import_module(f"pyruntime.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *_MODULES, "__version__"]
