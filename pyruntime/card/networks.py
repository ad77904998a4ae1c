"""Layers and weights of the networks in a model, as the file has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyruntime.card.data import LayerCard, NeighborsCard, NetworkCard, merge
from pyruntime.card.data import WeightCard as Weight
from pyruntime.card.names import type_name
from pyruntime.neighbors.messages import stored
from pyruntime.spec.payloads import Payloads
from pyruntime.spec.weights import stored_weight

NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")
_INNER_NETWORK = "CoreML.Specification.NeuralNetwork"
_WEIGHT = "CoreML.Specification.WeightParams"


def parts(spec: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(name, Model message) of a model and all models inside it; the second is called "outer/inner"."""
    yield name, spec
    kind = spec.WhichOneof("Type")
    if kind in PIPELINES:
        pipeline = spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline
        for i, model in enumerate(pipeline.models):
            own = pipeline.names[i] if i < len(pipeline.names) else f"model{i}"
            yield from parts(model, f"{name}/{own}" if name else own)


def networks(spec: Any, payloads: Payloads | None) -> tuple[NetworkCard, ...]:
    """One card per neural network."""
    return tuple(
        NetworkCard(name, type_name(kind), tuple(_layers(getattr(model, kind).layers, payloads)))
        for name, model in parts(spec)
        if (kind := model.WhichOneof("Type")) in NETWORKS
    )


def neighbors(spec: Any, payloads: Payloads | None) -> tuple[NeighborsCard, ...]:
    """One card per k-nearest-neighbours classifier."""
    found = []
    for name, model in parts(spec):
        if model.WhichOneof("Type") == "kNearestNeighborsClassifier":
            knn = model.kNearestNeighborsClassifier
            index, default = knn.nearestNeighborsIndex, knn.WhichOneof("DefaultClassLabel")
            store = stored(knn, payloads)
            found.append(
                NeighborsCard(
                    name=name,
                    samples=len(index.floatSamples) if store is None else len(store),
                    dimensions=index.numberOfDimensions,
                    index=index.WhichOneof("IndexType") or "not set",
                    weighting=knn.WhichOneof("WeightingScheme") or "not set",
                    default_label=getattr(knn, default) if default else None,
                )
            )
    return tuple(found)


def _layers(messages: Any, payloads: Payloads | None) -> Iterator[LayerCard]:
    """Layers in the order of the file; those inside a branch or loop follow it."""
    for message in messages:
        kind = message.WhichOneof("layer") or "(none)"
        weights: list[Weight] = []
        inner: list[Any] = []
        if kind != "(none)":
            _collect(getattr(message, kind), payloads, weights, inner)
        yield LayerCard(
            message.name,
            kind,
            tuple(message.input),
            tuple(message.output),
            merge(weights),
            message.isUpdatable,
        )
        for network in inner:
            yield from _layers(network.layers, payloads)


def _collect(message: Any, payloads: Payloads | None, weights: list[Weight], inner: list[Any]) -> None:
    """Weights anywhere in a layer's parameters, and the networks inside it, which are not entered."""
    if message.DESCRIPTOR.full_name == _WEIGHT:
        stored = stored_weight(message, payloads)
        if stored is not None:
            weights.append(Weight(*stored))
        return
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        children = [value] if hasattr(value, "DESCRIPTOR") else list(value)
        if field.message_type.full_name == _INNER_NETWORK:
            inner += children
        else:
            for child in children:
                _collect(child, payloads, weights, inner)
