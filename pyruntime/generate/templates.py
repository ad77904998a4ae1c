"""The fixed parts of a generated module.  «X» is the class, «FILE» its model, «PARAMETERS» those of a prediction."""

from __future__ import annotations

IMPORTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("import os", ()),
    ("from collections.abc import {}", ("Callable", "Mapping", "Sequence")),
    ("from dataclasses import dataclass", ()),
    ("from enum import {}", ("Enum", "IntEnum")),
    ("from typing import {}", ("Any", "ClassVar", "overload")),
    ("", ()),
    ("import numpy as {}", ("np",)),
    ("from numpy.typing import {}", ("NDArray",)),
    ("from PIL.Image import {}", ("Image",)),
    ("from pyruntime import {}", ("MLModel", "MLModelConfiguration", "TrainingOptions")),
    ("from pyruntime.update import {}", ("MLUpdateContext", "MLUpdateProgressHandlers", "MLUpdateTask")),
    ("from pyruntime.generated import {}", ("TypedFeatures", "beside")),
)
"""Lines, and the names in each that are imported when the module uses them."""

MODEL = '''
    def __init__(
        self,
        model: MLModel | str | os.PathLike[str] | None = None,
        configuration: MLModelConfiguration | None = None,
    ) -> None:
        """model: an opened one, or a path; by default the file beside this module."""
        if not isinstance(model, MLModel):
            model = MLModel(self.default_path() if model is None else model, configuration=configuration)
        self.model = model

    @staticmethod
    def default_path() -> str:
        """Where the model lies when it was put beside this module."""
        return beside(__file__, «FILE»)

    @classmethod
    async def load_async(
        cls,
        path: str | os.PathLike[str] | None = None,
        configuration: MLModelConfiguration | None = None,
    ) -> «X»:
        """Like the constructor, on a worker thread."""
        return cls(await MLModel.load_async(cls.default_path() if path is None else path, configuration))

    @overload
    def predict(
        self, data: «X»Input, /
    ) -> «X»Output: ...
    @overload
    def predict(
        self, data: Sequence[«X»Input], /
    ) -> list[«X»Output]: ...
    @overload
    def predict(«PARAMETERS») -> «X»Output: ...
    def predict(
        self,
        data: «X»Input | Sequence[«X»Input] | None = None,
        /,
        **features: Any,
    ) -> «X»Output | list[«X»Output]:
        """The outputs for inputs, for a list of them, or for inputs by name.  Raises FeatureTypeError."""
        if data is None:
            data = «X»Input(**features)
        elif features:
            raise TypeError("predict takes «X»Input or features by name, not both")
        if isinstance(data, «X»Input):
            return «X»Output.from_features(self.model.predict(data.to_features()))
        made = self.model.predict([one.to_features() for one in data])
        return [«X»Output.from_features(one) for one in made]

    @overload
    async def predict_async(
        self, data: «X»Input, /
    ) -> «X»Output: ...
    @overload
    async def predict_async(
        self, data: Sequence[«X»Input], /
    ) -> list[«X»Output]: ...
    async def predict_async(
        self, data: «X»Input | Sequence[«X»Input], /
    ) -> «X»Output | list[«X»Output]:
        """Like `predict`, on a worker thread."""
        if isinstance(data, «X»Input):
            features = await self.model.predict_async(data.to_features())
            return «X»Output.from_features(features)
        made = await self.model.predict_async([one.to_features() for one in data])
        return [«X»Output.from_features(one) for one in made]
'''

UPDATE = '''
    def update(
        self,
        training_data: Sequence[«X»TrainingInput],
        configuration: MLModelConfiguration | None = None,
        *,
        completion_handler: Callable[[MLUpdateContext], Any] | None = None,
        progress_handlers: MLUpdateProgressHandlers | None = None,
        validation_data: Sequence[«X»TrainingInput] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        options: TrainingOptions | None = None,
    ) -> MLUpdateTask:
        """A task that trains a copy of `model`: `task.resume()` starts it, `task.context.model` is the result."""
        return MLUpdateTask(
            self.model,
            training_data,
            configuration,
            completion_handler=completion_handler,
            progress_handlers=progress_handlers,
            validation_data=validation_data,
            checkpoint=checkpoint,
            options=options,
        )
'''
