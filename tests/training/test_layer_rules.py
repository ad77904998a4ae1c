"""Gradients of layers with operators of their own: recurrent ones, normalisation, resizing, pooling of volumes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from pyruntime.ir.ops import (
    BoxMode,
    Concat,
    CropResize,
    GateFunction,
    LayerNorm,
    Lrn,
    Lstm,
    Padding,
    Pool,
    PoolKind,
    Resize,
    ResizeGrid,
    ResizeKind,
    Rnn,
    RnnKind,
)
from pyruntime.native import lib
from pyruntime.training.recurrent import KINDS

from .gradient_check import apart, check, numbers, torch

F = torch.nn.functional
FUNCTIONS: dict[GateFunction, Any] = {
    GateFunction.LINEAR: lambda x: x,
    GateFunction.SIGMOID: torch.sigmoid,
    GateFunction.TANH: torch.tanh,
    GateFunction.RELU: torch.relu,
    GateFunction.HARD_SIGMOID: lambda x: (0.2 * x + 0.5).clamp(0, 1),
}
STEPS, B, WIDTH, H = 4, 3, 5, 6
USUAL = (GateFunction.SIGMOID, GateFunction.TANH, GateFunction.TANH)


def in_order(x: Any, reverse: bool) -> list[Any]:
    return list(x.flip(0) if reverse else x)


def lstm_steps(op: Lstm, x: Any, h: Any, c: Any, w: Any, r: Any, bias: Any, p: Any = None) -> Any:
    """All that an LSTM gives, side by side: y, h, c."""
    f, g, last = (FUNCTIONS[k] for k in (op.gate, op.block, op.output))
    p = torch.zeros(3, H, dtype=torch.float64) if p is None else p
    ys = []
    for step in in_order(x, op.reverse):
        z = [step @ w[k].T + h @ r[k].T + bias[k] for k in range(4)]
        i = f(z[0] + p[0] * c)
        keep = 1 - i if op.coupled else f(z[1] + p[1] * c)
        c = (c * keep + i * g(z[2])).clamp(-op.cell_clip, op.cell_clip)
        h = f(z[3] + p[2] * c) * last(c)
        ys.append(h)
    if op.aligned and op.reverse:
        ys = ys[::-1]
    y = torch.stack(ys) if op.sequence else ys[-1 if not (op.aligned and op.reverse) else 0][None]
    return torch.cat([y.flatten(0, 1), h.expand(B, H), c], 0)


def side_by_side(b: Any, y: Any, *states: Any) -> Any:
    return b.emit(Concat(0), b.reshape(y, y.shape[0] * y.shape[1], y.shape[2]), *states)


def matrices(gates: int, start: int = 2) -> list[np.ndarray]:
    shapes = ((gates, H, WIDTH), (gates, H, H), (gates, H))
    return [numbers(*shape, seed=start + i) * 0.6 for i, shape in enumerate(shapes)]


LSTMS = [
    dict(zip(("sequence", "reverse", "coupled", "peepholes", "aligned"), case, strict=True))
    for case in itertools.product((True, False), (True, False), (True, False), (True, False), (False,))
] + [{"sequence": True, "reverse": True, "coupled": False, "peepholes": True, "aligned": True}]


@pytest.mark.parametrize("case", LSTMS, ids=lambda case: "-".join(k for k, v in case.items() if v) or "last")
@pytest.mark.parametrize("shared_state", [False, True])
def test_lstm(case: dict[str, bool], shared_state: bool) -> None:
    has_peepholes = case["peepholes"]
    op = Lstm(
        WIDTH, H, case["sequence"], case["reverse"], case["coupled"], *USUAL, has_peepholes, 0, 50.0, case["aligned"]
    )
    rows = 1 if shared_state else B
    operands = [numbers(STEPS, B, WIDTH), numbers(rows, H, seed=8), numbers(rows, H, seed=9), *matrices(4)]
    if has_peepholes:
        operands.append(numbers(3, H, seed=7) * 0.5)
    check(lambda b, *v: side_by_side(b, *b.emit_many(op, v, 3)), lambda *v: lstm_steps(op, *v), *operands)


@pytest.mark.parametrize("gate", GateFunction, ids=lambda gate: gate.name)
@pytest.mark.parametrize("clip", [50.0, 0.6])
def test_functions_of_lstm(gate: GateFunction, clip: float) -> None:
    op = Lstm(WIDTH, H, True, False, False, gate, gate, gate, True, 0, clip)
    operands = [numbers(STEPS, B, WIDTH) * 0.5, numbers(B, H, seed=8) * 0.4, numbers(B, H, seed=9) * 0.4]
    operands += [m * 0.5 for m in matrices(4)] + [numbers(3, H, seed=7) * 0.3]
    check(lambda b, *v: side_by_side(b, *b.emit_many(op, v, 3)), lambda *v: lstm_steps(op, *v), *operands)


def rnn_steps(op: Rnn, x: Any, h: Any, w: Any, r: Any, bias: Any) -> Any:
    f, g = FUNCTIONS[op.gate], FUNCTIONS[op.output]
    ys = []
    for step in in_order(x, op.reverse):
        if op.kind is RnnKind.SIMPLE:
            h = f(step @ w[0].T + h @ r[0].T + bias[0])
        else:
            z, reset = (f(step @ w[k].T + h @ r[k].T + bias[k]) for k in range(2))
            h = (1 - z) * g(step @ w[2].T + (reset * h) @ r[2].T + bias[2]) + z * h
        ys.append(h)
    return torch.cat([*(ys if op.sequence else ys[-1:]), h], 0)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("sequence", [True, False])
@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("gate", GateFunction, ids=lambda gate: gate.name)
def test_simple_recurrent_and_gru(kind: RnnKind, sequence: bool, reverse: bool, gate: GateFunction) -> None:
    gates = 3 if kind is RnnKind.GRU else 1
    op = Rnn(kind, WIDTH, H, sequence, reverse, gate, GateFunction.TANH, 0)
    operands = [numbers(STEPS, B, WIDTH) * 0.4, numbers(B, H, seed=8) * 0.4, *(m * 0.5 for m in matrices(gates))]
    check(lambda b, *v: side_by_side(b, *b.emit_many(op, v, 2)), lambda *v: rnn_steps(op, *v), *operands)


def test_recurrent_with_many_units() -> None:
    """More than a panel of the product, and one step."""
    rng = np.random.default_rng(0)
    for steps, units in ((1, 3), (9, 40)):
        op = Rnn(RnnKind.GRU, 7, units, True, False, GateFunction.SIGMOID, GateFunction.TANH, 0)
        shapes = ((steps, 2, 7), (2, units), (3, units, 7), (3, units, units), (3, units))
        operands = [(rng.normal(size=shape) * 0.3).astype(np.float32) for shape in shapes]
        check(
            lambda b, *v, op=op: side_by_side(b, *b.emit_many(op, v, 2)), lambda *v, op=op: rnn_steps(op, *v), *operands
        )


# normalisation


@pytest.mark.parametrize("shape", [(5, 7), (3, 4, 40), (2, 3, 130), (1, 1), (400, 3)])
@pytest.mark.parametrize("axes", [1, 2])
def test_layer_normalization(shape: tuple[int, ...], axes: int) -> None:
    last = shape[len(shape) - axes :]
    count = math.prod(last)
    operands = [numbers(*shape) + 3, numbers(count, seed=1), numbers(count, seed=2)]
    check(
        lambda b, *v: b.emit(LayerNorm(axes, 1e-2), *v),
        lambda x, g, s: F.layer_norm(x, last, g.reshape(last), s.reshape(last), 1e-2),
        *operands,
    )


@pytest.mark.parametrize(("before", "after"), [(2, 2), (2, 1), (0, 0), (9, 2**31 - 1)])
def test_local_response_normalization(before: int, after: int) -> None:
    def reference(x: Any) -> Any:
        c = x.shape[-1]
        reach = (torch.arange(c)[None] - torch.arange(c)[:, None]).clamp(-99, 99)
        window = ((reach >= -before) & (reach <= min(after, 99))).double()
        return x / (1.5 + 0.3 * (x**2) @ window.T) ** 0.75

    check(lambda b, x: b.emit(Lrn(before, after, 0.3, 1.5, 0.75), x), reference, numbers(3, 4, 9))


# images


@pytest.mark.parametrize("kind", ResizeKind, ids=lambda kind: kind.name)
@pytest.mark.parametrize("grid", ResizeGrid, ids=lambda grid: grid.name)
@pytest.mark.parametrize("size", [(7, 11), (3, 2), (1, 1), (4, 10)])
def test_resize(kind: ResizeKind, grid: ResizeGrid, size: tuple[int, int]) -> None:
    """Linear in x, so one column of its matrix per pixel is a reference that needs no second formula."""
    op = Resize(kind, grid, size)
    pixels = np.eye(20, dtype=np.float32).reshape(20, 4, 5, 1)
    matrix = torch.tensor(lib.run_once(op, "resize", [pixels], 1)[0].reshape(20, -1).astype(np.float64))

    def reference(x: Any) -> Any:
        flat = x.permute(0, 3, 1, 2).reshape(*x.shape[:1], x.shape[3], 20) @ matrix
        return flat.reshape(x.shape[0], x.shape[3], *size).permute(0, 2, 3, 1)

    check(lambda b, x: b.emit(op, x), reference, numbers(2, 4, 5, 70))


def test_resize_as_pytorch_does() -> None:
    x = numbers(2, 4, 5, 3)
    check(
        lambda b, x: b.emit(Resize(ResizeKind.BILINEAR, ResizeGrid.STRICT_ALIGN, (7, 9)), x),
        lambda x: F.interpolate(x.movedim(-1, 1), (7, 9), mode="bilinear", align_corners=True).movedim(1, -1),
        x,
    )
    check(
        lambda b, x: b.emit(Resize(ResizeKind.NEAREST, ResizeGrid.FLOOR, (8, 10)), x),
        lambda x: F.interpolate(x.movedim(-1, 1), scale_factor=2).movedim(1, -1),
        x,
    )
    check(
        lambda b, x: b.emit(Resize(ResizeKind.BILINEAR, ResizeGrid.HALF_PIXEL, (3, 7)), x),
        lambda x: F.interpolate(x.movedim(-1, 1), (3, 7), mode="bilinear", align_corners=False).movedim(1, -1),
        x,
    )


BOXES = np.array([[0.5, 0.2, 3, 4], [2.7, 3.9, 0.1, 1.0], [-1, -2, 9, 9]], np.float32)


@pytest.mark.parametrize("grid", [g for g in ResizeGrid if g not in (ResizeGrid.FLOOR, ResizeGrid.HALF_PIXEL)])
@pytest.mark.parametrize("images", [[], [1, 0, 1]])
def test_crop_resize(grid: ResizeGrid, images: list[int]) -> None:
    op = CropResize(grid, BoxMode.CORNERS_HEIGHT_FIRST, False, 1.0, (3, 4))
    boxes = np.concatenate([np.array(images, np.float32)[:, None], BOXES], 1) if images else BOXES
    pixels = np.eye(40, dtype=np.float32).reshape(40, 2, 4, 5, 1)
    columns = [lib.run_once(op, "crop", [p, boxes], 1)[0].reshape(-1) for p in pixels]
    matrix = torch.tensor(np.stack(columns).astype(np.float64))

    def reference(x: Any) -> Any:
        flat = x.permute(3, 0, 1, 2).reshape(x.shape[3], 40) @ matrix
        return flat.reshape(x.shape[3], 3, -1, 3, 4).permute(1, 2, 3, 4, 0)

    check(lambda b, x: b.emit(op, x, b.constant(boxes)), reference, numbers(2, 4, 5, 66))


@pytest.mark.parametrize("kind", list(PoolKind))
@pytest.mark.parametrize(
    ("kernel", "stride", "pad"), [((2, 2, 2), (2, 2, 2), (0, 0, 0)), ((2, 3, 3), (1, 2, 1), (1, 1, 1))]
)
def test_pooling_of_volumes(kind: PoolKind, kernel: Any, stride: Any, pad: Any) -> None:
    op = Pool(kind, False, kernel, stride, pad, pad, Padding.EXPLICIT, False)
    edges = [amount for size in pad[::-1] for amount in (size, size)]

    def reference(x: Any) -> Any:
        image = x.movedim(-1, 1)
        if kind is PoolKind.MAX:
            y = F.max_pool3d(F.pad(image, edges, value=-math.inf), kernel, stride)
        elif kind is PoolKind.AVERAGE:
            y = F.avg_pool3d(image, kernel, stride, pad)
        else:
            y = (F.avg_pool3d(F.pad(image, edges) ** 2, kernel, stride) * math.prod(kernel)).sqrt()
        return y.movedim(1, -1)

    check(lambda b, x: b.emit(op, x), reference, apart(2, 4, 5, 6, 19))


@pytest.mark.parametrize("kind", list(PoolKind))
def test_global_pooling_of_volumes(kind: PoolKind) -> None:
    op = Pool(kind, True, (1, 1, 1), (1, 1, 1), (0, 0, 0), (0, 0, 0), Padding.EXPLICIT, False)
    fold = {
        PoolKind.MAX: lambda x: x.amax((1, 2, 3), keepdim=True),
        PoolKind.AVERAGE: lambda x: x.mean((1, 2, 3), keepdim=True),
        PoolKind.L2: lambda x: (x**2).sum((1, 2, 3), keepdim=True).sqrt(),
    }[kind]
    check(lambda b, x: b.emit(op, x), fold, apart(2, 3, 4, 5, 7))
