"""k-NN learns by keeping the examples; in a pipeline, what the models before it make of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.description import FeatureDescription
from pyruntime.engines import Engine
from pyruntime.engines.nearest_neighbors import NearestNeighborsEngine
from pyruntime.engines.pipeline import PipelineEngine
from pyruntime.errors import SpecError
from pyruntime.features import wrong
from pyruntime.model import MLModel
from pyruntime.neighbors.messages import replaced
from pyruntime.neighbors.segments import UNKNOWN, Label
from pyruntime.spec import LeanModel
from pyruntime.update.context import UpdateEvent
from pyruntime.update.examples import example_errors
from pyruntime.update.holdout import accuracy
from pyruntime.update.learner import Control, Learner


class NeighborsLearner(Learner):
    """Keeps examples in their order; each is read once.  There are no epochs and no loss.

    Raises SpecError when the model's training inputs do not fit.
    """

    def __init__(self, engine: Engine, lean: LeanModel) -> None:
        self._engine, self._lean = engine, lean
        self._last = _last(engine)
        self.training_inputs = engine.description.training_inputs
        self._label = self._label_input()
        self._samples: list[NDArray[np.float32]] = []
        self._labels: list[Label] = []
        self._time = UNKNOWN

    def _label_input(self) -> FeatureDescription:
        """The training input that is the label; the others must be inputs of a prediction."""
        inputs = self._engine.description.input_descriptions_by_name
        name = self._last.description.predicted_feature_name
        given = {feature.name: feature for feature in self.training_inputs}
        others = given.keys() - inputs.keys() - {name}
        needed = [f.name for f in inputs.values() if not f.is_optional and f.name not in given]
        if others or needed or name not in given:
            raise SpecError(
                f"training inputs {sorted(given) or 'none'}: expected the model's inputs {sorted(inputs)} "
                f"and the label {name!r} that its k-NN predicts"
            )
        for feature in self.training_inputs:
            if feature.name in inputs and feature.kind != inputs[feature.name].kind:
                kind = inputs[feature.name].type_name
                raise SpecError(f"training input {feature.name!r} is {feature.type_name}, the input is {kind}")
        kind = "int64" if self._last.neighbors.label_type is int else "string"
        if given[name].kind != kind:
            raise SpecError(f"training input {name!r} is {given[name].type_name}, labels of the k-NN {kind}")
        return given[name]

    def learn(self, examples: Iterable[tuple[int, Mapping[str, Any]]], control: Control) -> None:
        control.report(UpdateEvent.TRAINING_BEGIN, {})
        control.check()
        samples, labels = [], []
        for index, features in examples:
            with example_errors(index):
                labels.append(self._read_label(features))
                samples.append(self._vector(features))
            control.check()
        self._samples, self._labels, self._time = samples, labels, int(time.time())

    def _read_label(self, features: Mapping[str, Any]) -> Label:
        value = self._engine.feature(features, self._label)
        if self._label.kind == "string" and isinstance(value, str):
            return str(value)
        is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if self._label.kind == "int64" and is_whole and -(2**63) <= value < 2**63:
            return int(value)
        expected = "a text" if self._label.kind == "string" else "a whole number of 64 bits"
        raise wrong(self._label, f"{expected} as label", f"{value!r} ({type(value).__name__})")

    def _vector(self, features: Mapping[str, Any]) -> NDArray[np.float32]:
        """What the k-NN would compare: an own copy, for the caller may change his array."""
        engine, table = self._engine, features
        while isinstance(engine, PipelineEngine):
            table = engine.before_last(table)
            engine = engine.engines[-1]
        return np.array(self._last.vector(table))

    def final_metrics(self, model: MLModel, control: Control) -> Mapping[str, Any]:
        """A k-NN has no epochs: hold-out examples are asked once, at the end."""
        return {} if self._held is None else accuracy(model, self._held, self._read_label, control)

    def snapshot(self) -> Callable[[], LeanModel]:
        return self._updated if self._samples else lambda: self._lean

    def _updated(self) -> LeanModel:
        vectors = np.array(self._samples, np.float32).reshape(len(self._labels), self._last.neighbors.dimensions)
        store = self._last.neighbors.store.appended(vectors, self._labels, self._time)
        spec, payloads = replaced(self._lean.spec, self._lean.payloads, self._last.part.place, store)
        return LeanModel(spec, payloads, self._lean.source)


def _last(engine: Engine) -> NearestNeighborsEngine:
    while isinstance(engine, PipelineEngine):
        engine = engine.engines[-1]
    assert isinstance(engine, NearestNeighborsEngine), "make_learner looks at the type"
    return engine
