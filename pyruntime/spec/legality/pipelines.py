"""Rules of pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyruntime.spec.legality.rules import PIPELINES, Part, rule, text


def message_of(part: Part) -> Any:
    """The Pipeline message of a model of one of the three types."""
    return part.message if part.kind == "pipeline" else part.message.pipeline


def parts_of(part: Part) -> Iterator[Part]:
    """A model, and all those inside it."""
    yield part
    if part.kind in PIPELINES:
        names = message_of(part).names
        for place, model in enumerate(message_of(part).models):
            name = names[place] if place < len(names) else f"model{place}"
            yield from parts_of(Part(model, part.payloads, f"{part.where}model {name!r} of the pipeline: "))


@rule(*PIPELINES)
def a_pipeline_has_models(part: Part) -> Iterator[str]:
    if not message_of(part).models:
        yield "the pipeline has no models"


@rule(*PIPELINES)
def features_flow_by_name(part: Part) -> Iterator[str]:
    """What a model reads is an input of the pipeline or an output before it, and of the same type."""
    known = {f.name: f.type.WhichOneof("Type") for f in part.spec.description.input}
    for place, model in enumerate(message_of(part).models):
        for feature in model.description.input:
            kind = feature.type.WhichOneof("Type")
            if feature.name in known and known[feature.name] != kind:
                yield f"model {place} reads {feature.name!r} as {kind}, which is {known[feature.name]}"
            elif feature.name not in known and not feature.type.isOptional:
                yield f"model {place} reads {feature.name!r}, which is no input and no output of a model before it"
        known.update((f.name, f.type.WhichOneof("Type")) for f in model.description.output)
    for feature in part.spec.description.output:
        if feature.name not in known:
            yield f"no model gives the output {feature.name!r} of the pipeline"


@rule(*PIPELINES, updatable=True)
def only_the_last_model_learns(part: Part) -> Iterator[str]:
    models = message_of(part).models
    learn = [place for place, model in enumerate(models) if model.isUpdatable]
    if learn != [len(models) - 1]:
        yield f"the pipeline is updatable; expected that only its last model, {len(models) - 1}, is, got {learn}"


@rule(*PIPELINES, updatable=False)
def no_model_learns_alone(part: Part) -> Iterator[str]:
    learn = [place for place, model in enumerate(message_of(part).models) if model.isUpdatable]
    if learn:
        yield f"models {learn} are updatable, but the pipeline is not; set its isUpdatable, or clear theirs"


@rule(*PIPELINES)
def names_of_models_are_distinct(part: Part) -> Iterator[str]:
    names, count = list(message_of(part).names), len(message_of(part).models)
    if names and len(names) != count:
        yield f"there are {count} models and {len(names)} names ({text(names)}), expected as many or none"
    if len(set(names)) != len(names):
        yield f"names of models are {text(names)}, expected all different"
