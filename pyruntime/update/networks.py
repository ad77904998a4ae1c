"""Neural networks learn by gradient descent, as their file says; in a pipeline, on what the models before make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.config import MLModelConfiguration
from pyruntime.engines import Engine
from pyruntime.engines.neural_network import NeuralNetworkEngine
from pyruntime.engines.pipeline import PipelineEngine, pipeline_message
from pyruntime.errors import SpecError
from pyruntime.ir.types import Array
from pyruntime.model import MLModel
from pyruntime.parameters import ParameterKey
from pyruntime.spec import LeanModel, messages
from pyruntime.training.features import FeatureStore
from pyruntime.training.options import DEFAULT, TrainingOptions
from pyruntime.training.results import write_learned
from pyruntime.training.targets import TargetReader
from pyruntime.training.trainer import StepMemory, Trainer
from pyruntime.update.ahead import in_order
from pyruntime.update.checkpoint import CheckpointFile
from pyruntime.update.context import UpdateEvent
from pyruntime.update.examples import Examples, example_errors
from pyruntime.update.holdout import HoldOut
from pyruntime.update.learner import Control, Learner
from pyruntime.update.run import NotFinite, Run

Floats = NDArray[np.float32]
Target = Floats | float


class NetworkLearner(Learner):
    """Epochs of mini-batches.

    Raises SpecError when the file breaks a rule of updatable networks, and UnsupportedError when a layer between the
    loss and one that learns has no gradient.
    """

    def __init__(
        self,
        engine: Engine,
        lean: LeanModel,
        parameters: Mapping[ParameterKey, Any],
        configuration: MLModelConfiguration,
        options: TrainingOptions = DEFAULT,
    ) -> None:
        self._engine, self._lean, self._configuration = engine, lean, configuration
        self.training_inputs = engine.description.training_inputs
        self._last, self.scope = _last(engine)
        self.places = frozenset([self._last.part.place])
        own = {key.name: value for key, value in parameters.items() if key.scope == self.scope}
        self._trainer = Trainer(self._last, own, lean.source, options)
        self._batch = int(own["miniBatchSize"])
        self._check_inputs()
        trainer = self._trainer
        self._targets = TargetReader(
            self._last, trainer.recipe, trainer.result_shape, self.training_inputs, lean.source
        )
        self._good: list[Floats] | None = None
        """Weights of which the loss is known to be finite, after one that is not; else those of the trainer count."""
        self._checkpoint: CheckpointFile | None = None
        self._last_epoch: Mapping[str, Any] = {}

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
        assert isinstance(examples, Examples)
        self._trainer.counts_right = self._held is not None and self._trainer.is_classifier
        store, targets = self._read(examples, control)
        held = self._read_held(control)
        run = Run(self._trainer, store, targets, control, self._checkpoint, held)
        try:
            run.epochs()
            self._last_epoch = run.last_epoch
        except NotFinite:
            self._good = self._trainer.weights.now(back=2)
            raise

    def final_metrics(self, model: MLModel, control: Control) -> Mapping[str, Any]:
        """Those of the last epoch."""
        return self._last_epoch

    def memory(self) -> StepMemory:
        """What training takes with full mini-batches of examples of the default sizes."""
        return self._trainer.memory(self._batch)

    def _read_held(self, control: Control) -> HoldOut | None:
        if self._held is None:
            return None
        return HoldOut(self._trainer, *self._read(self._held, control))

    def _read(self, examples: Examples, control: Control) -> tuple[FeatureStore, Floats]:
        """Features and targets of all examples, each of which is read once.  The first one decides about sizes."""
        store: FeatureStore | None = None
        count, settings, trainer = len(examples), self._configuration, self._trainer
        threads = self._last.part.context.threads
        with closing(in_order(examples, partial(self._one, examples), threads)) as found:
            for index, (arrays, target) in enumerate(found):
                with example_errors(index, examples.noun):
                    if store is None and examples is not self._held:
                        trainer.fix(arrays)
                    trainer.check_shapes(arrays)
                if store is None:
                    if examples is not self._held:  # too little memory for a step should be known before all are read
                        trainer.runner(min(int(control.parameter("miniBatchSize")), count))
                    store = FeatureStore(count, trainer.shapes, settings.feature_memory, settings.scratch_folder)
                    targets = np.empty((count, *trainer.target_shape), np.float32)
                store.put(index, arrays)
                targets[index] = target
                control.check()
        assert store is not None
        return store, targets

    def _one(self, examples: Examples, index: int, features: Mapping[str, Any]) -> tuple[list[Array], Target]:
        """What the frozen part makes of an example, and its target."""
        with example_errors(index, examples.noun):
            return self._trainer.features(self._table(features)), self._targets.read(features)

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
        payloads = write_learned(place, self._lean.payloads, self._trainer, learned)
        return LeanModel(spec, payloads, self._lean.source)


def _last(engine: Engine) -> tuple[NeuralNetworkEngine, str]:
    """The network that learns, and the scope of its parameters."""
    names: list[str] = []
    while isinstance(engine, PipelineEngine):
        names.append(engine.names[-1])
        engine = engine.engines[-1]
    assert isinstance(engine, NeuralNetworkEngine), "make_learner looks at the type"
    return engine, "/".join(names)
