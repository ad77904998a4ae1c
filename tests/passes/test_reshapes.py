"""Reshapes sink below functions of one number and merge."""

from __future__ import annotations

import math

import pytest

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Gemm, Reshape, UnaryKind
from pyruntime.layers.builder import Builder
from pyruntime.passes.clean import drop_dead_nodes
from pyruntime.passes.fuse import fuse_activation
from pyruntime.passes.reshapes import merge, sink_reshapes

from .graphs import after, graph, text


def test_a_dense_layer_and_its_relu_meet_across_a_reshape() -> None:
    def write(b: Builder, x: Value) -> Value:
        y = b.emit(Gemm(2, 3), x, b.constant([[1, 0], [0, 1], [1, 1]]))
        return b.unary(UnaryKind.CLIP, b.reshape(y, 0, 0, 3, 1, 1), 0.0, math.inf)

    lines = text(after(graph(write, (-1, -1, 2)), sink_reshapes, drop_dead_nodes, fuse_activation)).splitlines()
    assert [line.split("(")[0].split(" = ")[-1] for line in lines[1:3]] == ["gemm", "reshape"]
    assert "lo=0.0" in lines[1]


def test_reshapes_that_undo_each_other_vanish_also_where_sizes_are_open() -> None:
    def write(b: Builder, x: Value) -> Value:
        return b.unary(UnaryKind.EXP, b.reshape(b.reshape(x, 0, 0, 5, 1, 1), 0, 0, -1))

    lines = text(after(graph(write, (-1, -1, 5)), sink_reshapes, drop_dead_nodes)).splitlines()
    assert not any("reshape" in line for line in lines)


@pytest.mark.parametrize(
    ("first", "second", "between", "merged"),
    [
        ((0, 0, -1), (0, -1), (-1, -1, 6), (0, -1)),
        ((2, 3, 4), (0, -1), (2, 3, 4), (2, -1)),
        ((-1, 4), (0, 2, 2), (-1, 4), None),  # axis 0 is neither known nor kept: 0 would mean another axis
        ((-2, -4), (-3, 1, -2), (-1, -1), (-4, 1, -2)),  # axis 1 of the value between is axis 2 of x
        ((-4, 1, -3), (-4, 0, -2), (-1, 1, -1), (-3, 1, 0)),
        ((-2, -1), (-3, -2), (-1, -1), None),
        ((0, 0), (0, 0), (0, 3), None),  # a size of 0 cannot be told from "keep"
    ],
)
def test_two_reshapes_are_one_where_every_kept_axis_has_a_meaning(
    first: tuple[int, ...], second: tuple[int, ...], between: tuple[int, ...], merged: tuple[int, ...] | None
) -> None:
    from pyruntime.ir.types import DType

    found = merge(Reshape(first), Reshape(second), Value("v", DType.F32, between))
    assert (found.shape if found else None) == merged
