"""The optimised graphs of a model as text."""

from __future__ import annotations

from functools import partial

from pyruntime.engines.walk import networks
from pyruntime.errors import UnsupportedError
from pyruntime.ir.show import show
from pyruntime.layers.network import lower_network
from pyruntime.model import MLModel
from pyruntime.native.custom import compiling
from pyruntime.passes.pipeline import optimise
from pyruntime.tables import escaped


def graphs(model: MLModel) -> dict[str, str]:
    """Name of each network in the pipeline ("" for the model itself) -> its graph as it runs here.

    Raises UnsupportedError when there is no network in the model.
    """
    found = {}
    for name, engine in networks(model.engine):
        part = engine.part
        network = getattr(part.spec, part.kind)
        with compiling(partial(getattr, part, "custom_layers")):
            lowered = lower_network(network, part.description, part.payloads, engine.program.outputs)
            lines = show(optimise(lowered.graph, part.context)).splitlines()
        found[name] = "\n".join(map(escaped, lines))
    if not found:
        kind = model.engine.part.kind
        raise UnsupportedError(f"the model ({kind}) has no neural network in it, so there is no graph to show")
    return found
