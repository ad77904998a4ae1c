"""Cells around a tensor."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Pad, PadMode, PadTo
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.builder import Builder
from pyruntime.layers.conv import border
from pyruntime.layers.registry import layer


@layer("padding")
def padding(p: Any, x: Value, b: Builder) -> Value:
    """Cells around the last two axes: constant, reflected or replicated.  PaddingLayerParams."""
    b.need_rank(x, 2)
    kind = p.WhichOneof("PaddingType")
    modes = {"constant": PadMode.CONSTANT, "reflection": PadMode.REFLECT, "replication": PadMode.EDGE}
    if kind not in modes:
        raise b.invalid("PaddingType", expected="constant, reflection or replication", got=kind)
    (top, left), (bottom, right) = border(p.paddingAmounts, "paddingAmounts", b)
    lead = (0,) * (x.rank - 2)
    value = float(p.constant.value) if kind == "constant" else 0.0
    return b.emit(Pad(modes[kind], (*lead, top, left), (*lead, bottom, right), value), x)


@layer("constantPad", inputs=(1, 2))
def constant_pad(p: Any, x: Value, *rest: Any) -> Value:
    """`value` before and after each axis; amounts of the file or of the second input.  ConstantPaddingLayerParams.

    padToGivenOutputSizeMode: an amount other than 0 is the size that its axis shall have.
    """
    b: Builder = rest[-1]
    amounts = b.numbers(rest[0]) if len(rest) > 1 else tuple(int(amount) for amount in p.padAmounts)
    if amounts is None:
        return b.emit(PadTo(p.padToGivenOutputSizeMode, p.value), x, rest[0])
    if len(amounts) != 2 * x.rank or any(amount < 0 for amount in amounts):
        raise b.invalid("padAmounts", expected=f"two numbers for each of {x.rank} axes, 0 or more", got=list(amounts))
    before, after = amounts[::2], amounts[1::2]
    if p.padToGivenOutputSizeMode:
        if any(front and back for front, back in zip(before, after, strict=True)):
            raise b.invalid("padAmounts", expected="an output size on one side of each axis", got=list(amounts))
        if any((front or back) and size == UNKNOWN for front, back, size in zip(before, after, x.shape, strict=True)):
            return b.emit(PadTo(True, p.value), x, b.constant(amounts))
        before, after = (
            tuple(max(0, amount - size) if amount else 0 for amount, size in zip(side, x.shape, strict=True))
            for side in (before, after)
        )
    return b.emit(Pad(PadMode.CONSTANT, before, after, p.value), x)
