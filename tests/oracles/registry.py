"""The one table of layer functions, filled by the decorator in the files named `layers_*.py`.

A layer function is called as `fn(params, *inputs)` with the layer's protobuf message and one torch tensor per
input name.  It returns a tensor, or a tuple of tensors for a layer with several output names.
"""

from collections.abc import Callable
from typing import Any

LayerFunction = Callable[..., Any]
LAYERS: dict[str, LayerFunction] = {}


def layer(name: str) -> Callable[[LayerFunction], LayerFunction]:
    """File the decorated function under the layer's field name in NeuralNetwork.proto."""

    def file_it(function: LayerFunction) -> LayerFunction:
        LAYERS[name] = function
        return function

    return file_it
