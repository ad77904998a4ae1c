"""Which function lowers which layer type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pyruntime.ir.graph import Value
from pyruntime.layers.builder import Builder

Lowering = Callable[..., Value | tuple[Value, ...]]

MANY = 1 << 20


class Layer(NamedTuple):
    """How one layer type is lowered, and how many inputs it may have."""

    lower: Lowering
    least: int
    most: int


LAYERS: dict[str, Layer] = {}


def layer(name: str, *, inputs: int | tuple[int, int] = 1) -> Callable[[Lowering], Lowering]:
    """File a function under the name that NeuralNetwork.proto gives the layer in `NeuralNetworkLayer.layer`.

    The function gets the layer's parameters, its input values, and a Builder: `f(p, x, ..., b)`.
    inputs: how many inputs the layer has, or the least and the most of them.
    """
    least, most = (inputs, inputs) if isinstance(inputs, int) else inputs

    def file(function: Lowering) -> Lowering:
        LAYERS[name] = Layer(function, least, most)
        return function

    return file


def lower_layer(message: Any, inputs: list[Value], b: Builder) -> tuple[Value, ...]:
    """Operators for one layer message.  Raises SpecError or UnsupportedError naming the layer."""
    kind = message.WhichOneof("layer")
    if kind is None:
        raise b.invalid("its type", expected="one of the layer types of the format", got="none")
    if kind not in LAYERS:
        raise b.unsupported(f"layers of type {kind} are not supported")
    lower, least, most = LAYERS[kind]
    if not least <= len(inputs) <= most:
        expected = f"{least} or more" if most == MANY else f"{least} to {most}" if most > least else str(least)
        raise b.invalid("input", expected=f"{expected} names", got=len(inputs))
    result = lower(getattr(message, kind), *inputs, b)
    return result if isinstance(result, tuple) else (result,)
