"""What passes write with: walk the nodes, emit others, replace values."""

from __future__ import annotations

from dataclasses import replace

from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.op import Op
from pyruntime.ir.types import Array, dtype_of
from pyruntime.native import lib


class Rewriter:
    """Builds the next graph.  Values read through `resolve` see the replacements made so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.constants: dict[str, Array] = dict(graph.constants)
        self.nodes: list[Node] = []
        self._replacement: dict[str, Value] = {}
        self._taken = {v.name for node in graph.nodes for v in node.outputs} | set(graph.constants)
        self._count = 0

    def resolve(self, value: Value) -> Value:
        while value.name in self._replacement:
            value = self._replacement[value.name]
        return value

    def operands(self, node: Node) -> tuple[Value, ...]:
        return tuple(map(self.resolve, node.inputs))

    def keep(self, node: Node) -> None:
        """The node as it is, on resolved operands."""
        inputs = self.operands(node)
        self.nodes.append(node if inputs == node.inputs else replace(node, inputs=inputs))

    def emit(self, op: Op, inputs: tuple[Value, ...], layer: str) -> Value:
        """A new node with one result."""
        return self.emit_many(op, inputs, 1, layer)[0]

    def emit_many(self, op: Op, inputs: tuple[Value, ...], count: int, layer: str) -> tuple[Value, ...]:
        """A new node with `count` results."""
        operands = [(value, self.constants.get(value.name)) for value in inputs]
        results = tuple(Value(self.fresh(), dtype, shape) for dtype, shape in lib.infer(op, layer, operands, count))
        self.nodes.append(Node(op, inputs, results, layer))
        return results

    def constant(self, array: Array) -> Value:
        value = Value(self.fresh(), dtype_of(array), array.shape)
        self.constants[value.name] = array
        return value

    def replace(self, old: Value, new: Value) -> None:
        """Everybody who reads `old` from here on reads `new`."""
        assert (old.dtype, old.shape) == (new.dtype, new.shape), (old, new)
        self._replacement[old.name] = new

    def fresh(self) -> str:
        while True:
            self._count += 1
            name = f"w{self._count}"
            if name not in self._taken:
                self._taken.add(name)
                return name

    def finish(self) -> Graph:
        outputs = tuple(map(self.resolve, self.graph.outputs))
        read = {v.name for node in self.nodes for v in node.inputs} | {v.name for v in outputs}
        constants = {name: array for name, array in self.constants.items() if name in read}
        return replace(self.graph, nodes=tuple(self.nodes), outputs=outputs, constants=constants)
