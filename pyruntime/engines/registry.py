"""Which engine runs which model type, and why some cannot run here."""

from __future__ import annotations

from collections.abc import Callable

from pyruntime.engines.base import Engine, ModelPart
from pyruntime.errors import UnsupportedError


def _neural_network(part: ModelPart) -> Engine:
    from pyruntime.engines.neural_network import NeuralNetworkEngine

    return NeuralNetworkEngine(part)


def _nearest_neighbors(part: ModelPart) -> Engine:
    from pyruntime.engines.nearest_neighbors import NearestNeighborsEngine

    return NearestNeighborsEngine(part)


def _pipeline(part: ModelPart) -> Engine:
    from pyruntime.engines.pipeline import PipelineEngine

    return PipelineEngine(part)


ENGINES: dict[str, Callable[[ModelPart], Engine]] = {
    "neuralNetwork": _neural_network,
    "neuralNetworkClassifier": _neural_network,
    "neuralNetworkRegressor": _neural_network,
    "kNearestNeighborsClassifier": _nearest_neighbors,
    "pipeline": _pipeline,
    "pipelineClassifier": _pipeline,
    "pipelineRegressor": _pipeline,
}
"""Model types of Model.proto.  Imports are late: a network needs no k-NN."""

APPLE_ONLY = {
    "visionFeaturePrint": "Vision's scene print network",
    "audioFeaturePrint": "the sound print network",
    "textClassifier": "a text classifier in a private format",
    "wordTagger": "a word tagger in a private format",
    "gazetteer": "a gazetteer in a private format",
    "wordEmbedding": "a word embedding in a private format",
    "serializedModel": "a model in a private format",
}
"""Types whose weights or format exist only inside Apple's systems."""


def build(part: ModelPart) -> Engine:
    """The engine of a model.  Raises UnsupportedError when its type does not run here."""
    where = f"model {part.name!r}" if part.name else "the model"
    if part.kind in APPLE_ONLY:
        raise UnsupportedError(
            f"{where} is {APPLE_ONLY[part.kind]} ({part.kind}): its weights are in Apple's systems, not in the file, "
            "so it runs only there; replace it with a network that the file contains"
        )
    if part.kind not in ENGINES:
        raise UnsupportedError(f"{where} is of type {part.kind}, this release runs {', '.join(ENGINES)}")
    return ENGINES[part.kind](part)
