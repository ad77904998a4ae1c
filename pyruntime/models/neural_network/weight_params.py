"""Arrays and packed integers of callers into WeightParams messages.

The order of axes is the caller's up to here: `transpose` brings floats and packed integers alike into the file's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.models.neural_network.rows import Call
from pyruntime.spec.weights import unpack_bits, write_floats

QUANTIZATION = ("is_quantized_weight", "quantization_type", "nbits", "quant_scale", "quant_bias", "quant_lut")


@dataclass(frozen=True)
class Quantization:
    """How packed integers become weights: `scale * q + bias`, or `table[q]`."""

    bits: int
    scale: NDArray[Any] | None = None
    bias: NDArray[Any] | None = None
    table: NDArray[Any] | None = None
    signed: bool = False

    def write(self, params: Any) -> None:
        """Set the quantization of a WeightParams message."""
        message = params.quantization
        message.numberOfBits = self.bits
        if self.table is not None:
            message.lookupTableQuantization.floatValue.extend(self.table.ravel().tolist())
        elif self.scale is not None:
            message.linearQuantization.scale.extend(self.scale.ravel().tolist())
            if self.bias is not None:
                message.linearQuantization.bias.extend(self.bias.ravel().tolist())


def write_weight(
    params: Any,
    call: Call,
    name: str,
    value: Any,
    shape: Sequence[int],
    *,
    transpose: Sequence[int] | None = None,
    quantization: Quantization | None = None,
) -> None:
    """Write one weight.

    value: numbers of `shape`, in any shape that differs by axes of size 1, or flat; bytes with `quantization`.
    shape: the caller's order of axes; transpose: of these, the file's order.
    Raises BuildError where the number of values or the shape does not fit.
    """
    if quantization is not None:
        _write_packed(params, call, name, value, shape, transpose, quantization)
        return
    array = as_numbers(call, name, value)
    check_shape(call, name, array.shape, shape)
    if transpose is not None:
        array = array.reshape(shape).transpose(transpose)
    write_floats(params, array)


def as_numbers(call: Call, name: str, value: Any) -> NDArray[Any]:
    """What the caller gave as an array of floats.  Raises BuildError."""
    if isinstance(value, bytes | str) or value is None:
        hint = "; packed integers need is_quantized_weight=True" if isinstance(value, bytes) else ""
        call.refuse(name, f"an array of numbers{hint}", type(value).__name__)
    try:
        return np.asarray(value, np.float32)
    except (TypeError, ValueError):
        call.refuse(name, "an array of numbers", f"{value!r:.60}")


def check_shape(call: Call, name: str, got: Sequence[int], expected: Sequence[int]) -> None:
    """Refuse another number of values, and the same number in another arrangement of several axes."""
    if math.prod(got) != math.prod(expected):
        call.refuse(
            name, f"shape {list(expected)}, {math.prod(expected)} numbers", f"{list(got)}, {math.prod(got)} numbers"
        )
    seen, wanted = [[n for n in shape if n != 1] for shape in (got, expected)]
    if len(seen) > 1 and seen != wanted:
        call.refuse(name, f"shape {list(expected)}, or flat", list(got))


def quantization_of(call: Call, channels: int) -> Quantization | None:
    """The quantization that a call's arguments ask for; None for floats.  Raises BuildError."""
    given = call["kwargs"] if call.get("kwargs") is not None else call.arguments
    dynamic = bool(given.get("int_8_dynamic_quantize", False))
    packed = given is not call.arguments and isinstance(call["W"], bytes)  # a convolution need not say it
    if not given.get("is_quantized_weight", packed):
        if dynamic:
            call.refuse("int_8_dynamic_quantize", "is_quantized_weight=True beside it", "floats")
        return None
    bits, kind = given.get("nbits", 8), str(given.get("quantization_type", "linear")).lower()
    if bits not in range(1, 9):
        call.refuse("nbits", "1 to 8", bits)
    if kind == "lut":
        return Quantization(bits, table=_table(call, given.get("quant_lut"), bits))
    if kind != "linear":
        call.refuse("quantization_type", "linear or lut", repr(given.get("quantization_type")))
    scale, bias = given.get("quant_scale"), given.get("quant_bias")
    if dynamic:
        return Quantization(bits, scale=_per_channel(call, "quant_scale", scale, 1), signed=True)
    return Quantization(
        bits,
        scale=_per_channel(call, "quant_scale", scale, channels),
        bias=_per_channel(call, "quant_bias", bias, channels),
    )


def _table(call: Call, table: Any, bits: int) -> NDArray[Any]:
    if table is None:
        call.refuse("quant_lut", f"{1 << bits} numbers for {bits} bits", "none")
    array = as_numbers(call, "quant_lut", table)
    if array.size != 1 << bits:
        call.refuse("quant_lut", f"{1 << bits} numbers for {bits} bits", f"{array.size} numbers")
    return array


def _per_channel(call: Call, name: str, values: Any, channels: int) -> NDArray[Any]:
    wanted = "1 number" if channels == 1 else f"1 number, or {channels}, one per output channel"
    if values is None:
        call.refuse(name, wanted, "none")
    array = as_numbers(call, name, values)
    if array.size not in (1, channels):
        call.refuse(name, wanted, f"{array.size} numbers")
    return array


def _write_packed(
    params: Any, call: Call, name: str, value: Any, shape: Sequence[int], transpose: Any, quantization: Quantization
) -> None:
    count, bits = math.prod(shape), quantization.bits
    need = -(-count * bits // 8)
    if isinstance(value, np.ndarray):
        value = np.ascontiguousarray(value).tobytes()
    if not isinstance(value, bytes | bytearray | memoryview):
        call.refuse(name, f"{need} bytes of packed integers", type(value).__name__)
    data = bytes(value)
    if len(data) != need:
        call.refuse(name, f"{need} bytes for shape {list(shape)} at {bits} bits", f"{len(data)} bytes")
    if transpose is not None:
        numbers = unpack_bits(data, bits, count).reshape(shape).transpose(transpose)
        data = pack_bits(numbers, bits)
    if quantization.signed:
        call.needs(5)
        params.int8RawValue = data
    else:
        call.needs(3)
        params.rawValue = data
    quantization.write(params)


def pack_bits(values: NDArray[Any], bits: int) -> bytes:
    """Unsigned numbers of `bits` (1 to 8) each as one stream, most significant bit first; zeros fill the last byte."""
    numbers = np.ascontiguousarray(values, np.uint8).reshape(-1, 1)
    if bits == 8:
        return numbers.tobytes()
    return np.packbits(np.unpackbits(numbers, axis=1)[:, 8 - bits :].reshape(-1)).tobytes()
