"""How good the weights are: losses and right answers of examples, by the forward part of the step and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pyruntime.compiler import compile_graph
from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.ops import Binary, BinaryKind, Reduce, ReduceKind
from pyruntime.ir.types import DType
from pyruntime.native import lib
from pyruntime.passes.clean import drop_dead_nodes
from pyruntime.training.program import StepGraph
from pyruntime.training.steps import LIVES, Weights, room

Floats = NDArray[np.float32]


def measured(step: StepGraph) -> StepGraph:
    """A step of cross entropy with one more result: how many of the mini-batch were right, before the step."""
    batch = step.target[0]
    right, nodes = _right(step)
    count = Value("count of right answers", DType.F32, (1,))
    nodes.append(Node(Reduce(ReduceKind.SUM, (0,), True), (right,), (count,), "accuracy"))
    assert right.shape == (batch,)
    graph = replace(step.graph, nodes=(*step.graph.nodes, *nodes), outputs=(*step.graph.outputs, count))
    return replace(step, graph=graph)


def _right(step: StepGraph) -> tuple[Value, list[Node]]:
    """1 for each example of a step whose largest probability is that of its class, else 0."""
    batch = step.target[0]
    best = Value("classes predicted", DType.F32, (batch,))
    right = Value("right answers", DType.F32, (batch,))
    nodes = [
        Node(Reduce(ReduceKind.ARG_MAX, (1,), False), (step.loss.rows,), (best,), "accuracy"),
        Node(Binary(BinaryKind.EQ), (best, step.loss.target), (right,), "accuracy"),
    ]
    return right, nodes


def forward_graph(step: StepGraph, *, accuracy: bool) -> Graph:
    """The part of a step that gives the loss of each example and, with accuracy, whether it is right."""
    outputs = [step.loss.losses]
    nodes: list[Node] = []
    if accuracy:
        right, nodes = _right(step)
        outputs.append(right)
    whole = replace(step.graph, nodes=(*step.graph.nodes, *nodes), outputs=tuple(outputs))
    needed = drop_dead_nodes(whole)
    read = {value.name for node in needed.nodes for value in node.inputs}
    return replace(needed, inputs=tuple(value for value in needed.inputs if value.name in read))


class Evaluator:
    """Runs the forward part of a step for mini-batches of one size, with whatever weights are there by then."""

    def __init__(self, context: lib.Context, step: StepGraph, weights: Weights, limit: int, *, accuracy: bool) -> None:
        graph = forward_graph(step, accuracy=accuracy)
        self._weights = weights
        names = [value.name for value in step.graph.inputs]
        first = names.index(step.loss.target.name)
        own = {name: room(value.shape) for name, value in zip(names, step.graph.inputs[: first + 1], strict=False)}
        self.features = [own[name] for name in names[:first]]
        self.target = own[step.loss.target.name]
        self._results = [np.zeros(step.target[0], np.float32) for _ in graph.outputs]
        plan, constants = compile_graph(graph, context)
        self.session = lib.Session(context, plan, constants, limit)
        self._turns = []
        for turn in range(LIVES):
            arrays = own | _by_name(step, weights, turn)
            self._turns.append(lib.Call(self.session, [arrays[value.name] for value in graph.inputs], self._results))

    def run(self) -> tuple[float, float]:
        """(sum of losses, number of right answers) of what lies in `features` and `target`."""
        self._turns[self._weights.at % LIVES]()
        loss, *right = (float(result.sum(dtype=np.float64)) for result in self._results)
        return loss, right[0] if right else 0.0


def _by_name(step: StepGraph, weights: Weights, turn: int) -> dict[str, Floats]:
    return {p.value.name: array for p, array in zip(step.parameters, weights.parameters[turn], strict=True)}
