"""Each pass on the smallest graph that shows what it does: text before is in the writing, text after in the test."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyruntime.ir.graph import Value
from pyruntime.ir.op import Activation
from pyruntime.ir.ops import (
    Affine,
    BinaryKind,
    Broadcast,
    Concat,
    Conv,
    CumSum,
    LayerNorm,
    Lrn,
    Pad,
    Padding,
    PadMode,
    Pool,
    PoolKind,
    Reduce,
    ReduceKind,
    Reshape,
    Select,
    Slice,
    Softmax,
    Tile,
    UnaryKind,
)  # fmt: skip
from pyruntime.ir.ops.move import FIRST, LAST, kept
from pyruntime.layers.builder import Builder
from pyruntime.passes.affine import (
    constants_to_affine,
    fold_affine_into_weights,
    fold_scale_into_affine,
    merge_affines,
)
from pyruntime.passes.clamps import merge_clamps
from pyruntime.passes.clean import FOLD_UP_TO, drop_dead_nodes, fold_constants, remove_identities
from pyruntime.passes.fuse import fuse_activation, fuse_residual
from pyruntime.passes.layout import sink_transposes

from .graphs import after, graph, text

F32 = np.float32
INF = math.inf


def conv(b: Builder, x: Value, **fields: Any) -> Value:
    """Two channels from each pixel's channels, all weights 1."""
    op = Conv((1, 1), (1, 1), (1, 1), (0, 0), (0, 0), Padding.EXPLICIT, 1, 2, **fields)
    return b.emit(op, x, b.constant(np.ones((2, x.shape[-1], 1, 1))))


def ends(shown: str) -> list[str]:
    """Lines, with the attributes that every `conv` here has left out."""
    default = (
        "kernel=(1, 1), strides=(1, 1), dilations=(1, 1), pads_begin=(0, 0), pads_end=(0, 0), padding=0, groups=1, "
        "outputs=2"
    )
    return [line.replace(default, "…") for line in shown.splitlines()]


def test_drop_dead_nodes() -> None:
    def write(b: Builder, x: Value) -> Value:
        b.unary(UnaryKind.EXP, x)
        return b.unary(UnaryKind.ABS, x)

    assert ends(text(after(graph(write, (2, 3)), drop_dead_nodes))) == [
        "in  x0:f32[2,3]",
        "v2:f32[2,3] = unary(x0; kind=17)",
        "out v2:f32[2,3]",
    ]


def test_fold_constants() -> None:
    def write(b: Builder, x: Value) -> Value:
        b.fold_up_to = 0
        return b.binary(BinaryKind.ADD, x, b.unary(UnaryKind.ABS, b.transpose(b.constant(F32([[-1, 2]])), (1, 0))))

    assert ends(text(after(graph(write, (2, 3)), fold_constants))) == [
        "in  x0:f32[2,3]",
        "v4:f32[2,3] = binary(x0, w2; kind=0)",
        "out v4:f32[2,3]",
        "w2 = [[1.0], [2.0]]",
    ]


def test_fold_constants_leaves_what_grows() -> None:
    def write(b: Builder, x: Value) -> Value:
        return b.binary(BinaryKind.ADD, x, b.emit(Tile((FOLD_UP_TO,)), b.constant(F32([7]))))

    assert "tile(" in text(after(graph(write, (1,)), fold_constants))


def test_remove_identities() -> None:
    def write(b: Builder, x: Value) -> Value:
        y = b.unary(UnaryKind.CLIP, b.unary(UnaryKind.LINEAR, x, 1.0, 0.0), -INF, INF)
        y = b.transpose(b.reshape(b.reshape(y, 2, 3), 0, 0), (0, 1))
        y = b.emit(Pad(PadMode.EDGE, (0, 0), (0, 0)), b.emit(Tile((1, 1)), b.emit(Concat(1), y)))
        return b.unary(UnaryKind.LINEAR, y, 1.0, 0.5)

    assert ends(text(after(graph(write, (2, 3)), remove_identities))) == [
        "in  x0:f32[2,3]",
        "v9:f32[2,3] = unary(x0; kind=0, a=1.0, b=0.5)",
        "out v9:f32[2,3]",
    ]


def test_remove_identities_of_open_size_keeps_a_reshape_that_may_do_something() -> None:
    kept = after(graph(lambda b, x: b.reshape(x, 3, -1), (-1, -1)), remove_identities)
    assert "reshape" in text(kept)


def test_remove_identities_of_parts_that_are_all() -> None:
    def write(b: Builder, x: Value) -> Value:
        y = b.emit(Broadcast((2, 3)), b.emit(Slice((0, 0), (LAST, LAST), (1, 1)), x))
        y = b.emit(Slice((0, LAST), (LAST, FIRST), (1, -1)), b.emit(Reshape((kept(0), kept(1))), y))
        return b.emit(Broadcast((4, 2, 3)), y)

    assert ends(text(after(graph(write, (2, 3)), remove_identities))) == [
        "in  x0:f32[2,3]",
        "v4:f32[2,3] = slice(x0; begin=(0, 2147483647), end=(2147483647, -2147483648), stride=(1, -1))",
        "v5:f32[4,2,3] = broadcast(v4; sizes=(4, 2, 3))",
        "out v5:f32[4,2,3]",
    ]


def test_sink_transposes_of_open_sizes() -> None:
    """Broadcast runs in any order of axes; axes of size 1 that change places are a Reshape, whatever is open."""

    def write(b: Builder, x: Value) -> Value:
        return b.emit(Broadcast((7, 5, 6)), b.transpose(x, (1, 0, 2))), b.transpose(x, (1, 2, 0))

    assert ends(text(after(graph(write, (1, -1, -1)), sink_transposes))) == [
        "in  x0:f32[1,?,?]",
        "w1:f32[5,7,6] = broadcast(x0; sizes=(5, 7, 6))",
        "w2:f32[7,5,6] = transpose(w1; axes=(1, 0, 2))",
        "w3:f32[?,?,1] = reshape(x0; shape=(-3, -4, 1))",
        "out w2:f32[7,5,6]",
        "out w3:f32[?,?,1]",
    ]


def test_sink_transposes_cancels_pairs_and_runs_operators_on_the_source() -> None:
    def write(b: Builder, x: Value) -> Value:
        y = b.channels_first(b.unary(UnaryKind.ABS, b.channels_last(x)))
        whole = Pool(PoolKind.MAX, True, (1, 1), (1, 1), (0, 0), (0, 0), Padding.EXPLICIT, False)
        return b.binary(BinaryKind.ADD, b.channels_first(b.emit(whole, b.channels_last(y))), y)

    shown = ends(text(after(graph(write, (1, 2, 4, 5)), sink_transposes)))
    assert [line.split(";")[0].split(")")[0] for line in shown] == [
        "in  x0:f32[1,2,4,5]",
        "w1:f32[1,2,4,5] = unary(x0",
        "w2:f32[1,4,5,2] = transpose(w1",
        "v5:f32[1,1,1,2] = pool(w2",
        "w3:f32[1,4,5,2] = binary(v5, w2",
        "w4:f32[1,2,4,5] = transpose(w3",
        "out w4:f32[1,2,4,5]",
    ]


def test_sink_transposes_moves_axes_of_attributes() -> None:
    def write(b: Builder, x: Value) -> Value:
        y = b.emit(Reduce(ReduceKind.SUM, (1, 2), True), b.emit(Softmax(3), b.transpose(x, (0, 2, 3, 1))))
        return b.emit(Slice((0, 0, 0, 1), (9, 9, 9, 3), (1, 1, 1, 1)), b.emit(Concat(3), y, y))

    assert ends(text(after(graph(write, (1, 2, 4, 5)), sink_transposes))) == [
        "in  x0:f32[1,2,4,5]",
        "w1:f32[1,2,4,5] = softmax(x0; axis=1)",
        "w2:f32[1,2,1,1] = reduce(w1; kind=0, axes=(2, 3), keep_dims=True)",
        "w3:f32[1,4,1,1] = concat(w2, w2; axis=1)",
        "w4:f32[1,2,1,1] = slice(w3; begin=(0, 1, 0, 0), end=(9, 3, 9, 9), stride=(1, 1, 1, 1))",
        "w5:f32[1,1,1,2] = reshape(w4; shape=(1, 1, 1, 2))",
        "out w5:f32[1,1,1,2]",
    ]


def test_sink_transposes_lets_choice_and_sums_pass() -> None:
    def write(b: Builder, x: Value) -> Value:
        y = b.transpose(x, (0, 2, 3, 1))
        return b.transpose(
            b.emit(CumSum(3, True, False), b.emit(Select(), y, b.constant(F32([1, 2])), y)), (0, 3, 1, 2)
        )

    assert ends(text(after(graph(write, (1, 2, 4, 5)), sink_transposes))) == [
        "in  x0:f32[1,2,4,5]",
        "w3:f32[1,2,4,5] = select(x0, w2, x0)",
        "w4:f32[1,2,4,5] = cum_sum(w3; axis=1, exclusive=True, reversed=False)",
        "out w4:f32[1,2,4,5]",
        "w2 = [[[[1.0]], [[2.0]]]]",
    ]


def test_sums_along_an_axis_that_a_prediction_names_stay_where_they_are() -> None:
    def write(b: Builder, x: Value, axis: Value) -> Value:
        return b.emit(CumSum(-1, False, False), b.transpose(x, (1, 0)), axis)

    assert [node.op.code for node in after(graph(write, (2, 4), (1,)), sink_transposes).nodes] == [
        "TRANSPOSE",
        "CUM_SUM",
    ]


def test_remove_identities_of_single_numbers() -> None:
    def write(b: Builder, x: Value) -> tuple[Value, ...]:
        y = b.emit(Reduce(ReduceKind.MEAN, (1,), True), b.unary(UnaryKind.POWER, x, 1.0))
        return (
            b.emit(CumSum(1, False, True), y),
            b.emit(CumSum(1, True, False), x),  # 0
            b.emit(Reduce(ReduceKind.L1, (1,), True), x),  # the absolute value
            b.emit(Reduce(ReduceKind.SUM, (1,), False), x),  # another rank
            b.emit(Reduce(ReduceKind.SUM, (0,), True), x),
        )

    cleaned = after(graph(write, (2, 1)), remove_identities)
    assert cleaned.outputs[0] == cleaned.inputs[0]
    assert [node.op.code for node in cleaned.nodes] == ["CUM_SUM", "REDUCE", "REDUCE", "REDUCE"]


def test_sizes_go_through_choice_and_order() -> None:
    """x + convolution may only fuse where both shapes are one, also after operators that keep sizes."""

    def write(b: Builder, x: Value) -> Value:
        y = b.emit(Select(), x, x, b.constant(F32([0])))
        y = b.emit(LayerNorm(1, 1e-5), y, b.constant(F32([1, 1])), b.constant(F32([0, 0])))
        y = b.emit(CumSum(1, False, False), b.emit(Lrn(1, 1, 1.0, 1.0, 0.5), y))
        return b.binary(BinaryKind.ADD, y, conv(b, x))

    fused = after(graph(write, (-1, -1, 4, 2)), fuse_residual)
    assert [node.op.code for node in fused.nodes] == ["SELECT", "LAYER_NORM", "LRN", "CUM_SUM", "CONV"]


def relu6(b: Builder, x: Value) -> Value:
    """As converters of 2018 wrote it."""
    y = b.unary(UnaryKind.LINEAR, b.unary(UnaryKind.CLIP, x, 0.0, INF), -1.0, 0.0)
    return b.unary(UnaryKind.LINEAR, b.unary(UnaryKind.THRESHOLD, y, -6.0), -1.0, 0.0)


def test_merge_clamps_makes_one_of_four() -> None:
    merged = after(graph(relu6, (2, 3)), merge_clamps, remove_identities, drop_dead_nodes)
    (node,) = merged.nodes
    assert (node.op.kind, node.op.a, node.op.b) == (UnaryKind.CLIP, 0.0, 6.0)


def test_merge_clamps_leaves_what_others_read() -> None:
    def write(b: Builder, x: Value) -> tuple[Value, ...]:
        y = b.unary(UnaryKind.CLIP, x, 0.0, INF)
        return y, b.unary(UnaryKind.CLIP, y, -1.0, 1.0)

    merged = after(graph(write, (2, 3)), merge_clamps)
    assert [(node.op.a, node.op.b) for node in merged.nodes] == [(0.0, INF), (-1.0, 1.0)]


def test_constants_to_affine() -> None:
    def write(b: Builder, x: Value) -> tuple[Value, ...]:
        return (
            b.binary(BinaryKind.MUL, x, b.constant(F32([2]))),
            b.binary(BinaryKind.SUB, x, b.constant(F32([1, 2]))),
            b.binary(BinaryKind.ADD, b.constant(F32([[3, 4]])), x),
            b.binary(BinaryKind.ADD, x, b.constant(F32([[3], [4]]))),  # per row: no Affine
            b.binary(BinaryKind.SUB, b.constant(F32([2])), x),  # the constant first
        )

    assert ends(text(after(graph(write, (2, 2)), constants_to_affine)))[1:6] == [
        "w1:f32[2,2] = unary(x0; kind=0, a=2.0)",
        "w4:f32[2,2] = affine(x0, w2, w3)",
        "w7:f32[2,2] = affine(x0, w5, w6)",
        "v8:f32[2,2] = binary(x0, v7; kind=0)",
        "v10:f32[2,2] = binary(v9, x0; kind=1)",
    ]


def test_merge_affines() -> None:
    def write(b: Builder, x: Value) -> Value:
        y = b.emit(Affine(), b.unary(UnaryKind.LINEAR, x, 2.0, 1.0), b.constant(F32([1, 3])), b.constant(F32([5, 6])))
        return b.unary(UnaryKind.LINEAR, y, 10.0, 0.0)

    assert ends(text(after(graph(write, (2, 2)), merge_affines))) == [
        "in  x0:f32[2,2]",
        "w6:f32[2,2] = affine(x0, w4, w5)",
        "out w6:f32[2,2]",
        "w4 = [20.0, 60.0]",
        "w5 = [60.0, 90.0]",
    ]


def test_fold_scale_into_affine() -> None:
    def write(b: Builder, x: Value) -> Value:
        root = b.unary(UnaryKind.RSQRT, b.emit(Reduce(ReduceKind.SUM_SQUARE, (0, 1, 2), True), x), 1.0)
        y = b.binary(BinaryKind.MUL, x, root)
        return b.emit(Affine(Activation(0.0)), y, b.constant(F32([1, 3])), b.constant(F32([5, 6])))

    shown = ends(text(after(graph(write, (1, 4, 5, 2)), fold_scale_into_affine)))
    assert [line.split("(")[0] for line in shown[1:6]] == [
        "v1:f32[1,1,1,2] = reduce",
        "v2:f32[1,1,1,2] = unary",
        "w1:f32[2] = reshape",
        "w2:f32[2] = binary",
        "w3:f32[1,4,5,2] = affine",
    ]
    assert "affine(x0, w2, " in shown[5]


def test_a_scale_per_example_stays() -> None:
    def write(b: Builder, x: Value) -> Value:
        root = b.unary(UnaryKind.RSQRT, b.emit(Reduce(ReduceKind.SUM_SQUARE, (1, 2), True), x), 1.0)
        y = b.binary(BinaryKind.MUL, x, root)
        return b.emit(Affine(), y, b.constant(F32([1, 3])), b.constant(F32([5, 6])))

    before = graph(write, (3, 4, 5, 2))
    assert text(after(before, fold_scale_into_affine)) == text(before)


def test_fold_affine_into_weights() -> None:
    def write(b: Builder, x: Value) -> Value:
        return b.emit(Affine(Activation(0.0)), conv(b, x), b.constant(F32([1, 3])), b.constant(F32([5, 6])))

    assert ends(text(after(graph(write, (1, 4, 4, 2)), fold_affine_into_weights))) == [
        "in  x0:f32[1,4,4,2]",
        "v2:f32[1,4,4,2] = conv(x0, w1, w2; …, has_bias=True, activation=Activation(slope=0.0, lo=-inf, hi=inf))",
        "out v2:f32[1,4,4,2]",
        "w1 = [[[[1.0]], [[1.0]]], [[[3.0]], [[3.0]]]]",
        "w2 = [5.0, 6.0]",
    ]


def test_fuse_activation() -> None:
    def write(b: Builder, x: Value) -> Value:
        return b.unary(UnaryKind.CLIP, b.unary(UnaryKind.LEAKY_RELU, conv(b, x), 0.5), -2.0, 6.0)

    assert ends(text(after(graph(write, (1, 4, 4, 2)), fuse_activation)))[1] == (
        "v2:f32[1,4,4,2] = conv(x0, v1; …, activation=Activation(slope=0.5, lo=-2.0, hi=6.0))"
    )


def test_fuse_activation_takes_a_clamped_relu() -> None:
    def write(b: Builder, x: Value) -> Value:
        return b.unary(UnaryKind.CLAMPED_RELU, conv(b, x), 0.5, 6.0)

    assert ends(text(after(graph(write, (1, 4, 4, 2)), fuse_activation)))[1] == (
        "v2:f32[1,4,4,2] = conv(x0, v1; …, activation=Activation(slope=0.5, lo=-inf, hi=6.0))"
    )


def test_fuse_activation_keeps_the_order_of_clamp_and_slope() -> None:
    def write(b: Builder, x: Value) -> Value:
        return b.unary(UnaryKind.LEAKY_RELU, b.unary(UnaryKind.CLIP, conv(b, x), -2.0, 6.0), 0.5)

    nodes = after(graph(write, (1, 4, 4, 2)), fuse_activation).nodes
    assert [node.op.code for node in nodes] == ["CONV", "UNARY"]


def test_fuse_residual() -> None:
    def write(b: Builder, x: Value) -> Value:
        return b.binary(BinaryKind.ADD, x, conv(b, x))

    assert ends(text(after(graph(write, (1, 4, 4, 2)), fuse_residual)))[1] == (
        "v3:f32[1,4,4,2] = conv(x0, v1, x0; …, has_residual=True)"
    )


def test_fuse_residual_of_open_sizes_only_where_they_are_one() -> None:
    def write(b: Builder, x: Value, z: Value) -> tuple[Value, ...]:
        return b.binary(BinaryKind.ADD, x, conv(b, x)), b.binary(BinaryKind.ADD, z, conv(b, x))

    nodes = after(graph(write, (-1, -1, 4, 2), (-1, -1, 4, 2)), fuse_residual).nodes
    assert [node.op.code for node in nodes] == ["CONV", "CONV", "BINARY"]
    assert nodes[0].op.has_residual


def test_fuse_residual_keeps_a_convolution_that_others_read() -> None:
    def write(b: Builder, x: Value) -> tuple[Value, ...]:
        y = conv(b, x)
        return y, b.binary(BinaryKind.ADD, x, y)

    nodes = after(graph(write, (1, 4, 4, 2)), fuse_residual).nodes
    assert [node.op.code for node in nodes] == ["CONV", "BINARY"]
