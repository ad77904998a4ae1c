"""What an updatable network says about its training: which layers learn, which loss, which optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyruntime.errors import SpecError
from pyruntime.spec.paths import weight_paths
from pyruntime.spec.payloads import Payloads
from pyruntime.spec.weights import weight_form

LEARN_WHOLE = ("convolution", "innerProduct")
"""Layers that learn in Core ML too, where their weights and bias are marked together."""
FIELDS = ("weights", "bias")
LOW_PRECISION = (
    'expected 32-bit floats, or a way to learn: TrainingOptions(low_precision="adapter") leaves them as they are and '
    'trains an adapter, low_precision="dequantize" makes them 32-bit floats'
)


@dataclass(frozen=True)
class Loss:
    """kind: categoricalCrossEntropyLossLayer or meanSquaredErrorLossLayer.  source: a blob, target: a feature."""

    name: str
    kind: str
    source: str
    target: str


@dataclass(frozen=True)
class Recipe:
    """network: the message.  updatable: numbers of the layers that learn.  optimizer: sgdOptimizer or adamOptimizer."""

    network: Any
    updatable: tuple[int, ...]
    loss: Loss
    optimizer: str


def read_recipe(network: Any, source: str, payloads: Payloads | None, *, dequantize: bool = False) -> Recipe:
    """The recipe of a network message, or SpecError naming the rule of updatable networks that it breaks.

    dequantize: weights that learn may be stored in less than 32 bits.
    """
    numbers = [i for i, layer in enumerate(network.layers) if layer.isUpdatable]
    if not numbers:
        raise SpecError(f"{source}: the model is marked as updatable, but none of its layers is; mark at least one")
    names = [layer.name for layer in network.layers]
    for i in numbers:
        _check_layer(network.layers[i], payloads, dequantize)
        if names.count(names[i]) > 1 or not names[i]:
            raise SpecError(f"{source}: layer {names[i]!r} is updatable, so it needs a name that no other layer has")
    optimizer = network.updateParams.optimizer.WhichOneof("OptimizerType")
    if optimizer is None:
        raise SpecError(f"{source}: the updatable network has no optimizer, expected SGD or Adam in updateParams")
    _check_parameters(network.updateParams, optimizer, source)
    return Recipe(network, tuple(numbers), _loss(network.updateParams.lossLayers, source), optimizer)


def _check_layer(layer: Any, payloads: Payloads | None, dequantize: bool) -> None:
    """A layer that learns: float32 weights that are marked too.  Core ML takes fewer types (spec/legality)."""
    kind = layer.WhichOneof("layer")
    where = f"layer {layer.name!r} ({kind})"
    params = getattr(layer, kind)
    weights = dict(weight_paths(params))
    if not weights:
        raise SpecError(f"{where} is marked as updatable, but it has no weights that could learn")
    if kind in LEARN_WHOLE:
        for field in FIELDS if params.hasBias else FIELDS[:1]:
            if not getattr(params, field).isUpdatable:
                raise SpecError(f"{where} is updatable, but its {field} are not marked so; both must be")
    marked = {path: weight for path, weight in weights.items() if weight.isUpdatable}
    if not marked:
        raise SpecError(
            f"{where} is updatable, but none of its weights is marked so: mark some of {', '.join(weights)}"
        )
    if ("mean" in marked) != ("variance" in marked):
        raise SpecError(f"{where}: mean and variance are collected together; mark both as updatable, or neither")
    for path, weight in marked.items():
        form = weight_form(weight)
        if form not in ("floatValue", None) and not dequantize:
            raise SpecError(f"{where} is updatable, but its {path} are stored as {form}; {LOW_PRECISION}")


def _check_parameters(update: Any, optimizer: str, source: str) -> None:
    needed = {"sgdOptimizer": ("learningRate", "miniBatchSize"),
              "adamOptimizer": ("learningRate", "miniBatchSize", "beta1", "beta2", "eps")}[optimizer]  # fmt: skip
    message = getattr(update.optimizer, optimizer)
    missing = [name for name in needed if not message.HasField(name)]
    if not update.HasField("epochs"):
        missing.append("epochs")
    if missing:
        raise SpecError(
            f"{source}: updateParams of the network has no {' and no '.join(missing)}, which {optimizer} needs"
        )


def _loss(layers: Any, source: str) -> Loss:
    if len(layers) != 1:
        raise SpecError(f"{source}: an updatable network has exactly one loss layer, this one has {len(layers)}")
    kind = layers[0].WhichOneof("LossLayerType")
    if kind is None:
        raise SpecError(f"{source}: the loss layer has no type, expected cross entropy or squared error")
    params = getattr(layers[0], kind)
    return Loss(layers[0].name, kind, params.input, params.target)
