"""The lowest specification version that has everything a model uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyruntime.spec import messages
from pyruntime.spec.legality.rules import NETWORKS, PIPELINES
from pyruntime.spec.weights import weight_form, weights_of

_TYPES = {
    "customModel": 3, "bayesianProbitRegressor": 3, "nonMaximumSuppression": 3, "textClassifier": 3, "wordTagger": 3,
    "visionFeaturePrint": 3, "kNearestNeighborsClassifier": 4, "itemSimilarityRecommender": 4,
    "soundAnalysisPreprocessing": 4, "gazetteer": 4, "wordEmbedding": 4, "linkedModel": 4, "serializedModel": 5,
    "mlProgram": 6, "audioFeaturePrint": 6, "classConfidenceThresholding": 8,
}  # fmt: skip
_WEIGHTS = {"float16Value": 2, "rawValue": 3, "int8RawValue": 5}
_LAYERS = {"custom": 2, "resizeBilinear": 3, "cropResize": 3}


def needed_version(spec: messages.Model) -> int:
    """The lowest version for a model.  For ML programs, and types younger than this list, the version that it has."""
    kind = spec.WhichOneof("Type")
    if kind == "mlProgram":
        return int(spec.specificationVersion)
    found = [1, _TYPES.get(kind, 1), 4 if spec.isUpdatable else 1, *_of_interface(spec.description)]
    if kind in NETWORKS:
        found += _of_network(getattr(spec, kind))
    elif kind in PIPELINES:
        pipeline = spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline
        found += [needed_version(model) for model in pipeline.models]
    return max(found)


def _of_interface(description: Any) -> Iterator[int]:
    if description.state:
        yield 9
    for feature in (*description.input, *description.output, *description.trainingInput):
        kind = feature.type.WhichOneof("Type")
        if kind == "sequenceType":
            yield 3
        elif kind == "imageType":
            flexible = feature.type.imageType.WhichOneof("SizeFlexibility") is not None
            half = feature.type.imageType.colorSpace == messages.ImageFeatureType.ColorSpace.GRAYSCALE_FLOAT16
            yield 7 if half else 3 if flexible else 1
        elif kind == "multiArrayType":
            yield from _of_array(feature.type.multiArrayType)


def _of_array(array: Any) -> Iterator[int]:
    kinds = messages.ArrayFeatureType.ArrayDataType
    yield {kinds.FLOAT16: 7, kinds.INT8: 10}.get(array.dataType, 1)
    if array.WhichOneof("ShapeFlexibility") is not None:
        yield 3 if len(array.shape) in (1, 3) else 4
    if array.WhichOneof("defaultOptionalValue") is not None:
        yield 5


def _of_network(network: Any) -> Iterator[int]:
    if network.arrayInputShapeMapping or network.imageInputShapeMapping:
        yield 4
    for layer in network.layers:
        yield layer_version(layer)
        for _, weight in weights_of(layer):
            yield _WEIGHTS.get(weight_form(weight) or "", 1)
        kind = layer.WhichOneof("layer")
        for inner in {"branch": ("ifBranch", "elseBranch"), "loop": ("conditionNetwork", "bodyNetwork")}.get(kind, ()):
            yield from _of_network(getattr(getattr(layer, kind), inner))


def layer_version(layer: Any) -> int:
    """The lowest version for a layer and its options, its weights apart."""
    kind = layer.WhichOneof("layer")
    if kind is None:
        return 1
    number = layer.DESCRIPTOR.fields_by_name[kind].number
    if number >= 1450 or _has_late_option(kind, layer):
        return 5
    if number >= 600 or (kind == "convolution" and len(layer.input) == 2):
        return 4
    return _LAYERS.get(kind, 1)


def _has_late_option(kind: str, layer: Any) -> bool:
    """Options that came with version 5."""
    params = getattr(layer, kind)
    if kind == "upsample":
        return bool(params.linearUpsampleMode or params.fractionalScalingFactor)
    if kind == "reorganizeData":
        return bool(params.mode == params.PIXEL_SHUFFLE)
    if kind in ("innerProduct", "batchedMatmul"):
        return bool(params.int8DynamicQuantize)
    if kind == "sliceDynamic":
        return any(params.squeezeMasks) or len(layer.input) == 7
    if kind == "sliceStatic":
        return any(params.squeezeMasks)
    return bool(params.interleave) if kind == "concatND" else kind == "tile" and len(layer.input) == 2
