"""Where the networks of a running model are, and what they get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyruntime.engines.base import Engine
from pyruntime.engines.linked import LinkedEngine
from pyruntime.engines.neural_network import NeuralNetworkEngine
from pyruntime.engines.pipeline import PipelineEngine


def networks(engine: Engine, name: str = "") -> Iterator[tuple[str, NeuralNetworkEngine]]:
    """(name in the pipeline, engine) of every network of a model; "" for the model itself."""
    if isinstance(engine, NeuralNetworkEngine):
        yield name, engine
    elif isinstance(engine, LinkedEngine):
        yield from networks(engine.engine, name)
    elif isinstance(engine, PipelineEngine):
        for own, part in zip(engine.names, engine.engines, strict=True):
            yield from networks(part, _inside(name, own))


def networks_with_inputs(
    engine: Engine, features: Mapping[str, Any], name: str = ""
) -> Iterator[tuple[str, NeuralNetworkEngine, Mapping[str, Any]]]:
    """(name, engine, its features) of every network, for one prediction from `features`.

    A part of a pipeline is only run when a network after it needs its outputs.
    """
    if isinstance(engine, NeuralNetworkEngine):
        yield name, engine, features
    elif isinstance(engine, LinkedEngine):
        yield from networks_with_inputs(engine.engine, features, name)
    elif isinstance(engine, PipelineEngine):
        table = dict(features)
        parts = list(zip(engine.names, engine.engines, strict=True))
        last = max((i for i, (_, part) in enumerate(parts) if any(networks(part))), default=-1)
        for i, (own, part) in enumerate(parts[: last + 1]):
            yield from networks_with_inputs(part, table, _inside(name, own))
            if i < last:
                table.update(part.predict(table))


def _inside(outer: str, own: str) -> str:
    return f"{outer}/{own}" if outer else own
