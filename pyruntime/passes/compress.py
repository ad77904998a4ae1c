"""Weights that stay as small as their file has them: kernels expand them panel by panel (csrc/ops/gemm/codes.h)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pyruntime.ir.graph import Node, Stored, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import Conv, Gemm
from pyruntime.ir.types import Array
from pyruntime.native import lib
from pyruntime.native.lib import Context

HALF, LINEAR, TABLE = 1, {8: 2, 4: 3, 2: 4}, {8: 5, 4: 6, 2: 7}
"""pr_code_form: half floats, and by bits of a code."""
DIRECT = -1
"""A layout that asks C for the panels of gemm (PR_LAYOUT_DIRECT)."""
FORM_SHIFT = 28
"""Where a layout says the form."""

Bytes = NDArray[np.uint8]


def compress(
    node: Node, operands: list[tuple[Value, Array | None]], stored: Stored, context: Context
) -> tuple[Op, Array] | None:
    """The operator and its weight (operand 1) as bytes that expand to the same floats; None: it cannot stay small."""
    op, (value, floats) = node.op, operands[1]
    assert isinstance(op, Conv | Gemm)
    assert floats is not None
    if isinstance(op, Conv) and (op.groups != 1 or op.transposed):
        return None
    if stored.codes is None:
        if not np.isfinite(floats).all():
            return None
        numbers, form, head = floats, HALF, np.empty(0, np.float32)
    else:
        numbers, form, head = _codes(stored, op.outputs)
    packed = lib.pack(replace(op, layout=DIRECT), node.layer, [operands[0], (value, numbers)], 1, context)
    if packed is None:
        return None
    panels, array = packed
    lanes = panels.layout & 0xFF
    if form in LINEAR.values():
        head = _padded(head, lanes)
    data = array.astype("<f2").view(np.uint8) if form == HALF else _squeezed(array, _bits(stored.bits))
    blob = np.concatenate([head.reshape(-1).view(np.uint8), data])
    return replace(panels, layout=panels.layout | form << FORM_SHIFT), blob


def _bits(bits: int) -> int:
    """Bits of a code in memory, of those it has in the file."""
    return 2 if bits <= 2 else 4 if bits <= 4 else 8


def _codes(stored: Stored, columns: int) -> tuple[Array, int, NDArray[np.float32]]:
    """Codes as floats, for C to put in order; their form; and scales and biases (2, columns), or the table."""
    assert stored.codes is not None
    bits = _bits(stored.bits)
    signed = stored.codes.dtype == np.int8
    codes = stored.codes.astype(np.float32) + (128 if signed else 0)
    if signed:  # one scale: the products as a table, because 128 * scale more and less would round
        assert stored.scale is not None
        assert stored.scale.size == 1
        return codes, TABLE[8], np.arange(-128, 128, dtype=np.float32) * stored.scale
    if stored.table is not None:
        table = np.zeros(1 << bits, np.float32)
        table[: stored.table.size] = stored.table
        return codes, TABLE[bits], table
    assert stored.scale is not None
    assert stored.bias is not None
    both = [np.broadcast_to(v, (columns,)) for v in (stored.scale, stored.bias)]
    return codes, LINEAR[bits], np.stack(both).astype(np.float32)


def _padded(head: NDArray[np.float32], lanes: int) -> NDArray[np.float32]:
    """(2, columns) with zeros up to whole vectors."""
    return np.pad(head, ((0, 0), (0, -head.shape[1] % lanes)))


def _squeezed(array: Array, bits: int) -> Bytes:
    """Codes one after the other, the first ones in the low bits of a byte."""
    codes = array.astype(np.uint8).reshape(-1, 8 // bits)
    squeezed: Bytes = codes[:, 0].copy()
    for place in range(1, 8 // bits):
        squeezed |= codes[:, place] << (place * bits)
    return squeezed
