"""Writes the network and an empty k-NN behind it as an updatable pipeline classifier.

    sketch → drawingEmbedding (neuralNetwork, frozen) → embedding → stickerClassifier (k-NN, learns) → label

The network's file version is 1: its layers and rank rules are those of the first Core ML.  Updatable models
came with version 4.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from pyruntime.spec import Model, messages
from sticker.drawings import SIZE
from sticker.network import EMBEDDING, ConvNorm, DrawingEmbedding, LinearNorm, Residual

VERSION = "1.0"
NEIGHBORS = 5
MOST_NEIGHBORS = 1000
AUTHOR = "pyruntime"
SOURCE = "The network was trained on drawings of 'Quick, Draw!' by Google (CC BY 4.0)."
LICENSE = f"Apache-2.0. {SOURCE}"
SKETCH = ("sketch", f"Drawing, {SIZE} x {SIZE} pixels, white strokes on black")
VECTOR = ("embedding", f"Place of the drawing among all drawings, {EMBEDDING} numbers; alike means near")
LABEL = ("label", "Name of the sticker that the drawing is most like; 'unknown' before the first example")
SCORES = ("labelProbs", "Score of each learned sticker, their sum is 1")
EXAMPLE = ("sketch", f"Drawing to learn, {SIZE} x {SIZE} pixels, white strokes on black")
EXAMPLE_VECTOR = ("embedding", "Embedding of the drawing to learn")
EXAMPLE_LABEL = ("label", "Name of its sticker, new or known")


def sticker_model(network: DrawingEmbedding, *, inverse_distance: bool, training: str) -> Model:
    """The whole model.

    inverse_distance: near neighbours count more; else each has one vote.  training: a remark for the file.
    """
    model = Model(specificationVersion=4, isUpdatable=True)
    about = model.description
    _describe(model, "Learns to tell your own drawn stickers apart from a few examples of each.")
    about.metadata.userDefined["training"] = training
    _image(about.input.add(), SKETCH)
    _classifier_outputs(about)
    _image(about.trainingInput.add(), EXAMPLE)
    _string(about.trainingInput.add(), EXAMPLE_LABEL)
    pipeline = model.pipelineClassifier.pipeline
    pipeline.names.extend(["drawingEmbedding", "stickerClassifier"])
    _fill_network(pipeline.models.add(), network)
    _fill_classifier(pipeline.models.add(), inverse_distance)
    return model


def _fill_network(model: Model, network: DrawingEmbedding) -> None:
    model.specificationVersion = 1
    _describe(model, "Turns a drawing into an embedding: drawings of one thing lie near each other.")
    _image(model.description.input.add(), SKETCH)
    _vector(model.description.output.add(), VECTOR)
    scaler = model.neuralNetwork.preprocessing.add()
    scaler.featureName = SKETCH[0]
    scaler.scaler.channelScale = 1 / 255
    LayerWriter(model.neuralNetwork).write_all(network)


def _fill_classifier(model: Model, inverse_distance: bool) -> None:
    model.specificationVersion, model.isUpdatable = 4, True
    _describe(model, f"Names a drawing by the {NEIGHBORS} examples that lie nearest to it.")
    about = model.description
    _vector(about.input.add(), VECTOR)
    _classifier_outputs(about)
    _vector(about.trainingInput.add(), EXAMPLE_VECTOR)
    _string(about.trainingInput.add(), EXAMPLE_LABEL)
    nearest = model.kNearestNeighborsClassifier
    nearest.nearestNeighborsIndex.numberOfDimensions = EMBEDDING
    nearest.nearestNeighborsIndex.linearIndex.SetInParent()
    nearest.nearestNeighborsIndex.squaredEuclideanDistance.SetInParent()
    nearest.numberOfNeighbors.defaultValue = NEIGHBORS
    nearest.numberOfNeighbors.range.minValue = 1
    nearest.numberOfNeighbors.range.maxValue = MOST_NEIGHBORS
    nearest.stringClassLabels.SetInParent()
    nearest.defaultStringLabel = "unknown"
    (nearest.inverseDistanceWeighting if inverse_distance else nearest.uniformWeighting).SetInParent()


class LayerWriter:
    """Appends layers to a neuralNetwork message, each reading the blob that the one before it wrote."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._blob = SKETCH[0]

    def write_all(self, network: DrawingEmbedding) -> None:
        """All blocks; the last layer writes the blob `embedding`."""
        for block in network:
            self._write(block)
        self._network.layers[-1].output[0] = VECTOR[0]

    def _write(self, block: nn.Module) -> None:
        match block:
            case ConvNorm():
                self._convolution(block)
            case Residual():
                shortcut = self._blob
                for inner in block.body:
                    self._write(inner)
                self._layer("add", shortcut).add.SetInParent()
                self._relu()
            case nn.MaxPool2d():
                self._max_pool(block.kernel_size)
            case nn.Flatten():
                self._layer("flatten").flatten.SetInParent()
            case LinearNorm():
                self._inner_product(block)
            case _:
                raise TypeError(f"the export knows no block of type {type(block).__name__}")

    def _layer(self, kind: str, *more_inputs: str) -> Any:
        layer = self._network.layers.add()
        layer.name = f"{kind}{sum(each.name.startswith(kind) for each in self._network.layers) + 1}"
        layer.input.extend([self._blob, *more_inputs])
        layer.output.append(layer.name)
        self._blob = layer.name
        return layer

    def _convolution(self, block: ConvNorm) -> None:
        weight, bias = block.folded()
        params = self._layer("convolution").convolution
        params.outputChannels, params.kernelChannels = weight.shape[:2]
        params.nGroups = block.conv.groups
        params.kernelSize.extend(weight.shape[2:])
        params.stride.extend(block.conv.stride)
        params.dilationFactor.extend((1, 1))
        for pad in block.conv.padding:  # written out: "same" would pad a stride of 2 on the other side
            params.valid.paddingAmounts.borderAmounts.add(startEdgeSize=pad, endEdgeSize=pad)
        params.hasBias = True
        _weights(params.weights, weight)
        _weights(params.bias, bias)
        if block.relu:
            self._relu()

    def _relu(self) -> None:
        self._layer("relu").activation.ReLU.SetInParent()

    def _max_pool(self, size: Any) -> None:
        params = self._layer("pooling").pooling
        params.type = params.MAX
        params.kernelSize.extend((size, size))
        params.stride.extend((size, size))
        params.valid.SetInParent()

    def _inner_product(self, block: LinearNorm) -> None:
        weight, bias = block.folded()
        params = self._layer("innerProduct").innerProduct
        params.outputChannels, params.inputChannels = weight.shape
        params.hasBias = True
        _weights(params.weights, weight)
        _weights(params.bias, bias)


def _weights(params: Any, values: torch.Tensor) -> None:
    params.floatValue.extend(values.detach().contiguous().flatten().tolist())


def _describe(model: Model, text: str) -> None:
    metadata = model.description.metadata
    metadata.shortDescription, metadata.versionString = f"{text} {SOURCE}", VERSION
    metadata.author, metadata.license = AUTHOR, LICENSE


def _classifier_outputs(about: Any) -> None:
    _string(about.output.add(), LABEL)
    scores = about.output.add()
    scores.name, scores.shortDescription = SCORES
    scores.type.dictionaryType.stringKeyType.SetInParent()
    about.predictedFeatureName, about.predictedProbabilitiesName = LABEL[0], SCORES[0]


def _image(feature: Any, name_and_text: tuple[str, str]) -> None:
    feature.name, feature.shortDescription = name_and_text
    image = feature.type.imageType
    image.width = image.height = SIZE
    image.colorSpace = messages.ImageFeatureType.GRAYSCALE


def _vector(feature: Any, name_and_text: tuple[str, str]) -> None:
    feature.name, feature.shortDescription = name_and_text
    feature.type.multiArrayType.shape.append(EMBEDDING)
    feature.type.multiArrayType.dataType = messages.ArrayFeatureType.FLOAT32


def _string(feature: Any, name_and_text: tuple[str, str]) -> None:
    feature.name, feature.shortDescription = name_and_text
    feature.type.stringType.SetInParent()
