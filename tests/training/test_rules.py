"""Gradient rules of operators, one row each: what moves, chooses, folds, looks up."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from pyruntime.ir.control import If, Loop
from pyruntime.ir.ops import (  # fmt: skip
    OPERATORS,
    Adam,
    Affine,
    Band,
    BinaryKind,
    Broadcast,
    ClipNorm,
    Conv,
    CrossEntropy,
    CumSum,
    Gather,
    GatherAlong,
    GatherNd,
    GatherRows,
    Inverted,
    Lstm,
    Pad,
    Padding,
    PadMode,
    PRelu,
    Reduce,
    ReduceKind,
    ReverseSequence,
    Rnn,
    Scatter,
    ScatterAlong,
    ScatterMode,
    ScatterNd,
    Select,
    Sgd,
    Slice,
    SliceBySize,
    Softmax,
    SquaredError,
    Tile,
    TopK,
    UnaryKind,
    Windows,
)
from pyruntime.ir.ops.move import FIRST, LAST
from pyruntime.training.gradients import NO_SLOPE, REFUSED, RULES

from .gradient_check import apart, check, numbers, ours, torch

F = torch.nn.functional


class Row(NamedTuple):
    """make(b, *values) in our operators, reference(*tensors) in PyTorch's, operands."""

    make: Callable[..., Any]
    reference: Callable[..., Any]
    operands: list[np.ndarray]
    differences: bool = True


def t(array: Any) -> Any:
    return torch.tensor(np.asarray(array), dtype=torch.float64)


def long(array: Any) -> Any:
    return torch.tensor(np.asarray(array), dtype=torch.int64)


def emit(op: Any, *constants: Any) -> Callable[..., Any]:
    """The operator on the operands, constants behind them."""
    return lambda b, *values: b.emit(op, *values, *(b.constant(np.asarray(c, np.float32)) for c in constants))


def sliced(x: Any, *cuts: slice) -> Any:
    """PyTorch slices forwards only."""
    for axis, cut in enumerate(cuts):
        x = x.index_select(axis, long(range(*cut.indices(x.shape[axis]))))
    return x


def whole_number(b: Any, x: Any) -> Any:
    """2, computed from the smallest of the numbers."""
    least = b.emit(Reduce(ReduceKind.MIN, (0, 1, 2), False), x)
    return b.reshape(b.unary(UnaryKind.FLOOR, least), 1)


X = apart(4, 6, 5)
POSITIVE = np.abs(X) + 0.3
ROWS: dict[str, Row] = {}

# moves

SLICES = [
    ((0, 1, 0), (LAST, LAST, LAST), (1, 2, 3)),
    ((3, 5, 4), (FIRST, FIRST, 0), (-1, -2, -3)),
    ((-2, 0, 1), (LAST, 5, 5), (1, 4, 1)),
    ((1, 4, 0), (2, -7, 1), (1, -1, 1)),
]
for number, (begin, end, stride) in enumerate(SLICES):
    cuts = [slice(a, None if e in (FIRST, LAST) else e, s) for a, e, s in zip(begin, end, stride, strict=True)]
    ROWS[f"slice {number}"] = Row(emit(Slice(begin, end, stride)), lambda x, c=cuts: sliced(x, *c), [X])
ROWS |= {
    "slice of nothing": Row(emit(Slice((2, 0, 0), (2, 6, 5), (1, 1, 1))), lambda x: x[2:2], [X]),
    "pad reflect": Row(
        emit(Pad(PadMode.REFLECT, (0, 2, 4), (0, 5, 1))), lambda x: F.pad(x[None], (4, 1, 2, 5), "reflect")[0], [X]
    ),
    "pad edge": Row(
        emit(Pad(PadMode.EDGE, (0, 2, 7), (0, 5, 0))), lambda x: F.pad(x[None], (7, 0, 2, 5), "replicate")[0], [X]
    ),
    "tile": Row(emit(Tile((2, 1, 3))), lambda x: x.tile(2, 1, 3), [X]),
    "tile to more axes": Row(emit(Tile((2, 3, 1, 2, 1))), lambda x: x.tile(2, 3, 1, 2, 1), [X]),
    "windows": Row(emit(Windows(1, 3, 1)), lambda x: x.unfold(1, 3, 1).permute(0, 1, 3, 2), [X]),
    "windows apart": Row(emit(Windows(1, 2, 4)), lambda x: x.unfold(1, 2, 4).permute(0, 1, 3, 2), [X]),
    "reverse sequence": Row(
        emit(ReverseSequence(0, 1), [0, 6, 3, 1]),
        lambda x: torch.stack([torch.cat([r[:n].flip(0), r[n:]]) for r, n in zip(x, (0, 6, 3, 1), strict=True)]),
        [X],
    ),
    "band": Row(emit(Band(-1, 2)), lambda x: x.triu(-1).tril(2), [X]),
    "slice by size": Row(emit(SliceBySize(1, 3), [2]), lambda x: x[:, 2:5], [X]),
    "slice by size, negative": Row(emit(SliceBySize(1, 3), [-4]), lambda x: x[:, 2:5], [X]),
    "slice by size, computed": Row(
        lambda b, x: b.emit(SliceBySize(1, 3), x, whole_number(b, x)), lambda x: x[:, 2:5], [np.abs(X) + 2]
    ),
    "select": Row(
        lambda b, x, y: b.emit(Select(), b.binary(BinaryKind.GT, x, y), x, y),
        lambda x, y: torch.where(x > y, x, y),
        [X, apart(6, 1, seed=1) + 0.003],
    ),
    "broadcast": Row(emit(Broadcast((2, 4, 6, 5))), lambda x: x.expand(2, 4, 6, 5), [apart(4, 1, 5)]),
}

# folded axes

REDUCES: dict[ReduceKind, Callable[..., Any]] = {
    ReduceKind.PROD: lambda x, a, k: x.log().sum(a, keepdim=k).exp(),
    ReduceKind.LOG_SUM: lambda x, a, k: (x + 0.2).log().sum(a, keepdim=k),
    ReduceKind.SUM_SQUARE: lambda x, a, k: (x**2).sum(a, keepdim=k),
    ReduceKind.L1: lambda x, a, k: x.abs().sum(a, keepdim=k),
    ReduceKind.L2: lambda x, a, k: (x**2).sum(a, keepdim=k).sqrt(),
    ReduceKind.MAX: lambda x, a, k: x.amax(a, keepdim=k),
    ReduceKind.MIN: lambda x, a, k: x.amin(a, keepdim=k),
    ReduceKind.LOG_SUM_EXP: lambda x, a, k: x.logsumexp(a, keepdim=k),
}
for kind, axes in itertools.product(REDUCES, ((1,), (0, 2))):
    keep = kind is not ReduceKind.PROD and len(axes) == 1
    operand = POSITIVE if kind in (ReduceKind.LOG_SUM, ReduceKind.PROD) else X
    op = Reduce(kind, axes, keep, 0.2 if kind is ReduceKind.LOG_SUM else 0.0)
    ROWS[f"reduce {kind.name} {axes}"] = Row(emit(op), lambda x, f=REDUCES[kind], a=axes, k=keep: f(x, a, k), [operand])
with_zeros = apart(3, 5)
with_zeros[1, 2] = with_zeros[2, 0] = with_zeros[2, 3] = 0
ROWS |= {
    "product with zeros": Row(emit(Reduce(ReduceKind.PROD, (1,), False)), lambda x: x.prod(1), [with_zeros]),
    "equal maxima": Row(
        emit(Reduce(ReduceKind.MAX, (1,), False)), lambda x: x.amax(1), [np.ones((3, 4), np.float32)], False
    ),
    "length of nothing": Row(
        emit(Reduce(ReduceKind.L2, (1,), False)),
        lambda x: torch.linalg.vector_norm(x, dim=1),
        [np.zeros((3, 4))],
        False,
    ),
    "running sum": Row(emit(CumSum(1, False, False)), lambda x: x.cumsum(1), [X]),
    "running sum, exclusive": Row(emit(CumSum(1, True, False)), lambda x: x.cumsum(1) - x, [X]),
    "running sum, reversed": Row(emit(CumSum(0, False, True)), lambda x: x.flip(0).cumsum(0).flip(0), [X]),
    "top k": Row(lambda b, x: b.emit_many(TopK(1, 3, False), (x,), 2)[0], lambda x: x.topk(3, 1).values, [X]),
    "bottom k": Row(
        lambda b, x: b.emit_many(TopK(2, 2, True), (x,), 2)[0], lambda x: x.topk(2, 2, largest=False).values, [X]
    ),
}

# index

PLACES, ALONG = [[1, -1], [1, 3]], np.random.default_rng(0).integers(-6, 6, (4, 3, 5))
ND = [[0, 5], [3, 0], [0, 5]]
ROWS |= {
    "gather": Row(emit(Gather(0), PLACES), lambda x: x[long(PLACES)], [X]),
    "gather, last axis": Row(emit(Gather(2), [4, 4, 0]), lambda x: x[:, :, [4, 4, 0]], [X]),
    "gather nd": Row(emit(GatherNd(), ND), lambda x: x[[0, 3, 0], [5, 0, 5]], [X]),
    "gather along": Row(emit(GatherAlong(1), ALONG), lambda x: x.gather(1, long(ALONG % 6)), [X]),
    "embedding": Row(
        lambda b, table, bias: b.emit(GatherRows(True), b.constant(np.float32(PLACES)), table, bias),
        lambda table, bias: table[long(PLACES)] + bias,
        [numbers(6, 7), numbers(7, seed=1)],
    ),
}


def scattered(mode: ScatterMode, x: Any, axis: int, index: Any, u: Any) -> Any:
    """One update after the other."""
    rows = list(x.unbind(axis))
    for place, own in zip(index, u.unbind(axis), strict=True):
        old = rows[place]
        rows[place] = {
            ScatterMode.UPDATE: lambda y, v: v,
            ScatterMode.ADD: torch.add,
            ScatterMode.SUB: torch.sub,
            ScatterMode.MUL: torch.mul,
            ScatterMode.DIV: torch.div,
            ScatterMode.MAX: torch.maximum,
            ScatterMode.MIN: torch.minimum,
        }[mode](old, own)
    return torch.stack(rows, axis)


WRITES, UPDATES = [3, 0, 3, 5], np.abs(apart(4, 4, 5, seed=4)) + 0.4
for mode in ScatterMode:
    ROWS[f"scatter {mode.name}"] = Row(
        lambda b, x, u, m=mode: b.emit(Scatter(m, 1), x, b.constant(np.float32(WRITES)), u),
        lambda x, u, m=mode: scattered(m, x, 1, WRITES, u),
        [X, UPDATES],
    )
    ROWS[f"scatter along {mode.name}"] = Row(
        lambda b, x, u, m=mode: b.emit(
            ScatterAlong(m, 1), x, b.constant(np.broadcast_to(np.float32(WRITES)[:, None], (4, 4, 5))), u
        ),
        lambda x, u, m=mode: scattered(m, x, 1, WRITES, u),
        [X, UPDATES],
    )
    ROWS[f"scatter nd {mode.name}"] = Row(
        lambda b, x, u, m=mode: b.emit(ScatterNd(m), x, b.constant(np.float32(WRITES)[:, None]), u),
        lambda x, u, m=mode: scattered(m, x, 0, WRITES, u),
        [apart(6, 7), np.abs(apart(4, 7, seed=4)) + 0.4],
    )

# two numbers, channels

BASE, EXPONENT = np.abs(apart(5, 8)) + 0.2, apart(8, seed=1)
ROWS |= {
    "power": Row(lambda b, x, y: b.binary(BinaryKind.POW, x, y), torch.pow, [BASE, EXPONENT]),
    "power of 0": Row(
        lambda b, x, y: b.binary(BinaryKind.POW, x, y), torch.pow, [np.zeros(3), np.array([0, 1, 2.5])], False
    ),
    "modulo": Row(lambda b, x, y: b.binary(BinaryKind.MOD, x, y), torch.remainder, [apart(5, 8) + 0.013, EXPONENT]),
    "affine": Row(
        lambda b, x, s, h: b.emit(Affine(), x, s, h), lambda x, s, h: x * s + h, [X, numbers(5), numbers(5, seed=1)]
    ),
    "prelu": Row(lambda b, x, s: b.emit(PRelu(), x, s), lambda x, s: torch.where(x < 0, x * s, x), [X, numbers(5)]),
    "prelu of one slope": Row(
        lambda b, x, s: b.emit(PRelu(), x, s), lambda x, s: torch.where(x < 0, x * s, x), [X, numbers(1)]
    ),
    "attention": Row(lambda b, x: b.emit(Softmax(1), b.unary(UnaryKind.GELU, x)), lambda x: F.gelu(x).softmax(1), [X]),
}


@pytest.mark.parametrize("name", ROWS)
def test_rule(name: str) -> None:
    row = ROWS[name]
    operands = [np.asarray(a, np.float32) for a in row.operands]
    check(row.make, row.reference, *operands, differences=row.differences)


# convolution of volumes, and transposed

VOLUMES = [
    ((2, 3, 2), (1, 1, 1), (1, 1, 1), (0, 0, 0), (0, 0, 0), 1),
    ((3, 2, 3), (2, 1, 2), (1, 1, 1), (1, 0, 2), (0, 1, 1), 2),
    ((2, 2, 3), (1, 2, 1), (2, 1, 2), (1, 1, 1), (2, 1, 1), 4),
]


@pytest.mark.parametrize(("kernel", "stride", "dilation", "begin", "end", "groups"), VOLUMES)
def test_convolution_of_volumes(kernel: Any, stride: Any, dilation: Any, begin: Any, end: Any, groups: int) -> None:
    op = Conv(kernel, stride, dilation, begin, end, Padding.EXPLICIT, groups, 8, has_bias=True)

    def reference(x: Any, w: Any, bias: Any) -> Any:
        edges = [amount for pair in zip(begin[::-1], end[::-1], strict=True) for amount in pair]
        return F.conv3d(F.pad(x.movedim(-1, 1), edges), w, bias, stride, 0, dilation, groups).movedim(1, -1)

    operands = [numbers(2, 5, 6, 7, 4), numbers(8, 4 // groups, *kernel, seed=1), numbers(8, seed=2)]
    check(lambda b, *v: b.emit(op, *v), reference, *operands)


TRANSPOSED = [
    ((3, 3), (1, 1), (1, 1), (0, 0), (0, 0), 1),
    ((3, 2), (2, 3), (1, 1), (1, 0), (1, 0), 1),
    ((2, 3), (2, 1), (1, 2), (0, 2), (1, 1), 2),
    ((3, 3), (2, 2), (1, 1), (1, 1), (0, 0), 4),
    ((2, 3, 2), (2, 1, 2), (1, 1, 1), (0, 1, 0), (0, 1, 1), 2),
]


@pytest.mark.parametrize(("kernel", "stride", "dilation", "begin", "end", "groups"), TRANSPOSED)
def test_transposed_convolution(kernel: Any, stride: Any, dilation: Any, begin: Any, end: Any, groups: int) -> None:
    op = Conv(kernel, stride, dilation, begin, end, Padding.EXPLICIT, groups, 8, transposed=True, has_bias=True)
    spatial = len(kernel)
    of = F.conv_transpose2d if spatial == 2 else F.conv_transpose3d

    def reference(x: Any, w: Any, bias: Any) -> Any:
        turned = w.reshape(groups, 8 // groups, 4 // groups, *kernel).transpose(1, 2).reshape(4, 8 // groups, *kernel)
        y = of(x.movedim(-1, 1), turned, bias, stride, 0, 0, groups, dilation).movedim(1, -1)
        for axis in range(spatial):
            y = y.narrow(1 + axis, begin[axis], y.shape[1 + axis] - begin[axis] - end[axis])
        return y

    operands = [numbers(2, *(5, 4, 3)[:spatial], 4), numbers(8, 4 // groups, *kernel, seed=1), numbers(8, seed=2)]
    check(lambda b, *v: b.emit(op, *v), reference, *operands)


@pytest.mark.parametrize("size", [(9, 8), (10, 9), (11, 7)])
def test_transposed_convolution_of_a_given_size(size: tuple[int, int]) -> None:
    op = Conv((3, 3), (2, 2), (1, 1), (0, 0), (0, 0), Padding.EXPLICIT, 1, 3, transposed=True, size=size)

    def reference(x: Any, w: Any) -> Any:
        y = F.conv_transpose2d(x.movedim(-1, 1), w.transpose(0, 1), None, 2)
        return F.pad(y, (0, 9, 0, 9))[:, :, : size[0], : size[1]].movedim(1, -1)

    check(lambda b, x, w: b.emit(op, x, w), reference, numbers(2, 4, 3, 2), numbers(3, 2, 3, 3, seed=1))


# every operator has one or a reason

ONLY_IN_TRAINING = {Adam, ClipNorm, CrossEntropy, Sgd, SquaredError}
"""Made behind the loss."""
IN_ANOTHER_FORM = {Lstm, Rnn}
"""TrainingBuilder writes them as Recurrence."""
MADE_BY_PASSES = {Inverted}
"""From operators that have a rule, of parts that do not learn."""


@pytest.mark.parametrize("operator", [*OPERATORS, If, Loop], ids=lambda operator: operator.code)
def test_every_operator_has_a_gradient_or_a_reason(operator: type) -> None:
    behind = operator in ONLY_IN_TRAINING or operator.code.endswith("_GRADIENT")
    behind = behind or operator in IN_ANOTHER_FORM | MADE_BY_PASSES
    has = [operator in RULES, operator in NO_SLOPE, operator in REFUSED, behind]
    assert sum(has) == 1, f"{operator.code}: a rule under @gradient, or a reason in rules/stops.py"


def test_a_gradient_ends_where_numbers_jump() -> None:
    _, (got,) = ours(
        lambda b, x: b.binary(BinaryKind.MUL, x, b.unary(UnaryKind.SIGN, x)), [X], np.ones(X.shape, np.float32)
    )
    assert (got == np.sign(X)).all()
