"""Which engine runs which model type, and why some cannot run here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from pyruntime.engines.base import Engine, ModelPart
from pyruntime.errors import UnsupportedError

ENGINES: dict[str, str] = {
    "neuralNetwork": "neural_network:NeuralNetworkEngine",
    "neuralNetworkClassifier": "neural_network:NeuralNetworkEngine",
    "neuralNetworkRegressor": "neural_network:NeuralNetworkEngine",
    "kNearestNeighborsClassifier": "nearest_neighbors:NearestNeighborsEngine",
    "pipeline": "pipeline:PipelineEngine",
    "pipelineClassifier": "pipeline:PipelineEngine",
    "pipelineRegressor": "pipeline:PipelineEngine",
}
"""Module of this package and class for each model type of Model.proto.  Imports are late: a network needs no k-NN."""

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
    module, name = ENGINES[part.kind].split(":")
    engine: Callable[[ModelPart], Engine] = getattr(import_module(f"pyruntime.engines.{module}"), name)
    return engine(part)
