"""Every gradient rule against PyTorch's autograd in double precision, and finite differences of the same formula."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyruntime.ir.ops import (  # fmt: skip
    Affine,
    Binary,
    BinaryKind,
    Broadcast,
    Concat,
    Conv,
    Gemm,
    Matmul,
    Pad,
    Padding,
    PadMode,
    Pool,
    PoolKind,
    PRelu,
    Product,
    Reduce,
    ReduceKind,
    Reshape,
    Slice,
    Softmax,
    Transpose,
    UnaryKind,
)

from .gradient_check import apart, check, numbers, ours, torch

F = torch.nn.functional
# convolution

SIZES = [(1, 3, 1), (4, 6, 1), (4, 6, 2), (20, 36, 1)]
"""Channels, outputs, groups."""
KERNELS, STRIDES, DILATIONS = [(1, 1), (3, 3), (2, 3)], [(1, 1), (2, 1), (2, 3)], [(1, 1), (2, 1)]
GRID = itertools.product(SIZES, KERNELS, STRIDES, DILATIONS, ["valid", "padded", "same"])
DEPTHWISE = [((c, c, c), (3, 3), stride, (1, 1), "padded") for c in (3, 70) for stride in ((1, 1), (2, 2))]
NAMES = ("sizes", "kernel", "stride", "dilation", "pad")
CONVOLUTIONS = [dict(zip(NAMES, case, strict=True)) for case in [*GRID][::3] + DEPTHWISE]


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=lambda c: "-".join(str(v).replace(" ", "") for v in c.values()))
def test_convolution(case: dict[str, Any]) -> None:
    kernel, stride, dilation = case["kernel"], case["stride"], case["dilation"]
    channels, outputs, groups = case["sizes"]
    x = numbers(3, 9, 8, channels)
    w = numbers(outputs, channels // groups, *kernel, seed=1)
    bias = numbers(outputs, seed=2)
    begin, end = {"valid": ((0, 0), (0, 0)), "padded": ((2, 1), (0, 3)), "same": ((0, 0), (0, 0))}[case["pad"]]
    padding = Padding.SAME_TOP_LEFT if case["pad"] == "same" else Padding.EXPLICIT
    op = Conv(kernel, stride, dilation, begin, end, padding, groups, outputs, has_bias=True)
    if case["pad"] == "same":
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        totals = [max(0, (-(-n // s) - 1) * s + k - n) for n, s, k in zip((9, 8), stride, spans, strict=True)]
        begin, end = tuple(t - t // 2 for t in totals), tuple(t // 2 for t in totals)

    def reference(x: Any, w: Any, bias: Any) -> Any:
        image = F.pad(x.permute(0, 3, 1, 2), (begin[1], end[1], begin[0], end[0]))
        return F.conv2d(image, w, bias, stride, 0, dilation, groups).permute(0, 2, 3, 1)

    check(lambda b, x, w, bias: b.emit(op, x, w, bias), reference, x, w, bias)


# dense


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"), [((1,), 1, 1), ((5,), 7, 3), ((40,), 33, 17), ((2, 3), 5, 70), ((300,), 64, 10)]
)
@pytest.mark.parametrize("bias", [False, True])
def test_dense_layer_that_learns(rows: tuple[int, ...], inputs: int, outputs: int, bias: bool) -> None:
    operands = [numbers(*rows, inputs), numbers(outputs, inputs, seed=1), *([numbers(outputs, seed=2)] if bias else [])]
    check(lambda b, *v: b.emit(Product(transpose_b=True, has_bias=bias), *v), F.linear, *operands)


def test_frozen_layers_only_pass_gradients_on() -> None:
    x, w, image, kernel = numbers(6, 9), numbers(4, 9, seed=1), numbers(2, 5, 5, 3, seed=2), numbers(4, 3, 3, 3, seed=3)
    check(lambda b, x: b.emit(Gemm(9, 4), x, b.constant(w)), lambda x: x @ torch.tensor(w.T, dtype=torch.float64), x)
    op = Conv((3, 3), (2, 2), (1, 1), (1, 1), (1, 1), Padding.EXPLICIT, 1, 4)

    def reference(x: Any) -> Any:
        return F.conv2d(x.permute(0, 3, 1, 2), torch.tensor(kernel, dtype=torch.float64), None, 2, 1).permute(
            0, 2, 3, 1
        )

    check(lambda b, x: b.emit(op, x, b.constant(kernel)), reference, image)


# pooling


@pytest.mark.parametrize("kind", list(PoolKind))
@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "pad"), [((2, 2), (2, 2), (0, 0)), ((3, 3), (1, 2), (1, 1)), ((3, 2), (2, 2), (0, 1))]
)
@pytest.mark.parametrize("channels", [1, 5, 40])
def test_pooling(kind: PoolKind, exclude: bool, kernel: Any, stride: Any, pad: Any, channels: int) -> None:
    op = Pool(kind, False, kernel, stride, pad, pad, Padding.EXPLICIT, exclude)

    def reference(x: Any) -> Any:
        image = x.permute(0, 3, 1, 2)
        if kind is PoolKind.MAX:
            y = F.max_pool2d(F.pad(image, (pad[1], pad[1], pad[0], pad[0]), value=-math.inf), kernel, stride)
        elif kind is PoolKind.AVERAGE:
            y = F.avg_pool2d(image, kernel, stride, pad, count_include_pad=not exclude)
        else:
            squares = F.avg_pool2d(F.pad(image, (pad[1], pad[1], pad[0], pad[0])) ** 2, kernel, stride)
            y = (squares * (kernel[0] * kernel[1])).sqrt()
        return y.permute(0, 2, 3, 1)

    check(lambda b, x: b.emit(op, x), reference, apart(2, 8, 7, channels))


@pytest.mark.parametrize("kind", list(PoolKind))
def test_global_pooling(kind: PoolKind) -> None:
    op = Pool(kind, True, (1, 1), (1, 1), (0, 0), (0, 0), Padding.EXPLICIT, False)
    fold = {
        PoolKind.MAX: lambda x: x.amax((1, 2), keepdim=True),
        PoolKind.AVERAGE: lambda x: x.mean((1, 2), keepdim=True),
        PoolKind.L2: lambda x: (x**2).sum((1, 2), keepdim=True).sqrt(),
    }[kind]
    check(lambda b, x: b.emit(op, x), fold, apart(3, 4, 5, 18))


def test_equal_maxima_the_first_gets_all() -> None:
    op = Pool(PoolKind.MAX, False, (2, 2), (2, 2), (0, 0), (0, 0), Padding.EXPLICIT, False)
    x = np.zeros((1, 4, 4, 3), np.float32)
    check(
        lambda b, x: b.emit(op, x),
        lambda x: F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1),
        x,
        differences=False,
    )


# functions of one number

UNARY: dict[UnaryKind, tuple[tuple[float, float], Callable[..., Any]]] = {
    UnaryKind.LINEAR: ((1.5, 0.5), lambda x: 1.5 * x + 0.5),
    UnaryKind.LEAKY_RELU: ((0.1, 0), lambda x: F.leaky_relu(x, 0.1)),
    UnaryKind.THRESHOLDED_RELU: ((0.3, 0), lambda x: x * (x >= 0.3)),
    UnaryKind.CLIP: ((0, math.inf), F.relu),
    UnaryKind.TANH: ((0, 0), torch.tanh),
    UnaryKind.SCALED_TANH: ((1.7, 0.6), lambda x: 1.7 * torch.tanh(0.6 * x)),
    UnaryKind.SIGMOID: ((0, 0), torch.sigmoid),
    UnaryKind.SIGMOID_HARD: ((0.4, 0.5), lambda x: (0.4 * x + 0.5).clamp(0, 1)),
    UnaryKind.ELU: ((0.7, 0), lambda x: F.elu(x, 0.7)),
    UnaryKind.SOFTSIGN: ((0, 0), F.softsign),
    UnaryKind.SOFTPLUS: ((0, 0), F.softplus),
    UnaryKind.EXP: ((0, 0), torch.exp),
    UnaryKind.ABS: ((0, 0), torch.abs),
    UnaryKind.THRESHOLD: ((0.2, 0), lambda x: x.clamp(min=0.2)),
    UnaryKind.EXP2: ((0, 0), torch.exp2),
    UnaryKind.SIN: ((0, 0), torch.sin),
    UnaryKind.COS: ((0, 0), torch.cos),
    UnaryKind.ATAN: ((0, 0), torch.atan),
    UnaryKind.SINH: ((0, 0), torch.sinh),
    UnaryKind.COSH: ((0, 0), torch.cosh),
    UnaryKind.ASINH: ((0, 0), torch.asinh),
    UnaryKind.ERF: ((0, 0), torch.erf),
    UnaryKind.GELU: ((0, 0), F.gelu),
    UnaryKind.GELU_TANH: ((0, 0), lambda x: F.gelu(x, approximate="tanh")),
    UnaryKind.GELU_SIGMOID: ((0, 0), lambda x: x * torch.sigmoid(1.702 * x)),
    UnaryKind.CLAMPED_RELU: ((0.3, 1.1), lambda x: F.leaky_relu(x, 0.3).clamp(max=1.1)),
}
OF_POSITIVE: dict[UnaryKind, tuple[tuple[float, float], Callable[..., Any]]] = {
    UnaryKind.SQRT: ((0, 0), torch.sqrt),
    UnaryKind.RSQRT: ((0.1, 0), lambda x: (x + 0.1) ** -0.5),
    UnaryKind.INVERSE: ((0.1, 0), lambda x: 1 / (x + 0.1)),
    UnaryKind.POWER: ((2.5, 0), lambda x: x**2.5),
    UnaryKind.LOG: ((0, 0), torch.log),
}
OF_SMALL: dict[UnaryKind, tuple[tuple[float, float], Callable[..., Any]]] = {
    UnaryKind.ASIN: ((0, 0), torch.asin),
    UnaryKind.ACOS: ((0, 0), torch.acos),
    UnaryKind.ATANH: ((0, 0), torch.atanh),
    UnaryKind.TAN: ((0, 0), torch.tan),
}


OF_LARGE = {UnaryKind.ACOSH: ((0.0, 0.0), torch.acosh)}


@pytest.mark.parametrize("kind", [*UNARY, *OF_POSITIVE, *OF_SMALL, *OF_LARGE], ids=lambda kind: kind.name)
def test_function_of_one_number(kind: UnaryKind) -> None:
    x = apart(7, 131)
    for table, values in ((UNARY, x), (OF_POSITIVE, np.abs(x) + 0.2), (OF_SMALL, x / 3), (OF_LARGE, np.abs(x) + 1.2)):
        if kind in table:
            (a, b_), reference = table[kind]
            check(lambda b, x, a=a, b_=b_: b.unary(kind, x, a, b_), reference, values)


def test_leaky_relu_of_any_slope_and_clamps() -> None:
    for slope in (-0.5, 0.0, 0.3):
        check(
            lambda b, x, s=slope: b.unary(UnaryKind.LEAKY_RELU, x, s), lambda x, s=slope: F.leaky_relu(x, s), apart(50)
        )
    check(lambda b, x: b.unary(UnaryKind.CLIP, x, -0.5, 0.7), lambda x: F.hardtanh(x, -0.5, 0.7), apart(50))


def test_relu_of_zero_has_the_slope_of_its_flat_side() -> None:
    _, (got,) = ours(
        lambda b, x: b.unary(UnaryKind.CLIP, x, 0, math.inf), [np.zeros(4, np.float32)], np.ones(4, np.float32)
    )
    assert not got.any()


# functions of two numbers, and what moves them


@pytest.mark.parametrize("kind", [BinaryKind.ADD, BinaryKind.SUB, BinaryKind.MUL, BinaryKind.DIV])
@pytest.mark.parametrize(("x", "y"), [((3, 4), (3, 4)), ((2, 3, 4), (4,)), ((2, 1, 4), (3, 1)), ((1,), (5, 2))])
def test_function_of_two_numbers(kind: BinaryKind, x: tuple[int, ...], y: tuple[int, ...]) -> None:
    of = {"ADD": torch.add, "SUB": torch.sub, "MUL": torch.mul, "DIV": torch.div}[kind.name]
    check(lambda b, x, y: b.emit(Binary(kind), x, y), of, numbers(*x), np.abs(numbers(*y, seed=1)) + 0.5)


@pytest.mark.parametrize("kind", [BinaryKind.MAX, BinaryKind.MIN])
def test_the_larger_and_the_smaller(kind: BinaryKind) -> None:
    of = {"MAX": torch.maximum, "MIN": torch.minimum}[kind.name]
    check(lambda b, x, y: b.emit(Binary(kind), x, y), of, apart(5, 8), apart(8, seed=1) + 0.01)
    same = np.zeros((3, 4), np.float32)
    check(lambda b, x, y: b.emit(Binary(kind), x, y), of, same, same.copy(), differences=False)


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize(("left", "right"), [((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3))])
def test_products_of_computed_matrices(transpose_a: bool, transpose_b: bool, left: Any, right: Any) -> None:
    a = numbers(*left, *((6, 4) if transpose_a else (4, 6)))
    b_ = numbers(*right, *((5, 6) if transpose_b else (6, 5)), seed=1)

    def reference(a: Any, b: Any) -> Any:
        return (a.mT if transpose_a else a) @ (b.mT if transpose_b else b)

    check(lambda b, x, y: b.emit(Matmul(transpose_a, transpose_b), x, y), reference, a, b_)


def test_a_value_that_is_read_twice_gets_both_gradients() -> None:
    check(
        lambda b, x: b.binary(BinaryKind.MUL, b.unary(UnaryKind.TANH, x), x), lambda x: torch.tanh(x) * x, numbers(30)
    )


def test_channels() -> None:
    scale, shift, slope = numbers(6, seed=1), numbers(6, seed=2), numbers(6, seed=3)

    def t(a: np.ndarray) -> Any:
        return torch.tensor(a, dtype=torch.float64)

    x = apart(4, 5, 6)
    check(lambda b, x: b.emit(Affine(), x, b.constant(scale), b.constant(shift)), lambda x: x * t(scale) + t(shift), x)
    check(lambda b, x: b.emit(PRelu(), x, b.constant(slope)), lambda x: torch.where(x < 0, x * t(slope), x), x)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_softmax(axis: int) -> None:
    check(lambda b, x: b.emit(Softmax(axis), x), lambda x: torch.softmax(x, axis), numbers(4, 5, 6))


@pytest.mark.parametrize("axes", [(0,), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("keep", [False, True])
def test_sums_and_means(axes: tuple[int, ...], keep: bool) -> None:
    x = numbers(3, 4, 5)
    check(lambda b, x: b.emit(Reduce(ReduceKind.SUM, axes, keep), x), lambda x: x.sum(axes, keepdim=keep), x)
    check(lambda b, x: b.emit(Reduce(ReduceKind.MEAN, axes, keep), x), lambda x: x.mean(axes, keepdim=keep), x)


def test_moves() -> None:
    x, y = numbers(4, 6, 5), numbers(4, 2, 5, seed=1)
    check(lambda b, x: b.emit(Broadcast((4, 2, 5)), x), lambda x: x.expand(4, 2, 5), numbers(2, 1))
    check(lambda b, x: b.emit(Reshape((24, 5)), x), lambda x: x.reshape(24, 5), x)
    check(lambda b, x: b.emit(Transpose((2, 0, 1)), x), lambda x: x.permute(2, 0, 1), x)
    check(lambda b, x, y: b.emit(Concat(1), x, y), lambda x, y: torch.cat([x, y], 1), x, y)
    check(lambda b, x: b.emit(Slice((1, 0, -4), (3, 6, 5), (1, 1, 1)), x), lambda x: x[1:3, :, -4:], x)
    check(
        lambda b, x: b.emit(Pad(PadMode.CONSTANT, (0, 1, 2), (1, 0, 3)), x), lambda x: F.pad(x, (2, 3, 1, 0, 0, 1)), x
    )
