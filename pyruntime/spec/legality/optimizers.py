"""Rules of the optimizer and of the other numbers of an update."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyruntime.spec.legality.rules import NETWORKS, Part, rule

REQUIRED = {
    "sgdOptimizer": ("learningRate", "miniBatchSize"),
    "adamOptimizer": ("learningRate", "miniBatchSize", "beta1", "beta2", "eps"),
}
COUNTS = ("miniBatchSize", "epochs", "numberOfNeighbors")
"""Parameters that are at least 1; the others, seed apart, are at least 0."""


@rule(*NETWORKS, updatable=True)
def there_is_an_optimizer(part: Part) -> Iterator[str]:
    if part.message.updateParams.optimizer.WhichOneof("OptimizerType") is None:
        yield "the network is updatable without an optimizer; set sgdOptimizer or adamOptimizer"


@rule(*NETWORKS, updatable=True)
def the_optimizer_has_its_parameters(part: Part) -> Iterator[str]:
    optimizer = part.message.updateParams.optimizer
    kind = optimizer.WhichOneof("OptimizerType")
    for name in REQUIRED.get(kind, ()):
        if not getattr(optimizer, kind).HasField(name):
            yield f"{kind} has no {name}"


@rule(*NETWORKS, updatable=True)
def the_number_of_epochs_is_set(part: Part) -> Iterator[str]:
    if not part.message.updateParams.HasField("epochs"):
        yield "updateParams has no epochs"


@rule(*NETWORKS, updatable=True)
def defaults_are_allowed_values(part: Part) -> Iterator[str]:
    """Of the optimizer's parameters, of epochs and seed."""
    update = part.message.updateParams
    kind = update.optimizer.WhichOneof("OptimizerType")
    found = list(getattr(update.optimizer, kind).ListFields()) if kind else []
    found += [pair for pair in update.ListFields() if pair[0].name in ("epochs", "seed")]
    for field, parameter in found:
        yield from parameter_faults(field.name, parameter)


def parameter_faults(name: str, parameter: Any) -> Iterator[str]:
    """What is wrong with an Int64Parameter or a DoubleParameter: its default against its own bounds, and its sign."""
    value, kind = parameter.defaultValue, parameter.WhichOneof("AllowedValues")
    least = 1 if name in COUNTS else 0
    if name != "seed" and value < least:
        yield f"{name} is {value}, expected at least {least}"
    if kind == "range" and not parameter.range.minValue <= value <= parameter.range.maxValue:
        yield f"{name} is {value}, outside its own range {parameter.range.minValue} to {parameter.range.maxValue}"
    if kind == "set" and value not in parameter.set.values:
        yield f"{name} is {value}, not in its own set {list(parameter.set.values)}"
