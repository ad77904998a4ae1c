"""Branches and loops: what of them nobody reads, and constants that belong inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pyruntime.ir.control import Loop
from pyruntime.ir.graph import Graph, Node
from pyruntime.ir.types import Array


def drop_dead_results(graph: Graph) -> Graph:
    """Remove results of branches and loops that nobody reads, and what iterations hand on without need.

    Lowering makes every name that a block writes a result of it.  Which of them are needed is found for the graph and
    all regions in one walk from the results back, as one region may keep another's alive.
    """
    root = _Region(graph)
    _walk([(root, value.name) for value in graph.outputs])
    return root.rebuilt()


class _Region:
    """A graph, which of its values are needed, and the regions inside it that were reached."""

    def __init__(self, graph: Graph, around: _Region | None = None, node: Node | None = None) -> None:
        self.graph, self.around, self.node = graph, around, node
        self.live: set[str] = set()
        self.makers = {value.name: (n, i) for n in graph.nodes for i, value in enumerate(n.outputs)}
        self.places = {value.name: i for i, value in enumerate(graph.inputs)}
        self.inner: dict[int, list[_Region]] = {}

    def reads(self, name: str) -> list[tuple[_Region, str]]:
        """What is needed when the value of this name is."""
        if name in self.makers:
            node, i = self.makers[name]
            return self._result(node, i) if node.regions else [(self, value.name) for value in node.inputs]
        if name not in self.places or self.around is None or self.node is None:
            return []
        i, op = self.places[name], self.node.op
        if isinstance(op, Loop) and i < op.carried:
            return [(self.around, self.node.outputs[i].name)]
        return [(self.around, self.node.inputs[i + (op.limit_is_input if isinstance(op, Loop) else 1)].name)]

    def _result(self, node: Node, i: int) -> list[tuple[_Region, str]]:
        op, found = node.op, []
        if id(node) not in self.inner:
            self.inner[id(node)] = [_Region(region, self, node) for region in node.regions]
            decides = node.inputs[: op.limit_is_input if isinstance(op, Loop) else 1]
            found += [(self, value.name) for value in decides]
            if isinstance(op, Loop):
                for region in self.inner[id(node)]:
                    found += [(region, value.name) for value in region.graph.outputs[op.carried :]]
        found += [(region, region.graph.outputs[i].name) for region in self.inner[id(node)]]
        if isinstance(op, Loop):
            found.append((self, node.inputs[op.limit_is_input + i].name))
        return found

    def rebuilt(self) -> Graph:
        nodes = []
        for node in self.graph.nodes:
            if any(value.name in self.live for value in node.outputs):
                nodes.append(self._rebuilt_node(node) if node.regions else node)
        constants = {name: array for name, array in self.graph.constants.items() if name in self.live}
        return replace(self.graph, nodes=tuple(nodes), constants=constants)

    def _rebuilt_node(self, node: Node) -> Node:
        op, inner = node.op, self.inner[id(node)]
        first, carried = (int(op.limit_is_input), op.carried) if isinstance(op, Loop) else (1, 0)
        kept = [i for i, value in enumerate(node.outputs) if value.name in self.live]
        read = [i for i in range(carried, len(node.inputs) - first) if _is_read(i, inner)]
        entering = [i for i in kept if i < carried] + read
        regions = []
        for region in inner:
            graph = region.rebuilt()
            outputs = [graph.outputs[i] for i in kept]
            extra = graph.outputs[carried:] if isinstance(op, Loop) else ()
            inputs = tuple(graph.inputs[i] for i in entering)
            regions.append(replace(graph, inputs=inputs, outputs=(*outputs, *extra)))
        return replace(
            node,
            op=replace(op, carried=len(kept)) if isinstance(op, Loop) else op,
            inputs=(*node.inputs[:first], *(node.inputs[first + i] for i in entering)),
            outputs=tuple(node.outputs[i] for i in kept),
            regions=tuple(regions),
        )


def _is_read(place: int, regions: list[_Region]) -> bool:
    return any(region.graph.inputs[place].name in region.live for region in regions)


def _walk(waiting: list[tuple[_Region, str]]) -> None:
    while waiting:
        region, name = waiting.pop()
        if name not in region.live:
            region.live.add(name)
            waiting += region.reads(name)


def constants_inside(node: Node, constants: Mapping[str, Array]) -> Node:
    """The regions' inputs that are constants of the graph around them become constants of their own."""
    op = node.op
    first, carried = (int(op.limit_is_input), op.carried) if isinstance(op, Loop) else (1, 0)
    moved: list[dict[str, Array]] = [{} for _ in node.regions]
    kept = list(range(carried))
    for i in range(carried, len(node.inputs) - first):
        array = constants.get(node.inputs[first + i].name)
        if array is None or any(array.shape != region.inputs[i].shape for region in node.regions):
            kept.append(i)
            continue
        for region, into in zip(node.regions, moved, strict=True):
            into[region.inputs[i].name] = array
    regions = tuple(
        replace(region, inputs=tuple(region.inputs[i] for i in kept), constants={**region.constants, **into})
        for region, into in zip(node.regions, moved, strict=True)
    )
    return replace(node, inputs=(*node.inputs[:first], *(node.inputs[first + i] for i in kept)), regions=regions)
