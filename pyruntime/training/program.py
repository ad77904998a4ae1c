"""A step of training as one plan: forward, loss, backward and the optimizer, for one size of mini-batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyruntime.compiler import encode_graph
from pyruntime.errors import SpecError, UnsupportedError
from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.types import Bytes, DType, Shape
from pyruntime.ir.verify import verify
from pyruntime.layers.network import is_legacy
from pyruntime.layers.scope import Blob, lower_layers, read
from pyruntime.native.lib import ALIGNMENT, Context, NoMemory, Session
from pyruntime.passes.pipeline import optimise
from pyruntime.spec.payloads import Payloads
from pyruntime.training import rules  # noqa: F401  (files every gradient rule)
from pyruntime.training.builder import Parameter, TrainingBuilder
from pyruntime.training.gradients import Backward
from pyruntime.training.losses import LossNodes, LossOptions, add_loss
from pyruntime.training.optimizers import Optimizer
from pyruntime.training.recipe import Recipe
from pyruntime.training.recompute import choices, finish_early, recompute
from pyruntime.training.split import Split
from pyruntime.training.stack import stack_examples

NO_LIMIT = 1 << 62
"""Bytes, for binding a plan to learn what it needs."""


@dataclass(frozen=True)
class StepGraph:
    """One step, not compiled yet.

    graph: inputs are features, target, parameters, states, hyperparameters; results the mean loss, new parameters, new
    states.  target: the shape of the target of a mini-batch.  result: that of one example's prediction.  states:
    shapes, in the order of the parameters.  loss: its nodes.
    """

    graph: Graph
    parameters: tuple[Parameter, ...]
    target: Shape
    result: Shape
    states: tuple[Shape, ...]
    loss: LossNodes


@dataclass(frozen=True)
class StepProgram:
    """A StepGraph compiled: plan and weights are bytes aligned for C.

    segments: of the way forward, 1 where nothing is computed twice.  arena, results: bytes of values, and of what the
    step hands over.  peak: the most of the arena that is in use at once.
    """

    plan: Bytes
    weights: Bytes
    step: StepGraph
    segments: int
    arena: int
    peak: int
    results: int

    @property
    def nbytes(self) -> int:
        """What counts against the limit."""
        return self.arena + self.results


def build_step(
    recipe: Recipe,
    split: Split,
    shapes: tuple[Shape, ...],
    batch: int,
    optimizer: Optimizer,
    payloads: Payloads | None,
    chosen: LossOptions,
    *,
    collect: bool = True,
) -> StepGraph:
    """The graph of a step for `batch` examples.

    shapes: those of the features of one example, as the frozen part makes them.  collect: whether batch normalisation
    that collects its statistics does so; otherwise it uses them.
    Raises SpecError or UnsupportedError naming the layer through which no gradient passes.
    """
    b = TrainingBuilder(payloads, legacy=is_legacy(recipe.network))
    b.examples_axis = 1 if b.legacy else None
    features = [
        Value(f"feature:{name}", DType.F32, (batch, *shape)) for name, shape in zip(split.features, shapes, strict=True)
    ]
    for name, value in zip(split.features, features, strict=True):
        b.scope.bind(name, Blob(_stacked(value, b) if b.legacy else Value(f"one:{name}", DType.F32, value.shape[1:])))
    b.batch, b.collects = 1 if b.legacy else batch, collect
    for i in split.layers:
        message = recipe.network.layers[i]
        b.learns = i in recipe.updatable
        before = len(b.parameters)
        lower_layers([message], b)
        _check_parameters(message, b, before)
    b.learns = False
    y = read(recipe.loss.source, b)
    result = (y.shape[0], *y.shape[2:]) if b.legacy else y.shape
    if not b.legacy:
        y = stack_examples(b, {f"one:{name}": value for name, value in zip(split.features, features, strict=True)}, y)
    elif y.shape[0] != 1 and recipe.loss.kind == "meanSquaredErrorLossLayer":  # (Seq, Batch, ...): examples first
        y = b.transpose(y, (1, 0, *range(2, y.rank)))
    loss = add_loss(recipe.loss, y, batch, chosen, b)
    parameters = tuple(b.parameters)
    back = Backward(b, [p.value for p in parameters])
    gradients = back.run(loss.start, loss.gradient)
    _check_gradients(parameters, gradients, back.ends, b)
    inputs, results, states = _steps(parameters, gradients, optimizer, b)
    graph = Graph(
        (*features, loss.target, *inputs, optimizer.hyper),
        (loss.mean, *results),
        tuple(b.nodes),
        b.constants,
        {name: stored for name, stored in b.stored.items() if name in b.constants},
    )
    return StepGraph(graph, parameters, loss.target.shape, result, states, loss)


def compile_step(step: StepGraph, context: Context, limit: int) -> StepProgram:
    """With values computed twice where they would need more than `limit` bytes.

    Raises NoMemory, which says what the smallest form of the step needs.
    """
    graph = finish_early(optimise(step.graph, context))
    program = _program(graph, step, context, 1)
    tried = [program]
    if program.nbytes > limit:
        for segments in choices(graph):
            program = _program(recompute(graph, segments), step, context, segments)
            tried.append(program)
            if program.nbytes <= limit:
                return program
        _refuse(min(tried, key=lambda p: p.nbytes), limit)
    return program


def _program(graph: Graph, step: StepGraph, context: Context, segments: int) -> StepProgram:
    """Compiled, and bound once to learn how much memory it needs."""
    verify(graph, after="a change of a step's order")
    plan, weights = encode_graph(graph)
    session = Session(context, plan, weights, NO_LIMIT)
    shapes = [np.broadcast_to(np.float32(0), value.shape) for value in step.graph.inputs]
    found = session.bind(shapes, len(step.graph.outputs))
    results = sum(-(-4 * math.prod(shape) // ALIGNMENT) * ALIGNMENT for _, shape in found)
    arena, peak = session.memory()
    return StepProgram(plan, weights, step, segments, arena, peak, results)


def _refuse(least: StepProgram, limit: int) -> None:
    batch = least.step.target[0]
    raise NoMemory(
        f"a step of the update with mini-batches of {batch} needs at least {-(-least.nbytes >> 10)} KiB, even when "
        f"values are computed twice; the limit is {limit >> 10} KiB: raise memory_limit or lower miniBatchSize"
    )


def _stacked(value: Value, b: TrainingBuilder) -> Value:
    """Examples side by side on axis 1 of a blob (Seq, Batch, C, H, W)."""
    batch, sequence, *image = value.shape
    b.layer = value.name
    if sequence == 1:
        return b.reshape(value, 1, batch, *image)
    return b.transpose(value, (1, 0, 2, 3, 4))


def _check_parameters(message: Any, b: TrainingBuilder, before: int) -> None:
    """Every weight of a layer that learns is an operand of its nodes, or the layer's result (of a constant)."""
    operands = {value.name for node in b.nodes for value in node.inputs}
    operands.update(blob.value.name for blob in b.scope.names.values() if isinstance(blob, Blob))
    for parameter in b.parameters[before:]:
        if parameter.value.name not in operands:
            raise UnsupportedError(
                f"layer {message.name!r} ({message.WhichOneof('layer')}): its {parameter.field} cannot learn in this "
                "form"
            )


def _check_gradients(
    parameters: tuple[Parameter, ...], gradients: dict[str, Value], ends: list[str], b: TrainingBuilder
) -> None:
    """Something reaches every parameter but those that are collected."""
    for parameter in parameters:
        if parameter.value.name in gradients or parameter.value.name in b.collected:
            continue
        where = f"layer {parameter.layer!r}"
        if ends:
            raise UnsupportedError(f"{where}: no gradient reaches its {parameter.field}: {'; '.join(ends)}")
        raise SpecError(f"{where}: the loss does not depend on its {parameter.field}")


def _steps(
    parameters: tuple[Parameter, ...], gradients: dict[str, Value], optimizer: Optimizer, b: TrainingBuilder
) -> tuple[list[Value], list[Value], tuple[Shape, ...]]:
    """The optimizer's nodes: (parameters and states, what becomes of them, shapes of the states)."""
    states: list[Value] = []
    new_parameters: list[Value] = []
    new_states: list[Value] = []
    b.layer, b.kind = "clip", ""
    learning = [p.value.name for p in parameters if p.value.name not in b.collected]
    scale = optimizer.scale([gradients[name] for name in learning], b)
    for parameter in parameters:
        w = parameter.value
        if w.name in b.collected:
            new_parameters.append(b.collected[w.name])
            continue
        b.layer, b.kind = f"layer {parameter.layer!r}, step", ""
        own = tuple(Value(f"state{i}:{w.name}", DType.F32, w.shape) for i in range(optimizer.states))
        new, *kept = optimizer.step(w, gradients[w.name], scale, own, b)
        states += own
        new_parameters.append(new)
        new_states += kept
    return [*(p.value for p in parameters), *states], [*new_parameters, *new_states], tuple(s.shape for s in states)
