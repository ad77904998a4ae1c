"""Recurrent layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import GateFunction, Lstm
from pyruntime.layers.builder import Builder, Floats
from pyruntime.layers.registry import layer

FUNCTIONS = {
    "linear": GateFunction.LINEAR,
    "sigmoid": GateFunction.SIGMOID,
    "tanh": GateFunction.TANH,
    "ReLU": GateFunction.RELU,
    "scaledTanh": GateFunction.SCALED_TANH,
    "sigmoidHard": GateFunction.HARD_SIGMOID,
}
WEIGHTS = ("inputGate", "forgetGate", "blockInput", "outputGate")


@layer("uniDirectionalLSTM", inputs=(1, 3))
def lstm(p: Any, x: Value, *rest: Any) -> tuple[Value, ...]:
    """x (Seq, B, I, 1, 1), h, c (1, B, H, 1, 1)? -> y (Seq or 1, B, H, 1, 1), h, c.  UniDirectionalLSTMLayerParams."""
    *states, b = rest
    inputs, outputs = int(p.inputVectorSize), int(p.outputVectorSize)
    if inputs < 1 or outputs < 1:
        raise b.invalid("inputVectorSize and outputVectorSize", expected="positive numbers", got=(inputs, outputs))
    if x.rank != 5:
        raise b.invalid("input", expected="rank 5 (Seq, Batch, I, 1, 1)", got=f"rank {x.rank}")
    gate, block, output = _functions(p.activations, b)
    w, r, bias, peepholes = _matrices(p, inputs, outputs, b)
    op = Lstm(
        inputs, outputs, p.params.sequenceOutput, p.reverseInput, p.params.coupledInputAndForgetGate,
        gate, block, output, peepholes is not None, 0, p.params.cellClipThreshold or 50.0,
    )  # fmt: skip
    start = [b.reshape(state, -1, outputs) for state in states]
    while len(start) < 2:
        start.append(b.constant(np.zeros((1, outputs), np.float32)))
    operands = [b.reshape(x, 0, 0, inputs), *start, b.constant(w), b.constant(r), b.constant(bias)]
    if peepholes is not None:
        operands.append(b.constant(peepholes))
    y, h, c = b.emit_many(op, operands, 3)
    return (
        b.reshape(y, 0, 0, outputs, 1, 1),
        b.reshape(h, 1, -1, outputs, 1, 1),
        b.reshape(c, 1, -1, outputs, 1, 1),
    )


def _functions(activations: Any, b: Builder) -> tuple[GateFunction, GateFunction, GateFunction]:
    kinds = [activation.WhichOneof("NonlinearityType") for activation in activations]
    if len(kinds) != 3 or any(kind not in FUNCTIONS for kind in kinds):
        raise b.invalid("activations", expected=f"three of {', '.join(FUNCTIONS)}", got=kinds)
    return FUNCTIONS[kinds[0]], FUNCTIONS[kinds[1]], FUNCTIONS[kinds[2]]


def _matrices(p: Any, inputs: int, outputs: int, b: Builder) -> tuple[Floats, Floats, Floats, Floats | None]:
    """w (4, H, I), r (4, H, H), bias (4, H) with the forget bias in it, peepholes (3, H) or None."""
    weights, params = p.weightParams, p.params

    def stack(names: list[str], shape: tuple[int, ...]) -> Floats:
        return np.stack([b.weights(getattr(weights, name), shape, name) for name in names])

    w = stack([f"{gate}WeightMatrix" for gate in WEIGHTS], (outputs, inputs))
    r = stack([f"{gate}RecursionMatrix" for gate in WEIGHTS], (outputs, outputs))
    bias = np.zeros((4, outputs), np.float32)
    if params.hasBiasVectors:
        bias = stack([f"{gate}BiasVector" for gate in WEIGHTS], (outputs,))
    if params.forgetBias:
        bias[1] += 1
    peepholes = None
    if params.hasPeepholeVectors:
        peepholes = stack([f"{gate}PeepholeVector" for gate in ("inputGate", "forgetGate", "outputGate")], (outputs,))
    return w, r, bias, peepholes
