"""Dense layers."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Gemm
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


@layer("innerProduct")
def inner_product(p: Any, x: Value, b: Builder) -> Value:
    """y = W x + b on the last axis up to rank 3, on (C, H, W) flattened from rank 4.  InnerProductLayerParams."""
    inputs, outputs = int(p.inputChannels), int(p.outputChannels)
    if inputs < 1 or outputs < 1:
        raise b.invalid("inputChannels and outputChannels", expected="positive numbers", got=(inputs, outputs))
    flat = x.rank - b.stacked >= 4
    if flat:
        x = b.flatten_image(x)
    if x.shape and x.shape[-1] not in (inputs, -1):
        raise b.invalid("inputChannels", expected=f"{x.shape[-1]}, the size of its input", got=inputs)
    operands = [b.constant(b.weights(p.weights, (outputs, inputs), "weights"))]
    if p.hasBias:
        operands.append(b.constant(b.weights(p.bias, (outputs,), "bias")))
    y = b.emit(Gemm(inputs, outputs, has_bias=p.hasBias), x, *operands)
    return b.reshape(y, *[0] * (y.rank - 1), outputs, 1, 1) if flat else y
