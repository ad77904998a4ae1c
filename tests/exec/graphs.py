"""Random graphs, and their answers with every operator run by itself in memory of its own."""

from __future__ import annotations

import numpy as np

from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.op import Activation
from pyruntime.ir.ops import (
    Affine,
    BinaryKind,
    Concat,
    Gemm,
    PRelu,
    Reduce,
    ReduceKind,
    Reshape,
    ReshapeTo,
    Slice,
    Softmax,
    Tile,
    Transpose,
    UnaryKind,
)  # fmt: skip
from pyruntime.ir.types import DType
from pyruntime.layers.builder import Builder
from pyruntime.native import lib
from pyruntime.plan.encode import encode

LEAKY = Activation(0.25)


def random_graph(seed: int, steps: int) -> Graph:
    """`steps` operators on values of rank 2, with old values read again late, some results unread, and results that
    are inputs, constants, reshapes, intermediate values, or one value twice."""
    rng = np.random.default_rng(seed)
    b = Builder(None, legacy=False)
    b.layer = "layer"
    b.fold_up_to = 0
    inputs = tuple(Value(f"in{i}", DType.F32, (int(rng.integers(1, 9)), int(rng.integers(1, 40)))) for i in range(2))
    values = [*inputs, b.constant(rng.standard_normal((3, 5)))]
    for _ in range(steps):
        recent = values[-3:] if rng.random() < 0.7 else values
        x = recent[int(rng.integers(len(recent)))]
        values.append(_random_step(b, rng, x))
    results = [values[int(i)] for i in rng.integers(0, len(values), 4)]
    outputs = (*results, values[-1], values[-1])
    read = {v.name for v in outputs} | {v.name for node in b.nodes for v in node.inputs}
    return Graph(inputs, outputs, tuple(b.nodes), {name: a for name, a in b.constants.items() if name in read})


def _random_step(b: Builder, rng: np.random.Generator, x: Value) -> Value:
    rows, columns = x.shape
    floats = rng.standard_normal
    kind = int(rng.integers(14))
    if x.shape[0] * x.shape[1] > 4000 or kind == 0:
        return b.emit(Slice((0, 0), (max(1, rows // 2), max(1, columns // 2)), (1, 1)), x)
    if kind in (1, 2):
        return b.unary(UnaryKind.TANH if kind == 1 else UnaryKind.ABS, x)
    if kind == 3:
        return b.binary(BinaryKind.MAX, x, x)
    if kind == 4:
        return b.binary(BinaryKind.SUB, x, b.constant(floats((rows, 1))))
    if kind == 5:
        return b.emit(Affine(LEAKY), x, b.constant(floats(columns)), b.constant(floats(columns)))
    if kind == 6:
        return b.emit(Softmax(int(rng.integers(2))), x)
    if kind == 7:
        return b.emit(Reshape((columns, rows)), x)
    if kind == 8:
        return b.emit(Transpose((1, 0)), b.unary(UnaryKind.ABS, x))
    if kind == 9:
        sums = b.emit(Reduce(ReduceKind.MEAN, (1,), True), x)
        return b.binary(BinaryKind.ADD, b.emit(Tile((1, columns)), sums), x)
    if kind == 10:
        return b.emit(PRelu(), b.emit(Concat(0), x, x), b.constant(floats(columns)))
    if kind == 11:
        return b.emit(Slice((int(rng.integers(rows)), 0), (rows, columns), (1, 1)), x)
    if kind == 12:
        return b.emit(Concat(0), b.emit(Concat(0), b.unary(UnaryKind.ABS, x), x), b.unary(UnaryKind.TANH, x))
    if kind == 13:
        inner = b.emit(Concat(1), _product(b, rng, x), x, _product(b, rng, x))
        return b.emit(Concat(1), _product(b, rng, x), inner, *([inner] if rng.random() < 0.3 else []))
    return _product(b, rng, x)


def _product(b: Builder, rng: np.random.Generator, x: Value) -> Value:
    columns, wide = x.shape[1], int(rng.integers(1, 30))
    return b.emit(Gemm(columns, wide), x, b.constant(rng.standard_normal((wide, columns)) / columns))


def _kept_sizes(shape: tuple[int, ...], before: tuple[int, ...]) -> list[int]:
    return [before[i] if size == 0 else size for i, size in enumerate(shape)]


def inputs_of(graph: Graph, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(v.shape, np.float32) for v in graph.inputs]


def session_of(graph: Graph, context: lib.Context, memory_limit: int = 1 << 26) -> lib.Session:
    """The graph as it stands, without passes."""
    plan, weights = encode(graph)
    aligned = lib.aligned(len(plan))
    aligned[:] = np.frombuffer(plan, np.uint8)
    return lib.Session(context, aligned, weights, memory_limit)


def one_by_one(graph: Graph, inputs: list[np.ndarray], context: lib.Context) -> list[np.ndarray]:
    """Every operator alone, each result in memory of its own; a reshape is NumPy's."""
    arrays: dict[str, np.ndarray] = {v.name: a for v, a in zip(graph.inputs, inputs, strict=True)} | dict(
        graph.constants
    )
    for node in graph.nodes:
        operands = [arrays[v.name] for v in node.inputs]
        if isinstance(node.op, Reshape):
            results = [operands[0].reshape(_kept_sizes(node.op.shape, operands[0].shape))]
        elif isinstance(node.op, ReshapeTo):
            results = [operands[0].reshape(operands[1].astype(int))]
        else:
            results = lib.run_once(node.op, node.layer, operands, len(node.outputs), context)
        arrays.update({v.name: a for v, a in zip(node.outputs, results, strict=True)})
    return [arrays[v.name] for v in graph.outputs]
