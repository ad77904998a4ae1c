"""One step of PyTorch's GRU in a graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import BinaryKind, Gemm, UnaryKind
from pyruntime.passes.reader import Reader


@dataclass(frozen=True)
class Dense:
    """w x + bias"""

    x: Value
    w: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class Cell:
    """The matrices of an iteration, update, reset, output; the second ones see the state."""

    inputs: tuple[Dense, Dense, Dense]
    states: tuple[Dense, Dense, Dense]

    @property
    def weights(self) -> list[NDArray[np.float32]]:
        """w (3, H, I), r (3, H, H), bias (4, H) as Rnn reads them: what meets in a sum is one bias."""
        rows = [*(a.bias + b.bias for a, b in zip(self.inputs, self.states, strict=True))][:2]
        bias = np.stack([*rows, self.inputs[2].bias, self.states[2].bias])
        return [np.stack([dense.w for dense in side]) for side in (self.inputs, self.states)] + [bias]


def _dense(value: Value, reader: Reader) -> Dense | None:
    found = reader.node(value, Gemm)
    if found is None:
        return None
    op, inputs = found
    if op.layout != 0 or op.has_residual or not op.activation.is_identity:
        return None
    w = reader.array(inputs[1])
    bias = reader.array(inputs[2]) if op.has_bias else np.zeros(op.outputs, np.float32)
    if w is None or bias is None:
        return None
    return Dense(inputs[0], w.astype(np.float32, copy=False), bias.astype(np.float32, copy=False))


def read_cell(value: Value, body: Reader) -> Cell | None:
    """The cell that makes the value, (1 - z) * o + z * h."""
    for first, second in body.pairs(value, BinaryKind.ADD):
        for rest, o in body.pairs(first, BinaryKind.MUL):
            z = body.one_minus(rest)
            for gate, h in body.pairs(second, BinaryKind.MUL) if z is not None else []:
                found = _gates(gate, o, h, body) if gate == z else None
                if found is not None:
                    return found
    return None


def _gates(z: Value, o: Value, h: Value, body: Reader) -> Cell | None:
    """z = sigmoid(dense(x) + dense(h)), r likewise, o = tanh(dense(x) + r * dense(h))"""
    update, tanh = _sigmoid_of_sum(z, h, body), body.unary(o, UnaryKind.TANH)
    for new, kept in body.pairs(tanh[1], BinaryKind.ADD) if update and tanh else []:
        output = _dense(new, body)
        for r, product in body.pairs(kept, BinaryKind.MUL):
            reset, seen = _sigmoid_of_sum(r, h, body), _dense(product, body)
            if update and reset and output and seen and seen.x == h and update[0].x == reset[0].x == output.x:
                return Cell((update[0], reset[0], output), (update[1], reset[1], seen))
    return None


def _sigmoid_of_sum(value: Value, h: Value, body: Reader) -> tuple[Dense, Dense] | None:
    """Of the input, of the state."""
    found = body.unary(value, UnaryKind.SIGMOID)
    for first, second in body.pairs(found[1], BinaryKind.ADD) if found else []:
        x, state = _dense(first, body), _dense(second, body)
        if x and state and state.x == h and x.x != h:
            return x, state
    return None
