"""Networks whose blobs have any rank, in mini-batches: each example has the numbers that it has alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from pyruntime.compiler import compile_graph
from pyruntime.errors import UnsupportedError
from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.ops import (  # fmt: skip
    OPERATORS,
    Affine,
    ArgSort,
    Band,
    BinaryKind,
    BoxMode,
    Broadcast,
    Concat,
    Conv,
    CropResize,
    CumSum,
    GateFunction,
    Gather,
    GatherAlong,
    GatherNd,
    GatherRows,
    Gemm,
    LayerNorm,
    Lrn,
    Lstm,
    Matmul,
    OneHot,
    Pad,
    Padding,
    PadMode,
    Pool,
    PoolKind,
    PRelu,
    Reduce,
    ReduceKind,
    Reshape,
    Resize,
    ResizeGrid,
    ResizeKind,
    ReverseSequence,
    Rnn,
    RnnKind,
    Scatter,
    ScatterAlong,
    ScatterMode,
    ScatterNd,
    Select,
    Slice,
    SliceBySize,
    Softmax,
    Tile,
    TopK,
    Transpose,
    UnaryKind,
    WhereNonZero,
    Windows,
)
from pyruntime.ir.types import DType
from pyruntime.native import lib
from pyruntime.training.builder import TrainingBuilder
from pyruntime.training.stack import STACKED, stack_examples

BATCH = 3
Make = Callable[..., Value]


def run(make: Make, arrays: Sequence[np.ndarray], batch: int) -> np.ndarray:
    """What `make` makes of examples stacked in `arrays`, `batch` of them."""
    b = TrainingBuilder(None, legacy=False)
    b.layer, b.batch = "layer", batch
    ones = [Value(f"one{i}", DType.F32, a.shape[1:]) for i, a in enumerate(arrays)]
    y = make(b, *ones)
    features = [Value(f"x{i}", DType.F32, (batch, *one.shape)) for i, one in enumerate(ones)]
    y = stack_examples(b, {one.name: value for one, value in zip(ones, features, strict=True)}, y)
    graph = Graph(tuple(features), (y,), tuple(b.nodes), b.constants)
    context = lib.Context(threads=1)
    session = lib.Session(context, *compile_graph(graph, context), 1 << 30)
    return session.run([a.astype(np.float32) for a in arrays], 1)[0]


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(BATCH, *shape)).astype(np.float32)


def whole(high: int, *shape: int, low: int = 0) -> np.ndarray:
    return np.random.default_rng(1).integers(low, high, (BATCH, *shape)).astype(np.float32)


def emit(op: Any, *constants: Any, results: int = 1) -> Make:
    """The operator on the operands, constants behind them; of several results the last."""
    return lambda b, *v: b.emit_many(op, (*v, *(b.constant(np.float32(c)) for c in constants)), results)[-1]


def constant(*shape: int) -> np.ndarray:
    return np.random.default_rng(9).normal(size=shape).astype(np.float32)


X = numbers(4, 2, 5)
CONV = Conv((2, 3), (1, 1), (1, 1), (0, 0), (0, 0), Padding.EXPLICIT, 1, 6)
POOL = Pool(PoolKind.MAX, False, (2, 2), (1, 1), (0, 0), (0, 0), Padding.EXPLICIT, False)
LSTM = Lstm(5, 3, True, True, False, GateFunction.SIGMOID, GateFunction.TANH, GateFunction.TANH, False, 0, 50.0)
GRU = Rnn(RnnKind.GRU, 5, 3, True, False, GateFunction.SIGMOID, GateFunction.TANH, 0)
MATRICES = [constant(4, 3, 5), constant(4, 3, 3), constant(4, 3)]
CROP = CropResize(ResizeGrid.ALIGN, BoxMode.CORNERS_HEIGHT_FIRST, False, 1.0, (2, 3))
ROWS: dict[str, tuple[Make, list[np.ndarray]]] = {
    "unary": (lambda b, x: b.unary(UnaryKind.TANH, x), [X]),
    "sum of ranks": (lambda b, x, y: b.binary(BinaryKind.ADD, x, y), [X, numbers(5)]),
    "sum with a constant of more axes": (
        lambda b, x: b.binary(BinaryKind.MUL, x, b.constant(constant(3, 2, 5))), [numbers(2, 5)],
    ),
    "select": (
        lambda b, x, y: b.emit(Select(), b.binary(BinaryKind.GT, x, y), x, b.constant(constant(5))), [X, numbers(2, 1)],
    ),
    "product of matrices": (emit(Matmul()), [numbers(4, 2, 5), numbers(5, 3)]),
    "product with a constant": (emit(Matmul(transpose_b=True), constant(4, 3, 5)), [numbers(2, 5)]),
    "constant times product": (
        lambda b, x: b.emit(Matmul(), b.constant(constant(4, 3, 2)), x), [numbers(2, 5)],
    ),
    "dense": (emit(Gemm(5, 3), constant(3, 5)), [X]),
    "affine": (emit(Affine(), constant(5), constant(5)), [X]),
    "prelu": (emit(PRelu(), constant(5)), [X]),
    "layer norm": (emit(LayerNorm(2, 0.1), constant(10), constant(10)), [X]),
    "response": (emit(Lrn(1, 1, 0.1, 1.0, 0.5)), [X]),
    "convolution": (emit(CONV, constant(6, 5, 2, 3)), [numbers(4, 3, 5)]),
    "pooling": (emit(POOL), [X]),
    "resize": (emit(Resize(ResizeKind.BILINEAR, ResizeGrid.ALIGN, (3, 4))), [X]),
    "crop": (emit(CROP, [[0, 0, 2, 1], [1, 1, 3, 2]]), [numbers(2, 4, 3, 5)]),
    "softmax": (emit(Softmax(0)), [X]),
    "concat": (lambda b, x: b.emit(Concat(1), x, b.constant(constant(4, 3, 5)), x), [X]),
    "sorted places": (emit(ArgSort(1, False)), [X]),
    "places of the largest": (emit(TopK(2, 3, False), results=2), [X]),
    "running sum": (emit(CumSum(0, True, False)), [X]),
    "one hot": (emit(OneHot(0, 7, 1.0, -1.0)), [whole(7, 3)]),
    "windows": (emit(Windows(2, 3, 1)), [X]),
    "slice by size": (emit(SliceBySize(0, 2), [1]), [X]),
    "reverse sequence": (emit(ReverseSequence(1, 0), [3, 1]), [X]),
    "mean": (emit(Reduce(ReduceKind.MEAN, (0, 2), False)), [X]),
    "sum of all": (emit(Reduce(ReduceKind.SUM, (0, 1, 2), True)), [X]),
    "slice": (emit(Slice((1, 0, 4), (4, 2, 0), (2, 1, -1))), [X]),
    "pad": (emit(Pad(PadMode.REFLECT, (0, 1, 2), (2, 0, 1))), [X]),
    "transpose": (emit(Transpose((2, 0, 1))), [X]),
    "reshape": (emit(Reshape((5, -1))), [X]),
    "reshape that keeps": (emit(Reshape((0, 10))), [X]),
    "broadcast": (emit(Broadcast((3, 4, 5))), [numbers(4, 1)]),
    "tile": (emit(Tile((2, 1, 3))), [numbers(2, 5)]),
    "band": (emit(Band(-1, 0)), [X]),
    "embedding": (emit(GatherRows(), constant(7, 5)), [whole(7, 3)]),
    "gather": (emit(Gather(1), [[1, 0], [-1, 1]]), [X]),
    "gather of a constant": (lambda b, i: b.emit(Gather(1), b.constant(constant(2, 6, 3)), i), [whole(6, 4)]),
    "gather of both": (emit(Gather(1)), [numbers(2, 6, 3), whole(6, 4, 2, low=-6)]),
    "gather nd": (emit(GatherNd()), [numbers(2, 6, 3), whole(2, 4, 2)]),
    "gather nd of a constant": (lambda b, i: b.emit(GatherNd(), b.constant(constant(2, 6)), i), [whole(2, 4, 2)]),
    "gather nd by a constant": (emit(GatherNd(), [[0, 5], [1, 1]]), [numbers(2, 6, 3)]),
    "gather along": (emit(GatherAlong(1)), [numbers(2, 6), whole(6, 2, 4)]),
    "scatter": (
        lambda b, x, u: b.emit(Scatter(ScatterMode.ADD, 1), x, b.constant(np.float32([0, 0, 3])), u),
        [numbers(2, 6), numbers(2, 3)],
    ),
    "scatter at own places": (emit(Scatter(ScatterMode.ADD, 0)), [numbers(6, 2), whole(6, 3), numbers(3, 2)]),
    "scatter nd": (emit(ScatterNd(ScatterMode.UPDATE)), [numbers(6, 2), whole(6, 3, 1), numbers(3, 2)]),
    "scatter along": (emit(ScatterAlong(ScatterMode.MUL, 1)), [numbers(2, 6), whole(6, 2, 3), numbers(2, 3)]),
    "lstm": (
        lambda b, x: b.emit_many(
            LSTM, (x, *[b.constant(np.zeros((1, 3)))] * 2, *(b.constant(m) for m in MATRICES)), 3
        )[0],
        [numbers(4, 2, 5)],
    ),
    "lstm with own states": (
        lambda b, x, h, c: b.emit_many(LSTM, (x, h, c, *(b.constant(m) for m in MATRICES)), 3)[2],
        [numbers(4, 2, 5), numbers(2, 3), numbers(1, 3)],
    ),
    "gru": (
        lambda b, x, h: b.emit_many(GRU, (x, h, *(b.constant(m[:3]) for m in MATRICES)), 2)[0],
        [numbers(4, 2, 5), numbers(1, 3)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_each_example_as_alone(name: str) -> None:
    make, arrays = ROWS[name]
    together = run(make, arrays, BATCH)
    alone = [run(make, [a[i : i + 1] for a in arrays], 1) for i in range(BATCH)]
    assert together.shape == (BATCH, *alone[0].shape)
    np.testing.assert_allclose(together, np.stack(alone), rtol=1e-6, atol=1e-6)


ALONE = {"WHERE_NON_ZERO", "NMS", "CUSTOM", "RANDOM", "RANGE", "SLICE_TO", "PAD_TO", "IMAGE", "LSTM", "RNN",
         "ATTENTION", "INVERTED"}  # fmt: skip
"""Not for several examples at once; LSTM and RNN are RECURRENCE by then, ATTENTION and INVERTED are made later."""
OF_THE_STEP = {"CROSS_ENTROPY", "SQUARED_ERROR", "SGD", "ADAM", "CLIP_NORM"}


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.code)
def test_every_operator_is_stacked_or_refused(operator: type) -> None:
    of_step = operator.code in OF_THE_STEP or operator.code.endswith("_GRADIENT")
    assert (operator in STACKED) + (operator.code in ALONE) + of_step == 1


def test_what_cannot_be_stacked_is_named() -> None:
    with pytest.raises(UnsupportedError, match=r"layer: its operator WHERE_NON_ZERO .* miniBatchSize to 1"):
        run(emit(WhereNonZero()), [X], BATCH)
