"""Recurrent layers.  x (Seq, Batch, I, 1, 1), states (1, Batch, H, 1, 1); states that are not given start at 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Binary, BinaryKind, Concat, GateFunction, Lstm, Reshape, Rnn, RnnKind
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer
from pyruntime.spec.paths import at_path

FUNCTIONS = {
    "linear": GateFunction.LINEAR,
    "sigmoid": GateFunction.SIGMOID,
    "tanh": GateFunction.TANH,
    "ReLU": GateFunction.RELU,
    "scaledTanh": GateFunction.TANH,
    "sigmoidHard": GateFunction.HARD_SIGMOID,
}
"""By the name of the activation; their parameters are not looked at: writers leave them empty and mean fixed ones.
Core ML scales the scaled tanh of these layers by 1, as coremltools' own tests have it (test_recurrent.py)."""
LSTM_GATES = ("inputGate", "forgetGate", "blockInput", "outputGate")
LSTM_PEEPHOLES = ("inputGate", "forgetGate", "outputGate")
GRU_GATES = ("updateGate", "resetGate", "outputGate")


@layer("simpleRecurrent", inputs=(1, 2))
def simple_recurrent(p: Any, x: Value, *rest: Any) -> tuple[Value, ...]:
    """x, h? -> y (Seq or 1, B, H, 1, 1), h: h = f(W x + R h + b).  SimpleRecurrentLayerParams."""
    *states, b = rest
    inputs, outputs = _sizes(p, x, b)
    (f,) = _functions([p.activation], 1, "activation", b)
    w = _stack(p, ["weightMatrix"], (outputs, inputs), b)
    r = _stack(p, ["recursionMatrix"], (outputs, outputs), b)
    bias = _stack(p, ["biasVector"], (outputs,), b) if p.hasBiasVector else _zeros(1, outputs, b)
    op = Rnn(RnnKind.SIMPLE, inputs, outputs, p.sequenceOutput, p.reverseInput, f, f, 0)
    return _rnn(op, x, states, (w, r, bias), b)


@layer("gru", inputs=(1, 2))
def gru(p: Any, x: Value, *rest: Any) -> tuple[Value, ...]:
    """x, h? -> y (Seq or 1, B, H, 1, 1), h.  The reset gate acts before the recursion matrix.  GRULayerParams."""
    *states, b = rest
    inputs, outputs = _sizes(p, x, b)
    f, g = _functions(p.activations, 2, "activations", b)
    w = _stack(p, [f"{gate}WeightMatrix" for gate in GRU_GATES], (outputs, inputs), b)
    r = _stack(p, [f"{gate}RecursionMatrix" for gate in GRU_GATES], (outputs, outputs), b)
    bias = _zeros(3, outputs, b)
    if p.hasBiasVectors:
        bias = _stack(p, [f"{gate}BiasVector" for gate in GRU_GATES], (outputs,), b)
    return _rnn(
        Rnn(RnnKind.GRU, inputs, outputs, p.sequenceOutput, p.reverseInput, f, g, 0), x, states, (w, r, bias), b
    )


@layer("uniDirectionalLSTM", inputs=(1, 3))
def uni_directional_lstm(p: Any, x: Value, *rest: Any) -> tuple[Value, ...]:
    """x, h?, c? -> y (Seq or 1, B, H, 1, 1), h, c.  UniDirectionalLSTMLayerParams."""
    *states, b = rest
    sizes = _sizes(p, x, b)
    functions = _functions(p.activations, 3, "activations", b)
    y, h, c = _lstm(p, "weightParams", functions, sizes, x, states, b, reverse=p.reverseInput)
    return _five(y, b), _state(h, b), _state(c, b)


@layer("biDirectionalLSTM", inputs=(1, 5))
def bi_directional_lstm(p: Any, x: Value, *rest: Any) -> tuple[Value, ...]:
    """x, h?, c?, h backwards?, c backwards? -> y (Seq or 1, B, 2 H, 1, 1), and those four.

    y has both directions side by side, each at the position of its input; without sequenceOutput, the last result of
    each.  BiDirectionalLSTMLayerParams.
    """
    *states, b = rest
    sizes = _sizes(p, x, b)
    if len(p.weightParams) != 2:
        raise b.invalid("weightParams", expected="two sets, forwards and backwards", got=len(p.weightParams))
    ahead = _functions(p.activationsForwardLSTM, 3, "activationsForwardLSTM", b)
    back = _functions(p.activationsBackwardLSTM or p.activationsForwardLSTM, 3, "activationsBackwardLSTM", b)
    y, h, c = _lstm(p, "weightParams[0]", ahead, sizes, x, states[:2], b)
    y_back, h_back, c_back = _lstm(p, "weightParams[1]", back, sizes, x, states[2:], b, reverse=True, aligned=True)
    both = b.emit(Concat(2), y, y_back)
    return _five(both, b), *(_state(state, b) for state in (h, c, h_back, c_back))


def _sizes(p: Any, x: Value, b: Builder) -> tuple[int, int]:
    """I and H of the layer."""
    inputs, outputs = int(p.inputVectorSize), int(p.outputVectorSize)
    if inputs < 1 or outputs < 1:
        raise b.invalid("inputVectorSize and outputVectorSize", expected="positive numbers", got=(inputs, outputs))
    if x.rank != 5:
        raise b.invalid("input", expected="rank 5 (Seq, Batch, I, 1, 1)", got=f"rank {x.rank}")
    return inputs, outputs


def _functions(activations: Iterable[Any], count: int, field: str, b: Builder) -> tuple[GateFunction, ...]:
    kinds = [activation.WhichOneof("NonlinearityType") for activation in activations]
    if len(kinds) != count or any(kind not in FUNCTIONS for kind in kinds):
        raise b.invalid(field, expected=f"{count} of {', '.join(FUNCTIONS)}", got=kinds)
    return tuple(FUNCTIONS[kind] for kind in kinds)


def _stack(p: Any, fields: Sequence[str], shape: tuple[int, ...], b: Builder) -> Value:
    """Weights of one shape on top of each other.  fields: their paths in the layer's parameters `p`."""
    parts = [b.constant(b.weights(at_path(p, field), shape, field)) for field in fields]
    return b.prepared(Concat(0), *(b.prepared(Reshape((1, *shape)), part) for part in parts))


def _zeros(gates: int, outputs: int, b: Builder) -> Value:
    return b.constant(np.zeros((gates, outputs), np.float32))


def _start(state: Value | None, outputs: int, b: Builder) -> Value:
    """(B or 1, H).  Constant zeros serve any batch: a converter may write them for that of its example."""
    stored = None if state is None else b.constants.get(state.name)
    if state is None or (stored is not None and stored.size % outputs == 0 and not stored.any()):
        return b.constant(np.zeros((1, outputs), np.float32))
    return b.reshape(state, -1, outputs)


def _five(y: Value, b: Builder) -> Value:
    return b.reshape(y, 0, 0, 0, 1, 1)


def _state(state: Value, b: Builder) -> Value:
    """(B, H) -> (1, B, H, 1, 1)"""
    return b.reshape(state, 1, -1, state.shape[1], 1, 1)


def _rnn(op: Rnn, x: Value, states: Sequence[Value], weights: Sequence[Value], b: Builder) -> tuple[Value, ...]:
    start = _start(states[0] if states else None, op.outputs, b)
    y, h = b.emit_many(op, [b.reshape(x, 0, 0, op.inputs), start, *weights], 2)
    return _five(y, b), _state(h, b)


def _lstm(
    p: Any, weights: str, functions: Sequence[GateFunction], sizes: tuple[int, int], x: Value, states: Sequence[Value],
    b: Builder, *, reverse: bool = False, aligned: bool = False,
) -> tuple[Value, ...]:  # fmt: skip
    """y (Seq or 1, B, H), h and c (B, H) of one direction; weights: the path of its LSTMWeightParams."""
    inputs, outputs = sizes
    w, r, bias, peepholes = _matrices(p, weights, inputs, outputs, b)
    gate, block, output = functions
    op = Lstm(
        inputs, outputs, p.params.sequenceOutput, reverse, p.params.coupledInputAndForgetGate, gate, block, output,
        peepholes is not None, 0, _cell_clip(p.params, b), aligned,
    )  # fmt: skip
    start = [_start(states[i] if i < len(states) else None, outputs, b) for i in range(2)]
    operands = [b.reshape(x, 0, 0, inputs), *start, w, r, bias]
    if peepholes is not None:
        operands.append(peepholes)
    return b.emit_many(op, operands, 3)


def _cell_clip(params: Any, b: Builder) -> float:
    clip = float(params.cellClipThreshold)
    if not clip >= 0:
        raise b.invalid("cellClipThreshold", expected="a number from 0", got=clip)
    return clip or 50.0


def _matrices(p: Any, weights: str, inputs: int, outputs: int, b: Builder) -> tuple[Value, Value, Value, Value | None]:
    """w (4, H, I), r (4, H, H), bias (4, H) with the forget bias in it, peepholes (3, H) or None."""
    w = _stack(p, [f"{weights}.{gate}WeightMatrix" for gate in LSTM_GATES], (outputs, inputs), b)
    r = _stack(p, [f"{weights}.{gate}RecursionMatrix" for gate in LSTM_GATES], (outputs, outputs), b)
    bias = _zeros(4, outputs, b)
    if p.params.hasBiasVectors:
        bias = _stack(p, [f"{weights}.{gate}BiasVector" for gate in LSTM_GATES], (outputs,), b)
    if p.params.forgetBias:
        bias = b.prepared(Binary(BinaryKind.ADD), bias, b.constant([[0], [1], [0], [0]]))
    peepholes = None
    if p.params.hasPeepholeVectors:
        peepholes = _stack(p, [f"{weights}.{gate}PeepholeVector" for gate in LSTM_PEEPHOLES], (outputs,), b)
    return w, r, bias, peepholes
