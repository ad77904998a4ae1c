"""MLModel: open, ask, predict, save."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from pyruntime.config import ComputeUnit, MLModelConfiguration
from pyruntime.description import ModelDescription
from pyruntime.engines import Engine, ModelPart, Programs, build
from pyruntime.errors import FeatureTypeError
from pyruntime.spec import LeanModel, load_lean, load_lean_bytes, messages, save_spec

Path = str | os.PathLike[str]


class MLModel:
    """A model, ready to predict.

    model: path of a .mlmodel file, an .mlpackage or a compiled .mlmodelc directory, or a Model message.
    compute_units: what it may run on; replaces the configuration's.

    Raises ModelIOError when it cannot be read, SpecError when it is not a valid model, UnsupportedError when something in
    it cannot run here.  Predictions from several threads on one model are safe.
    """

    def __init__(
        self,
        model: Path | Any,
        compute_units: ComputeUnit | None = None,
        *,
        configuration: MLModelConfiguration | None = None,
    ) -> None:
        self.configuration = configuration or MLModelConfiguration()
        if compute_units is not None:
            from dataclasses import replace

            self.configuration = replace(self.configuration, compute_units=compute_units)
        if isinstance(model, str | os.PathLike):
            self._open(load_lean(model), Programs())
        else:
            self._open(load_lean_bytes(model.SerializeToString(), source="the model message"), Programs())

    def _open(self, lean: LeanModel, programs: Programs) -> None:
        self._lean = lean
        self._programs = programs
        config = self.configuration
        part = ModelPart(
            lean.spec, lean.payloads, programs, config.context(), config.memory_limit, parameters=config.parameters
        )
        self._engine: Engine = build(part)

    @property
    def engine(self) -> Engine:
        """What runs it: for tools that look inside, such as benchmarks."""
        return self._engine

    @property
    def model_description(self) -> ModelDescription:
        """Inputs, outputs, training inputs, metadata."""
        return self._engine.description

    def predict(self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
        """Outputs by name for inputs by name; for a list of inputs, a list of outputs.

        Images are Pillow images of the exact size and mode (RGB for BGR models too) or uint8 arrays (H, W) or (H, W, 3);
        arrays are anything that NumPy takes.  Raises FeatureTypeError for a missing or wrong feature; the caller's
        dictionary is never changed.
        """
        if isinstance(data, Mapping):
            return self._engine.predict(data)
        if isinstance(data, Sequence) and not isinstance(data, str | bytes):
            return [self.predict(item) for item in data]
        raise FeatureTypeError(f"predict takes a dictionary of features or a list of them, got a {type(data).__name__}")

    def get_spec(self) -> messages.Model:
        """A copy of the model as a standard Model message."""
        return self._lean.to_spec()

    def save(self, path: Path) -> None:
        """Write a .mlmodel file, atomically."""
        save_spec(self._lean, path)
