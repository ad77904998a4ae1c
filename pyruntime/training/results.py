"""What was learned, as weights of the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.spec.legality.rules import BEYOND
from pyruntime.spec.paths import at_path
from pyruntime.spec.payloads import DETACH_FROM, Payloads
from pyruntime.spec.weights import weight_form, write_weights
from pyruntime.training.trainer import Trainer

Floats = NDArray[np.float32]


def write_learned(model: Any, payloads: Payloads, trainer: Trainer, learned: Sequence[Floats]) -> Payloads:
    """Put the weights `learned`, in the order of the trainer's parameters, into a copy of the file's model.

    model: the network's, which may stand in a pipeline.  The copy gets the payloads of the file but for the
    weights that changed.
    """
    adapters = trainer.adapters
    network = getattr(model, model.WhichOneof("Type"))
    layers = {layer.name: layer for layer in network.layers}
    weights, values = [], []
    for parameter, array in zip(trainer.parameters, learned, strict=True):
        if not adapters.own(parameter.layer):
            layer = layers[parameter.layer]
            weights.append(at_path(getattr(layer, layer.WhichOneof("layer")), parameter.field))
            values.append(array)
    for name, array in adapters.merged(network, payloads, _by_layer(trainer, learned)):
        layer = layers[name]
        weights.append(getattr(layer, layer.WhichOneof("layer")).weights)
        values.append(array)
    changed = payloads.branch(without=[weight.SerializeToString() for weight in weights])
    for weight, array in zip(weights, values, strict=True):
        if trainer.options.save_float16 and weight_form(weight) == "float16Value":
            _write_halves(weight, array, changed)
        else:
            write_weights(weight, array, changed)
    if adapters.keep(network, _by_layer(trainer, learned), changed):
        model.description.metadata.userDefined[BEYOND[0]] = BEYOND[1]
    return changed


def _by_layer(trainer: Trainer, learned: Sequence[Floats]) -> dict[str, Floats]:
    """Weights of adapters' layers, which have no other."""
    return {
        parameter.layer: array
        for parameter, array in zip(trainer.parameters, learned, strict=True)
        if trainer.adapters.own(parameter.layer)
    }


def _write_halves(weight: Any, array: Floats, payloads: Payloads) -> None:
    """As 32-bit floats where half floats are too small for a number: nothing that was learned is lost."""
    with np.errstate(over="ignore"):
        halves = array.astype("<f2")
    if not np.isfinite(halves).all():
        return write_weights(weight, array, payloads)
    data = halves.tobytes()
    weight.float16Value = payloads.add(memoryview(data)) if len(data) >= DETACH_FROM else data
    return None
