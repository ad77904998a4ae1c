"""Where the networks of a running model are, and what they get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyruntime.engines.base import Engine
from pyruntime.engines.neural_network import NeuralNetworkEngine
from pyruntime.engines.pipeline import PipelineEngine


def networks(
    engine: Engine, features: Mapping[str, Any], name: str = ""
) -> Iterator[tuple[str, NeuralNetworkEngine, Mapping[str, Any]]]:
    """(name in the pipeline, engine, its features) of every network, for one prediction from `features`.

    A part of a pipeline is only run when a network after it needs its outputs.
    """
    if isinstance(engine, NeuralNetworkEngine):
        yield name, engine, features
    elif isinstance(engine, PipelineEngine):
        table = dict(features)
        inner = list(zip(engine.names, engine.engines, strict=True))
        last = max((i for i, (_, part) in enumerate(inner) if has_network(part)), default=-1)
        for own, part in inner[: last + 1]:
            yield from networks(part, table, f"{name}/{own}" if name else own)
            if part is not inner[last][1]:
                table.update(part.predict(table))


def has_network(engine: Engine) -> bool:
    return isinstance(engine, NeuralNetworkEngine) or (
        isinstance(engine, PipelineEngine) and any(map(has_network, engine.engines))
    )
