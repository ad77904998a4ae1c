"""Optimizer, epochs, mini-batches: what callers write, and what they allow others to change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.spec.legality.optimizers import parameter_faults

Allowed = Mapping[str, Any]
"""By parameter: a pair (smallest, largest), or a set or list of values."""

_NUMBERS: dict[str, dict[str, float]] = {
    "sgd": {"learningRate": 0.01, "momentum": 0.0},
    "adam": {"learningRate": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
}
_COUNTS = {"epochs": (10, 1000), "miniBatchSize": (8, 256)}
"""Default, and the largest that is allowed by default."""


def write_options(
    update: Any, optimizer: Any, allowed: Allowed | None, shuffle: bool, seed: int | None, values: Mapping[str, Any]
) -> None:
    """Write the numbers of an update into NetworkUpdateParameters.

    optimizer: "sgd", "adam", or SgdParams or AdamParams, whose own ranges count then.
    values: those of `epochs`, `miniBatchSize` and `learningRate` that the caller gave.
    Raises BuildError for a value outside of what is allowed, and for names that the optimizer does not have.
    """
    allowed = dict(allowed or {})
    given = {name: value for name, value in values.items() if value is not None}
    _write(update.epochs, "epochs", given.pop("epochs", None), _COUNTS["epochs"], allowed)
    update.optimizer.Clear()
    if hasattr(optimizer, "write"):
        optimizer.write(update.optimizer)
        message = getattr(update.optimizer, update.optimizer.WhichOneof("OptimizerType"))
        _overwrite(message, given, allowed)
    else:
        _by_name(update.optimizer, optimizer, given, allowed)
    if allowed:
        raise BuildError(f"allowed: {sorted(allowed)[0]!r} is no parameter of this update")
    update.shuffle.defaultValue = bool(shuffle)
    if seed is not None:
        update.seed.defaultValue = int(seed)


def _by_name(target: Any, name: Any, given: dict[str, Any], allowed: dict[str, Any]) -> None:
    if name not in _NUMBERS:
        raise BuildError(f"optimizer is {name!r}, expected 'sgd', 'adam', SgdParams(…) or AdamParams(…)")
    message = target.sgdOptimizer if name == "sgd" else target.adamOptimizer
    _write(message.miniBatchSize, "miniBatchSize", given.get("miniBatchSize"), _COUNTS["miniBatchSize"], allowed)
    for key, default in _NUMBERS[name].items():
        _write(getattr(message, key), key, given.get(key), (default, 1.0), allowed)


def _overwrite(message: Any, given: dict[str, Any], allowed: dict[str, Any]) -> None:
    """Values and bounds of the caller's over those of SgdParams or AdamParams."""
    for name in {*given, *allowed} & {field.name for field in message.DESCRIPTOR.fields}:
        parameter = getattr(message, name)
        value = given.get(name, parameter.defaultValue)
        largest = _COUNTS[name][1] if name in _COUNTS else 1.0
        if name in allowed or name in given:
            _write(parameter, name, value, (value, largest), allowed)


def _write(parameter: Any, name: str, value: Any, default: tuple[Any, Any], allowed: dict[str, Any]) -> None:
    """One parameter with its bounds."""
    whole = name in _COUNTS
    value = _number(name, default[0] if value is None else value, whole)
    bounds = allowed.pop(name, (1 if whole else 0, max(default[1], value)))
    parameter.Clear()
    parameter.defaultValue = value
    if isinstance(bounds, tuple) and len(bounds) == 2:
        parameter.range.minValue, parameter.range.maxValue = (_number(name, bound, whole) for bound in bounds)
    elif isinstance(bounds, Sequence | set | frozenset | range) and not isinstance(bounds, str) and len(bounds):
        _write_set(parameter, name, bounds, whole)
    else:
        raise BuildError(f"allowed: {name} is {bounds!r}, expected (smallest, largest) or a set of values")
    for fault in parameter_faults(name, parameter):
        raise BuildError(f"{fault}; give another value, or allowed={{{name!r}: …}}")


def _write_set(parameter: Any, name: str, values: Any, whole: bool) -> None:
    numbers = sorted({_number(name, value, whole) for value in values})
    if not whole:
        raise BuildError(f"allowed: {name} takes a range (smallest, largest), got {numbers}")
    parameter.set.values.extend(numbers)


def _number(name: str, value: Any, whole: bool) -> Any:
    """A finite number, whole where it counts something."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number) or (whole and number != int(number)):
        raise BuildError(f"{name} is {value!r}, expected a {'whole ' if whole else ''}number")
    return int(number) if whole else number
