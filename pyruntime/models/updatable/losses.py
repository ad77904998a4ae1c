"""What a network that learns is measured by: which blob, cross entropy or squared error, and the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.updatable.channels import MOVES, SOFTMAX
from pyruntime.models.updatable.network import Net, near
from pyruntime.spec import messages

ENTROPY, SQUARED = "categoricalCrossEntropyLossLayer", "meanSquaredErrorLossLayer"
_NAMES = {
    "categorical_cross_entropy": ENTROPY, "cross_entropy": ENTROPY, ENTROPY: ENTROPY,
    "mean_squared_error": SQUARED, "mse": SQUARED, SQUARED: SQUARED,
}  # fmt: skip


@dataclass(frozen=True)
class Loss:
    """kind: a loss layer's field.  blob: what it reads.  output: the output or blob that the caller knows it by."""

    kind: str
    blob: str
    output: str


def choose_loss(net: Net, loss: str | None, output: str | None, add_softmax: bool) -> Loss:
    """The loss that a caller asks for, or the one that fits: cross entropy where a softmax ends, else squared error.

    Raises BuildError.  add_softmax: a softmax is added for cross entropy where the network has none.
    """
    if loss is not None and loss not in _NAMES:
        raise BuildError(f"loss is {loss!r}, expected 'categorical_cross_entropy' or 'mean_squared_error'")
    blob = _output(net, output)
    source = _behind_moves(net, blob)
    is_softmax = _kind(net, source) in SOFTMAX
    if loss is None:
        kind = ENTROPY if is_softmax or net.kind == "neuralNetworkClassifier" else SQUARED
    else:
        kind = _NAMES[loss]
    if kind == SQUARED:
        return Loss(kind, source, blob)
    if not is_softmax:
        source = _with_softmax(net, source, blob, add_softmax)
    return Loss(kind, source, blob)


def loss_blob(net: Net, output: str | None) -> str:
    """What a loss without a softmax of its own would read."""
    return _behind_moves(net, _output(net, output))


def _output(net: Net, output: str | None) -> str:
    """The blob that the loss is about: of an output, or of the layer that the caller names."""
    names = net.results
    if output is None:
        if net.scores:
            return net.scores
        if len(names) == 1:
            return names[0]
        raise BuildError(
            f"{net.where}the network has {len(names)} outputs, {names}: say which one the loss reads, output=…"
        )
    if net.scores and output == net.spec.description.predictedProbabilitiesName:
        return net.scores
    known = [*names, *(blob for layer in net.layers for blob in layer.output)]
    if output not in known:
        raise BuildError(f"{net.where}there is no output {output!r}{near(output, known, 'outputs and blobs')}")
    return output


def _behind_moves(net: Net, blob: str) -> str:
    """The blob with the same numbers before layers that only give a new shape."""
    seen: set[int] = set()
    while True:
        layer = net.upstream(blob, seen)
        if (
            layer is None
            or layer.WhichOneof("layer") not in (*MOVES, "copy")
            or layer.WhichOneof("layer") == "transpose"
        ):
            return blob
        blob = layer.input[0]


def _kind(net: Net, blob: str) -> str | None:
    layer = net.producer(blob)
    return None if layer is None else str(layer.WhichOneof("layer"))


def _with_softmax(net: Net, source: str, blob: str, add: bool) -> str:
    """A blob with probabilities for the loss alone; what the network answers stays."""
    kind = _kind(net, source)
    if kind is None:
        raise BuildError(f"{net.where}{blob!r} is no layer's result, so no layer could learn from a loss on it")
    if not add:
        raise BuildError(
            f"{net.where}cross entropy reads probabilities from a softmax, but {blob!r} comes from layer "
            f"{net.producer(source).name!r} ({kind}).  With add_softmax=True the loss gets a softmax of its own and "
            "predictions stay as they are; or ask for loss='mean_squared_error'"
        )
    name = net.fresh(f"{source}_probabilities")
    shape = net.shapes[source]
    layer = net.message.layers.add(name=name, input=[source], output=[name])
    if len(shape) >= 4 or kind == "convolution":
        layer.softmax.SetInParent()
    else:
        layer.softmaxND.axis = -1
    net.layers = list(net.message.layers)
    net.shapes[name] = shape
    return name


def write_loss(net: Net, loss: Loss, name: str) -> str:
    """Write the loss layer and the training inputs of a network; the name of the target."""
    description = net.spec.description
    target = net.fresh(f"{loss.output}_true")
    layer = net.message.updateParams.lossLayers.add(name=net.fresh(name))
    message = getattr(layer, loss.kind)
    message.input, message.target = loss.blob, target
    description.ClearField("trainingInput")
    for feature in description.input:
        description.trainingInput.add(name=feature.name, shortDescription=feature.shortDescription).type.CopyFrom(
            feature.type
        )
    label = description.predictedFeatureName
    best = next((f for f in description.output if label and f.name == label), None)
    if loss.kind == ENTROPY and best is not None and net.kind == "neuralNetworkClassifier":
        description.trainingInput.add(name=label, shortDescription="The right class").type.CopyFrom(best.type)
        return str(label)
    wanted = description.trainingInput.add(name=target)
    kinds = messages.ArrayFeatureType.ArrayDataType
    array = wanted.type.multiArrayType
    if loss.kind == ENTROPY:
        wanted.shortDescription = "Number of the right class"
        array.shape.append(1)
        array.dataType = kinds.INT32
        return target
    wanted.shortDescription = f"What {loss.output} should be"
    array.shape.extend(_target_shape(net, loss))
    declared = next((f for f in description.output if f.name == loss.output), None)
    is_float = declared is not None and declared.type.multiArrayType.dataType == kinds.FLOAT32
    array.dataType = kinds.FLOAT32 if is_float else kinds.DOUBLE
    return target


def _target_shape(net: Net, loss: Loss) -> list[int]:
    """The shape that the model declares for the output, else that of the blob."""
    for feature in net.spec.description.output:
        if feature.name == loss.output and feature.type.multiArrayType.shape:
            return [int(size) for size in feature.type.multiArrayType.shape]
    shape = list(net.shapes[loss.output])
    while len(shape) > 1 and shape[0] == -1:  # sequence and batch of networks of five axes
        del shape[0]
    if -1 in shape:
        raise BuildError(
            f"{net.where}the shape of {loss.output!r} is open, {shape}: declare the output's shape in the model, "
            "so that targets have one"
        )
    if len(shape) == 3 and shape[1:] == [1, 1]:
        return shape[:1]
    return shape


def loss_name(loss: Any) -> str:
    """cross entropy or squared error, for people."""
    return "categorical cross entropy" if loss.kind == ENTROPY else "mean squared error"
