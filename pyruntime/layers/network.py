"""A whole network message to a graph: its inputs, its layers in order, its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyruntime.description import FeatureDescription, ImageConstraint, ModelDescription, MultiArrayConstraint
from pyruntime.errors import SpecError
from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.ops import BinaryKind, Image, UnaryKind
from pyruntime.ir.types import UNKNOWN, DType, Shape
from pyruntime.layers import families  # noqa: F401  (files every layer function under its name)
from pyruntime.layers.builder import Builder
from pyruntime.layers.regions import close
from pyruntime.layers.registry import LAYERS
from pyruntime.layers.scope import Blob, lower_layers, read
from pyruntime.spec.payloads import Payloads
from pyruntime.spec.weights import read_floats

CORE_ML_2_LAYERS = frozenset(
    [
        "convolution",
        "pooling",
        "activation",
        "innerProduct",
        "embedding",
        "batchnorm",
        "mvn",
        "l2normalize",
        "softmax",
        "lrn",
        "crop",
        "padding",
        "upsample",
        "resizeBilinear",
        "cropResize",
        "unary",
        "add",
        "multiply",
        "average",
        "scale",
        "bias",
        "max",
        "min",
        "dot",
        "reduce",
        "loadConstant",
        "reshape",
        "flatten",
        "permute",
        "concat",
        "split",
        "sequenceRepeat",
        "reorganizeData",
        "slice",
        "simpleRecurrent",
        "gru",
        "uniDirectionalLSTM",
        "biDirectionalLSTM",
        "custom",
    ]
)
"""Layer types of Core ML 2: a network of only these, with both mappings 0, has blobs of rank 5."""

__all__ = ["CORE_ML_2_LAYERS", "LAYERS", "NetworkGraph", "array_shape", "blob_shapes", "is_legacy", "lower_network"]


@dataclass(frozen=True)
class NetworkGraph:
    """A network as graph.  `inputs` and `outputs` name the features behind the graph's inputs and outputs, in order."""

    graph: Graph
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    legacy: bool


def is_legacy(network: Any) -> bool:
    """Whether blobs have rank 5 (Seq, Batch, C, H, W)."""
    kinds = {layer.WhichOneof("layer") for layer in network.layers}
    return not network.arrayInputShapeMapping and not network.imageInputShapeMapping and kinds <= CORE_ML_2_LAYERS


def lower_network(
    network: Any, description: ModelDescription, payloads: Payloads | None, wanted: tuple[str, ...]
) -> NetworkGraph:
    """The graph that computes the blobs in `wanted` from the model's inputs.

    network: a NeuralNetwork, NeuralNetworkClassifier or NeuralNetworkRegressor message.
    """
    b, graph_inputs = _lower_all(network, description, payloads)
    missing = [name for name in wanted if name not in b.scope.names]
    if missing:
        last = list(b.scope.names)[-5:]
        raise SpecError(f"output {missing[0]!r}: no layer of the network makes it; layers make {', '.join(last)}, …")
    b.layer, b.kind = "the network's outputs", ""
    outputs = [read(name, b) for name in wanted]
    (graph,), _ = close([(b, outputs)], graph_inputs)
    return NetworkGraph(graph, tuple(f.name for f in description.inputs), wanted, b.legacy)


def blob_shapes(network: Any, description: ModelDescription, payloads: Payloads | None) -> dict[str, Shape]:
    """Shapes of the inputs and of what the layers give, by name; -1 where only a prediction knows a size.

    A name that stands for different things on the ways of a prediction is left out.  Raises what `lower_network` does.
    """
    b, _ = _lower_all(network, description, payloads)
    return {name: blob.value.shape for name, blob in b.scope.names.items() if isinstance(blob, Blob)}


def _lower_all(network: Any, description: ModelDescription, payloads: Payloads | None) -> tuple[Builder, list[Value]]:
    """A builder that has lowered every layer, and the graph's inputs."""
    b = Builder(payloads, legacy=is_legacy(network))
    graph_inputs: list[Value] = []
    for feature in description.inputs:
        value, blob = _input(feature, network, b)
        graph_inputs.append(value)
        b.scope.bind(feature.name, Blob(blob))
        b.scope.own.add(feature.name)
    lower_layers(network.layers, b)
    return b, graph_inputs


def _input(feature: FeatureDescription, network: Any, b: Builder) -> tuple[Value, Value]:
    """The graph's input for a feature, and the blob that layers read."""
    b.layer, b.kind = f"input {feature.name!r}", ""
    if isinstance(feature.constraint, ImageConstraint):
        return _image_input(feature, feature.constraint, network, b)
    if isinstance(feature.constraint, MultiArrayConstraint):
        shape = array_shape(feature.constraint, b.legacy)
        if shape is None:
            rank = len(feature.constraint.shape)
            raise b.unsupported(
                f"an array of rank {rank} cannot enter a network of Core ML 2 layers, which takes rank 1, 3 or 5"
            )
        value = Value(f"in:{feature.name}", DType.F32, shape)
        return value, value
    raise SpecError(
        f"input {feature.name!r}: a network takes images and arrays, the model declares {feature.type_name}"
    )


def array_shape(constraint: MultiArrayConstraint, legacy: bool) -> Shape | None:
    """Shape of an array input in the graph, open where model or mapping leave it open; None: a rank it lacks."""
    shape = constraint.open_shape()
    if not legacy:
        return shape
    if len(shape) == 1:
        return (UNKNOWN, UNKNOWN, shape[0], 1, 1)
    if len(shape) == 3:
        return (UNKNOWN, UNKNOWN, *shape)
    return shape if len(shape) == 5 else None


def _image_input(feature: FeatureDescription, image: ImageConstraint, network: Any, b: Builder) -> tuple[Value, Value]:
    lead = (1, 1) if not network.imageInputShapeMapping else (1,)
    height, width = image.open_size()
    if image.is_float:
        value = Value(f"in:{feature.name}", DType.F32, (*lead, height, width, 1))
        pixels, scale, bias = value, 1.0, [0.0]
    else:
        value = Value(f"in:{feature.name}", DType.U8, (*lead, height, width, image.channels))
        pixels = value
        scale, bias = 1.0, [0.0] * image.channels
    means: list[Any] = []
    for entry in network.preprocessing:
        if entry.featureName not in ("", feature.name):  # no name: the only image
            continue
        if entry.WhichOneof("preprocessor") == "scaler":
            if means:
                raise b.unsupported("a scaler after a mean image is not supported")
            factor, offsets = entry.scaler.channelScale, _scaler_bias(entry.scaler, image)
            scale, bias = scale * factor, [old * factor + new for old, new in zip(bias, offsets, strict=True)]
        elif entry.WhichOneof("preprocessor") == "meanImage":
            means.append(entry.meanImage)
    if image.is_float:
        numbers = b.unary(UnaryKind.LINEAR, pixels, scale, bias[0]) if (scale, bias[0]) != (1.0, 0.0) else pixels
    else:
        full = (bias + bias[-1:] * 3)[:3]
        numbers = b.emit(Image(image.is_bgr, float(scale), (float(full[0]), float(full[1]), float(full[2]))), pixels)
    blob = b.channels_first(numbers)
    for mean in means:
        values = read_floats(mean, b.payloads)
        size = image.channels * b.known(height, "the height") * b.known(width, "the width")
        if values.size != size:
            raise b.invalid("its mean image", expected=f"{size} numbers", got=values.size)
        negated = b.constant(values.reshape(image.channels, height, width))
        blob = b.binary(BinaryKind.SUB, blob, negated)
    return value, blob


def _scaler_bias(scaler: Any, image: ImageConstraint) -> list[float]:
    """Bias per channel in the network's order: a colour's bias belongs to the colour wherever it sits."""
    if image.channels == 1:
        return [scaler.grayBias]
    colours = [scaler.redBias, scaler.greenBias, scaler.blueBias]
    return colours[::-1] if image.is_bgr else colours
