"""Model types whose networks only Apple's systems have, and how a user supplies them.

    @pyruntime.register_model_type("visionFeaturePrint")
    def scene_print(description, parameters):
        network = pyruntime.MLModel("MyFeatures.mlmodel")
        name = description.outputs[0].name
        return lambda features: {name: network.predict({"image": features[description.inputs[0].name]})["features"]}

The factory is called once for each such model that is loaded, also inside pipelines, with its ModelDescription and the
message of its parameters.  What it returns is called for each prediction, with the features by name, and returns the
outputs by name; they are checked against the description.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Factory = TypeVar("Factory", bound=Callable[..., Any])

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

_FACTORIES: dict[str, Callable[..., Any]] = {}


def register_model_type(kind: str) -> Callable[[Factory], Factory]:
    """Decorator: this factory makes the models of a type of APPLE_ONLY, named as in Model.proto.

    Models loaded from then on use it; registering a type again replaces it.  Raises ValueError for other types.
    """
    if kind not in APPLE_ONLY:
        raise ValueError(f"model type {kind!r}: expected one of {', '.join(APPLE_ONLY)}; other types run without help")

    def file(factory: Factory) -> Factory:
        if not callable(factory):
            raise TypeError(f"the factory for {kind} is a {type(factory).__name__}, expected something to call")
        _FACTORIES[kind] = factory
        return factory

    return file


def model_type_factory(kind: str) -> Callable[..., Any] | None:
    """The registered factory, None when there is none."""
    return _FACTORIES.get(kind)
