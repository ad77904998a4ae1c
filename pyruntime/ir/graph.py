"""Values, nodes, graphs: frozen.  No object knows who uses it and nothing is edited in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pyruntime.ir.op import Op
from pyruntime.ir.types import Array, DType, Shape


@dataclass(frozen=True, slots=True)
class Value:
    """One tensor.  A dimension of -1 is known only when a prediction runs."""

    name: str
    dtype: DType
    shape: Shape

    @property
    def rank(self) -> int:
        return len(self.shape)


@dataclass(frozen=True, slots=True)
class Node:
    """One operator at work, for the layer of that name.  A branch or a loop has regions: ir/control.py."""

    op: Op
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    layer: str
    regions: tuple[Graph, ...] = ()


@dataclass(frozen=True)
class Stored:
    """What a file has for a constant that is floats here: half floats, or codes of `bits` bits.

    codes: uint8 or int8 in the constant's shape; None for half floats.  A code q is table[q], or q * scale + bias with
    one number of each, or one for each entry of the first axis.
    """

    codes: NDArray[np.uint8] | NDArray[np.int8] | None = None
    bits: int = 16
    table: NDArray[np.float32] | None = None
    scale: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Graph:
    """Nodes in running order.  `constants` has the arrays of values that nobody computes, by name.

    stored: of constants that the file has in a smaller form.
    """

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    stored: Mapping[str, Stored] = field(default_factory=dict)

    def is_constant(self, value: Value) -> bool:
        return value.name in self.constants

    def uses(self) -> Counter[str]:
        """How many operands, results included, each value is."""
        counts = Counter(value.name for node in self.nodes for value in node.inputs)
        counts.update(value.name for value in self.outputs)
        return counts

    def producers(self) -> dict[str, Node]:
        return {value.name: node for node in self.nodes for value in node.outputs}

    def with_nodes(self, nodes: Iterable[Node], constants: Mapping[str, Array] | None = None) -> Graph:
        """Other nodes, and constants added to those that are there."""
        merged = self.constants if not constants else {**self.constants, **constants}
        return replace(self, nodes=tuple(nodes), constants=merged)

    def substitute(self, replacement: Mapping[str, Value]) -> Graph:
        """Every read of a value named in `replacement` becomes a read of what stands there, chains followed."""
        if not replacement:
            return self

        def final(value: Value) -> Value:
            while value.name in replacement:
                value = replacement[value.name]
            return value

        nodes = tuple(replace(node, inputs=tuple(map(final, node.inputs))) for node in self.nodes)
        return replace(self, nodes=nodes, outputs=tuple(map(final, self.outputs)))


Pass = Callable[[Graph], Graph]
