"""The parameters of a model that users may change, as the file declares them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyruntime.card.data import ParameterCard
from pyruntime.card.networks import NETWORKS, parts

DESCRIPTIONS = {
    "learningRate": "Step of the optimizer",
    "momentum": "Part of the last step that is kept",
    "miniBatchSize": "Examples per step",
    "beta1": "Decay of the mean gradient",
    "beta2": "Decay of the squared gradient",
    "eps": "Keeps divisions away from zero",
    "epochs": "Passes over the examples",
    "shuffle": "New order of examples in each epoch",
    "seed": "Start of the shuffle's random numbers",
    "numberOfNeighbors": "Neighbours that vote",
    "linkedModelFileName": "Compiled model that is linked",
    "linkedModelSearchPath": "Where the linked model is looked for",
}
IN_PROGRESS = frozenset({"learningRate"})
"""Core ML lets only these change while an update runs."""


def parameters(spec: Any) -> tuple[ParameterCard, ...]:
    """All parameters; those of a pipeline's models have the models' names in front."""
    return tuple(
        _card(f"{name}/{key}" if name else key, key, message)
        for name, model in parts(spec)
        for key, message in _messages(model)
    )


def _messages(model: Any) -> Iterator[tuple[str, Any]]:
    """(key, parameter message) of one model, without those of models inside it."""
    kind = model.WhichOneof("Type")
    detail = getattr(model, kind)
    if kind in NETWORKS and detail.HasField("updateParams"):
        update = detail.updateParams
        yield from _fields(update, "epochs")
        optimizer = update.optimizer.WhichOneof("OptimizerType")
        if optimizer:
            yield from _fields(
                getattr(update.optimizer, optimizer), "learningRate", "miniBatchSize", "momentum", "beta1", "beta2", "eps"
            )
        yield from _fields(update, "shuffle", "seed")
    elif kind == "kNearestNeighborsClassifier":
        yield from _fields(detail, "numberOfNeighbors")
    elif kind == "linkedModel" and detail.WhichOneof("LinkType") == "linkedModelFile":
        yield from _fields(detail.linkedModelFile, "linkedModelFileName", "linkedModelSearchPath")


def _fields(message: Any, *names: str) -> Iterator[tuple[str, Any]]:
    for name in names:
        if name in message.DESCRIPTOR.fields_by_name and message.HasField(name):
            yield name, getattr(message, name)


def _card(scoped: str, key: str, message: Any) -> ParameterCard:
    return ParameterCard(
        key=scoped,
        type=message.DESCRIPTOR.name.removesuffix("Parameter"),
        default=message.defaultValue,
        allowed=_allowed(message),
        description=DESCRIPTIONS.get(key, ""),
        in_progress=key in IN_PROGRESS,
    )


def _allowed(message: Any) -> str:
    """ "1…1000", "{10, 20}" or "any"; a file without allowed values sets no bounds."""
    kind = message.WhichOneof("AllowedValues") if "AllowedValues" in message.DESCRIPTOR.oneofs_by_name else None
    if kind == "range":
        return f"{_number(message.range.minValue)}…{_number(message.range.maxValue)}"
    if kind == "set":
        return "{" + ", ".join(map(_number, message.set.values)) + "}"
    return "any"


def _number(value: float) -> str:
    if isinstance(value, int):
        return "∞" if value == 2**63 - 1 else str(value)
    return "∞" if value >= 1.7e308 else f"{value:g}"
