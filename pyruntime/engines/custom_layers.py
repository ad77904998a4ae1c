"""The custom layers of a loaded network: made from the classes that the user registered, and called by number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from threading import RLock
from typing import Any, NamedTuple

import numpy as np

from pyruntime.custom import MLCustomLayer, custom_layer_class
from pyruntime.errors import CustomLayerError
from pyruntime.ir.types import UNKNOWN, Array, Shape
from pyruntime.native import lib
from pyruntime.spec.payloads import Payloads
from pyruntime.spec.weights import read_quantized, read_weights, stored_weight

LARGEST = 1 << 40
"""Size that C takes."""


class _Layer(NamedTuple):
    class_name: str
    implementation: MLCustomLayer


class CustomLayers:
    """One instance per custom layer; its number is its place among them, nested networks included, in the file."""

    def __init__(self, network: Any, payloads: Payloads | None) -> None:
        """Raises CustomLayerError when a class is not registered, or cannot be made."""
        messages = list(_custom_layers(network))
        self._layers = [_make(message, payloads) for message in messages]
        self._numbers: dict[bytes, list[int]] = defaultdict(list)
        for number, message in enumerate(messages):
            self._numbers[message.custom.SerializeToString(deterministic=True)].append(number)
        self._free: dict[bytes, list[int]] = {}
        self._said: dict[int, dict[tuple[Shape, ...], list[Shape]]] = defaultdict(dict)
        """Questions and answers while the model was compiled."""
        self._last: dict[int, tuple[Any, list[Shape]]] = {}
        """The last question and its answer: shape rules are asked again after every pass."""
        self._lock = RLock()

    def start_lowering(self) -> None:
        """All layers of the network are going to be lowered."""
        self._free = {content: numbers.copy() for content, numbers in self._numbers.items()}

    def number(self, params: Any) -> int:
        """The number of the layer with these parameters; of several that are the same, one after the other, and then
        from the first again: layers in a loop may be lowered more than once."""
        content = params.SerializeToString(deterministic=True)
        if not self._free[content]:
            self._free[content] = self._numbers[content].copy()
        return self._free[content].pop(0)

    def shapes(self, number: int, layer: str, shapes: Sequence[Shape], outputs: int, *, ahead: bool) -> list[Shape]:
        """See native.custom.Host."""
        one = self._layer(number, layer)
        if (last := self._last.get(number)) is not None and last[0] == (shapes, outputs):
            return last[1]
        with self._lock:
            try:
                found = [tuple(map(int, shape)) for shape in one.implementation.output_shapes(tuple(shapes))]
            except Exception as error:
                raise _failure(layer, one, "output_shapes", error) from error
        found = [tuple(max(size, UNKNOWN) for size in shape) for shape in found]
        if len(found) != outputs or not all(len(s) <= lib.MAX_RANK and all(n <= LARGEST for n in s) for s in found):
            raise CustomLayerError(
                f"{layer}: output_shapes of {one.class_name!r} must give {outputs} shape(s) of at most {lib.MAX_RANK} "
                f"sizes up to 2**40, it gave {found}"
            )
        if ahead:
            self._said[number][tuple(shapes)] = found
        else:
            said = [answer for asked, answer in self._said[number].items() if _all_fit(shapes, asked)]
            if said and not any(_all_fit(found, answer) for answer in said):
                raise CustomLayerError(
                    f"{layer}: output_shapes of {one.class_name!r} gives {found} for inputs {list(shapes)}, but said "
                    f"{said[-1]} when the model was loaded: a size that depends on one of -1 must be -1"
                )
        self._last[number] = (shapes, outputs), found
        return found

    def evaluate(self, number: int, layer: str, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """See native.custom.Host."""
        one = self._layer(number, layer)
        with self._lock:
            try:
                one.implementation.evaluate(inputs, outputs)  # type: ignore[arg-type]
            except Exception as error:
                raise _failure(layer, one, "evaluate", error) from error

    def _layer(self, number: int, layer: str) -> _Layer:
        if not 0 <= number < len(self._layers):
            raise CustomLayerError(
                f"{layer}: it is number {number} of the compiled model, which has {len(self._layers)} custom layers: "
                "compile the model again"
            )
        return self._layers[number]


def _all_fit(shapes: Sequence[Shape], others: Sequence[Shape]) -> bool:
    """Whether they may be the same shapes, as far as sizes are known."""
    return len(shapes) == len(others) and all(map(_fits, shapes, others))


def _fits(shape: Shape, other: Shape) -> bool:
    return len(shape) == len(other) and all(UNKNOWN in (a, b) or a == b for a, b in zip(shape, other, strict=True))


def _custom_layers(network: Any) -> Iterator[Any]:
    for message in network.layers:
        kind = message.WhichOneof("layer")
        if kind == "custom":
            yield message
        elif kind == "branch":
            yield from _custom_layers(message.branch.ifBranch)
            yield from _custom_layers(message.branch.elseBranch)
        elif kind == "loop":
            yield from _custom_layers(message.loop.conditionNetwork)
            yield from _custom_layers(message.loop.bodyNetwork)


def _make(message: Any, payloads: Payloads | None) -> _Layer:
    p, layer = message.custom, f"layer {message.name!r} (custom)"
    implementation = custom_layer_class(p.className, layer)
    parameters = {
        key: getattr(value, value.WhichOneof("value") or "doubleValue") for key, value in p.parameters.items()
    }
    weights = [_weight(params, message.name, f"weights[{i}]", payloads) for i, params in enumerate(p.weights)]
    try:
        made = implementation(parameters)
        made.set_weight_data(weights)
    except Exception as error:
        raise _failure(layer, _Layer(p.className, implementation), "making it", error) from error  # type: ignore[arg-type]
    return _Layer(p.className, made)


def _weight(params: Any, layer: str, field: str, payloads: Payloads | None) -> Array:
    """Flat and read-only.  Its shape, which only the class knows, would tell how many numbers of less than 8 bits the
    last byte holds: up to seven of them may be too many."""
    stored = stored_weight(params, payloads)
    form, count = stored[:2] if stored else ("", 0)
    values: Array = np.empty(0, np.float32)
    if params.HasField("quantization") or form.startswith("float"):
        values = read_weights(params, shape=(count,), layer=layer, field=field, payloads=payloads)
    elif stored:
        plain = type(params)()
        plain.CopyFrom(params)
        plain.quantization.MergeFrom(type(plain.quantization)(numberOfBits=8, linearQuantization={"scale": [1.0]}))
        found = read_quantized(plain, shape=(count,), layer=layer, field=field, payloads=payloads)
        assert found is not None
        values = found.values
    values.flags.writeable = False
    return values


def _failure(layer: str, one: _Layer, what: str, error: Exception) -> CustomLayerError:
    return CustomLayerError(f"{layer}: {what} of {one.class_name!r} failed: {type(error).__name__}: {error}")
