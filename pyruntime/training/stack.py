"""Mini-batches of networks whose blobs have any rank: examples are stacked on an axis of their own, in front.

Layers are lowered for one example, with the axes that the file means; then every node becomes one for the mini-batch.
A value that no example has a part in (weights, constants) stays as it is.  Legacy networks do not need this: their
blobs have an axis for examples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pyruntime.errors import UnsupportedError
from pyruntime.ir.graph import Node, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import Broadcast, PadTo, Reduce, ReduceKind, SliceTo
from pyruntime.ir.types import is_known
from pyruntime.training.builder import MiniBatchMean, TrainingBuilder
from pyruntime.training.gradients import REFUSED, no_gradient

Rule = Callable[[Node, list[Value], "Stacker"], Sequence[Value]]
STACKED: dict[type[Op], Rule] = {}
"""What a node becomes, from its operands, at least one of which is stacked; so are all results."""


def stacked(*operators: type[Op]) -> Callable[[Rule], Rule]:
    """File a rule."""

    def file(rule: Rule) -> Rule:
        STACKED.update(dict.fromkeys(operators, rule))
        return rule

    return file


def stack_examples(b: TrainingBuilder, features: Mapping[str, Value], y: Value) -> Value:
    """Replace the builder's nodes, made for one example, by those for a mini-batch; what `y` becomes.

    features: the stacked value for each operand that is of one example.  A mini-batch of one is not stacked at all.
    Raises UnsupportedError naming a layer that cannot be.
    """
    from pyruntime.training import stacking  # noqa: F401  (files the rules)

    stacker = Stacker(b, next(iter(features.values())).shape[0] if features else 1)
    nodes, b.nodes = b.nodes, []
    for name, value in features.items():
        if stacker.batch == 1:
            b.layer, b.kind = value.name, ""
            stacker.values[name] = b.reshape(value, *value.shape[1:])
        else:
            stacker.values[name] = value
            stacker.names.add(value.name)
    for node in nodes:
        stacker.add(node)
    b.collected = {name: stacker.values.get(value.name, value) for name, value in b.collected.items()}
    return stacker.lifted(stacker.values.get(y.name, y))


class Stacker:
    """values: by the name of a value of one example.  names: of those that are stacked."""

    def __init__(self, b: TrainingBuilder, batch: int) -> None:
        self.b, self.batch = b, batch
        self.values: dict[str, Value] = {}
        self.names: set[str] = set()

    def is_stacked(self, value: Value) -> bool:
        return value.name in self.names

    def add(self, node: Node) -> None:
        """The node for the mini-batch."""
        inputs = [self.values.get(value.name, value) for value in node.inputs]
        self.b.layer, self.b.kind = node.layer, ""
        if isinstance(node.op, MiniBatchMean):
            results: Sequence[Value] = [self._mean_of_all(node.op, inputs[0])]
        elif not any(map(self.is_stacked, inputs)):
            results = self._once(node, inputs)
        else:
            rule = STACKED.get(type(node.op))
            if rule is None:
                raise self.unsupported(node)
            results = rule(node, inputs, self)
            self.names.update(value.name for value in results)
        for old, new in zip(node.outputs, results, strict=True):
            self.values[old.name] = new

    def _once(self, node: Node, inputs: list[Value]) -> Sequence[Value]:
        if node.regions:
            self.b.nodes.append(Node(node.op, tuple(inputs), node.outputs, node.layer, node.regions))
            return node.outputs
        return self.b.emit_many(node.op, inputs, len(node.outputs))

    def _mean_of_all(self, op: MiniBatchMean, x: Value) -> Value:
        """One result for all examples: it is not stacked."""
        if not self.is_stacked(x):
            return self.b.emit(Reduce(ReduceKind.MEAN, op.axes, True), x)
        mean = self.b.emit(Reduce(ReduceKind.MEAN, (0, *(axis + 1 for axis in op.axes)), True), x)
        return self.b.reshape(mean, *mean.shape[1:])

    def lifted(self, value: Value) -> Value:
        """The value with an axis of examples in front, repeated when it has none."""
        if self.is_stacked(value) or self.batch == 1:
            return value
        lifted = self.b.emit(Broadcast((self.batch, *value.shape)), value)
        self.names.add(lifted.name)
        return lifted

    def widened(self, value: Value, rank: int) -> Value:
        """With 1s behind the examples' axis, so that what each of them has is of that rank."""
        missing = rank - (value.rank - 1)
        if not self.is_stacked(value) or missing <= 0:
            return value
        wide = self.b.reshape(value, self.batch, *[1] * missing, *value.shape[1:])
        self.names.add(wide.name)
        return wide

    def unsupported(self, node: Node) -> UnsupportedError:
        if type(node.op) in REFUSED and not isinstance(node.op, SliceTo | PadTo):  # a mini-batch of 1 would not help
            return no_gradient(node, REFUSED[type(node.op)])
        return UnsupportedError(
            f"{node.layer}: its operator {node.op.code} cannot run for several examples at once; "
            "set miniBatchSize to 1 for this network"
        )

    def need_shared(self, node: Node, *operands: Value) -> None:
        """Refuse operands that differ from example to example."""
        if any(map(self.is_stacked, operands)):
            raise self.unsupported(node)

    def need_known(self, node: Node) -> None:
        if not all(is_known(value.shape) for value in (*node.inputs, *node.outputs)):
            raise self.unsupported(node)
