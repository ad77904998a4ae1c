"""Weights that a file stores in less than 32 bits: Core ML trains none of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from pyruntime.models.neural_network.weighted_layers import weighted
from pyruntime.models.updatable.network import Net
from pyruntime.spec.weights import read_weights, stored_weight, weight_form, weights_of, write_weights

_QUANTIZED = ("rawValue", "int8RawValue")


class Compressed(NamedTuple):
    """sentence: why a weight stands in the way, and what to do.  note: what comes of leaving it."""

    sentence: str
    note: str


def compressed(net: Net, learners: list[Any]) -> Compressed | None:
    """The first weight that Core ML cannot train: quantized in a layer that learns, or of 16 bits anywhere."""
    marked = {id(layer) for layer in learners}
    for layer in net.layers:
        for field, weight in weights_of(layer):
            form = weight_form(weight)
            if form == "float16Value" or (form in _QUANTIZED and id(layer) in marked):
                return _described(f"{net.where}layer {layer.name!r}, {field}: ", form in _QUANTIZED)
    return None


def _described(where: str, quantized: bool) -> Compressed:
    beyond = "core_ml_only=False leaves them, and updates in this package take TrainingOptions(low_precision=…)"
    if quantized:
        return Compressed(
            f"{where}quantized weights cannot learn; dequantize=True makes 32-bit floats of those of the layers named, "
            f"{beyond}",
            f"{where}quantized weights learn with TrainingOptions(low_precision=…)",
        )
    return Compressed(
        f"{where}the weights are 16-bit floats, and Core ML trains no network that has any; dequantize=True makes "
        f"32-bit floats of them; split_for_update leaves layers that do not learn in a model of their own; {beyond}",
        f"{where}it trains no network with weights of 16 bits; those that learn need TrainingOptions(low_precision=…)",
    )


def expand(net: Net, learners: list[Any]) -> None:
    """32-bit floats where a weight learns, and everywhere instead of 16-bit ones."""
    marked = {id(layer) for layer in learners}
    for layer in net.layers:
        for field, weight in weights_of(layer):
            if weight_form(weight) == "float16Value":
                _widen(net, layer, field, weight)
        if id(layer) in marked:
            _dequantize(net, layer)


def _dequantize(net: Net, layer: Any) -> None:
    for one in weighted(layer, net.payloads):
        if weight_form(one.params) in _QUANTIZED:
            floats = read_weights(
                one.params, shape=one.shape, layer=layer.name, field=one.field, channel_axis=one.channel_axis or 0,
                payloads=net.payloads,
            )  # fmt: skip
            write_weights(one.params, floats, net.payloads)
    kind = layer.WhichOneof("layer")
    if kind in ("innerProduct", "batchedMatmul"):
        getattr(layer, kind).int8DynamicQuantize = False


def _widen(net: Net, layer: Any, field: str, weight: Any) -> None:
    stored = stored_weight(weight, net.payloads)
    assert stored is not None
    floats = read_weights(weight, shape=(stored[1],), layer=layer.name, field=field, payloads=net.payloads)
    write_weights(weight, floats, net.payloads)
