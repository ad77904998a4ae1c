"""k-NN model files made here."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.spec import messages
from pyruntime.spec.weights import write_floats
from tests.small_models import CLASSES, linear


def knn_spec(
    samples: Any = (),
    labels: Any = (),
    *,
    dimensions: int = 2,
    k: int = 3,
    weighting: str = "uniformWeighting",
    leaf_size: int = 0,
    default: Any = None,
    bounds: tuple[int, int] | set[int] = (1, 1000),
) -> Any:
    """An updatable k-NN: input "vector", outputs "label" and "labelProbs"."""
    spec = messages.Model()
    spec.specificationVersion, spec.isUpdatable = 4, True
    knn = spec.kNearestNeighborsClassifier
    index = knn.nearestNeighborsIndex
    index.numberOfDimensions = dimensions
    index.squaredEuclideanDistance.SetInParent()
    if leaf_size:
        index.singleKdTreeIndex.leafSize = leaf_size
    else:
        index.linearIndex.SetInParent()
    for sample in samples:
        write_floats(index.floatSamples.add(), np.asarray(sample))
    is_int = isinstance(next(iter([*labels, default])), int)
    (knn.int64ClassLabels if is_int else knn.stringClassLabels).vector.extend(labels)
    if default is not None:
        setattr(knn, "defaultInt64Label" if is_int else "defaultStringLabel", default)
    getattr(knn, weighting).SetInParent()
    knn.numberOfNeighbors.defaultValue = k
    if isinstance(bounds, set):
        knn.numberOfNeighbors.set.values.extend(bounds)
    else:
        knn.numberOfNeighbors.range.minValue, knn.numberOfNeighbors.range.maxValue = bounds
    _describe(spec.description, dimensions, is_int)
    return spec


def _describe(description: Any, dimensions: int, is_int: bool) -> None:
    for features in (description.input, description.trainingInput):
        vector = features.add(name="vector")
        vector.type.multiArrayType.shape.append(dimensions)
        vector.type.multiArrayType.dataType = 65568
    label_type = "int64Type" if is_int else "stringType"
    for features in (description.output, description.trainingInput):
        getattr(features.add(name="label").type, label_type).SetInParent()
    probabilities = description.output.add(name="labelProbs").type.dictionaryType
    (probabilities.int64KeyType if is_int else probabilities.stringKeyType).SetInParent()
    description.predictedFeatureName, description.predictedProbabilitiesName = "label", "labelProbs"


def embedder_spec() -> Any:
    """x (WIDTH) -> vector (CLASSES): the network of small_models."""
    spec = linear()
    spec.description.output[0].name = "vector"
    spec.neuralNetwork.layers[0].output[0] = "vector"
    return spec


def pipeline_spec(**knn: Any) -> Any:
    """An updatable pipeline: x -> vector = W x + b -> k-NN ("stickers").  Trained with x and label."""
    front, last = embedder_spec(), knn_spec(dimensions=CLASSES, **({"default": "unknown"} | knn))
    spec = messages.Model(specificationVersion=4, isUpdatable=True)
    pipeline = spec.pipelineClassifier.pipeline
    pipeline.names.extend(["embedding", "stickers"])
    for part in (front, last):
        pipeline.models.add().CopyFrom(part)
    d = spec.description
    d.input.add().CopyFrom(front.description.input[0])
    d.output.extend(last.description.output)
    d.trainingInput.extend([front.description.input[0], last.description.trainingInput[1]])
    d.predictedFeatureName, d.predictedProbabilitiesName = "label", "labelProbs"
    return spec
