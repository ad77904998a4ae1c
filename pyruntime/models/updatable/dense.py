"""Layers that converters leave, as layers that Core ML can train: one at a time, same inputs, results and shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.models.updatable.network import Net
from pyruntime.spec import messages
from pyruntime.spec.weights import read_weights, weight_form, write_weights

Floats = NDArray[np.float32]
HOLD_BIAS = ("innerProduct", "convolution")


def simplify(net: Net, layer: Any) -> bool:
    """Rewrite a layer, or put it into the one before it, if that makes it trainable; whether it did.

    The same numbers come out, but for rounding where two biases become one.
    """
    kind = layer.WhichOneof("layer")
    if kind == "batchedMatmul":
        return _one_input(net, layer) if len(layer.input) == 1 else _two_inputs(net, layer)
    if kind in ("addBroadcastable", "add", "bias"):
        return _fold_sum(net, layer, kind)
    if kind == "tanh":
        replace_kind(layer, "activation").tanh.SetInParent()
        return True
    return False


def replace_kind(layer: Any, kind: str) -> Any:
    """Make a layer one of another type; its new, empty parameters."""
    getattr(layer, kind).SetInParent()
    return getattr(layer, kind)


def _one_input(net: Net, layer: Any) -> bool:
    """x times a stored matrix, which batchedMatmul keeps transposed: just as an inner product does."""
    p = layer.batchedMatmul
    if not 1 <= len(net.shapes.get(layer.input[0], ())) <= 3 or p.transposeA or p.transposeB:
        return False
    inner = messages.InnerProductLayerParams(
        inputChannels=p.weightMatrixFirstDimension,
        outputChannels=p.weightMatrixSecondDimension,
        hasBias=p.hasBias,
        int8DynamicQuantize=p.int8DynamicQuantize,
    )
    inner.weights.CopyFrom(p.weights)
    if p.hasBias:
        inner.bias.CopyFrom(p.bias)
    layer.innerProduct.CopyFrom(inner)
    return True


def _two_inputs(net: Net, layer: Any) -> bool:
    """x times a constant of two axes."""
    p, (x, y) = layer.batchedMatmul, layer.input
    rank = len(net.shapes.get(x, ()))
    matrix = net.constant(y)
    if matrix is None or matrix.ndim != 2 or not 2 <= rank <= 3 or p.transposeA or p.hasBias:
        return False
    matrix = matrix if p.transposeB else matrix.T
    inner = replace_kind(layer, "innerProduct")
    inner.outputChannels, inner.inputChannels = matrix.shape
    write_weights(inner.weights, np.ascontiguousarray(matrix), net.payloads)
    del layer.input[1]
    net.drop_unread([y])
    return True


def _fold_sum(net: Net, layer: Any, kind: str) -> bool:
    """A constant per channel, added to what a dense layer or convolution alone gives to it, becomes its bias."""
    found = _summands(net, layer, kind)
    if found is None:
        return False
    blob, numbers = found
    before = net.producer(blob)
    if before is not None and before.WhichOneof("layer") == "batchedMatmul":
        simplify(net, before)
    if before is None or before.WhichOneof("layer") not in HOLD_BIAS or len(before.input) != 1:
        return False
    if len(net.readers(blob)) > 1 or blob in net.results or len(before.output) != 1:
        return False
    p = getattr(before, before.WhichOneof("layer"))
    shape, channels = net.shapes.get(blob, ()), int(p.outputChannels)
    axis = len(shape) - (3 if before.WhichOneof("layer") == "convolution" or len(shape) > 3 else 1)
    bias = _per_channel(numbers, shape, axis, channels)
    if bias is None or weight_form(p.weights) == "float16Value" or weight_form(p.bias) not in ("floatValue", None):
        return False
    if p.hasBias:
        bias = bias + read_weights(p.bias, shape=(channels,), layer=before.name, field="bias", payloads=net.payloads)
    p.hasBias = True
    write_weights(p.bias, bias, net.payloads)
    before.output[0] = layer.output[0]
    constants = [name for name in layer.input if name != blob]
    net.remove(layer)
    net.drop_unread(constants)
    return True


def _summands(net: Net, layer: Any, kind: str) -> tuple[str, Floats] | None:
    """(the blob, the constant) that a layer adds; None where it adds something else.  The constant may be wide."""
    if kind == "bias":
        sizes = [int(size) for size in layer.bias.shape]
        numbers = read_weights(layer.bias.bias, shape=sizes, layer=layer.name, field="bias", payloads=net.payloads)
        return layer.input[0], numbers.reshape(*sizes, 1, 1) if len(sizes) == 1 else numbers
    if kind == "add" and len(layer.input) == 1:
        return layer.input[0], np.full(1, layer.add.alpha, np.float32)
    if len(layer.input) != 2:
        return None
    constants = [net.constant(name) for name in layer.input]
    if (constants[0] is None) == (constants[1] is None):
        return None
    number = 0 if constants[0] is not None else 1
    return layer.input[1 - number], constants[number]


def _per_channel(numbers: Floats, shape: tuple[int, ...], axis: int, channels: int) -> Floats | None:
    """What is added to each channel; None when it differs along other axes, or makes the result larger."""
    if not 0 <= axis < len(shape) or numbers.ndim > len(shape):
        return None
    aligned = (1,) * (len(shape) - numbers.ndim) + numbers.shape
    if any(size != 1 and not (place == axis and size == channels) for place, size in enumerate(aligned)):
        return None
    return np.array(np.broadcast_to(numbers.reshape(-1), (channels,)), np.float32)
