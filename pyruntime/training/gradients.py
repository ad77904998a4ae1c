"""One rule per operator: the gradients of its inputs, as nodes, from the gradient of its result.

A rule `f(node, g, b)` gets the gradient of the node's first result and gives one value per input, None where nobody
needs it.  `b.needs(value)` says who does.  A rule for several results gets a tuple, with None for those that the loss
does not depend on.  The rules stand in training/rules.

Operators whose results do not change by little when their operands do have a reason instead of a rule: the gradient
ends there, as it does in PyTorch, and the reason is told when nothing reaches a layer that learns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from pyruntime.errors import UnsupportedError
from pyruntime.ir.graph import Node, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import BinaryKind, Broadcast, Pad, PadMode, Reduce, ReduceKind, Slice, UnaryKind
from pyruntime.ir.types import Shape, is_known
from pyruntime.training.builder import TrainingBuilder

Gradients = Iterable[Value | None]
Rule = Callable[[Node, Any, "Backward"], Gradients]
RULES: dict[type[Op], Rule] = {}
OF_ALL_RESULTS: set[type[Op]] = set()
"""Operators whose rule gets the gradients of all results."""
REFUSED: dict[type[Op], str] = {}
"""Operators that have a slope, but no rule, and why."""
NO_SLOPE: dict[type[Op], str] = {}
"""Operators at which the gradient ends, and why."""


def gradient(operator: type[Op], *, all_results: bool = False) -> Callable[[Rule], Rule]:
    """File a rule."""

    def file(rule: Rule) -> Rule:
        RULES[operator] = rule
        if all_results:
            OF_ALL_RESULTS.add(operator)
        return rule

    return file


class Backward:
    """Goes through a builder's nodes from the last to the first, and adds theirs behind them."""

    def __init__(self, b: TrainingBuilder, parameters: Iterable[Value]) -> None:
        self.b = b
        self._forward = tuple(b.nodes)
        self._needing = {value.name for value in parameters}
        for node in self._forward:
            if any(value.name in self._needing for value in node.inputs):
                self._needing.update(value.name for value in node.outputs)
        self._gradients: dict[str, Value] = {}
        self.ends: list[str] = []
        """Where the gradient ended, and why."""

    def needs(self, value: Value) -> bool:
        """Whether a parameter has a part in it."""
        return value.name in self._needing

    def run(self, start: Value, g: Value) -> dict[str, Value]:
        """Gradients by name of the value, from `g`, that of `start`.  Raises UnsupportedError naming a layer."""
        self._gradients[start.name] = g
        for node in reversed(self._forward):
            found = [self._gradients.get(value.name) for value in node.outputs]
            if not any(found) or not self.needs(node.outputs[0]):
                continue
            self.b.layer, self.b.kind = f"{node.layer}, gradient", ""
            for value, own in zip(node.inputs, self._of_node(node, found), strict=False):
                if own is not None and self.needs(value):
                    self._add(value, own)
        return self._gradients

    def _of_node(self, node: Node, found: list[Value | None]) -> Gradients:
        if type(node.op) in NO_SLOPE:
            return self.end(node, NO_SLOPE[type(node.op)])
        rule = RULES.get(type(node.op))
        if rule is None:
            raise no_gradient(node, REFUSED.get(type(node.op), ""))
        if not all(is_known(value.shape) for value in (*node.inputs, *node.outputs)):
            raise no_gradient(node, "a size of it is only known when numbers are")
        if type(node.op) in OF_ALL_RESULTS:
            return rule(node, tuple(found), self)
        return () if found[0] is None else rule(node, found[0], self)

    def end(self, node: Node, why: str) -> Gradients:
        """The gradient does not go on from here.  why: continues "layer ..."."""
        self.ends.append(f"{node.layer} {why}")
        return ()

    def _add(self, value: Value, g: Value) -> None:
        assert g.shape == value.shape, (value, g)
        before = self._gradients.get(value.name)
        self._gradients[value.name] = g if before is None else self.b.binary(BinaryKind.ADD, before, g)

    # what rules write with

    def sum_to(self, g: Value, like: Value) -> Value:
        """`g` summed over the axes along which an operand of shape `like` was repeated."""
        lead = g.rank - like.rank
        axes = [i for i in range(g.rank) if i < lead or (like.shape[i - lead] == 1 and g.shape[i] != 1)]
        if axes:
            g = self.b.emit(Reduce(ReduceKind.SUM, tuple(axes), True), g)
        return g if g.shape == like.shape else self.b.reshape(g, *like.shape)

    def sum_rows(self, g: Value) -> Value:
        """(..., C) -> (C)."""
        return self.b.emit(Reduce(ReduceKind.SUM, (0,), False), self.rows(g))

    def rows(self, g: Value) -> Value:
        """(..., C) -> (N, C)."""
        return g if g.rank == 2 else self.b.reshape(g, math.prod(g.shape[:-1]), g.shape[-1])

    def scaled(self, g: Value, factor: float) -> Value:
        return self.b.unary(UnaryKind.LINEAR, g, factor)

    def mul(self, x: Value, y: Value) -> Value:
        return self.b.binary(BinaryKind.MUL, x, y)

    def div(self, x: Value, y: Value) -> Value:
        return self.b.binary(BinaryKind.DIV, x, y)

    def add(self, x: Value, y: Value) -> Value:
        return self.b.binary(BinaryKind.ADD, x, y)

    def equal(self, x: Value, y: Value) -> Value:
        """1 where they are, else 0."""
        return self.b.binary(BinaryKind.EQ, x, y)

    def filled(self, shape: Shape, number: float = 0.0) -> Value:
        """The same number everywhere."""
        return self.b.emit(Broadcast(shape), self.b.constant([number]))

    def cut(self, g: Value, axis: int, start: int, stop: int) -> Value:
        """Places start .. stop - 1 of an axis."""
        begin = tuple(start if i == axis else 0 for i in range(g.rank))
        end = tuple(stop if i == axis else size for i, size in enumerate(g.shape))
        return g if (start, stop) == (0, g.shape[axis]) else self.b.emit(Slice(begin, end, (1,) * g.rank), g)

    def put(self, g: Value, axis: int, start: int, size: int) -> Value:
        """As places from `start` on of an axis of `size`, zeros elsewhere."""
        before = tuple(start if i == axis else 0 for i in range(g.rank))
        after = tuple(size - start - g.shape[axis] if i == axis else 0 for i in range(g.rank))
        return self.b.emit(Pad(PadMode.CONSTANT, before, after), g) if any(before) or any(after) else g


def no_gradient(node: Node, why: str = "") -> UnsupportedError:
    return UnsupportedError(
        f"{node.layer}: training cannot pass through it: {why or f'its operator {node.op.code} has no gradient'}; "
        "layers that learn must lie behind it, between it and the loss"
    )
