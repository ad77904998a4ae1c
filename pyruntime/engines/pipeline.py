"""Pipelines: models in order over one table of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pyruntime.description import DictionaryConstraint, FeatureDescription, SequenceConstraint
from pyruntime.engines.base import Engine, ModelPart
from pyruntime.errors import SpecError
from pyruntime.model_types import APPLE_ONLY
from pyruntime.spec.lean import LeanModel

_HEAVY = frozenset(
    (
        "neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor", "linkedModel", "customModel",
        *APPLE_ONLY,
    )
)  # fmt: skip
"""Types that may make large features."""


class PipelineEngine(Engine):
    """Each model reads the pipeline's inputs and what earlier models made; a later output replaces an equal name."""

    def __init__(self, part: ModelPart) -> None:
        from pyruntime.engines.registry import build

        super().__init__(part)
        message = pipeline_message(part.spec)
        self.names = part_names(message)
        self.engines: tuple[Engine, ...] = tuple(
            build(part_of(part, message, i, name)) for i, name in enumerate(self.names)
        )
        self._check_chain()
        self._heads: int = _count_heads(self.engines)
        self.is_light: bool = self._heads == 0

    def _check_chain(self) -> None:
        known = dict(self.description.input_descriptions_by_name)
        for name, engine in zip(self.names, self.engines, strict=True):
            for feature in engine.description.inputs:
                if feature.name in known:
                    _check_meet(name, known[feature.name], feature)
                elif not feature.is_optional:
                    raise SpecError(
                        f"model {name!r} of the pipeline reads {feature.name!r}, which nothing before it makes"
                    )
            known |= engine.description.output_descriptions_by_name
        for feature in self.description.outputs:
            if feature.name not in known:
                raise SpecError(f"output {feature.name!r} of the pipeline: none of its models makes it")
            if known[feature.name].kind != feature.kind:
                made = known[feature.name].type_name
                raise SpecError(
                    f"output {feature.name!r} of the pipeline is {feature.type_name}, what is made is {made}"
                )

    def before_last(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """The table of features that the last model sees."""
        table = {f.name: value for f in self.description.inputs if (value := self.feature(features, f)) is not None}
        for engine in self.engines[:-1]:
            table.update(engine.predict(table))
        return table

    def _before_tail(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """What of the table of features is needed once the heavy models have run."""
        table = {f.name: value for f in self.description.inputs if (value := self.feature(features, f)) is not None}
        if not self._heads:
            return table
        for engine in self.engines[: self._heads]:
            table.update(engine.predict(table))
        readers = (self.description.outputs, *(engine.description.inputs for engine in self.engines[self._heads :]))
        needed = {feature.name for features in readers for feature in features}
        return {name: value for name, value in table.items() if name in needed}

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        table = self.before_last(features)
        table.update(self.engines[-1].predict(table))
        return {feature.name: table[feature.name] for feature in self.description.outputs}

    def predict_many(self, examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Example by example up to the last network, because what networks make of many may be too large to keep.

        Model by model from there: of what is made before only that is kept which these models read, or a caller gets.
        """
        if self._heads == len(self.engines):
            return super().predict_many(examples)
        tables = []
        for i, example in enumerate(examples):
            with self.naming(i):
                tables.append(self._before_tail(example))
        for engine in self.engines[self._heads :]:
            for table, outputs in zip(tables, engine.predict_many(tables), strict=True):
                table.update(outputs)
        return [{feature.name: table[feature.name] for feature in self.description.outputs} for table in tables]


def _count_heads(engines: tuple[Engine, ...]) -> int:
    """How many models come before those at the end that are light."""
    for count in range(len(engines), 0, -1):
        last = engines[count - 1]
        if not (last.is_light if isinstance(last, PipelineEngine) else last.part.kind not in _HEAVY):
            return count
    return 0


def _check_meet(name: str, made: FeatureDescription, read: FeatureDescription) -> None:
    """Raises SpecError when a model reads another type than the one that is there."""
    fits = made.kind == read.kind or (made.kind, read.kind) == ("int64", "double")
    one, other = made.constraint, read.constraint
    if fits and isinstance(one, DictionaryConstraint | SequenceConstraint):
        fits = one == other
    if not fits:
        raise SpecError(
            f"model {name!r} of the pipeline reads {read.name!r} as {read.type_name}, what is there is {made.type_name}"
        )


def pipeline_message(spec: Any) -> Any:
    """The Pipeline message of a pipeline, pipelineClassifier or pipelineRegressor model."""
    kind = spec.WhichOneof("Type")
    return spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline


def part_names(message: Any) -> tuple[str, ...]:
    """Names of a pipeline's models: scopes of parameters.  Default model0, model1, …"""
    names = tuple(message.names) or tuple(f"model{i}" for i in range(len(message.models)))
    if len(names) != len(message.models) or len(set(names)) != len(names):
        raise SpecError(
            f"a pipeline of {len(message.models)} models has the names {list(names)}, expected one distinct name each"
        )
    if not names:
        raise SpecError("the pipeline has no models")
    return names


def part_of(part: ModelPart, message: Any, index: int, name: str) -> ModelPart:
    """Model `index` of the pipeline `message` as a part, with those of the pipeline's parameters that name it."""
    place = f"{part.place}.{index}" if part.place else str(index)
    scope = f"{name}/"
    parameters = {key[len(scope) :]: value for key, value in part.parameters.items() if key.startswith(scope)}
    lean = LeanModel(message.models[index], part.payloads, part.lean.source)
    return replace(part, lean=lean, place=place, name=name, parameters=parameters)
