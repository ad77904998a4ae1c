"""One operator computed now, on arrays: for constants, and for the shapes that layers compute."""

from __future__ import annotations

from collections.abc import Sequence

from pyruntime.ir.op import Op
from pyruntime.ir.ops import Require, Reshape, ReshapeTo, Transpose
from pyruntime.ir.types import Array, DType, Shape
from pyruntime.native import lib

LARGE = 16 << 20
"""Bytes from which a constant in another order of axes, such as the table of an embedding, is not copied for it."""


def fold(op: Op, layer: str, arrays: Sequence[Array], results: Sequence[tuple[DType, Shape]]) -> list[Array]:
    """What `op` makes of `arrays`; `results` are its types by the shape rule."""
    if isinstance(op, Reshape | ReshapeTo | Require):  # the executor renames a shape without running anything
        return [arrays[0].reshape(results[0][1])]
    if isinstance(op, Transpose) and arrays[0].nbytes >= LARGE:  # a view: copied once, to where it will lie
        return [arrays[0].transpose(op.axes)]
    return lib.run_once(op, layer, arrays, len(results))
