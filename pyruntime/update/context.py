"""What handlers are told: event, metrics, parameters, and the model as it is by then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, IntFlag
from typing import TYPE_CHECKING, Any

from pyruntime.parameters import ParameterDescription, ParameterKey, find_parameter

if TYPE_CHECKING:
    from pyruntime.model import MLModel
    from pyruntime.update.task import MLUpdateTask


class UpdateEvent(IntFlag):
    """Moments of an update, as a set to subscribe to.  A k-NN has no epochs: it only begins."""

    TRAINING_BEGIN = 1
    EPOCH_END = 2
    MINI_BATCH_END = 4


class TaskState(IntEnum):
    """MLTaskState: suspended until it is resumed, and at the end completed or failed."""

    SUSPENDED = 1
    RUNNING = 2
    CANCELLING = 3
    COMPLETED = 4
    FAILED = 5


class MetricKey(str, Enum):
    """MLMetricKey; metrics may be read by these or by their texts.  miniBatchIndex counts within its epoch.

    The last three are not Core ML's: they are there at the end of an epoch of an update with hold-out examples.
    Accuracies are shares of right answers; that of the training is measured as its loss is, before each step.
    """

    LOSS_VALUE = "lossValue"
    EPOCH_INDEX = "epochIndex"
    MINI_BATCH_INDEX = "miniBatchIndex"
    ACCURACY = "accuracy"
    VALIDATION_LOSS = "validationLoss"
    VALIDATION_ACCURACY = "validationAccuracy"


class ParameterValues(Mapping[ParameterKey, Any]):
    """Values of parameters by key; text such as "numberOfNeighbors" finds them as well.  Never changes."""

    def __init__(self, values: Mapping[ParameterKey, Any], described: Mapping[ParameterKey, ParameterDescription]):
        self._values, self._described = dict(values), described

    def __getitem__(self, key: ParameterKey | str) -> Any:
        """Raises ParametersError, which lists the keys that exist."""
        return self._values[find_parameter(key, self._described).key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[ParameterKey]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{str(key)!r}: {value!r}' for key, value in self._values.items())}}}"


class MLUpdateContext:
    """MLUpdateContext: a moment of an update.

    event: which one; for completion handlers UpdateEvent(0).
    metrics: by MetricKey or its text; empty where nothing is measured yet.
    parameters: a snapshot of what is used.
    """

    def __init__(
        self,
        task: MLUpdateTask,
        event: UpdateEvent,
        metrics: Mapping[str, Any],
        parameters: ParameterValues,
        model: Callable[[], MLModel],
    ) -> None:
        self.task, self.event, self.parameters = task, event, parameters
        self.metrics: Mapping[str, Any] = dict(metrics)
        self._make: Callable[[], MLModel] = model
        self._model: MLModel | None = None

    @property
    def model(self) -> MLModel:
        """The model at this moment, ready to predict, `write` and `save`; after a failure, the one it began with."""
        if self._model is None:
            self._model = self._make()
        return self._model

    def __repr__(self) -> str:
        event = self.event.name if self.event else "completion"
        return f"MLUpdateContext({event}, {self.task.state.name.lower()}, metrics={dict(self.metrics)})"


Handler = Callable[[MLUpdateContext], Any]


@dataclass(frozen=True)
class MLUpdateProgressHandlers:
    """Which events to tell whom, and whom to tell at the end.  Handlers run on the task's thread."""

    events: UpdateEvent
    progress_handler: Handler | None = None
    completion_handler: Handler | None = None
