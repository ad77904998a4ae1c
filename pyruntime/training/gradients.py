"""One rule per operator: the gradients of its inputs, as nodes, from the gradient of its result.

A rule `f(node, g, b)` gets the gradient of the node's first result and gives one value per input, None where nobody
needs it.  `b.needs(value)` says who does.  The rules stand in training/rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from pyruntime.errors import UnsupportedError
from pyruntime.ir.graph import Node, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import BinaryKind, Reduce, ReduceKind, UnaryKind
from pyruntime.training.builder import TrainingBuilder

Gradients = Iterable[Value | None]
Rule = Callable[[Node, Value, "Backward"], Gradients]
RULES: dict[type[Op], Rule] = {}


def gradient(operator: type[Op]) -> Callable[[Rule], Rule]:
    """File a rule."""

    def file(rule: Rule) -> Rule:
        RULES[operator] = rule
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

    def needs(self, value: Value) -> bool:
        """Whether a parameter has a part in it."""
        return value.name in self._needing

    def run(self, start: Value, g: Value) -> dict[str, Value]:
        """Gradients by name of the value, from `g`, that of `start`.  Raises UnsupportedError naming a layer."""
        self._gradients[start.name] = g
        for node in reversed(self._forward):
            found = self._gradients.get(node.outputs[0].name)
            if found is None or not self.needs(node.outputs[0]):
                continue
            rule = RULES.get(type(node.op))
            if rule is None or len(node.outputs) > 1:
                raise no_gradient(node)
            self.b.layer, self.b.kind = f"{node.layer}, gradient", ""
            for value, own in zip(node.inputs, rule(node, found, self), strict=False):
                if own is not None and self.needs(value):
                    self._add(value, own)
        return self._gradients

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
        rows = self.b.reshape(g, math.prod(g.shape[:-1]), g.shape[-1])
        return self.b.emit(Reduce(ReduceKind.SUM, (0,), False), rows)

    def scaled(self, g: Value, factor: float) -> Value:
        return self.b.unary(UnaryKind.LINEAR, g, factor)


def no_gradient(node: Node) -> UnsupportedError:
    return UnsupportedError(
        f"{node.layer}: training cannot pass through it: its operator {node.op.code} has no gradient; "
        "layers that learn must lie behind it, between it and the loss"
    )
