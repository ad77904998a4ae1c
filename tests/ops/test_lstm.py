"""LSTM: the equations in double, PyTorch, and the packed form beside the plain one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import GateFunction, Lstm
from pyruntime.ir.types import DType
from pyruntime.native import lib

FUNCTIONS = {
    GateFunction.LINEAR: lambda x: x,
    GateFunction.SIGMOID: lambda x: 1 / (1 + np.exp(-x)),
    GateFunction.TANH: np.tanh,
    GateFunction.RELU: lambda x: np.maximum(x, 0),
    GateFunction.HARD_SIGMOID: lambda x: np.clip(0.2 * x + 0.5, 0, 1),
}
BASE = Lstm(
    inputs=5, outputs=7, sequence=True, reverse=False, coupled=False, gate=GateFunction.SIGMOID,
    block=GateFunction.TANH, output=GateFunction.TANH, has_peepholes=False, layout=0, cell_clip=50.0,
)  # fmt: skip


def oracle(op: Lstm, x, h, c, w, r, bias, peep=None):
    """LSTMParams' equations, step by step, in double."""
    x, h, c, w, r, bias = (v.astype(np.float64) for v in (x, h, c, w, r, bias))
    pi, pf, po = np.zeros((3, op.outputs)) if peep is None else peep.astype(np.float64)
    f, g, out = FUNCTIONS[op.gate], FUNCTIONS[op.block], FUNCTIONS[op.output]

    def clip(v):
        return np.clip(v, -50, 50)

    steps = []
    for xt in x[::-1] if op.reverse else x:
        si, sf, sz, so = (xt @ w[k].T + h @ r[k].T + bias[k] for k in range(4))
        i = f(clip(si + pi * c))
        forget = 1 - i if op.coupled else f(clip(sf + pf * c))
        c = np.clip(c * forget + i * g(clip(sz)), -op.cell_clip, op.cell_clip)
        h = out(c) * f(clip(so + po * c))
        steps.append(h)
    y = np.stack(steps) if op.sequence and steps else np.zeros((0, *h.shape)) if op.sequence else h[None]
    return y, h, c


def operands(op: Lstm, steps: int, batch: int, rng, size=0.5):
    i, h = op.inputs, op.outputs
    shapes = [(steps, batch, i), (batch, h), (batch, h), (4, h, i), (4, h, h), (4, h)]
    if op.has_peepholes:
        shapes.append((3, h))
    return [(size * rng.standard_normal(shape)).astype(np.float32) for shape in shapes]


def packed(op: Lstm, arrays: list[np.ndarray], context: lib.Context) -> tuple[Lstm, list[np.ndarray]]:
    """The operator and its operands with w and r as the context's kernels read them."""
    given = [(Value(str(i), DType.F32, a.shape), a) for i, a in enumerate(arrays)]
    made, layout = list(arrays), 0
    for which in (3, 4):
        found = lib.pack(op, "layer", given, which, context)
        assert found is not None
        layout, made[which] = found[0].layout, found[1]
    return replace(op, layout=layout), made


def check(got, want, atol=2e-6):
    for a, b in zip(got, want, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=atol)


VARIANTS = [
    BASE, replace(BASE, sequence=False), replace(BASE, reverse=True),
    replace(BASE, reverse=True, sequence=False),
    replace(BASE, coupled=True), replace(BASE, has_peepholes=True),
    replace(BASE, has_peepholes=True, coupled=True),
    replace(BASE, cell_clip=0.25), replace(BASE, gate=GateFunction.HARD_SIGMOID),
    replace(BASE, block=GateFunction.HARD_SIGMOID, output=GateFunction.RELU),
    replace(BASE, output=GateFunction.LINEAR),
]  # fmt: skip


@pytest.mark.parametrize("op", VARIANTS, ids=str)
@pytest.mark.parametrize(("steps", "batch"), [(1, 1), (6, 2), (0, 3), (4, 0)])
def test_follows_the_equations(op, steps, batch, run, rng):
    arrays = operands(op, steps, batch, rng)
    check(run(op, *arrays, outputs=3), oracle(op, *arrays))


@pytest.mark.parametrize("hidden", [1, 7, 8, 15, 16, 17, 31, 33, 64, 100])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sequence", [False, True])
def test_packed_form_follows_the_equations(hidden, reverse, sequence, context, run, rng):
    op = replace(BASE, outputs=hidden, inputs=hidden // 2 + 1, reverse=reverse, sequence=sequence)
    for steps, batch in [(1, 1), (5, 3), (130, 1), (65, 2), (0, 2), (3, 0)]:
        arrays = operands(op, steps, batch, rng, 0.3)
        check(run(*packed_call(op, arrays, context), outputs=3), oracle(op, *arrays), atol=5e-6)


def packed_call(op, arrays, context):
    made, ready = packed(op, arrays, context)
    return made, *ready


def test_large_gates_and_cells_are_clipped(context, run, rng):
    op = replace(BASE, cell_clip=0.5, outputs=20)
    arrays = [np.round(a) for a in operands(op, 4, 2, rng, 100.0)]  # sums from the inputs are exact
    arrays[4] *= np.float32(0.01)
    want = oracle(op, *arrays)
    check(run(op, *arrays, outputs=3), want)
    check(run(*packed_call(op, arrays, context), outputs=3), want)


def test_as_pytorch(context, run, rng):
    torch = pytest.importorskip("torch")
    op = replace(BASE, inputs=48, outputs=64)
    x, h, c, w, r, bias = operands(op, 20, 2, rng, 0.2)
    layer = torch.nn.LSTM(48, 64)
    with torch.no_grad():  # its gates have the same order: input, forget, cell, output
        layer.weight_ih_l0.copy_(torch.from_numpy(w.reshape(-1, 48)))
        layer.weight_hh_l0.copy_(torch.from_numpy(r.reshape(-1, 64)))
        layer.bias_ih_l0.copy_(torch.from_numpy(bias.reshape(-1)))
        layer.bias_hh_l0.zero_()
        y, (hn, cn) = layer(torch.from_numpy(x), (torch.from_numpy(h)[None], torch.from_numpy(c)[None]))
    want = (y.numpy(), hn[0].numpy(), cn[0].numpy())
    arrays = [x, h, c, w, r, bias]
    check(run(op, *arrays, outputs=3), want)
    check(run(*packed_call(op, arrays, context), outputs=3), want)


def test_threads_do_not_change_a_bit(rng):
    op = replace(BASE, inputs=70, outputs=150)
    arrays = operands(op, 12, 1, rng, 0.2)
    results = []
    for threads in (1, 2, 3):
        context = lib.Context(threads=threads)
        made, ready = packed(op, arrays, context)
        results.append(lib.run_once(made, "layer", ready, 3, context))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("op", VARIANTS, ids=str)
@pytest.mark.parametrize("hidden", [1, 9, 40])
def test_every_option_in_packed_form(op, hidden, context, run, rng):
    op = replace(op, outputs=hidden)
    arrays = operands(op, 5, 3, rng, 0.5)
    check(run(*packed_call(op, arrays, context), outputs=3), oracle(op, *arrays), atol=5e-6)
    arrays = [np.round(a) for a in operands(op, 1, 3, rng, 20.0)]  # sums are exact, and reach the clips
    check(run(*packed_call(op, arrays, context), outputs=3), oracle(op, *arrays))


@pytest.mark.parametrize("form", ["plain", "packed"])
def test_aligned_results_stand_where_their_inputs_do(form, context, run, rng):
    op = replace(BASE, reverse=True, outputs=17)
    arrays = operands(op, 70, 2, rng)
    ready = packed_call(op, arrays, context) if form == "packed" else (op, *arrays)
    y, *states = run(*ready, outputs=3)
    flipped, *others = run(replace(ready[0], aligned=True), *ready[1:], outputs=3)
    np.testing.assert_array_equal(flipped, y[::-1])
    for a, b in zip(states, others, strict=True):
        np.testing.assert_array_equal(a, b)


def test_other_operands_are_not_packed(level_context, rng):
    given = [(Value(str(i), DType.F32, a.shape), a) for i, a in enumerate(operands(BASE, 2, 1, rng))]
    assert lib.pack(BASE, "layer", given, 5, level_context) is None


def test_shape_rule(shapes, rng):
    good = [(-1, 2, 5), (2, 7), (2, 7), (4, 7, 5), (4, 7, 7), (4, 7)]
    assert shapes(BASE, *good, outputs=3) == [(-1, 2, 7), (2, 7), (2, 7)]
    assert shapes(replace(BASE, sequence=False), *good, outputs=3)[0] == (1, 2, 7)
    for at, bad in enumerate([(1, 2, 6), (3, 7), (2, 8), (4, 5, 7), (3, 7, 7), (28,)]):
        with pytest.raises(lib.SpecError, match=r"^layer: "):
            shapes(BASE, *good[:at], bad, *good[at + 1 :], outputs=3)
    for op in [
        replace(BASE, has_peepholes=True), replace(BASE, gate=17), replace(BASE, outputs=0),
        replace(BASE, inputs=-1),
        replace(BASE, outputs=2**30),
    ]:  # fmt: skip
        with pytest.raises(lib.SpecError, match=r"^layer: "):
            shapes(op, *good, outputs=3)
    with pytest.raises(Exception, match=r"^layer: weights are packed for other kernels"):
        shapes(replace(BASE, layout=5), *good, outputs=3)
