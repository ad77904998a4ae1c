"""Comparison, logic and choice: truths are 1.0 and 0.0, and any number but 0 is true."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import BinaryKind, Select, UnaryKind
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import Lowering, layer

COMPARISONS = {
    "equal": (BinaryKind.EQ, UnaryKind.EQ),
    "notEqual": (BinaryKind.NE, UnaryKind.NE),
    "lessThan": (BinaryKind.LT, UnaryKind.LT),
    "lessEqual": (BinaryKind.LE, UnaryKind.LE),
    "greaterThan": (BinaryKind.GT, UnaryKind.GT),
    "greaterEqual": (BinaryKind.GE, UnaryKind.GE),
}
"""Of two inputs, and of one with `alpha`."""
LOGIC = {"logicalAnd": BinaryKind.AND, "logicalOr": BinaryKind.OR, "logicalXor": BinaryKind.XOR}


def _comparison(of_two: BinaryKind, with_alpha: UnaryKind) -> Lowering:
    def lower(p: Any, x: Value, *rest: Any) -> Value:
        b: Builder = rest[-1]
        return b.binary(of_two, x, rest[0]) if len(rest) > 1 else b.unary(with_alpha, x, p.alpha)

    return lower


def _logic(kind: BinaryKind) -> Lowering:
    def lower(_p: Any, x: Value, y: Value, b: Builder) -> Value:
        return b.binary(kind, x, y)

    return lower


for _name, _kinds in COMPARISONS.items():
    layer(_name, inputs=(1, 2))(_comparison(*_kinds))
for _name, _kind in LOGIC.items():
    layer(_name, inputs=2)(_logic(_kind))


@layer("whereBroadcastable", inputs=3)
def where(_p: Any, condition: Value, x: Value, y: Value, b: Builder) -> Value:
    """condition ? x : y, all three broadcast together.  WhereBroadcastableLayerParams."""
    return b.emit(Select(), condition, x, y)
