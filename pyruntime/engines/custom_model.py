"""customModel: the class that the user registered for its className (pyruntime/custom.py)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from pyruntime.engines.base import Engine, ModelPart
from pyruntime.engines.foreign import checked_outputs
from pyruntime.errors import CustomModelError, MLModelError


class CustomModelEngine(Engine):
    """One instance per loaded model; no two threads are in it at once."""

    def __init__(self, part: ModelPart) -> None:
        from pyruntime.custom import custom_model_class

        super().__init__(part)
        message = part.spec.customModel
        self._lock = threading.Lock()
        self._class_name = str(message.className)
        parameters = {
            name: getattr(value, which)
            for name, value in message.parameters.items()
            if (which := value.WhichOneof("value")) is not None
        }
        implementation = custom_model_class(self._class_name)
        with_name = f"custom model {self._class_name!r}"
        try:
            self._model = implementation(self.description, parameters)
        except MLModelError:
            raise
        except Exception as error:
            raise CustomModelError(f"{with_name}: its class failed to start: {error}") from error

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        given = {f.name: v for f in self.description.inputs if (v := self.feature(features, f)) is not None}
        with self._lock:
            return checked_outputs(f"custom model {self._class_name!r}", self.description, self._model.predict, given)
