"""Rules of networks that learn: layers, loss, the way back from the loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from pyruntime.spec.legality.rules import NETWORKS, PIPELINES, Part, rule
from pyruntime.spec.weights import weight_form

MAY_LEARN = ("convolution", "innerProduct", "uniDirectionalLSTM")
PASSES_GRADIENTS = ("flatten", "pooling", "batchnorm", *MAY_LEARN)
ACTIVATIONS_WITH_GRADIENT = ("ReLU", "sigmoid", "tanh")


@rule(updatable=True)
def models_that_learn_have_version_4(part: Part) -> Iterator[str]:
    if part.spec.specificationVersion < 4:
        yield f"the model is updatable and of version {part.spec.specificationVersion}, expected at least 4"


@rule(updatable=True)
def models_that_learn_are_networks_k_nn_or_pipelines(part: Part) -> Iterator[str]:
    if part.kind not in (*NETWORKS, "kNearestNeighborsClassifier", *PIPELINES):
        yield f"the model is updatable and of type {part.kind}, which cannot learn"


@rule(*NETWORKS, updatable=True)
def some_layer_learns(part: Part) -> Iterator[str]:
    if not any(layer.isUpdatable for layer in part.message.layers):
        yield "the network is updatable, but none of its layers is; mark one, or set isUpdatable to false"


@rule(*NETWORKS, updatable=True, limit=True)
def only_layers_with_weights_learn(part: Part) -> Iterator[str]:
    for layer in part.message.layers:
        kind = layer.WhichOneof("layer")
        if layer.isUpdatable and kind not in MAY_LEARN:
            yield f"layer {layer.name!r} is updatable and of type {kind}, expected convolution or innerProduct"


def _own_weights(layer: Any) -> list[tuple[str, Any]]:
    """Weights, and bias if the layer has one, of a convolution or an inner product that learns."""
    kind = layer.WhichOneof("layer")
    if not layer.isUpdatable or kind not in ("convolution", "innerProduct"):
        return []
    params = getattr(layer, kind)
    return [("weights", params.weights), *([("bias", params.bias)] if params.hasBias else [])]


@rule(*NETWORKS, updatable=True)
def weights_and_bias_learn_together(part: Part) -> Iterator[str]:
    for layer in part.message.layers:
        for field, weight in _own_weights(layer):
            if not weight.isUpdatable:
                yield f"layer {layer.name!r} is updatable, but its {field} are not marked so; mark weights and bias"


@rule(*NETWORKS, updatable=True, limit=True)
def weights_that_learn_are_not_quantized(part: Part) -> Iterator[str]:
    for layer in part.message.layers:
        for field, weight in _own_weights(layer):
            form = weight_form(weight)
            if form in ("rawValue", "int8RawValue") or weight.HasField("quantization"):
                yield f"layer {layer.name!r} is updatable, but its {field} are quantized ({form}); store them as floats"


@rule(*NETWORKS, updatable=True)
def names_of_layers_and_losses_are_distinct(part: Part) -> Iterator[str]:
    names = Counter(one.name for one in (*part.message.layers, *part.message.updateParams.lossLayers))
    for name, count in names.items():
        if count > 1:
            yield f"{count} layers (losses included) have the name {name!r}"


@rule(*NETWORKS, updatable=True)
def one_loss(part: Part) -> Iterator[str]:
    losses = part.message.updateParams.lossLayers
    if len(losses) != 1:
        names = f" ({', '.join(loss.name for loss in losses)})" if losses else ""
        yield f"the network has {len(losses)} losses{names}, expected exactly one"
    elif losses[0].WhichOneof("LossLayerType") is None:
        yield f"loss {losses[0].name!r} has no type"


def loss_of(part: Part) -> tuple[str, str, Any] | None:
    """(name, kind, message) of the loss, if there is exactly one with a kind."""
    losses = part.message.updateParams.lossLayers
    kind = losses[0].WhichOneof("LossLayerType") if len(losses) == 1 else None
    return None if kind is None else (losses[0].name, kind, getattr(losses[0], kind))


def producers(part: Part) -> dict[str, Any]:
    """The layer that gives each blob; the last one, where several do."""
    return {blob: layer for layer in part.message.layers for blob in layer.output}


@rule(*NETWORKS, updatable=True, limit=True)
def cross_entropy_is_of_a_softmax(part: Part) -> Iterator[str]:
    """Of the layer `softmax`; softmaxND is another one."""
    loss = loss_of(part)
    if loss is None or loss[1] != "categoricalCrossEntropyLossLayer":
        return
    source = producers(part).get(loss[2].input)
    kind = "no layer" if source is None else f"a {source.WhichOneof('layer')} layer"
    if source is None or source.WhichOneof("layer") != "softmax":
        hint = "; rewrite softmaxND over the channels as softmax" if kind == "a softmaxND layer" else ""
        yield f"loss {loss[0]!r}: its input {loss[2].input!r} comes from {kind}, expected a softmax layer{hint}"


@rule(*NETWORKS, updatable=True)
def squared_error_is_of_a_layer(part: Part) -> Iterator[str]:
    loss = loss_of(part)
    if loss is not None and loss[1] == "meanSquaredErrorLossLayer" and loss[2].input not in producers(part):
        yield f"loss {loss[0]!r}: no layer gives its input {loss[2].input!r}"


@rule(*NETWORKS, updatable=True)
def target_of_the_loss_comes_from_outside(part: Part) -> Iterator[str]:
    loss = loss_of(part)
    if loss is not None and loss[2].target in producers(part):
        yield f"loss {loss[0]!r}: its target {loss[2].target!r} is computed by the network, expected a training input"


@rule(*NETWORKS, updatable=True, limit=True)
def gradients_reach_what_learns(part: Part) -> Iterator[str]:
    """Each layer with one that learns behind it, seen from the loss, can pass gradients."""
    loss = loss_of(part)
    if loss is None:
        return
    below_loss = producers(part).get(loss[2].input)
    learns_behind: dict[str, bool] = {}
    for layer in part.message.layers:  # in order of execution: what a layer reads was seen before
        behind = any(learns_behind.get(blob, False) for blob in layer.input)
        for blob in layer.output:
            learns_behind[blob] = behind or layer.isUpdatable
    reached = _reached(part, loss[2].input)
    for number, layer in enumerate(part.message.layers):
        behind = any(learns_behind.get(blob, False) for blob in layer.input)
        if number in reached and behind and not _passes(layer, below_loss, loss[1]):
            yield f"layer {layer.name!r}, {_what(layer)}, passes no gradients from the loss to a layer that learns"


def _reached(part: Part, blob: str) -> set[int]:
    """Places of the layers that a blob depends on."""
    wanted, reached = {blob}, set()
    for number in range(len(part.message.layers) - 1, -1, -1):
        layer = part.message.layers[number]
        if wanted.intersection(layer.output):
            reached.add(number)
            wanted.update(layer.input)
    return reached


def _passes(layer: Any, below_loss: Any, loss: str) -> bool:
    kind = layer.WhichOneof("layer")
    if kind == "activation":
        return layer.activation.WhichOneof("NonlinearityType") in ACTIVATIONS_WITH_GRADIENT
    if kind == "softmax":
        return layer is below_loss and loss == "categoricalCrossEntropyLossLayer"
    return kind in PASSES_GRADIENTS


def _what(layer: Any) -> str:
    kind = layer.WhichOneof("layer")
    if kind == "activation":
        return f"activation {layer.activation.WhichOneof('NonlinearityType')}"
    return f"{kind} not directly under a cross entropy loss" if kind == "softmax" else str(kind)
