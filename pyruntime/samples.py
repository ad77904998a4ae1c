"""Plausible inputs for any model, from its description and a seed: for benchmarks and memory planning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.description import (
    DictionaryConstraint,
    FeatureDescription,
    ImageConstraint,
    MultiArrayConstraint,
    SequenceConstraint,
    describe_model,
)

NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
_SAME_NUMBERS = frozenset(
    (
        "permute",
        "reshape",
        "flatten",
        "reshapeStatic",
        "expandDims",
        "squeeze",
        "copy",
        "rankPreservingReshape",
    )
)
"""Layers whose output has the numbers of their input."""


def sample_features(spec: Any, seed: int = 0) -> dict[str, Any]:
    """A value for every input that is not optional, in its default size; equal for equal seeds.

    spec: a Model message.  Images are noise in the right mode; arrays are normal numbers, or indices into the
    table where an embedding reads them.
    """
    rng = np.random.default_rng(seed)
    sizes = table_sizes(spec)
    return {
        feature.name: _value(feature, sizes.get(feature.name), rng)
        for feature in describe_model(spec).inputs
        if not feature.is_optional
    }


def _value(feature: FeatureDescription, entries: int | None, rng: np.random.Generator) -> Any:
    constraint = feature.constraint
    if isinstance(constraint, ImageConstraint):
        return _image(constraint, rng)
    if isinstance(constraint, MultiArrayConstraint):
        return _array(constraint, entries, rng)
    if isinstance(constraint, DictionaryConstraint):
        return {"a": 1.0} if constraint.key == "String" else {0: 1.0}
    if isinstance(constraint, SequenceConstraint):
        return ["a"] if constraint.element == "String" else [0]
    return (
        "a" if feature.kind == "string" else int(rng.integers(10)) if feature.kind == "int64" else float(rng.normal())
    )


def _image(image: ImageConstraint, rng: np.random.Generator) -> NDArray[Any]:
    shape = (image.height, image.width, 3) if image.channels == 3 else (image.height, image.width)
    if image.is_float:
        return rng.random(shape, np.float32)
    return rng.integers(0, 256, shape, np.uint8)


def _array(array: MultiArrayConstraint, entries: int | None, rng: np.random.Generator) -> NDArray[Any]:
    shape = array.shape or (1,)
    if entries is not None:
        return rng.integers(0, max(entries, 1), shape).astype(np.float32)
    return rng.normal(size=shape).astype(np.float32)


def table_sizes(spec: Any) -> dict[str, int]:
    """Inputs that are looked up in an embedding, and the entries of its table."""
    kind = spec.WhichOneof("Type")
    if kind in ("pipeline", "pipelineClassifier", "pipelineRegressor"):
        models = (spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline).models
        return {name: size for model in reversed(models) for name, size in table_sizes(model).items()}
    if kind not in NETWORKS:
        return {}
    source: dict[str, str] = {}  # blob -> the blob that has its numbers
    found: dict[str, int] = {}
    for layer in getattr(spec, kind).layers:
        what = layer.WhichOneof("layer")
        if not layer.input:
            continue
        start = source.get(layer.input[0], layer.input[0])
        if what in _SAME_NUMBERS and layer.output:
            source[layer.output[0]] = start
        elif what == "embedding":
            found[start] = min(found.get(start, 2**31), layer.embedding.inputDim)
        elif what == "embeddingND":
            found[start] = min(found.get(start, 2**31), layer.embeddingND.vocabSize)
    return found
