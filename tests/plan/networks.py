"""Small graphs that use every operator between them, and what runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pyruntime.ir.control import If, Loop
from pyruntime.ir.graph import Graph, Value
from pyruntime.ir.op import Activation
from pyruntime.ir.ops import (
    Affine,
    BinaryKind,
    BroadcastTo,
    Concat,
    Conv,
    GateFunction,
    GatherRows,
    Gemm,
    GetShape,
    Image,
    Lstm,
    Pad,
    Padding,
    PadMode,
    Pool,
    PoolKind,
    PRelu,
    Range,
    Reduce,
    ReduceKind,
    Reshape,
    ReshapeTo,
    Resize,
    ResizeGrid,
    ResizeKind,
    Slice,
    Softmax,
    Tile,
    Transpose,
    UnaryKind,
)  # fmt: skip
from pyruntime.ir.types import UNKNOWN, DType
from pyruntime.layers.builder import Builder
from pyruntime.layers.regions import close, emit_regions
from pyruntime.native import lib
from pyruntime.passes.pipeline import optimise
from pyruntime.plan.encode import encode

RELU = Activation(1.0, 0.0, float("inf"))


def convolution(b: Builder, x: Value, outputs: int, kernel: int, stride: int, groups: int = 1) -> Value:
    """Float weights from a fixed sequence, bias and ReLU, padded by kernel // 2."""
    rng = np.random.default_rng(outputs)
    weight = b.constant(rng.standard_normal((outputs, x.shape[-1] // groups, kernel, kernel), np.float32))
    bias = b.constant(rng.standard_normal(outputs, np.float32))
    pads = (kernel // 2, kernel // 2)
    op = Conv((kernel, kernel), (stride, stride), (1, 1), pads, pads, Padding.EXPLICIT, groups, outputs,
              has_bias=True, activation=RELU)  # fmt: skip
    return b.emit(op, x, weight, bias)


def image_network() -> Graph:
    """Pixels through convolutions, pooling and resizing to three results."""
    rng = np.random.default_rng(1)
    b = Builder(None, legacy=False)
    b.layer = "layer"
    pixels = Value("pixels", DType.U8, (1, 9, 8, 3))
    x = b.emit(Image(True, 1 / 255, (0.5, 0.25, 0.0)), pixels)
    wide = convolution(b, x, 8, 3, 1)
    deep = convolution(b, wide, 8, 3, 2, groups=8)
    pair = convolution(b, deep, 6, 1, 1, groups=2)
    pooled = b.emit(Pool(PoolKind.MAX, False, (2, 2), (2, 1), (1, 1), (1, 1), Padding.EXPLICIT, False), deep)
    mean = b.emit(Pool(PoolKind.AVERAGE, False, (3, 3), (2, 2), (1, 1), (0, 0), Padding.INCLUDE_LAST, True), deep)
    large = b.emit(Resize(ResizeKind.BILINEAR, ResizeGrid.ALIGN, (9, 8)), pooled)
    small = b.emit(Resize(ResizeKind.NEAREST, ResizeGrid.FLOOR, (), (1.5, 0.75)), mean)
    both = b.emit(Concat(3), large, wide)
    framed = b.emit(Pad(PadMode.REFLECT, (0, 1, 2, 0), (0, 0, 1, 0)), both)
    framed = b.emit(Pad(PadMode.CONSTANT, (0, 1, 0, 0), (0, 0, 0, 0), 2.0), framed)
    part = b.emit(Slice((0, 9, 0, 1), (1, -(2**31), 2**31 - 1, 15), (1, -3, 2, 1)), framed)
    scaled = b.emit(Affine(RELU), part, b.constant(rng.random(14)), b.constant(rng.random(14)))
    leaky = b.emit(PRelu(), scaled, b.constant(rng.random(14)))
    sums = b.emit(Reduce(ReduceKind.MEAN, (1, 2), True), leaky)
    gated = b.binary(BinaryKind.MUL, leaky, b.unary(UnaryKind.SIGMOID, sums))
    first = b.emit(Transpose((0, 3, 1, 2)), gated)
    count = int(np.prod(first.shape))
    flat = b.emit(Reshape((1, count)), first)
    weight = b.constant(rng.standard_normal((5, count)))
    scores = b.emit(Gemm(count, 5, has_bias=True), flat, weight, b.constant(rng.random(5)))
    return Graph((pixels,), (b.emit(Softmax(1), scores), small, pair), tuple(b.nodes), b.constants)


def sequence_network() -> Graph:
    """Words to vectors to a recurrent layer: positions found by ARG_MAX index a table."""
    rng = np.random.default_rng(2)
    b = Builder(None, legacy=False)
    b.layer = "layer"
    x = Value("x", DType.F32, (5, 2, 7))
    word = b.emit(Reduce(ReduceKind.ARG_MAX, (2,), False), x)
    vectors = b.emit(GatherRows(True), word, b.constant(rng.random((7, 6))), b.constant(rng.random(6)))
    state = b.constant(np.zeros((2, 3)))
    gates = (GateFunction.SIGMOID, GateFunction.TANH, GateFunction.TANH)
    weights = [b.constant(rng.standard_normal(shape) / 3) for shape in ((4, 3, 6), (4, 3, 3), (4, 3))]
    forward = Lstm(6, 3, True, False, False, *gates, False, 0, 50.0)
    y, h, _ = b.emit_many(forward, (vectors, state, state, *weights), 3)
    peepholes = b.constant(rng.random((3, 3)))
    backward = Lstm(6, 3, True, True, True, *gates, True, 0, 50.0)
    z, _, c = b.emit_many(backward, (vectors, state, state, *weights, peepholes), 3)
    both = b.binary(BinaryKind.MAX, b.emit(Concat(2), y, z), b.constant(rng.random((2, 1))))
    last = b.emit(Slice((-1, 0, 0), (2**31 - 1, 2, 6), (1, 1, 1)), both)
    tiled = b.emit(Tile((2, 1, 1)), last)
    out = b.emit(Gemm(6, 4), tiled, b.constant(rng.random((4, 6))))
    return Graph((x,), (b.emit(Softmax(0), out), h, c, b.unary(UnaryKind.TANH, both)), tuple(b.nodes), b.constants)


def open_network() -> Graph:
    """Sizes from numbers: some known when shapes are bound, some only when the network runs."""
    rng = np.random.default_rng(4)
    b = Builder(None, legacy=False)
    b.layer = "layer"
    x = Value("x", DType.F32, (UNKNOWN, 6))
    count = Value("count", DType.F32, (1,))
    rows = b.emit(Slice((0,), (1,), (1,)), b.emit(GetShape(), x))
    split = b.emit(ReshapeTo((UNKNOWN, 2, 3)), x, b.emit(Concat(0), rows, b.constant([2, 3])))
    length = b.unary(UnaryKind.LINEAR, b.unary(UnaryKind.CLIP, count, 0.0, 40.0), 1.0, 1.0)
    steps = b.emit(Range(), b.constant(0.0), b.reshape(length), b.constant(1.0))
    column = b.emit(ReshapeTo((UNKNOWN, 1)), steps, b.constant([-1, 1]))
    table = b.emit(BroadcastTo((UNKNOWN, 4)), column, b.emit(Concat(0), b.emit(GetShape(), steps), b.constant([4])))
    scores = b.emit(Gemm(4, 3, has_bias=True), table, b.constant(rng.random((3, 4))), b.constant(rng.random(3)))
    both = b.emit(
        Concat(0), b.emit(Softmax(1), scores), b.reshape(b.emit(Reduce(ReduceKind.SUM, (1,), False), split), UNKNOWN, 3)
    )
    return Graph(
        (x, count), (both, b.emit(Reduce(ReduceKind.MAX, (0,), True), both), column, split), tuple(b.nodes), b.constants
    )


def control_network() -> Graph:
    """A branch with weights, and a loop with condition, limit and exit that hands on a swap and a value that grows."""
    rng = np.random.default_rng(5)
    b = Builder(None, legacy=False)
    b.layer = "layer"
    x, n = Value("x", DType.F32, (2, 3)), Value("n", DType.F32, (1,))

    def dense(inner: Builder) -> list[Value]:
        return [inner.emit(Gemm(3, 3), x, inner.constant(rng.random((3, 3)))), inner.constant([2.0])]

    def plain(inner: Builder) -> list[Value]:
        return [inner.unary(UnaryKind.TANH, x), n]

    branches = [(inner := b.child(), make(inner)) for make in (dense, plain)]
    graphs, read = close(branches)
    y, number = emit_regions(If(), (n, *read), graphs, [(x, x.shape), (n, n.shape)], b)

    limit = b.unary(UnaryKind.LINEAR, b.unary(UnaryKind.ABS, number), 1.0, 2.0)
    one, two, rows = (Value(b.fresh(), DType.F32, shape) for shape in ((2, 3), (2, 3), (UNKNOWN, 3)))
    condition, body = b.child(), b.child()
    checked = condition.emit(Reduce(ReduceKind.SUM, (0, 1), True), rows)
    goes_on = condition.reshape(condition.unary(UnaryKind.LINEAR, checked, 0.0, 1.0), 1)
    grown = body.emit(Slice((0, 0), (50, 3), (1, 1)), body.emit(Concat(0), rows, body.unary(UnaryKind.ABS, y)))
    leaves = body.emit(Reduce(ReduceKind.MAX, (0, 1), True), body.unary(UnaryKind.CLIP, grown, 0.0, 1.0))
    inner_graphs, outside = close(
        [(condition, [one, two, rows, goes_on]), (body, [two, one, grown, body.reshape(leaves, 1)])], [one, two, rows]
    )
    loop = Loop(3, 0, limit_is_input=True, has_condition=True, may_exit=True)
    like = [(value, value.shape) for value in (one, two, rows)]
    results = emit_regions(loop, (limit, x, y, x, *outside), inner_graphs, like, b)
    (graph,), _ = close([(b, [*results, number])], [x, n])
    return graph


NETWORKS: dict[str, Callable[[], Graph]] = {
    "image": image_network,
    "sequence": sequence_network,
    "open": open_network,
    "control": control_network,
}


def sample_inputs(graph: Graph) -> list[np.ndarray]:
    """Numbers of the inputs' types and default shapes."""
    rng = np.random.default_rng(3)
    return [
        rng.integers(0, 256, shape, np.uint8) if v.dtype == DType.U8 else rng.standard_normal(shape, np.float32)
        for v in graph.inputs
        for shape in [tuple(3 if size == UNKNOWN else size for size in v.shape)]
    ]


def at_the_edge(content: bytes | np.ndarray) -> np.ndarray:
    """A copy at an aligned place that ends where its memory ends: a sanitizer sees the first byte read past it."""
    content = np.frombuffer(content, np.uint8) if isinstance(content, bytes) else content.reshape(-1)
    kept = []
    for slack in [0, 16, 32, 48] * 4:
        room = np.empty(content.size + slack, np.uint8)
        if (room.ctypes.data + slack) % lib.ALIGNMENT == 0:
            room[slack:] = content
            return room[slack:]
        kept.append(room)  # so that the next try gets another place
    room = lib.aligned(content.size)
    room[:] = content
    return room


def encoded(graph: Graph, context: lib.Context, *, packed: bool) -> tuple[bytes, np.ndarray]:
    """(plan, weights): as the compiler makes them, or every operator as it stands with its weights as in a file."""
    plan, weights = encode(optimise(graph, context) if packed else graph)
    return plan, at_the_edge(weights)


def run(
    context: lib.Context, plan: bytes | np.ndarray, weights: np.ndarray, inputs: Sequence[np.ndarray], outputs: int,
    memory_limit: int = 1 << 20,
) -> list[np.ndarray]:  # fmt: skip
    """Open, bind and run a plan."""
    return lib.Session(context, at_the_edge(plan), weights, memory_limit).run(inputs, outputs)
