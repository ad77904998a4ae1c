"""Weights of the file as arrays, and arrays as weights.

Works on standard messages and on those of a LeanModel (give its payloads then).  The forms of a weight are described
at WeightParams and QuantizationParams in NeuralNetwork.proto.  No path makes one Python object per number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import SpecError
from pyruntime.spec import messages, wire
from pyruntime.spec.payloads import DETACH_FROM, Payloads, resolve

_FORMS = {1: "floatValue", 2: "float16Value", 30: "rawValue", 31: "int8RawValue"}


@dataclass(frozen=True)
class QuantizedWeights:
    """Weights as the file has them, before they become floats.

    values: uint8 (rawValue) or int8 (int8RawValue), in the shape asked for.
    bits: how many of them are used, 1 to 8.
    table: float32 (2 ** bits), w = table[q]; None for linear ones.
    scale, bias: float32 (1) or (channels), w = scale * q + bias along `channel_axis`; None with a table.
    """

    values: NDArray[Any]
    bits: int
    channel_axis: int
    table: NDArray[np.float32] | None = None
    scale: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None

    def to_float(self) -> NDArray[np.float32]:
        """The weights as float32."""
        if self.table is not None:
            return self.table[self.values]
        assert self.scale is not None and self.bias is not None
        along = [1] * self.values.ndim
        if self.scale.size > 1:
            along[self.channel_axis] = -1
        weights = self.values.astype(np.float32)
        weights *= self.scale.reshape(along)
        weights += self.bias.reshape(along)
        return weights


def weight_form(params: messages.WeightParams) -> str | None:
    """Name of the field that holds the weights, or None when there are none (an absent optional weight).

    Raises SpecError when several are set.
    """
    found = [_FORMS[number] for number, _ in _contents(params.SerializeToString(), None, resolved=False)]
    if len(set(found)) > 1:
        raise SpecError(
            f"weights are given as {' and '.join(sorted(set(found)))}, expected exactly one of them"
        )
    return found[0] if found else None


def read_weights(
    params: messages.WeightParams,
    *,
    shape: Sequence[int],
    layer: str,
    field: str,
    channel_axis: int = 0,
    payloads: Payloads | None = None,
) -> NDArray[np.float32]:
    """One weight of a layer as float32 in row-major `shape`, dequantised if need be.

    channel_axis: axis of `shape` along which a quantised weight may have one scale per entry (1 for deconvolution).
    layer, field: how errors call the weight.
    payloads: those of the LeanModel, when `params` belongs to one.
    Weights stored as float32 are not copied: the array is read-only and may be unaligned in memory
    (`np.require(w, requirements="A")` where that matters).
    Raises SpecError when the number of values or the quantisation does not fit.
    """
    form, data = _payload(params, payloads, layer, field)
    count = _count(shape, layer, field)
    if form == "floatValue":
        _expect(
            len(data) == 4 * count, layer, field, f"{count} numbers for shape {list(shape)}", len(data) / 4
        )
        return np.frombuffer(data, "<f4").reshape(shape)
    if form == "float16Value":
        expected = f"{2 * count} bytes of half floats for shape {list(shape)}"
        _expect(len(data) == 2 * count, layer, field, expected, f"{len(data)} bytes")
        return np.frombuffer(data, "<f2").astype(np.float32).reshape(shape)
    return _quantized(params, form, data, shape, channel_axis, layer, field).to_float()


def read_quantized(
    params: messages.WeightParams,
    *,
    shape: Sequence[int],
    layer: str,
    field: str,
    channel_axis: int = 0,
    payloads: Payloads | None = None,
) -> QuantizedWeights | None:
    """Like `read_weights`, but keeps integers; None when the weight is stored as floats."""
    form, data = _payload(params, payloads, layer, field)
    if form in ("floatValue", "float16Value"):
        return None
    return _quantized(params, form, data, shape, channel_axis, layer, field)


def read_floats(message: Any, payloads: Payloads | None = None) -> NDArray[np.float32]:
    """The numbers of a FloatVector, NeuralNetworkMeanImage or RepeatedFloats: float32 (n), read-only."""
    pieces = [piece for _, piece in _contents(message.SerializeToString(), payloads, numbers=(1,))]
    return np.frombuffer(_join(pieces), "<f4")


def read_samples(
    index: messages.NearestNeighborsIndex, payloads: Payloads | None = None
) -> NDArray[np.float32]:
    """The stored samples of a k-NN index: float32 (samples, numberOfDimensions).

    Raises SpecError when a sample has another length.
    """
    width = index.numberOfDimensions
    if width < 1:
        raise SpecError(f"nearestNeighborsIndex: numberOfDimensions is {width}, expected at least 1")
    rows = [read_floats(vector, payloads) for vector in index.floatSamples]
    for place, row in enumerate(rows):
        if row.size != width:
            raise SpecError(f"nearestNeighborsIndex: sample {place} has {row.size} numbers, expected {width}")
    return np.concatenate(rows).reshape(-1, width) if rows else np.empty((0, width), np.float32)


def write_weights(
    params: messages.WeightParams, values: NDArray[Any], payloads: Payloads | None = None
) -> None:
    """Replace the numbers of a weight by float32 `values` (any shape, written row-major); isUpdatable stays."""
    for name in ("float16Value", "rawValue", "int8RawValue", "quantization"):
        params.ClearField(name)
    write_floats(params, values, payloads)


def write_floats(message: Any, values: NDArray[Any], payloads: Payloads | None = None) -> None:
    """Replace the numbers in field 1 of a WeightParams, FloatVector, NeuralNetworkMeanImage or RepeatedFloats.

    With payloads, a large array is kept beside the message.  It is copied in either case.
    """
    message.ClearField(message.DESCRIPTOR.fields_by_number[1].name)
    data = np.asarray(values, "<f4").tobytes()
    if payloads is not None and len(data) >= DETACH_FROM:
        data = payloads.add(memoryview(data))
    if data:
        message.MergeFromString(wire.length_field(1, len(data)) + data)


def unpack_bits(data: memoryview | bytes, bits: int, count: int) -> NDArray[np.uint8]:
    """`count` unsigned numbers of `bits` (1 to 8) each from a stream without padding, most significant bit first.

    `data` has at least ceil(bits * count / 8) bytes.  Eight numbers fill `bits` whole bytes, so each of the eight
    places of such a group is one array operation.
    """
    used = -(-bits * count // 8)
    source = np.frombuffer(data, np.uint8, used)
    if bits == 8:
        return source
    groups = -(-count // 8)
    stream = np.zeros((groups, bits), np.uint8)
    stream.reshape(-1)[:used] = source
    values = np.empty((groups, 8), np.uint8)
    for place in range(8):
        byte, offset = divmod(place * bits, 8)
        shift = 8 - offset - bits
        if shift >= 0:
            values[:, place] = stream[:, byte] >> shift
        else:
            values[:, place] = stream[:, byte] << -shift | stream[:, byte + 1] >> 8 + shift
    values &= (1 << bits) - 1
    return values.reshape(-1)[:count]


def _quantized(
    params: messages.WeightParams,
    form: str,
    data: bytes | memoryview,
    shape: Sequence[int],
    axis: int,
    layer: str,
    field: str,
) -> QuantizedWeights:
    """Check and unpack rawValue or int8RawValue."""
    count, quantization = _count(shape, layer, field), params.quantization
    bits, kind = quantization.numberOfBits, quantization.WhichOneof("QuantizationType")
    _expect(1 <= bits <= 8, layer, field, "quantization.numberOfBits from 1 to 8", bits)
    _expect(kind is not None, layer, field, "linearQuantization or lookupTableQuantization", "neither")
    need = -(-bits * count // 8)  # more is allowed: some writers round up
    _expect(
        len(data) >= need,
        layer,
        field,
        f"{need} bytes for shape {list(shape)} at {bits} bits",
        f"{len(data)} bytes",
    )
    signed = form == "int8RawValue"
    if signed:
        _expect(
            bits == 8 and kind == "linearQuantization",
            layer,
            field,
            "8 linear bits with int8RawValue",
            f"{bits}, {kind}",
        )
    values = unpack_bits(data, bits, count).view(np.int8 if signed else np.uint8).reshape(shape)
    if kind == "lookupTableQuantization":
        table = quantization.lookupTableQuantization.floatValue
        _expect(len(table) == 1 << bits, layer, field, f"a look-up table of {1 << bits} entries", len(table))
        return QuantizedWeights(values, bits, axis, table=np.array(table, np.float32))
    scale, bias = _linear(
        quantization.linearQuantization, 1 if signed else shape[axis] if shape else 1, layer, field
    )
    return QuantizedWeights(values, bits, axis, scale=scale, bias=bias)


def _linear(
    linear: Any, channels: int, layer: str, field: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scales and biases; no bias means zeros."""
    scales, biases = len(linear.scale), len(linear.bias)
    wanted = "1 scale" if channels == 1 else f"1 or {channels} scales (one per channel)"
    _expect(scales in (1, channels) and scales > 0, layer, field, wanted, scales)
    _expect(biases in (0, scales), layer, field, f"no quantisation biases or {scales}", biases)
    scale = np.array(linear.scale, np.float32)
    return scale, np.array(linear.bias, np.float32) if biases else np.zeros_like(scale)


def _payload(
    params: messages.WeightParams, payloads: Payloads | None, layer: str, field: str
) -> tuple[str, bytes | memoryview]:
    """Form and bytes of a weight.  Raises SpecError when there is not exactly one form."""
    contents = _contents(params.SerializeToString(), payloads)
    forms = sorted({_FORMS[number] for number, _ in contents})
    wanted = f"weights in exactly one of {', '.join(_FORMS.values())}"
    _expect(len(forms) == 1, layer, field, wanted, " and ".join(forms) or "none of them")
    return forms[0], _join([piece for _, piece in contents])


def _contents(
    data: bytes, payloads: Payloads | None, *, numbers: Sequence[int] = tuple(_FORMS), resolved: bool = True
) -> list[tuple[int, memoryview]]:
    """(field number, bytes) of the payload fields of a serialised message that are not empty.

    The serialiser writes a packed field in one chunk, whatever the form was in the file.
    """
    view, found = memoryview(data), []
    for number, wire_type, _, start, stop in wire.fields(view, 0, len(data)):
        if number in numbers and wire_type == wire.LENGTH and stop > start:
            pieces = resolve(data, start, stop, payloads) if resolved else [view[start:stop]]
            found += [(number, piece) for piece in pieces]
    return found


def _join(pieces: list[memoryview]) -> bytes | memoryview:
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _count(shape: Sequence[int], layer: str, field: str) -> int:
    _expect(all(size >= 0 for size in shape), layer, field, "a shape of sizes from 0", list(shape))
    return math.prod(shape)


def _expect(condition: bool, layer: str, field: str, expected: str, got: object) -> None:
    if not condition:
        raise SpecError(
            f"layer {layer!r}, {field}: expected {expected}, got {got}; the file is damaged or badly written"
        )
