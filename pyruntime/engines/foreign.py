"""Models whose code the user brings: custom models, and model types whose networks only Apple's systems have."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from pyruntime.description import ModelDescription
from pyruntime.engines.base import Engine, ModelPart
from pyruntime.engines.values import any_value
from pyruntime.errors import CustomModelError, MLModelError


class ForeignEngine(Engine):
    """Runs what a factory registered with `register_model_type` made; no two threads are in it at once."""

    def __init__(self, part: ModelPart, factory: Callable[..., Any]) -> None:
        super().__init__(part)
        self._lock = threading.Lock()
        try:
            self._predict = factory(self.description, getattr(part.spec, part.kind))
        except MLModelError:
            raise
        except Exception as error:
            raise CustomModelError(f"{part.kind}: the registered factory failed: {error}") from error
        if not callable(self._predict):
            raise CustomModelError(
                f"{part.kind}: the registered factory gave a {type(self._predict).__name__}, expected a function "
                "from a dictionary of features to a dictionary of outputs"
            )

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        given = {f.name: v for f in self.description.inputs if (v := self.feature(features, f)) is not None}
        with self._lock:
            return checked_outputs(self.part.kind, self.description, self._predict, given)


def checked_outputs(
    what: str, description: ModelDescription, predict: Callable[[dict[str, Any]], Any], features: dict[str, Any]
) -> dict[str, Any]:
    """What a user's code gives, if it is all outputs in their types.  Raises CustomModelError naming `what`."""
    try:
        made = predict(features)
    except MLModelError:
        raise
    except Exception as error:
        raise CustomModelError(f"{what}: its code failed: {type(error).__name__}: {error}") from error
    if not isinstance(made, Mapping):
        raise CustomModelError(f"{what}: expected a dictionary of outputs from its code, got a {type(made).__name__}")
    missing = [f.name for f in description.outputs if f.name not in made and not f.is_optional]
    if missing:
        raise CustomModelError(f"{what}: its code did not give the outputs {', '.join(missing)}")
    try:
        return {f.name: any_value(f, made[f.name]) for f in description.outputs if f.name in made}
    except MLModelError as error:
        raise CustomModelError(f"{what}: its code gave something else than an output is: {error}") from None
