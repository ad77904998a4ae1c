"""What a model does with training data: found by model type, checked before anything starts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pyruntime.description import FeatureDescription
from pyruntime.errors import ParametersError, SpecError, UpdateError
from pyruntime.parameters import ParameterKey
from pyruntime.spec import LeanModel
from pyruntime.training.options import TrainingOptions
from pyruntime.update.checkpoint import CheckpointFile
from pyruntime.update.context import UpdateEvent
from pyruntime.update.examples import Examples

if TYPE_CHECKING:
    from pyruntime.model import MLModel

FIRST_VERSION = 4
"""specificationVersion that brought updates."""
NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")


class Control(Protocol):
    """The task, as a learner sees it."""

    def check(self) -> None:
        """Raises UpdateCancelled when the caller wants to stop: ask often."""

    def report(self, event: UpdateEvent, metrics: Mapping[str, Any]) -> None:
        """Call the handlers of an event."""

    def restore(self, parameters: Mapping[str, Any]) -> None:
        """Parameters of the model that learns have these values from here on, by name."""

    def parameter(self, name: str) -> Any:
        """The value that a parameter of the model that learns has now; None when it has no such parameter."""


class Learner(ABC):
    """Trains one model once, on one thread."""

    training_inputs: tuple[FeatureDescription, ...]
    scope: str = ""
    """That of the parameters of the model that learns: its name in a pipeline."""
    _held: Examples | None = None
    places: frozenset[str] = frozenset()
    """Programs that are compiled anew with what was learned: see Programs."""

    @abstractmethod
    def learn(self, examples: Iterable[tuple[int, Mapping[str, Any]]], control: Control) -> None:
        """Go through the examples.  Raises UpdateError, FeatureTypeError or UpdateCancelled."""

    @abstractmethod
    def snapshot(self) -> Callable[[], LeanModel]:
        """What gives the model with all that was learned up to now, whenever it is called; the original stays."""

    def keep(self, checkpoint: CheckpointFile) -> None:
        """Keep progress there, and go on from it.  Raises UpdateError where an update has none to keep."""
        raise UpdateError("checkpoint: this model learns by reading each example once; there is nothing to go on from")

    def hold_out(self, examples: Examples) -> None:
        """Measure with these, which are not learned from."""
        self._held = examples

    def final_metrics(self, model: MLModel, control: Control) -> Mapping[str, Any]:
        """What the completion handler gets as metrics.  model: what was learned."""
        return {}

    def last_good(self) -> Callable[[], LeanModel] | None:
        """After a failure: what gives a model that is better than the original; None when there is none."""
        return None


def make_learner(
    model: MLModel, lean: LeanModel, parameters: Mapping[ParameterKey, Any], options: TrainingOptions | None = None
) -> Learner:
    """Check that a model may be updated, and how.  parameters, options: those that it is trained with.

    Raises UpdateError when it is not updatable, SpecError when the file breaks a rule of updatable models, and
    UnsupportedError when something in it cannot be trained.
    """
    if options is not None and not isinstance(options, TrainingOptions):
        raise TypeError(f"options: expected TrainingOptions, got a {type(options).__name__}")
    spec = lean.spec
    if not spec.isUpdatable:
        raise UpdateError(
            f"{lean.source} is not updatable: it was not made to learn on the device; nothing was started; of a "
            "network, pyruntime.make_updatable(model, layers) makes one that can"
        )
    if spec.specificationVersion < FIRST_VERSION:
        raise SpecError(
            f"{lean.source}: updatable models have specification version {FIRST_VERSION} or newer, it has "
            f"{spec.specificationVersion}"
        )
    kind = spec.WhichOneof("Type")
    last = _last_of_pipeline(spec, lean.source) if kind in PIPELINES else spec
    kind = last.WhichOneof("Type")
    if kind in NETWORKS:
        from pyruntime.update.networks import NetworkLearner

        return NetworkLearner(model.engine, lean, parameters, model.configuration, options or TrainingOptions())
    if kind != "kNearestNeighborsClassifier":
        raise SpecError(f"{lean.source}: a {kind} is marked as updatable; only networks and k-NN can be")
    if options is not None and options != TrainingOptions():
        raise ParametersError(
            f"training options: expected none for a k-NN, which learns by keeping its examples, got {options}"
        )
    from pyruntime.update.neighbors import NeighborsLearner

    return NeighborsLearner(model.engine, lean)


def _last_of_pipeline(spec: Any, source: str) -> Any:
    """The model that learns.  In an updatable pipeline that is the last one, and no other."""
    from pyruntime.engines.pipeline import part_names, pipeline_message

    message = pipeline_message(spec)
    names = part_names(message)
    updatable = [name for name, part in zip(names, message.models, strict=True) if part.isUpdatable]
    if updatable != [names[-1]]:
        raise SpecError(
            f"{source}: of an updatable pipeline exactly the last model ({names[-1]!r}) must be updatable, "
            f"here it is {', '.join(map(repr, updatable)) or 'none'}"
        )
    last = message.models[-1]
    return _last_of_pipeline(last, source) if last.WhichOneof("Type") in PIPELINES else last
