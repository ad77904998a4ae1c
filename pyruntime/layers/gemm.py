"""Dense layers and matrix products."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Gemm, Matmul
from pyruntime.ir.types import UNKNOWN
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


@layer("innerProduct")
def inner_product(p: Any, x: Value, b: Builder) -> Value:
    """y = W x + b on the last axis up to rank 3, on (C, H, W) flattened from rank 4.  InnerProductLayerParams."""
    inputs, outputs = int(p.inputChannels), int(p.outputChannels)
    if inputs < 1 or outputs < 1:
        raise b.invalid("inputChannels and outputChannels", expected="positive numbers", got=(inputs, outputs))
    flat = x.rank >= 4
    if flat:
        x = b.flatten_image(x)
    if x.shape and x.shape[-1] not in (inputs, -1):
        raise b.invalid("inputChannels", expected=f"{x.shape[-1]}, the size of its input", got=inputs)
    operands = [b.weight(p.weights, (outputs, inputs), "weights")]
    if p.hasBias:
        operands.append(b.constant(b.weights(p.bias, (outputs,), "bias")))
    y = b.emit(Gemm(inputs, outputs, has_bias=p.hasBias), x, *operands)
    return b.reshape(y, *[0] * (y.rank - 1), outputs, 1, 1) if flat else y


@layer("batchedMatmul", inputs=(1, 2))
def batched_matmul(p: Any, x: Value, *rest: Any) -> Value:
    """(..., M, K) times (..., K, N) -> (..., M, N), leading axes broadcast; with one input, (..., K) times a weight.

    The 1s that vectors get stay in the result: (K) is (1, K) on the left and (K, 1) on the right.
    BatchedMatMulLayerParams.
    """
    b: Builder = rest[-1]
    if len(rest) == 1:
        return _times_weight(p, x, b)
    y: Value = rest[0]
    if not x.rank or not y.rank:
        raise b.invalid("inputs", expected="rank 1 or more", got=f"shapes {list(x.shape)} and {list(y.shape)}")
    if p.hasBias:
        raise b.invalid("hasBias", expected="false for two inputs", got=True)
    transpose_x, transpose_y = p.transposeA and x.rank > 1, p.transposeB and y.rank > 1
    if x.rank == 1:
        x = b.reshape(x, 1, *x.shape)
    if y.rank == 1:
        y = b.reshape(y, *y.shape, 1)
    if y.name in b.constants and not transpose_x and y.rank == 2 and y.shape[0] and y.shape[1]:
        return _times_constant(x, y, transpose_y, b)
    return b.emit(Matmul(transpose_x, transpose_y), x, y)


def _times_constant(x: Value, y: Value, transposed: bool, b: Builder) -> Value:
    """A constant on the right is the weight of a dense layer: packed once, and open to what passes do with those."""
    w = y if transposed else b.transpose(y, (1, 0))
    outputs, inputs = w.shape
    if x.shape[-1] not in (inputs, UNKNOWN):
        raise b.invalid("its constant", expected=f"of {x.shape[-1]} rows, as x has columns", got=inputs)
    return b.emit(Gemm(inputs, outputs), x, w)


def _times_weight(p: Any, x: Value, b: Builder) -> Value:
    """The weight is stored transposed: (weightMatrixSecondDimension, weightMatrixFirstDimension)."""
    inputs, outputs = int(p.weightMatrixFirstDimension), int(p.weightMatrixSecondDimension)
    if inputs < 1 or outputs < 1:
        raise b.invalid("the weight's dimensions", expected="positive numbers", got=(inputs, outputs))
    if not x.rank or x.shape[-1] not in (inputs, UNKNOWN):
        expected = f"{x.shape[-1]}, the size of its input" if x.rank else "an input of rank 1 or more"
        raise b.invalid("weightMatrixFirstDimension", expected=expected, got=inputs)
    operands = [b.weight(p.weights, (outputs, inputs), "weights")]
    if p.hasBias:
        operands.append(b.constant(b.weights(p.bias, (outputs,), "bias")))
    return b.emit(Gemm(inputs, outputs, has_bias=p.hasBias), x, *operands)
