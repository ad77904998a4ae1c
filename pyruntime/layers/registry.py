"""Which function lowers which layer type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.layers.builder import Builder

Lowering = Callable[..., Value | tuple[Value, ...]]

LAYERS: dict[str, Lowering] = {}


def layer(name: str) -> Callable[[Lowering], Lowering]:
    """File a function under the name that NeuralNetwork.proto gives the layer in `NeuralNetworkLayer.layer`.

    The function gets the layer's parameters, its input values, and a Builder: `f(p, x, ..., b)`.
    """

    def file(function: Lowering) -> Lowering:
        LAYERS[name] = function
        return function

    return file


def lower_layer(message: Any, inputs: list[Value], b: Builder) -> tuple[Value, ...]:
    """Operators for one layer message.  Raises SpecError or UnsupportedError naming the layer."""
    kind = message.WhichOneof("layer")
    if kind is None:
        raise b.invalid("its type", expected="one of the layer types of the format", got="none")
    if kind not in LAYERS:
        raise b.unsupported(f"layers of type {kind} are not supported")
    _check_count(kind, len(inputs), b)
    result = LAYERS[kind](getattr(message, kind), *inputs, b)
    return result if isinstance(result, tuple) else (result,)


def _check_count(kind: str, count: int, b: Builder) -> None:
    least, most = INPUT_COUNTS.get(kind, (1, 1))
    if not least <= count <= most:
        expected = f"{least} to {most} inputs" if most > least else f"{least} input(s)"
        raise b.invalid("input", expected=expected, got=count)


MANY = 1 << 20
INPUT_COUNTS: dict[str, tuple[int, int]] = {
    "convolution": (1, 2),
    "add": (1, MANY),
    "multiply": (1, MANY),
    "average": (1, MANY),
    "max": (1, MANY),
    "min": (1, MANY),
    "concat": (1, MANY),
    "crop": (1, 2),
    "loadConstant": (0, 0),
    "uniDirectionalLSTM": (1, 3),
}
"""Inputs a layer may have where that is not exactly one."""
