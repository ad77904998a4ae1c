"""Neural networks learn by gradient descent, as their file says; in a pipeline, on what the models before make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.engines import Engine
from pyruntime.engines.neural_network import NeuralNetworkEngine
from pyruntime.engines.pipeline import PipelineEngine, pipeline_message
from pyruntime.errors import SpecError
from pyruntime.parameters import ParameterKey
from pyruntime.spec import LeanModel, messages
from pyruntime.spec.paths import at_path
from pyruntime.spec.weights import write_weights
from pyruntime.training.features import FeatureStore
from pyruntime.training.targets import TargetReader
from pyruntime.training.trainer import Trainer
from pyruntime.update.checkpoint import CheckpointFile
from pyruntime.update.context import UpdateEvent
from pyruntime.update.examples import example_errors
from pyruntime.update.learner import Control, Learner
from pyruntime.update.run import NotFinite, Run

Floats = NDArray[np.float32]


class NetworkLearner(Learner):
    """Epochs of mini-batches.

    Raises SpecError when the file breaks a rule of updatable networks, and UnsupportedError when a layer between the
    loss and one that learns has no gradient.
    """

    def __init__(self, engine: Engine, lean: LeanModel, parameters: Mapping[ParameterKey, Any]) -> None:
        self._engine, self._lean = engine, lean
        self.training_inputs = engine.description.training_inputs
        self._last, self.scope = _last(engine)
        self.places = frozenset([self._last.part.place])
        own = {key.name: value for key, value in parameters.items() if key.scope == self.scope}
        self._trainer = Trainer(self._last, own, lean.source)
        self._check_inputs()
        trainer = self._trainer
        self._targets = TargetReader(
            self._last, trainer.recipe, trainer.result_shape, self.training_inputs, lean.source
        )
        self._good: list[Floats] | None = None
        """Weights of which the loss is known to be finite, after one that is not; else those of the trainer count."""
        self._checkpoint: CheckpointFile | None = None

    def _check_inputs(self) -> None:
        given = {feature.name for feature in self.training_inputs}
        missing = [f.name for f in self._engine.description.inputs if not f.is_optional and f.name not in given]
        if missing:
            raise SpecError(
                f"{self._lean.source}: training inputs {sorted(given) or 'none'}: expected the model's inputs among "
                f"them, {missing[0]!r} is missing"
            )

    def keep(self, checkpoint: CheckpointFile) -> None:
        self._checkpoint = checkpoint

    def learn(self, examples: Iterable[tuple[int, Mapping[str, Any]]], control: Control) -> None:
        control.report(UpdateEvent.TRAINING_BEGIN, {})
        control.check()
        store, targets = self._read(examples, control)
        try:
            Run(self._trainer, store, targets, control, self._checkpoint).epochs()
        except NotFinite:
            self._good = self._trainer.weights.now(back=2)
            raise

    def _read(self, examples: Iterable[tuple[int, Mapping[str, Any]]], control: Control) -> tuple[FeatureStore, Floats]:
        """Features and targets of all examples, each of which is read once."""
        assert isinstance(examples, Sized)
        store: FeatureStore | None = None
        count = len(examples)
        for index, features in examples:
            with example_errors(index):
                arrays = self._trainer.features(self._table(features))
                if store is None:
                    shapes = self._trainer.fix(arrays)
                    store = FeatureStore(count, shapes)
                    targets = np.empty((count, *self._trainer.target_shape), np.float32)
                self._trainer.check_shapes(arrays)
                store.put(index, arrays)
                targets[index] = self._targets.read(features)
            control.check()
        assert store is not None
        return store, targets

    def _table(self, features: Mapping[str, Any]) -> Mapping[str, Any]:
        """The features that the network sees: in a pipeline, also those that the models before it make."""
        table = features
        engine = self._engine
        while isinstance(engine, PipelineEngine):
            table = engine.before_last(table)
            engine = engine.engines[-1]
        return table

    def snapshot(self) -> Callable[[], LeanModel]:
        if not self._trainer.weights.at:
            return lambda: self._lean
        learned = self._trainer.weights.now() if self._good is None else self._good
        return lambda: self._updated(learned)

    def last_good(self) -> Callable[[], LeanModel] | None:
        """The model before the loss was no number any more."""
        return None if self._good is None else self.snapshot()

    def _updated(self, learned: list[Floats]) -> LeanModel:
        """The file with other weights.  The messages are a copy, the bytes of what did not learn are shared."""
        spec = messages.Model()
        spec.CopyFrom(self._lean.spec)
        place = spec
        while place.WhichOneof("Type") in ("pipeline", "pipelineClassifier", "pipelineRegressor"):
            place = pipeline_message(place).models[-1]
        layers = {layer.name: layer for layer in getattr(place, place.WhichOneof("Type")).layers}
        weights = []
        for parameter in self._trainer.parameters:
            layer = layers[parameter.layer]
            weights.append(at_path(getattr(layer, layer.WhichOneof("layer")), parameter.field))
        payloads = self._lean.payloads.branch(without=[weight.SerializeToString() for weight in weights])
        for weight, values in zip(weights, learned, strict=True):
            write_weights(weight, values, payloads)
        return LeanModel(spec, payloads, self._lean.source)


def _last(engine: Engine) -> tuple[NeuralNetworkEngine, str]:
    """The network that learns, and the scope of its parameters."""
    names: list[str] = []
    while isinstance(engine, PipelineEngine):
        names.append(engine.names[-1])
        engine = engine.engines[-1]
    assert isinstance(engine, NeuralNetworkEngine), "make_learner looks at the type"
    return engine, "/".join(names)
