"""Which graphs fuse_layer_norm makes one operator, and which it leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import BinaryKind, LayerNorm, Reduce, ReduceKind, UnaryKind
from pyruntime.layers.builder import Builder
from pyruntime.layers.norm import mvn
from pyruntime.native import lib
from pyruntime.passes.affine import constants_to_affine, merge_affines
from pyruntime.passes.clean import drop_dead_nodes
from pyruntime.passes.norms import fuse_layer_norm
from pyruntime.spec.messages import PACKAGE, message

from .graphs import after, graph, run

SHAPE = (2, 5, 12)
GAMMA, BETA = np.linspace(0.5, 2, 12, dtype=np.float32), np.linspace(-1, 1, 12, dtype=np.float32)
EPSILON = 0.01


def mean(b: Builder, x: Value, axes: tuple[int, ...] = (2,)) -> Value:
    return b.emit(Reduce(ReduceKind.MEAN, axes, True), x)


def squared(b: Builder, x: Value, how: str) -> Value:
    return b.unary(UnaryKind.POWER, x, 2.0) if how == "power" else b.binary(BinaryKind.MUL, x, x)


def variance(b: Builder, d: Value, how: str) -> Value:
    if how == "sum":
        return b.unary(UnaryKind.LINEAR, b.emit(Reduce(ReduceKind.SUM_SQUARE, (2,), True), d), 1 / d.shape[2])
    return mean(b, squared(b, d, how))


def divided(b: Builder, x: Value, variance: Value, how: str) -> Value:
    if how == "rsqrt":
        return b.binary(BinaryKind.MUL, x, b.unary(UnaryKind.RSQRT, variance, EPSILON))
    plus = b.unary(UnaryKind.LINEAR, variance, 1.0, EPSILON)
    if how == "sqrt":
        return b.binary(BinaryKind.DIV, x, b.unary(UnaryKind.SQRT, plus))
    if how == "root":
        return b.binary(BinaryKind.DIV, x, b.unary(UnaryKind.POWER, plus, 0.5))
    return b.binary(BinaryKind.MUL, b.unary(UnaryKind.POWER, plus, -0.5), x)


def fused(write: Callable[..., Any], shape: tuple[int, ...] = SHAPE, nodes: int | None = None) -> list[LayerNorm]:
    before = graph(write, shape)
    made = after(before, constants_to_affine, merge_affines, fuse_layer_norm, drop_dead_nodes)
    x = np.random.default_rng(8).normal(size=shape).astype(np.float32) * 3 + 1
    context = lib.Context(threads=1)
    for got, expected in zip(run(made, [x], context), run(before, [x], context), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=2e-6)
    assert nodes is None or len(made.nodes) == nodes
    return [node.op for node in made.nodes if isinstance(node.op, LayerNorm)]


@pytest.mark.parametrize("square", ["power", "product", "sum"])
@pytest.mark.parametrize("quotient", ["rsqrt", "sqrt", "root", "inverse root"])
@pytest.mark.parametrize("scale", [True, False])
def test_a_normalisation_is_one_node(square: str, quotient: str, scale: bool) -> None:
    def write(b: Builder, x: Value) -> Value:
        d = b.binary(BinaryKind.SUB, x, mean(b, x))
        y = divided(b, d, variance(b, d, square), quotient)
        if not scale:
            return y
        return b.binary(BinaryKind.ADD, b.binary(BinaryKind.MUL, y, b.constant(GAMMA)), b.constant(BETA))

    (op,) = fused(write, nodes=1)
    assert op.axes == 1
    assert op.epsilon == pytest.approx(EPSILON)


def test_axes_of_one_beside_the_last() -> None:
    """As mvn has them: height and width, of a height of 1."""

    def write(b: Builder, x: Value) -> Value:
        d = b.binary(BinaryKind.SUB, x, mean(b, x, (2, 3)))
        return divided(b, d, mean(b, squared(b, d, "product"), (2, 3)), "rsqrt")

    assert len(fused(write, (1, 5, 1, 12), nodes=1)) == 1
    assert fused(write, (1, 5, 2, 12)) == []


def test_the_layer_mvn_with_a_scale() -> None:
    """As coremltools writes PyTorch's LayerNorm."""
    params = message(f"{PACKAGE}.MeanVarianceNormalizeLayerParams")(normalizeVariance=True, epsilon=EPSILON)

    def write(b: Builder, x: Value) -> Value:
        y = mvn(params, x, b)
        return b.binary(BinaryKind.ADD, b.binary(BinaryKind.MUL, y, b.constant(GAMMA)), b.constant(BETA))

    assert len(fused(write, (1, 5, 1, 12), nodes=1)) == 1


def other(kind: str) -> Callable[..., Any]:
    """A normalisation with one thing that is not."""

    def write(b: Builder, x: Value) -> Any:
        axis = (1,) if kind == "another axis" else (2,)
        m = mean(b, b.unary(UnaryKind.ABS, x) if kind == "mean of another value" else x, axis)
        d = b.binary(BinaryKind.SUB, m, x) if kind == "turned" else b.binary(BinaryKind.SUB, x, m)
        s = squared(b, x if kind == "squares of another value" else d, "product")
        v = mean(b, s, (1,) if kind == "variance along another axis" else axis)
        if kind == "a sum that is no mean":
            v = b.unary(UnaryKind.LINEAR, b.emit(Reduce(ReduceKind.SUM_SQUARE, (2,), True), d), 1 / 11)
        y = divided(b, d, v, "rsqrt")
        if kind == "the variance is a result":
            return y, v
        if kind == "the difference is read":
            return y, b.unary(UnaryKind.ABS, d)
        return (y, m) if kind == "the mean is a result" else y

    return write


OTHERS = ["another axis", "mean of another value", "turned", "squares of another value", "variance along another axis",
          "a sum that is no mean"]  # fmt: skip
READ = ["the variance is a result", "the difference is read", "the mean is a result"]


@pytest.mark.parametrize("kind", OTHERS + READ)
def test_what_is_not_a_normalisation(kind: str) -> None:
    assert fused(other(kind), (2, 12, 12)) == []
    assert len(fused(other("nothing else"), (2, 12, 12))) == 1


def test_a_normalisation_that_is_read_twice_keeps_its_scale_apart() -> None:
    def write(b: Builder, x: Value) -> tuple[Value, Value]:
        d = b.binary(BinaryKind.SUB, x, mean(b, x))
        y = divided(b, d, mean(b, squared(b, d, "product")), "rsqrt")
        return b.binary(BinaryKind.MUL, y, b.constant(GAMMA)), y

    assert len(fused(write, nodes=2)) == 1
