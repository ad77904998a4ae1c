"""What a file only names and the user brings: classes for custom layers and custom models.

    @pyruntime.register_custom_layer("Swish")
    class Swish:
        def __init__(self, parameters): self.beta = parameters.get("beta", 1.0)
        def set_weight_data(self, weights): pass
        def output_shapes(self, input_shapes): return input_shapes
        def evaluate(self, inputs, outputs): outputs[0][...] = inputs[0] / (1 + np.exp(-self.beta * inputs[0]))

A file can only choose among registered classes: nothing is ever imported by a name that stands in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import CustomLayerError, CustomModelError

Class = TypeVar("Class", bound=type[Any])
Parameters = Mapping[str, float | str | int | bool | bytes]
"""A file's parameters by name; models may also have bytes."""


class MLCustomLayer(Protocol):
    """What a class for a custom layer has.  There is one instance per layer of a loaded model, and no two threads
    are in it at once.

    `encode(command_buffer, inputs, outputs)`, which records work for a GPU, is optional; without it, and wherever
    there is no GPU, `evaluate` is called.
    """

    def __init__(self, parameters: Parameters) -> None:
        """Once, when the model is loaded, with the layer's parameters."""

    def set_weight_data(self, weights: Sequence[NDArray[Any]]) -> None:
        """Once, after `__init__`: one flat, read-only array for each weight of the layer: float32, or uint8 for
        bytes of which the file does not say what they mean."""

    def output_shapes(self, input_shapes: Sequence[tuple[int, ...]]) -> Sequence[Sequence[int]]:
        """The shape of each output.  Called when the model is loaded and whenever sizes change.

        Shapes are (Seq, Batch, C, H, W) in a network of Core ML 2 layers, else the arrays' own.  A size that is not
        known yet is -1, and so is what depends on it in the answer; the number of axes is always known.
        """

    def evaluate(self, inputs: Sequence[NDArray[np.float32]], outputs: Sequence[NDArray[np.float32]]) -> None:
        """Write the outputs.  Both are views of the memory that the network computes in, good for this call only;
        inputs are read-only, outputs are not cleared."""


class MLCustomModel(Protocol):
    """What a class for a custom model has."""

    def __init__(self, model_description: Any, parameters: Parameters) -> None:
        """Once, when the model is loaded, with its ModelDescription and the file's parameters."""

    def predict(self, features: Mapping[str, Any], options: Any = None) -> Mapping[str, Any]:
        """Outputs by name from inputs by name."""


_LAYERS: dict[str, type[Any]] = {}
_MODELS: dict[str, type[Any]] = {}


def register_custom_layer(class_name: str) -> Callable[[Class], Class]:
    """Decorator: this class implements custom layers whose `className` is `class_name`.  See MLCustomLayer.

    Models loaded from then on use it; registering a name again replaces the class.
    """
    return _register(_LAYERS, class_name, ("set_weight_data", "output_shapes", "evaluate"))


def register_custom_model(class_name: str) -> Callable[[Class], Class]:
    """Decorator: this class implements custom models whose `className` is `class_name`.  See MLCustomModel."""
    return _register(_MODELS, class_name, ("predict",))


def custom_layer_class(class_name: str, layer: str) -> type[Any]:
    """The class registered for a custom layer; `layer` is how the error names it."""
    if class_name not in _LAYERS:
        raise CustomLayerError(f"{layer}: {_missing(class_name, _LAYERS, 'register_custom_layer')}")
    return _LAYERS[class_name]


def custom_model_class(class_name: str) -> type[Any]:
    """The class registered for a custom model."""
    if class_name not in _MODELS:
        raise CustomModelError(f"custom model: {_missing(class_name, _MODELS, 'register_custom_model')}")
    return _MODELS[class_name]


def _register(registry: dict[str, type[Any]], class_name: str, methods: Sequence[str]) -> Callable[[Class], Class]:
    if not isinstance(class_name, str) or not class_name:
        raise TypeError(f"the name of a custom class is a string as in the file's className, got {class_name!r}")

    def file(implementation: Class) -> Class:
        missing = [name for name in methods if not callable(getattr(implementation, name, None))]
        if missing:
            raise TypeError(f"the class for {class_name!r} lacks {', '.join(missing)}")
        registry[class_name] = implementation
        return implementation

    return file


def _missing(class_name: str, registry: Mapping[str, Any], decorator: str) -> str:
    known = ", ".join(sorted(registry)) or "none"
    return (
        f"no class is registered for className {class_name!r} (registered: {known}); decorate one with "
        f'@pyruntime.{decorator}("{class_name}") before loading the model'
    )
