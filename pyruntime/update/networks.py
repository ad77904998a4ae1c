"""Neural networks learn by gradient descent, as their file says; in a pipeline, on what the models before make."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.engines import Engine
from pyruntime.engines.neural_network import NeuralNetworkEngine
from pyruntime.engines.pipeline import PipelineEngine, pipeline_message
from pyruntime.errors import UpdateError
from pyruntime.parameters import ParameterKey
from pyruntime.spec import LeanModel, messages
from pyruntime.spec.weights import write_weights
from pyruntime.training.features import FeatureStore
from pyruntime.training.targets import TargetReader
from pyruntime.training.trainer import Trainer
from pyruntime.update.context import UpdateEvent
from pyruntime.update.examples import example_errors
from pyruntime.update.learner import Control, Learner

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
        trainer = self._trainer
        self._targets = TargetReader(
            self._last, trainer.recipe, trainer.result_shape, self.training_inputs, lean.source
        )
        self._good: list[Floats] | None = None
        """Weights of which the loss is known to be finite, after one that is not; else those of the trainer count."""

    def learn(self, examples: Iterable[tuple[int, Mapping[str, Any]]], control: Control) -> None:
        control.report(UpdateEvent.TRAINING_BEGIN, {})
        control.check()
        store, targets = self._read(examples, control)
        run = Run(self._trainer, store, targets, control)
        for epoch in range(int(control.parameter("epochs"))):
            try:
                loss = run.epoch(epoch)
            except NotFinite:
                self._good = self._trainer.weights.now(back=2)
                raise
            control.report(UpdateEvent.EPOCH_END, {"lossValue": loss, "epochIndex": epoch})
            control.check()

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
            weights.append(getattr(getattr(layer, layer.WhichOneof("layer")), parameter.field))
        payloads = self._lean.payloads.branch(without=[weight.SerializeToString() for weight in weights])
        for weight, values in zip(weights, learned, strict=True):
            write_weights(weight, values, payloads)
        return LeanModel(spec, payloads, self._lean.source)


class NotFinite(UpdateError):
    """The loss is infinite or no number.  `task.context.model` has the last weights with a finite loss."""


class Run:
    """Mini-batches in their order."""

    def __init__(self, trainer: Trainer, store: FeatureStore, targets: Floats, control: Control) -> None:
        self._trainer, self._store, self._targets, self._control = trainer, store, targets, control
        self._shuffle = bool(control.parameter("shuffle"))
        self._random = np.random.default_rng(int(control.parameter("seed") or 0))
        self._size = min(int(control.parameter("miniBatchSize")), len(targets))

    def order(self) -> NDArray[np.int64]:
        """Of the examples in the next epoch: with shuffle, `permutation` of NumPy's default_rng(seed)."""
        count = len(self._targets)
        return self._random.permutation(count) if self._shuffle else np.arange(count)

    def epoch(self, epoch: int) -> float:
        """All examples once.  The mean loss of the examples, each as it was before its own step."""
        order, total = self.order(), 0.0
        for batch, start in enumerate(range(0, len(order), self._size)):
            chosen = order[start : start + self._size]
            loss = self._step(chosen)
            if not math.isfinite(loss):
                raise NotFinite(
                    f"the loss became {loss} in epoch {epoch}, mini-batch {batch} (both count from 0); a smaller "
                    "learningRate may help; the original is unchanged, context.model has the last weights with a "
                    "finite loss"
                )
            total += loss * len(chosen)
            metrics = {"lossValue": loss, "epochIndex": epoch, "miniBatchIndex": batch}
            self._control.report(UpdateEvent.MINI_BATCH_END, metrics)
            self._control.check()
        return total / len(order)

    def _step(self, chosen: NDArray[np.int64]) -> float:
        runner = self._trainer.runner(len(chosen))
        self._store.take(chosen, runner.features)
        np.take(self._targets, chosen, axis=0, out=runner.target, mode="clip")
        self._trainer.steer(self._control.parameter)
        return runner.run()


def _last(engine: Engine) -> tuple[NeuralNetworkEngine, str]:
    """The network that learns, and the scope of its parameters."""
    names: list[str] = []
    while isinstance(engine, PipelineEngine):
        names.append(engine.names[-1])
        engine = engine.engines[-1]
    assert isinstance(engine, NeuralNetworkEngine), "make_learner looks at the type"
    return engine, "/".join(names)
