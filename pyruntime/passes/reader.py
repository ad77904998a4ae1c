"""Finds what makes a value: what passes recognise larger patterns with."""

from __future__ import annotations

from typing import TypeVar

from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import (  # fmt: skip
    Binary,
    BinaryKind,
    BroadcastTo,
    Concat,
    Gather,
    GetShape,
    Slice,
    Transpose,
    Unary,
    UnaryKind,
)
from pyruntime.ir.ops.move import LAST
from pyruntime.ir.types import Array

AnyOp = TypeVar("AnyOp", bound=Op)
WHOLE = ((0, LAST, 1), (LAST, -LAST - 1, -1))
"""Cuts that leave an axis its size."""


class Reader:
    """Finds what makes a value of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.makers = graph.producers()
        self.first: dict[str, Value] = {}
        """What recognised loops begin their states with, of the same shape."""

    def node(self, value: Value, op: type[AnyOp]) -> tuple[AnyOp, tuple[Value, ...]] | None:
        """The operator that makes the value, if it is one of this class, and its operands."""
        node = self.makers.get(value.name)
        return (node.op, node.inputs) if node is not None and isinstance(node.op, op) else None

    def array(self, value: Value) -> Array | None:
        return self.graph.constants.get(value.name)

    def is_number(self, value: Value, number: float) -> bool:
        array = self.array(value)
        return array is not None and array.size == 1 and float(array.reshape(-1)[0]) == number

    def unary(self, value: Value, kind: UnaryKind) -> tuple[Unary, Value] | None:
        found = self.node(value, Unary)
        return (found[0], found[1][0]) if found and found[0].kind is kind else None

    def pair(self, value: Value, kind: BinaryKind) -> tuple[Value, Value] | None:
        """Two operands of the result's shape: nothing is broadcast."""
        found = self.node(value, Binary)
        if found is None or found[0].kind is not kind or any(v.shape != value.shape for v in found[1]):
            return None
        return found[1][0], found[1][1]

    def pairs(self, value: Value, kind: BinaryKind) -> list[tuple[Value, Value]]:
        """The operands in both orders; of other operators none."""
        found = self.pair(value, kind)
        return [found, found[::-1]] if found else []

    def plus(self, value: Value, number: float) -> Value | None:
        """x of x + number."""
        linear = self.unary(value, UnaryKind.LINEAR)
        if linear is not None:
            return linear[1] if (linear[0].a, linear[0].b) == (1, number) else None
        found = self.node(value, Binary)
        if found is None or found[0].kind is not BinaryKind.ADD:
            return None
        for x, other in (found[1], found[1][::-1]):
            if self.is_number(other, number) and x.shape == value.shape:
                return x
        return None

    def one_minus(self, value: Value) -> Value | None:
        """x of 1 - x."""
        linear = self.unary(value, UnaryKind.LINEAR)
        if linear is not None:
            return linear[1] if (linear[0].a, linear[0].b) == (-1, 1) else None
        found = self.node(value, Binary)
        if found is not None and found[0].kind is BinaryKind.SUB:
            one, x = found[1]
            return x if self.is_number(one, 1) and x.shape == value.shape else None
        minus = self.plus(value, 1)
        linear = self.unary(minus, UnaryKind.LINEAR) if minus is not None else None
        return linear[1] if linear and (linear[0].a, linear[0].b) == (-1, 0) else None

    def origin(self, value: Value, axis: int) -> tuple[str, int]:
        """The value and axis that decide an open size: two of one origin are equal in every prediction."""
        while (node := self.makers.get(value.name)) is not None:
            op = node.op
            if value.name in self.first:
                value = self.first[value.name]
            elif isinstance(op, Transpose):
                value, axis = node.inputs[0], op.axes[axis]
            elif (isinstance(op, Slice) and (op.begin[axis], op.end[axis], op.stride[axis]) in WHOLE) or (
                isinstance(op, Concat) and op.axis != axis
            ):
                value = node.inputs[0]
            elif isinstance(op, BroadcastTo) and (number := self.entry(node.inputs[1], axis)) is not None:
                found = self.size_in(number)
                return found or (value.name, axis)
            else:
                break
        return value.name, axis

    def entry(self, sizes: Value, place: int) -> Value | None:
        """The number at a place of a list that is joined of numbers."""
        found = self.node(sizes, Concat)
        if found is None or len(found[1]) <= place or any(part.shape != (1,) for part in found[1][: place + 1]):
            return None
        return found[1][place]

    def size_in(self, number: Value) -> tuple[str, int] | None:
        """The value and axis whose size the number is."""
        sliced, gathered = self.node(number, Slice), self.node(number, Gather)
        if sliced is not None:
            op, (shape, *_) = sliced
            axis = op.begin[0] if (op.end[0], op.stride[0]) == (op.begin[0] + 1, 1) else -1
        elif gathered is not None:
            shape, index = gathered[1]
            array = self.array(index)
            axis = int(array.reshape(-1)[0]) if array is not None and array.size == 1 else -1
        else:
            return None
        found = self.node(shape, GetShape)
        return self.origin(found[1][0], axis) if found and 0 <= axis < found[1][0].rank else None
