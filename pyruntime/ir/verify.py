"""What every graph must satisfy.  Run after each pass: a broken graph is reported with the pass that broke it."""

from __future__ import annotations

from collections.abc import Sequence

from pyruntime.ir.control import Loop
from pyruntime.ir.graph import Graph, Node, Value
from pyruntime.ir.types import UNKNOWN, Shape, dtype_of, is_known
from pyruntime.native import lib


class BrokenGraph(AssertionError):
    """A pass made a graph that breaks a rule: a mistake of ours, never of a file."""


def _is_as_exact(shape: Shape, declared: Shape) -> bool:
    """The sizes that are declared, or more of them: a pass may have made the operand that decides one a constant."""
    return len(shape) == len(declared) and all(d in (UNKNOWN, s) for s, d in zip(shape, declared, strict=True))


def verify(graph: Graph, after: str) -> None:
    """Raise BrokenGraph unless values are written once and before they are read, and shapes are what C says."""
    known: dict[str, Value] = {}

    def define(value: Value, where: str) -> None:
        if value.name in known:
            raise BrokenGraph(f"after {after}: {where} defines {value.name} a second time")
        known[value.name] = value

    for value in graph.inputs:
        define(value, "the inputs")
    for node in graph.nodes:
        for value in node.inputs:
            if graph.is_constant(value):
                array = graph.constants[value.name]
                if array.shape != value.shape or dtype_of(array) is not value.dtype:
                    raise BrokenGraph(f"after {after}: constant {value.name} is {array.shape}, declared {value.shape}")
            elif known.get(value.name) != value:
                raise BrokenGraph(f"after {after}: {node.layer} reads {value}, known as {known.get(value.name)}")
        if node.regions:
            _verify_regions(node, after)
        else:
            shapes = lib.infer(
                node.op, node.layer, [(v, graph.constants.get(v.name)) for v in node.inputs], len(node.outputs)
            )
            for value, (dtype, shape) in zip(node.outputs, shapes, strict=True):
                if value.dtype != dtype or not _is_as_exact(shape, value.shape):
                    raise BrokenGraph(f"after {after}: {node.layer} makes {dtype.name} {shape}, declared {value}")
        for value in node.outputs:
            define(value, node.layer)
    for value in graph.outputs:
        if known.get(value.name) != value and not graph.is_constant(value):
            raise BrokenGraph(f"after {after}: result {value.name} is never computed")
    assert all(is_known(array.shape) for array in graph.constants.values())


def _verify_regions(node: Node, after: str) -> None:
    """What goes into and comes out of regions fits in type, and in every size that is declared."""

    def fit(values: Sequence[Value], declared: Sequence[Value], what: str) -> None:
        same = len(values) == len(declared) and all(
            v.dtype == d.dtype and _is_as_exact(v.shape, d.shape) for v, d in zip(values, declared, strict=False)
        )
        if not same:
            raise BrokenGraph(f"after {after}: {what} of {node.layer} are {values}, expected {declared}")

    op = node.op
    if isinstance(op, Loop):
        first = node.inputs[op.limit_is_input :]
        for i, region in enumerate(node.regions):
            extra = op.has_condition if i < len(node.regions) - 1 else op.may_exit
            fit(first, region.inputs, "operands")
            fit(region.outputs[: len(region.outputs) - extra], region.inputs[: op.carried], "carried values")
            fit(node.outputs, region.inputs[: op.carried], "results")
    else:
        for region in node.regions:
            fit(node.inputs[1:], region.inputs, "operands")
            fit(region.outputs, node.outputs, "results")
    for region in node.regions:
        verify(region, after)
