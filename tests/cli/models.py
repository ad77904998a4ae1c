"""Small models for the command line, written with the format's own messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pyruntime.spec import messages, save_spec

SIDE, FEATURES = 4, 3


def projection() -> np.ndarray:
    """(FEATURES, SIDE * SIDE): the weights of `sticker`'s network."""
    return np.random.default_rng(3).normal(size=(FEATURES, SIDE * SIDE)).astype(np.float32).round(3)


def array(features: Any, name: str, *shape: int, text: str = "") -> None:
    feature = features.add(name=name, shortDescription=text)
    feature.type.multiArrayType.shape.extend(shape)
    feature.type.multiArrayType.dataType = messages.ArrayFeatureType.FLOAT32


def picture(features: Any, name: str) -> None:
    image = features.add(name=name, shortDescription="A drawing").type.imageType
    image.width = image.height = SIDE
    image.colorSpace = messages.ImageFeatureType.GRAYSCALE


def label_and_scores(description: Any) -> None:
    description.output.add(name="label").type.stringType.SetInParent()
    description.output.add(name="scores").type.dictionaryType.stringKeyType.SetInParent()
    description.predictedFeatureName, description.predictedProbabilitiesName = "label", "scores"


def dense(layers: Any, source: str, result: str, w: np.ndarray) -> None:
    layer = layers.add(name=f"dense_{result}", input=[source], output=[result])
    params = layer.innerProduct
    params.outputChannels, params.inputChannels = w.shape
    params.weights.floatValue.extend(w.ravel().tolist())


def linear() -> Any:
    """x (2) -> y (2) = [[1, 2], [3, 4]] x."""
    spec = messages.Model(specificationVersion=4)
    array(spec.description.input, "x", 2)
    array(spec.description.output, "y", 2)
    spec.neuralNetwork.arrayInputShapeMapping = 1
    dense(spec.neuralNetwork.layers, "x", "y", np.array([[1, 2], [3, 4]], np.float32))
    return spec


def classifier() -> Any:
    """x (2) -> softmax of x as scores of "left" and "right"."""
    spec = messages.Model(specificationVersion=4)
    array(spec.description.input, "x", 2)
    label_and_scores(spec.description)
    network = spec.neuralNetworkClassifier
    network.stringClassLabels.vector.extend(["left", "right"])
    network.layers.add(name="softmax", input=["x"], output=["p"]).softmax.SetInParent()
    return spec


def sticker() -> Any:
    """Updatable pipeline: drawing (SIDE x SIDE) -> projection -> k-NN of k = 3."""
    spec = messages.Model(specificationVersion=4, isUpdatable=True)
    d = spec.description
    picture(d.input, "drawing")
    picture(d.trainingInput, "drawing")
    d.trainingInput.add(name="label").type.stringType.SetInParent()
    label_and_scores(d)
    d.metadata.author, d.metadata.shortDescription = "A. Tester", "Learns drawings."
    d.metadata.license, d.metadata.versionString = "CC0", "1.2"
    pipeline = spec.pipelineClassifier.pipeline
    pipeline.names.extend(["embedding", "neighbors"])
    _embedding(pipeline.models.add(specificationVersion=4))
    _neighbors(pipeline.models.add(specificationVersion=4, isUpdatable=True))
    return spec


def _embedding(model: Any) -> None:
    picture(model.description.input, "drawing")
    array(model.description.output, "vector", FEATURES)
    network = model.neuralNetwork
    network.layers.add(name="flatten", input=["drawing"], output=["pixels"]).flatten.SetInParent()
    dense(network.layers, "pixels", "vector", projection())


def _neighbors(model: Any) -> None:
    array(model.description.input, "vector", FEATURES)
    array(model.description.trainingInput, "vector", FEATURES)
    model.description.trainingInput.add(name="label").type.stringType.SetInParent()
    label_and_scores(model.description)
    knn = model.kNearestNeighborsClassifier
    knn.numberOfNeighbors.defaultValue = 3
    knn.numberOfNeighbors.range.minValue, knn.numberOfNeighbors.range.maxValue = 1, 9
    knn.defaultStringLabel = "unknown"
    knn.stringClassLabels.SetInParent()
    knn.uniformWeighting.SetInParent()
    index = knn.nearestNeighborsIndex
    index.numberOfDimensions = FEATURES
    index.linearIndex.SetInParent()
    index.squaredEuclideanDistance.SetInParent()


def trees() -> Any:
    """A type that has no engine here: one leaf."""
    spec = messages.Model(specificationVersion=1)
    spec.description.input.add(name="x").type.doubleType.SetInParent()
    spec.description.output.add(name="y").type.doubleType.SetInParent()
    spec.serializedModel.identifier = "private"
    return spec


def saved(spec: Any, path: Path) -> str:
    save_spec(spec, path)
    return str(path)
