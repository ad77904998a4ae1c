"""Small models with answers that NumPy gives: files that a test makes itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.spec import messages

WIDTH, CLASSES = 40, 3
X = np.linspace(-1, 1, WIDTH, dtype=np.float32)


def weights(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(CLASSES, WIDTH) and (CLASSES)."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(CLASSES, WIDTH)).astype(np.float32), rng.normal(size=CLASSES).astype(np.float32)


def _array(features: Any, name: str, size: int) -> None:
    feature = features.add(name=name)
    feature.type.multiArrayType.shape.append(size)
    feature.type.multiArrayType.dataType = messages.ArrayFeatureType.FLOAT32


def _dense(layers: Any, seed: int, source: str, result: str) -> None:
    w, b = weights(seed)
    layer = layers.add(name=f"dense{seed}", input=[source], output=[result])
    params = layer.innerProduct
    params.inputChannels, params.outputChannels, params.hasBias = WIDTH, CLASSES, True
    params.weights.floatValue.extend(w.ravel().tolist())
    params.bias.floatValue.extend(b.tolist())


def linear(seed: int = 1) -> Any:
    """x (WIDTH) -> y (CLASSES) = W x + b."""
    spec = messages.Model(specificationVersion=4)
    _array(spec.description.input, "x", WIDTH)
    _array(spec.description.output, "y", CLASSES)
    spec.neuralNetwork.arrayInputShapeMapping = 1
    _dense(spec.neuralNetwork.layers, seed, "x", "y")
    return spec


def linear_answer(seed: int = 1, x: np.ndarray = X) -> np.ndarray:
    w, b = weights(seed)
    return w @ x + b


def classifier(seed: int = 1) -> Any:
    """x (WIDTH) -> the label of the largest of W x + b, and all of them as scores."""
    spec = messages.Model(specificationVersion=4)
    _array(spec.description.input, "x", WIDTH)
    spec.description.output.add(name="label").type.stringType.SetInParent()
    spec.description.output.add(name="scores").type.dictionaryType.stringKeyType.SetInParent()
    spec.description.predictedFeatureName = "label"
    spec.description.predictedProbabilitiesName = "scores"
    network = spec.neuralNetworkClassifier
    network.arrayInputShapeMapping = 1
    network.stringClassLabels.vector.extend(["cat", "dog", "cow"])
    _dense(network.layers, seed, "x", "s")
    return spec


def pipeline(seed: int = 1) -> Any:
    """Two models over the same x: y = W1 x + b1, and the classifier of the next seed."""
    first, last = linear(seed), classifier(seed + 1)
    spec = messages.Model(specificationVersion=4)
    spec.description.input.add().CopyFrom(first.description.input[0])
    for feature in (*first.description.output, *last.description.output):
        spec.description.output.add().CopyFrom(feature)
    spec.description.predictedFeatureName = "label"
    spec.description.predictedProbabilitiesName = "scores"
    message = spec.pipelineClassifier.pipeline
    message.names.extend(["embedding", "head"])
    for part in (first, last):
        message.models.add().CopyFrom(part)
    return spec
