"""Models before and after an update, and the error where there is none."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from pyruntime.compiled.lineage import Lineage
from pyruntime.config import MLModelConfiguration
from pyruntime.errors import UpdateError
from pyruntime.model import MLModel
from pyruntime.spec import LeanModel


def open_model(model: Any, configuration: MLModelConfiguration | None) -> MLModel:
    """The model to be updated: a path is opened, an open model may get another configuration."""
    if isinstance(model, str | os.PathLike):
        return MLModel(model, configuration=configuration)
    if not isinstance(model, MLModel):
        raise TypeError(f"MLUpdateTask takes a path or an MLModel, got a {type(model).__name__}")
    return model if configuration is None else model_like(model, model._lean, configuration)


def model_like(
    model: MLModel,
    lean: LeanModel,
    configuration: MLModelConfiguration,
    without: Collection[str] = (),
    lineage: Lineage | None = None,
) -> MLModel:
    """A model with the compiled networks of another one, but for those at the places in `without`.

    lineage: where it comes from; by default from where the other one does.
    """
    programs = model._programs.without(without)
    return MLModel.from_lean(lean, programs, configuration, lineage=lineage or model._lineage)


def update_error(what: str, raised: BaseException) -> UpdateError:
    """The error of a task in whose code or handlers something was raised."""
    error = UpdateError(f"{what}: {type(raised).__name__}: {raised}; the model is unchanged")
    error.__cause__ = raised
    return error
