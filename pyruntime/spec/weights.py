"""Weights of the file as arrays, and arrays as weights.

Works on standard messages and on those of a LeanModel (give its payloads then).  The forms of a weight are
described at WeightParams and QuantizationParams in NeuralNetwork.proto.  No path makes one Python object per
number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import SpecError
from pyruntime.spec import messages, wire
from pyruntime.spec.payloads import DETACH_FROM, Payloads, resolve

_FORMS = {1: "floatValue", 2: "float16Value", 30: "rawValue", 31: "int8RawValue"}


@dataclass(frozen=True)
class _Name:
    """Which weight is being read, for errors."""

    layer: str
    field: str

    def expect(self, condition: bool, expected: str, got: object) -> None:
        if not condition:
            raise SpecError(
                f"layer {self.layer!r}, {self.field}: expected {expected}, got {got}; "
                "the file is damaged or badly written"
            )


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
            return np.take(self.table, self.values)
        assert self.scale is not None and self.bias is not None
        along = [1] * self.values.ndim
        if self.scale.size > 1:
            along[self.channel_axis] = -1
        weights = self.values.astype(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):  # a file may hold any scale
            weights *= self.scale.reshape(along)
            weights += self.bias.reshape(along)
        return weights


def weight_form(params: messages.WeightParams) -> str | None:
    """Name of the field that holds the weights, or None when there are none (an absent optional weight).

    Raises SpecError when several are set.
    """
    found = [_FORMS[number] for number, _ in _contents(params.SerializeToString(), None, resolved=False)]
    if len(set(found)) > 1:
        raise SpecError(f"weights are given as {' and '.join(sorted(set(found)))}, expected exactly one of them")
    return found[0] if found else None


def stored_weight(params: messages.WeightParams, payloads: Payloads | None = None) -> tuple[str, int, int] | None:
    """How a weight is stored: (form, numbers, bytes), or None for an absent one; nothing is decoded.

    form: "float32", "float16", "8-bit linear", "6-bit table", …  Numbers of less than 8 bits may be counted up to seven
    too many, because the last byte can be padded.
    """
    found = _contents(params.SerializeToString(), payloads)
    nbytes = sum(piece.nbytes for _, piece in found)
    if not found:
        return None
    floats = {"floatValue": ("float32", 4), "float16Value": ("float16", 2)}.get(_FORMS[found[0][0]])
    if floats:
        return floats[0], nbytes // floats[1], nbytes
    bits = params.quantization.numberOfBits or 8
    table = params.quantization.WhichOneof("QuantizationType") == "lookupTableQuantization"
    return f"{bits}-bit {'table' if table else 'linear'}", nbytes * 8 // bits, nbytes


def weights_of(message: Any, place: str = "") -> Iterator[tuple[str, messages.WeightParams]]:
    """(place, weight) of every WeightParams that is set in a message: a layer, a network; nested ones too."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        name = f"{place}.{field.name}" if place else field.name
        for item in [value] if hasattr(value, "ListFields") else value:
            if field.message_type.name == "WeightParams":
                yield name, item
            elif hasattr(item, "ListFields"):  # entries of a map are plain values
                yield from weights_of(item, name)


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

    channel_axis: axis of `shape` along which there may be one scale per entry (1 for deconvolution).
    layer, field: how errors call the weight.
    payloads: those of the LeanModel, when `params` belongs to one.
    Weights stored as float32 are not copied: the array is read-only and may be unaligned in memory
    (`np.require(w, requirements="A")` where that matters).
    Raises SpecError when the number of values or the quantisation does not fit.
    """
    name = _Name(layer, field)
    form, data = _payload(params, payloads, name)
    count = _count(shape, name)
    if form == "floatValue":
        expected = f"{count} numbers for shape {list(shape)}"
        name.expect(len(data) == 4 * count, expected, len(data) // 4)
        return np.frombuffer(data, "<f4").reshape(shape)
    if form == "float16Value":
        expected = f"{2 * count} bytes of half floats for shape {list(shape)}"
        name.expect(len(data) == 2 * count, expected, f"{len(data)} bytes")
        return np.frombuffer(data, "<f2").astype(np.float32).reshape(shape)
    return _quantized(params, form, data, shape, channel_axis, name).to_float()


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
    name = _Name(layer, field)
    form, data = _payload(params, payloads, name)
    if form in ("floatValue", "float16Value"):
        return None
    return _quantized(params, form, data, shape, channel_axis, name)


def read_floats(message: Any, payloads: Payloads | None = None) -> NDArray[np.float32]:
    """The numbers of a FloatVector, NeuralNetworkMeanImage or RepeatedFloats: float32 (n), read-only."""
    pieces = [piece for _, piece in _contents(message.SerializeToString(), payloads, numbers=(1,))]
    return np.frombuffer(_join(pieces), "<f4")


def write_weights(params: messages.WeightParams, values: NDArray[Any], payloads: Payloads | None = None) -> None:
    """Replace the numbers of a weight by float32 `values`, any shape, row-major; isUpdatable stays."""
    for name in ("float16Value", "rawValue", "int8RawValue", "quantization"):
        params.ClearField(name)
    write_floats(params, values, payloads)


def write_floats(message: Any, values: NDArray[Any], payloads: Payloads | None = None) -> None:
    """Replace the numbers of a FloatVector, NeuralNetworkMeanImage, RepeatedFloats, or floatValue.

    With payloads, a large array is kept beside the message.  It is copied in either case.
    """
    message.ClearField(message.DESCRIPTOR.fields_by_number[1].name)
    data = np.asarray(values, "<f4").tobytes()
    if payloads is not None and len(data) >= DETACH_FROM:
        data = payloads.add(memoryview(data))
    if data:
        message.MergeFromString(wire.length_field(1, len(data)) + data)


def unpack_bits(data: memoryview | bytes, bits: int, count: int) -> NDArray[np.uint8]:
    """`count` unsigned numbers of `bits` (1 to 8) each; most significant bit first, no padding between them.

    `data` has at least ceil(bits * count / 8) bytes.  Eight numbers fill `bits` whole bytes, so each of the
    eight places of such a group is one array operation.
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
    name: _Name,
) -> QuantizedWeights:
    """Check and unpack rawValue or int8RawValue."""
    count, quantization = _count(shape, name), params.quantization
    bits, kind = quantization.numberOfBits, quantization.WhichOneof("QuantizationType")
    name.expect(1 <= bits <= 8, "quantization.numberOfBits from 1 to 8", bits)
    name.expect(kind is not None, "linearQuantization or lookupTableQuantization", "neither")
    need = -(-bits * count // 8)  # more is allowed: some writers round up
    expected = f"{need} bytes for shape {list(shape)} at {bits} bits"
    name.expect(len(data) >= need, expected, f"{len(data)} bytes")
    signed = form == "int8RawValue"
    if signed:
        fits = bits == 8 and kind == "linearQuantization"
        name.expect(fits, "8 linear bits with int8RawValue", f"{bits}, {kind}")
    values = unpack_bits(data, bits, count).view(np.int8 if signed else np.uint8).reshape(shape)
    if kind == "lookupTableQuantization":
        table = quantization.lookupTableQuantization.floatValue
        name.expect(len(table) == 1 << bits, f"a look-up table of {1 << bits} entries", len(table))
        return QuantizedWeights(values, bits, axis, table=np.array(table, np.float32))
    channels = 1 if signed or axis >= len(shape) else shape[axis]
    scale, bias = _linear(quantization.linearQuantization, channels, name)
    return QuantizedWeights(values, bits, axis, scale=scale, bias=bias)


def _linear(linear: Any, channels: int, name: _Name) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scales and biases; no bias means zeros."""
    scales, biases = len(linear.scale), len(linear.bias)
    wanted = "1 scale" if channels == 1 else f"1 or {channels} scales (one per channel)"
    name.expect(scales in (1, channels) and scales > 0, wanted, scales)
    name.expect(biases in (0, scales), f"no quantisation biases or {scales}", biases)
    scale = np.array(linear.scale, np.float32)
    return scale, np.array(linear.bias, np.float32) if biases else np.zeros_like(scale)


def _payload(params: messages.WeightParams, payloads: Payloads | None, name: _Name) -> tuple[str, bytes | memoryview]:
    """Form and bytes of a weight.  Raises SpecError when there is not exactly one form."""
    contents = _contents(params.SerializeToString(), payloads)
    forms = sorted({_FORMS[number] for number, _ in contents})
    wanted = f"weights in exactly one of {', '.join(_FORMS.values())}"
    name.expect(len(forms) == 1, wanted, " and ".join(forms) or "none of them")
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


def _count(shape: Sequence[int], name: _Name) -> int:
    name.expect(all(size >= 0 for size in shape), "a shape of sizes from 0", list(shape))
    return math.prod(shape)
