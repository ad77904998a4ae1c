"""Parameter keys, what a model says about its parameters, and the check of values that replace them.

Keys and meanings are Core ML's (MLParameterKey).  A key as text is `name`, or `scope:name`; the scope is the
names of models from the outside in, and for weights the name of the layer, with `/` between them:
`model/layer:weights`.  `scope/name` is read too.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pyruntime.errors import ParametersError, SpecError


@dataclass(frozen=True, order=True)
class ParameterKey:
    """MLParameterKey: the name of a parameter, and where it belongs ("" for the model itself)."""

    name: str
    scope: str = ""

    LEARNING_RATE: ClassVar[ParameterKey]
    MOMENTUM: ClassVar[ParameterKey]
    MINI_BATCH_SIZE: ClassVar[ParameterKey]
    BETA1: ClassVar[ParameterKey]
    BETA2: ClassVar[ParameterKey]
    EPS: ClassVar[ParameterKey]
    EPOCHS: ClassVar[ParameterKey]
    SHUFFLE: ClassVar[ParameterKey]
    SEED: ClassVar[ParameterKey]
    NUMBER_OF_NEIGHBORS: ClassVar[ParameterKey]
    INVERSE_DISTANCE_POWER: ClassVar[ParameterKey]
    """Not of Core ML, which does not say whether a vote is 1 / distance (1, the default) or 1 / its square (2)."""
    LINKED_MODEL_FILE_NAME: ClassVar[ParameterKey]
    LINKED_MODEL_SEARCH_PATH: ClassVar[ParameterKey]
    WEIGHTS: ClassVar[ParameterKey]
    BIASES: ClassVar[ParameterKey]

    @classmethod
    def of(cls, key: ParameterKey | str) -> ParameterKey:
        """The key that a text means; a key stays as it is."""
        if isinstance(key, ParameterKey):
            return key
        if not isinstance(key, str):
            raise ParametersError(f"a parameter's key is a ParameterKey or text, got a {type(key).__name__}")
        scope, _, name = key.rpartition(":" if ":" in key else "/")
        return cls(name, scope)

    def scoped(self, name: str) -> ParameterKey:
        """A new key inside `name`: the layer first, then the model around it, then its pipeline."""
        return replace(self, scope=f"{name}/{self.scope}" if self.scope else name)

    @property
    def path(self) -> str:
        """With `/` only: how engines find the parameters of their model among those of a pipeline."""
        return f"{self.scope}/{self.name}" if self.scope else self.name

    def __str__(self) -> str:
        return f"{self.scope}:{self.name}" if self.scope else self.name


_NAMES = {
    "LEARNING_RATE": "learningRate", "MOMENTUM": "momentum", "MINI_BATCH_SIZE": "miniBatchSize",
    "BETA1": "beta1", "BETA2": "beta2", "EPS": "eps", "EPOCHS": "epochs", "SHUFFLE": "shuffle",
    "SEED": "seed", "NUMBER_OF_NEIGHBORS": "numberOfNeighbors",
    "LINKED_MODEL_FILE_NAME": "linkedModelFileName",
    "LINKED_MODEL_SEARCH_PATH": "linkedModelSearchPath", "WEIGHTS": "weights", "BIASES": "biases",
    "INVERSE_DISTANCE_POWER": "inverseDistancePower",
}  # fmt: skip
for _constant, _name in _NAMES.items():
    setattr(ParameterKey, _constant, ParameterKey(_name))

SHOWN = 20
"""Keys or values that an error lists at most."""


def listed(values: Iterable[Any]) -> str:
    """Values for a sentence; of many, the first SHOWN."""
    texts = [str(value) for value in values]
    more = [f"… ({len(texts) - SHOWN} more)"] if len(texts) > SHOWN else []
    return ", ".join(texts[:SHOWN] + more)


READ_ONLY = ("weights", "biases")

_MEANINGS = {
    "learningRate": "Size of an optimizer step",
    "momentum": "Share of the last step that is kept in the next one",
    "miniBatchSize": "Examples per optimizer step",
    "beta1": "Decay of the gradient's mean",
    "beta2": "Decay of the gradient's square",
    "eps": "Smallest divisor of a step",
    "epochs": "Passes over the training data",
    "shuffle": "Another order of the examples in each epoch",
    "seed": "Start of the random order",
    "numberOfNeighbors": "How many of the nearest samples vote",
    "inverseDistancePower": "A neighbour votes with 1 / distance to this power",
    "linkedModelFileName": "File name of the linked model",
    "linkedModelSearchPath": "Folders in which the linked model is searched, separated by colons",
}


@dataclass(frozen=True)
class NumericConstraint:
    """The numbers that a parameter may have: min_number to max_number, both included, or the enumerated."""

    min_number: float | None = None
    max_number: float | None = None
    enumerated_numbers: tuple[int, ...] | None = None

    def allows(self, value: float) -> bool:
        if self.enumerated_numbers is not None:
            return value in self.enumerated_numbers
        return (self.min_number is None or value >= self.min_number) and (
            self.max_number is None or value <= self.max_number
        )

    def __str__(self) -> str:
        if self.enumerated_numbers is not None:
            return f"one of {listed(self.enumerated_numbers)}"
        return f"{self.min_number} to {self.max_number}"


@dataclass(frozen=True)
class ParameterDescription:
    """MLParameterDescription.  kind: "Int64", "Double", "Bool" or "String"; no constraint: any value.

    default_value: None for a seed that the file does not give; an update draws one then, and says so.
    """

    key: ParameterKey
    kind: str
    default_value: Any
    numeric_constraint: NumericConstraint | None = None
    description: str = ""
    adjustable_in_progress: bool = False

    @property
    def expectation(self) -> str:
        """What a value must be, in words."""
        limits = f", {self.numeric_constraint}" if self.numeric_constraint else ""
        return f"{_KINDS[self.kind]}{limits}"

    def checked(self, value: Any) -> Any:
        """`value` as int, float, bool or str.  Raises ParametersError when it is not allowed."""
        plain = _plain(self.kind, value)
        if plain is None or (self.numeric_constraint and not self.numeric_constraint.allows(plain)):
            raise ParametersError(f"parameter {str(self.key)!r}: expected {self.expectation}, got {value!r}")
        return plain


_KINDS = {"Int64": "a whole number", "Double": "a finite number", "Bool": "True or False", "String": "a text"}


def _plain(kind: str, value: Any) -> Any:
    """The value as Python's own type, None when it is of another kind.  True is no number, 3.0 not whole."""
    is_bool = isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")
    if kind == "Bool":
        return bool(value) if is_bool else None
    if kind == "String":
        return value if isinstance(value, str) else None
    if is_bool or not isinstance(value, numbers.Integral if kind == "Int64" else numbers.Real):
        return None
    number = int(value) if isinstance(value, numbers.Integral) else float(value)
    if kind == "Int64":
        return number if -(2**63) <= number < 2**63 else None
    return float(number) if math.isfinite(number) else None


def describe_parameters(spec: Any) -> dict[ParameterKey, ParameterDescription]:
    """What can be set in a Model message; parameters of a pipeline's models are scoped by their names."""
    kind = spec.WhichOneof("Type")
    found: list[ParameterDescription] = []
    if kind == "kNearestNeighborsClassifier":
        found = _of_neighbors(spec.kNearestNeighborsClassifier)
    elif kind in ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor"):
        found = _of_network(getattr(spec, kind)) if spec.isUpdatable else []
    elif kind == "linkedModel":
        names = ["linkedModelFileName", "linkedModelSearchPath"]
        found = _described(spec.linkedModel.linkedModelFile, names)
    elif kind in ("pipeline", "pipelineClassifier", "pipelineRegressor"):
        found = _of_pipeline(spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline)
    return {parameter.key: parameter for parameter in found}


def _of_neighbors(message: Any) -> list[ParameterDescription]:
    found = _described(message, ["numberOfNeighbors"])
    if message.WhichOneof("WeightingScheme") == "inverseDistanceWeighting":
        key = ParameterKey.INVERSE_DISTANCE_POWER
        one_or_two = NumericConstraint(enumerated_numbers=(1, 2))
        found.append(ParameterDescription(key, "Int64", 1, one_or_two, _MEANINGS[key.name]))
    return found


def _of_network(network: Any) -> list[ParameterDescription]:
    update = network.updateParams
    kind = update.optimizer.WhichOneof("OptimizerType")
    optimizer = ["learningRate", "momentum", "miniBatchSize", "beta1", "beta2", "eps"]
    found = _described(getattr(update.optimizer, kind), optimizer) if kind else []
    found += _described(update, ["epochs", "shuffle", "seed"])
    if update.HasField("shuffle") and not update.HasField("seed"):
        found.append(ParameterDescription(ParameterKey.SEED, "Int64", None, None, _MEANINGS["seed"]))
    return found


def _of_pipeline(message: Any) -> list[ParameterDescription]:
    from pyruntime.engines.pipeline import part_names

    return [
        replace(parameter, key=parameter.key.scoped(name))
        for name, part in zip(part_names(message), message.models, strict=True)
        for parameter in describe_parameters(part).values()
    ]


def _described(message: Any, names: Iterable[str]) -> list[ParameterDescription]:
    """The parameters among the fields `names` of a message that are there."""
    fields = message.DESCRIPTOR.fields_by_name
    return [_one(name, getattr(message, name)) for name in names if name in fields and message.HasField(name)]


def _one(name: str, parameter: Any) -> ParameterDescription:
    kind = parameter.DESCRIPTOR.name.removesuffix("Parameter")
    constraint = None
    if "AllowedValues" in parameter.DESCRIPTOR.oneofs_by_name:
        allowed = parameter.WhichOneof("AllowedValues")
        if allowed == "range":
            constraint = NumericConstraint(parameter.range.minValue, parameter.range.maxValue)
        elif allowed == "set":
            constraint = NumericConstraint(enumerated_numbers=tuple(sorted(parameter.set.values)))
    return ParameterDescription(
        ParameterKey(name), kind, parameter.defaultValue, constraint, _MEANINGS[name], name == "learningRate"
    )


def check_defaults(descriptions: Mapping[ParameterKey, ParameterDescription]) -> None:
    """Raises SpecError when a default of the file is not among the values that the file allows."""
    for parameter in descriptions.values():
        if parameter.default_value is None:
            continue
        try:
            parameter.checked(parameter.default_value)
        except ParametersError as error:
            raise SpecError(f"the file's own default breaks its rule: {error}") from None


def find_parameter(
    key: ParameterKey | str, descriptions: Mapping[ParameterKey, ParameterDescription]
) -> ParameterDescription:
    """The parameter that a key means; without a scope, the only one of that name.

    Raises ParametersError naming the keys that exist.
    """
    wanted = ParameterKey.of(key)
    if wanted in descriptions:
        return descriptions[wanted]
    same = [d for d in descriptions.values() if d.key.name == wanted.name]
    if len(same) == 1 and not wanted.scope:
        return same[0]
    why = "does not exist"
    if wanted.name in READ_ONLY:
        why = "is weights of the model: they can be read but not set"
    elif same and not wanted.scope:
        why = "belongs to several models: put a model's name before it"
    raise ParametersError(f"parameter {str(wanted)!r} {why}; this model has {listed(descriptions) or 'none'}")


def check_parameters(
    overrides: Mapping[Any, Any], descriptions: Mapping[ParameterKey, ParameterDescription]
) -> dict[str, Any]:
    """Values that replace defaults, checked, by `ParameterKey.path`.

    overrides: by ParameterKey or text.  Raises ParametersError naming the key, the allowed values and the
    value given, or the keys that exist.
    """
    checked: dict[str, Any] = {}
    for key, value in overrides.items():
        parameter = find_parameter(key, descriptions)
        if parameter.key.path in checked:
            raise ParametersError(f"parameter {str(parameter.key)!r} is given twice")
        checked[parameter.key.path] = parameter.checked(value)
    return checked
