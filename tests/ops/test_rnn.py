"""Simple and gated recurrent units: plain and packed form against the equations, step by step in double."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import GateFunction, Rnn, RnnKind
from pyruntime.ir.types import DType
from pyruntime.native import lib

from .test_lstm import FUNCTIONS, check

GRU = Rnn(
    kind=RnnKind.GRU, inputs=5, outputs=7, sequence=True, reverse=False, gate=GateFunction.SIGMOID,
    output=GateFunction.TANH, layout=0,
)  # fmt: skip
SIMPLE = replace(GRU, kind=RnnKind.SIMPLE, gate=GateFunction.TANH)
AFTER = replace(GRU, kind=RnnKind.GRU_AFTER)
EACH = pytest.mark.parametrize("base", [SIMPLE, GRU, AFTER], ids=["simple", "gru", "gru after"])


def oracle(op: Rnn, x, h, w, r, bias):
    x, h, w, r, bias = (v.astype(np.float64) for v in (x, h, w, r, bias))
    h = np.broadcast_to(h, (x.shape[1], op.outputs))
    f, g = FUNCTIONS[op.gate], FUNCTIONS[op.output]

    def arg(k, xt, seen):
        return np.clip(xt @ w[k].T + seen @ r[k].T + bias[k], -50, 50)

    steps = []
    for xt in x[::-1] if op.reverse else x:
        if op.kind is RnnKind.SIMPLE:
            h = f(arg(0, xt, h))
        elif op.kind is RnnKind.GRU_AFTER:
            inside = [xt @ w[k].T + bias[k] for k in range(3)]
            z, reset = (f(inside[k] + h @ r[k].T) for k in range(2))
            h = (1 - z) * g(inside[2] + reset * (h @ r[2].T + bias[3])) + z * h
        else:
            z, reset = f(arg(0, xt, h)), f(arg(1, xt, h))
            h = (1 - z) * g(arg(2, xt, reset * h)) + z * h
        steps.append(h)
    y = np.stack(steps) if op.sequence and steps else np.zeros((0, *h.shape)) if op.sequence else h[None]
    return y, h


def operands(op: Rnn, steps: int, batch: int, rng, size=0.5, states=None):
    gates = 1 if op.kind is RnnKind.SIMPLE else 3
    rows = 4 if op.kind is RnnKind.GRU_AFTER else gates
    i, h = op.inputs, op.outputs
    shapes = [(steps, batch, i), (states or batch, h), (gates, h, i), (gates, h, h), (rows, h)]
    return [(size * rng.standard_normal(shape)).astype(np.float32) for shape in shapes]


def packed_call(op: Rnn, arrays, context: lib.Context):
    given = [(Value(str(i), DType.F32, a.shape), a) for i, a in enumerate(arrays)]
    made, layout = list(arrays), 0
    for which in (2, 3):
        found = lib.pack(op, "layer", given, which, context)
        assert found is not None
        layout, made[which] = found[0].layout, found[1]
    return replace(op, layout=layout), *made


def both(op, arrays, context, run):
    yield run(op, *arrays, outputs=2)
    yield run(*packed_call(op, arrays, context), outputs=2)


@EACH
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("hidden", [1, 7, 8, 17, 33, 100])
def test_follows_the_equations(base, reverse, sequence, hidden, context, run, rng):
    op = replace(base, outputs=hidden, inputs=hidden // 2 + 1, reverse=reverse, sequence=sequence)
    for steps, batch in [(1, 1), (5, 3), (130, 1), (65, 2), (0, 2), (3, 0), (2, 20)]:
        arrays = operands(op, steps, batch, rng, 0.5 / hidden**0.5)  # not chaotic
        for got in both(op, arrays, context, run):
            check(got, oracle(op, *arrays), atol=5e-6)


@EACH
@pytest.mark.parametrize("gate", GateFunction)
@pytest.mark.parametrize("output", GateFunction)
def test_every_function_in_every_place(base, gate, output, context, run, rng):
    op = replace(base, gate=gate, output=output, outputs=19)
    arrays = operands(op, 3, 2, rng, 0.3)
    for got in both(op, arrays, context, run):
        check(got, oracle(op, *arrays), atol=5e-6)
    if op.kind is RnnKind.GRU_AFTER:  # nothing is clipped
        return
    arrays = [np.round(a) for a in operands(op, 1, 3, rng, 20.0)]  # sums are exact, and reach the clips
    if op.kind is RnnKind.SIMPLE or gate is GateFunction.HARD_SIGMOID:  # so that r h keeps them exact
        for got in both(op, arrays, context, run):
            check(got, oracle(op, *arrays), atol=1e-4)


def test_one_state_for_all_examples(context, run, rng):
    arrays = operands(GRU, 4, 3, rng, states=1)
    for got in both(GRU, arrays, context, run):
        check(got, oracle(GRU, *arrays))


@EACH
@pytest.mark.parametrize("batch", [1, 7])
def test_threads_do_not_change_a_bit(base, batch, rng):
    op = replace(base, inputs=70, outputs=1500 // batch)
    arrays = operands(op, 6, batch, rng, 0.05)
    results = []
    for threads in (1, 2, 3):
        context = lib.Context(threads=threads)
        made, *ready = packed_call(op, arrays, context)
        results.append(lib.run_once(made, "layer", ready, 2, context))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_as_pytorchs_rnn(context, run, rng):
    torch = pytest.importorskip("torch")
    op = replace(SIMPLE, inputs=48, outputs=64)
    x, h, w, r, bias = arrays = operands(op, 20, 2, rng, 0.1)
    layer = torch.nn.RNN(48, 64)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.from_numpy(w[0]))
        layer.weight_hh_l0.copy_(torch.from_numpy(r[0]))
        layer.bias_ih_l0.copy_(torch.from_numpy(bias[0]))
        layer.bias_hh_l0.zero_()
        y, hn = layer(torch.from_numpy(x), torch.from_numpy(h)[None])
    for got in both(op, arrays, context, run):
        check(got, (y.numpy(), hn[0].numpy()))


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("hidden", [20, 64, 130])
def test_as_pytorchs_gru(hidden, batch, context, run, rng):
    torch = pytest.importorskip("torch")
    op = replace(AFTER, inputs=12, outputs=hidden)
    x, h, w, r, bias = arrays = operands(op, 70, batch, rng, 0.1)
    order = [1, 0, 2]  # reset, update, new
    layer = torch.nn.GRU(12, hidden)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.from_numpy(w[order].reshape(-1, 12)))
        layer.weight_hh_l0.copy_(torch.from_numpy(r[order].reshape(-1, hidden)))
        layer.bias_ih_l0.copy_(torch.from_numpy(bias[order].reshape(-1)))
        layer.bias_hh_l0.zero_()
        layer.bias_hh_l0[2 * hidden :] = torch.from_numpy(bias[3])
        y, hn = layer(torch.from_numpy(x), torch.from_numpy(h)[None])
    for got in both(op, arrays, context, run):
        check(got, (y.numpy(), hn[0].numpy()))


def test_as_pytorchs_gru_where_the_two_agree(context, run, rng):
    """PyTorch resets behind the recursion matrix: with a diagonal one it is the same."""
    torch = pytest.importorskip("torch")
    op = replace(GRU, inputs=12, outputs=20)
    x, h, w, r, bias = operands(op, 9, 2, rng, 0.4)
    r[2] = np.diag(np.diag(r[2]))
    order = [1, 0, 2]  # reset, update, new
    layer = torch.nn.GRU(12, 20)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.from_numpy(w[order].reshape(-1, 12)))
        layer.weight_hh_l0.copy_(torch.from_numpy(r[order].reshape(-1, 20)))
        layer.bias_ih_l0.copy_(torch.from_numpy(bias[order].reshape(-1)))
        layer.bias_hh_l0.zero_()
        y, hn = layer(torch.from_numpy(x), torch.from_numpy(h)[None])
    for got in both(op, [x, h, w, r, bias], context, run):
        check(got, (y.numpy(), hn[0].numpy()))


def test_shape_rule(shapes, level_context, rng):
    good = [(-1, 2, 5), (2, 7), (3, 7, 5), (3, 7, 7), (3, 7)]
    assert shapes(GRU, *good, outputs=2) == [(-1, 2, 7), (2, 7)]
    assert shapes(replace(GRU, sequence=False), *good, outputs=2)[0] == (1, 2, 7)
    for at, bad in enumerate([(1, 2, 6), (3, 7), (3, 5, 7), (1, 7, 7), (21,)]):
        with pytest.raises(lib.SpecError, match=r"^layer: "):
            shapes(GRU, *good[:at], bad, *good[at + 1 :], outputs=2)
    for op in [SIMPLE, replace(GRU, kind=7), replace(GRU, gate=17), replace(GRU, outputs=0), replace(GRU, inputs=-1)]:
        with pytest.raises(lib.SpecError, match=r"^layer: "):
            shapes(op, *good, outputs=2)
    with pytest.raises(Exception, match=r"^layer: weights are packed for other kernels"):
        shapes(replace(GRU, layout=5), *good, outputs=2)
    with pytest.raises(lib.SpecError, match=r"^layer: bias"):
        shapes(AFTER, *good, outputs=2)
    assert shapes(AFTER, *good[:4], (4, 7), outputs=2) == [(-1, 2, 7), (2, 7)]
    given = [(Value(str(i), DType.F32, a.shape), a) for i, a in enumerate(operands(GRU, 2, 1, rng))]
    assert lib.pack(GRU, "layer", given, 4, level_context) is None
