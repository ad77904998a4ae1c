"""Which engine runs which model type, and why some cannot run here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from pyruntime.engines.base import Engine, ModelPart
from pyruntime.errors import UnsupportedError
from pyruntime.model_types import APPLE_ONLY, model_type_factory

ENGINES: dict[str, str] = {
    "neuralNetwork": "neural_network:NeuralNetworkEngine",
    "neuralNetworkClassifier": "neural_network:NeuralNetworkEngine",
    "neuralNetworkRegressor": "neural_network:NeuralNetworkEngine",
    "kNearestNeighborsClassifier": "nearest_neighbors:NearestNeighborsEngine",
    "pipeline": "pipeline:PipelineEngine",
    "pipelineClassifier": "pipeline:PipelineEngine",
    "pipelineRegressor": "pipeline:PipelineEngine",
    "glmRegressor": "linear:LinearRegressor",
    "glmClassifier": "linear:LinearClassifier",
    "supportVectorRegressor": "svm:SupportVectorRegressor",
    "supportVectorClassifier": "svm:SupportVectorClassifier",
    "treeEnsembleRegressor": "trees:TreeRegressor",
    "treeEnsembleClassifier": "trees:TreeClassifier",
    "oneHotEncoder": "one_hot:OneHotEncoder",
    "imputer": "imputer:Imputer",
    "scaler": "scaling:Scaler",
    "normalizer": "scaling:Normalizer",
    "featureVectorizer": "vectorizers:FeatureVectorizer",
    "dictVectorizer": "vectorizers:DictVectorizer",
    "categoricalMapping": "categories:CategoricalMapping",
    "arrayFeatureExtractor": "extractor:ArrayFeatureExtractor",
    "identity": "plain:Identity",
    "classConfidenceThresholding": "plain:ClassConfidenceThresholding",
    "nonMaximumSuppression": "boxes:NonMaximumSuppression",
    "itemSimilarityRecommender": "recommender:Recommender",
    "bayesianProbitRegressor": "probit:BayesianProbitRegressor",
    "soundAnalysisPreprocessing": "sound:SoundPreprocessing",
    "linkedModel": "linked:LinkedEngine",
    "customModel": "custom_model:CustomModelEngine",
}
"""Module of this package and class for each model type of Model.proto.  Imports are late: a network needs no k-NN."""


def build(part: ModelPart) -> Engine:
    """The engine of a model.  Raises UnsupportedError when its type does not run here."""
    where = f"model {part.name!r}" if part.name else "the model"
    if part.kind in APPLE_ONLY:
        return _foreign(part, where)
    if part.kind == "mlProgram":
        raise UnsupportedError(
            f"{where} is an ML Program (specification version 6, from 2021), which came after Core ML 3; convert the "
            'original again with convert_to="neuralnetwork"'
        )
    if part.kind not in ENGINES:
        raise UnsupportedError(f"{where} is of type {part.kind}, this release runs {', '.join(ENGINES)}")
    module, name = ENGINES[part.kind].split(":")
    engine: Callable[[ModelPart], Engine] = getattr(import_module(f"pyruntime.engines.{module}"), name)
    return engine(part)


def _foreign(part: ModelPart, where: str) -> Engine:
    """What the user registered for a type that only Apple's systems have."""
    factory = model_type_factory(part.kind)
    if factory is None:
        raise UnsupportedError(
            f"{where} is {APPLE_ONLY[part.kind]} ({part.kind}): its weights are in Apple's systems, not in the file, "
            "so it runs only there; replace it with a network that the file contains, or supply an implementation "
            f'with @pyruntime.register_model_type("{part.kind}")'
        )
    from pyruntime.engines.foreign import ForeignEngine

    return ForeignEngine(part, factory)
