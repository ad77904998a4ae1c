"""TrainingOptions in a request: as what JSON can hold, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyruntime.training.options import TrainingOptions


def to_payload(options: TrainingOptions | None) -> dict[str, Any] | None:
    """Only what is not left to the file.  Labels that are numbers stay numbers: JSON's keys would be text."""
    if options is None or options == type(options)():
        return None
    values = {name: value for name, value in asdict(options).items() if value is not None}
    weights = values.get("class_weights")
    if isinstance(weights, Mapping):
        values["class_weights"] = {"pairs": [[label, weight] for label, weight in weights.items()]}
    return values


def from_payload(values: Mapping[str, Any] | None) -> TrainingOptions | None:
    """Raises ParametersError for options that this release does not take."""
    if values is None:
        return None
    from pyruntime.training.options import Adapter, LearningRateSchedule, TrainingOptions

    made = dict(values)
    if isinstance(weights := made.get("class_weights"), Mapping):
        made["class_weights"] = dict(map(tuple, weights["pairs"]))
    if isinstance(schedule := made.get("schedule"), Mapping):
        made["schedule"] = LearningRateSchedule(**schedule)
    if isinstance(adapters := made.get("adapters"), Mapping):
        made["adapters"] = Adapter(**adapters)
    elif adapters is not None:
        made["adapters"] = [Adapter(**adapter) for adapter in adapters]
    return TrainingOptions(**made)
