"""Changes of finished networks: images as inputs, labels as outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.model import MLModel
from pyruntime.models.neural_network.builder import NeuralNetworkBuilder
from pyruntime.spec import messages


def make_image_input(
    model: Any,
    input_name: str,
    is_bgr: bool = False,
    red_bias: float = 0.0,
    blue_bias: float = 0.0,
    green_bias: float = 0.0,
    gray_bias: float = 0.0,
    scale: float = 1.0,
    image_format: str = "NHWC",
) -> MLModel:
    """A copy of a network with an array input declared as an image; see set_pre_processing_parameters."""
    builder = NeuralNetworkBuilder(spec=_spec(model))
    builder.set_pre_processing_parameters(
        [input_name], is_bgr, red_bias, green_bias, blue_bias, gray_bias, scale, image_format
    )
    return MLModel(builder.spec)


def make_nn_classifier(
    model: Any,
    class_labels: Sequence[Any] | str,
    predicted_feature_name: str | None = None,
    predicted_probabilities_output: str | None = None,
) -> MLModel:
    """A copy of a network as a classifier.

    class_labels: texts or whole numbers, or the path of a text file with a label per line.
    predicted_feature_name: name of the output for the best label, `classLabel` by default.
    predicted_probabilities_output: which output has the scores; the first by default.
    """
    spec = _spec(model)
    if spec.WhichOneof("Type") != "neuralNetwork":
        raise BuildError(f"make_nn_classifier: the model is of type {spec.WhichOneof('Type')}, expected neuralNetwork")
    if isinstance(class_labels, str):
        with open(class_labels) as file:
            class_labels = [line.strip() for line in file if line.strip()]
    network = spec.neuralNetwork.SerializeToString()  # the fields of both types have the same numbers
    spec.neuralNetworkClassifier.CopyFrom(messages.NeuralNetworkClassifier.FromString(network))
    scores = predicted_probabilities_output or spec.description.output[0].name
    builder = NeuralNetworkBuilder(spec=spec)
    builder.set_class_labels(class_labels, predicted_feature_name or "classLabel", scores)
    return MLModel(builder.spec)


def _spec(model: Any) -> Any:
    """A copy of a model's message, as one of this package."""
    spec = model.get_spec() if hasattr(model, "get_spec") else model
    return messages.Model.FromString(spec.SerializeToString())
