"""The optimised graphs of a model as text."""

from __future__ import annotations

import os

from pyruntime.card.networks import NETWORKS, parts
from pyruntime.card.read import open_messages
from pyruntime.card.table import printable
from pyruntime.config import MLModelConfiguration
from pyruntime.description import describe_model
from pyruntime.engines.neural_network import wanted_blobs
from pyruntime.errors import UnsupportedError
from pyruntime.ir.show import show
from pyruntime.layers.network import lower_network
from pyruntime.passes.pipeline import optimise


def graphs(path: str | os.PathLike[str]) -> dict[str, str]:
    """Name of each network in the pipeline ("" for the model itself) -> its graph as it runs here.

    Raises UnsupportedError when there is no network in the model.
    """
    spec, payloads = open_messages(path)
    context = MLModelConfiguration().context()
    found = {}
    for name, model in parts(spec):
        kind = model.WhichOneof("Type")
        if kind in NETWORKS:
            network, description = getattr(model, kind), describe_model(model)
            lowered = lower_network(network, description, payloads, wanted_blobs(model))
            lines = show(optimise(lowered.graph, context)).splitlines()
            found[name] = "\n".join(map(printable, lines))
    if not found:
        raise UnsupportedError(f"the model ({spec.WhichOneof('Type')}) has no neural network in it, so there is no graph to show")
    return found
