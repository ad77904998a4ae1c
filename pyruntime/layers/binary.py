"""Element-wise layers with several inputs, and bias and scale."""

from __future__ import annotations

from functools import reduce
from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import BinaryKind, Reshape, UnaryKind
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import MANY, Lowering, layer


def _inputs(operands: tuple[Any, ...]) -> tuple[tuple[Value, ...], Builder]:
    return operands[:-1], operands[-1]


def _chain(kind: BinaryKind, inputs: tuple[Value, ...], b: Builder) -> Value:
    return reduce(lambda x, y: b.binary(kind, x, y), inputs)


@layer("add", inputs=(1, MANY))
def add(p: Any, *operands: Any) -> Value:
    """Sum of all inputs, or x + alpha.  AddLayerParams."""
    inputs, b = _inputs(operands)
    if len(inputs) == 1:
        return b.unary(UnaryKind.LINEAR, inputs[0], 1.0, p.alpha)
    return _chain(BinaryKind.ADD, inputs, b)


@layer("multiply", inputs=(1, MANY))
def multiply(p: Any, *operands: Any) -> Value:
    """Product of all inputs, or x * alpha.  MultiplyLayerParams."""
    inputs, b = _inputs(operands)
    if len(inputs) == 1:
        return b.unary(UnaryKind.LINEAR, inputs[0], p.alpha, 0.0)
    return _chain(BinaryKind.MUL, inputs, b)


@layer("average", inputs=(1, MANY))
def average(_p: Any, *operands: Any) -> Value:
    """Mean of all inputs.  AverageLayerParams."""
    inputs, b = _inputs(operands)
    return b.unary(UnaryKind.LINEAR, _chain(BinaryKind.ADD, inputs, b), 1.0 / len(inputs), 0.0)


@layer("max", inputs=(1, MANY))
def maximum(_p: Any, *operands: Any) -> Value:
    """MaxLayerParams."""
    inputs, b = _inputs(operands)
    return _chain(BinaryKind.MAX, inputs, b)


@layer("min", inputs=(1, MANY))
def minimum(_p: Any, *operands: Any) -> Value:
    """MinLayerParams."""
    inputs, b = _inputs(operands)
    return _chain(BinaryKind.MIN, inputs, b)


BROADCASTABLE = {
    "addBroadcastable": BinaryKind.ADD,
    "subtractBroadcastable": BinaryKind.SUB,
    "multiplyBroadcastable": BinaryKind.MUL,
    "divideBroadcastable": BinaryKind.DIV,
    "maxBroadcastable": BinaryKind.MAX,
    "minBroadcastable": BinaryKind.MIN,
    "modBroadcastable": BinaryKind.MOD,  # the sign of the divisor, as numpy.mod
    "floorDivBroadcastable": BinaryKind.FLOOR_DIV,
}
"""Layers without parameters: two inputs, NumPy's broadcasting."""


def _broadcastable(kind: BinaryKind) -> Lowering:
    def lower(_p: Any, x: Value, y: Value, b: Builder) -> Value:
        return b.binary(kind, x, y)

    return lower


for _name, _kind in BROADCASTABLE.items():
    layer(_name, inputs=2)(_broadcastable(_kind))


@layer("powBroadcastable", inputs=2)
def power(_p: Any, x: Value, y: Value, b: Builder) -> Value:
    """x to the power of y; one constant exponent is a function of x, which has short forms for squares and roots."""
    exponent = b.constants.get(y.name)
    if exponent is not None and exponent.size == 1 and y.rank <= x.rank:
        return b.unary(UnaryKind.POWER, x, float(exponent.reshape(())))
    return b.binary(BinaryKind.POW, x, y)


@layer("bias")
def bias(p: Any, x: Value, b: Builder) -> Value:
    """x + b, b of shape [1], [C], [1,H,W] or [C,H,W].  BiasLayerParams."""
    b.need_rank(x, 3)
    return b.binary(BinaryKind.ADD, x, _image_constant(p.bias, p.shape, "bias", x, b))


@layer("scale")
def scale(p: Any, x: Value, b: Builder) -> Value:
    """x * s, + b if there is one, with shapes as for `bias`.  ScaleLayerParams."""
    b.need_rank(x, 3)
    y = b.binary(BinaryKind.MUL, x, _image_constant(p.scale, p.shapeScale, "scale", x, b))
    return b.binary(BinaryKind.ADD, y, _image_constant(p.bias, p.shapeBias, "bias", x, b)) if p.hasBias else y


def _image_constant(params: Any, shape: Any, field: str, x: Value, b: Builder) -> Value:
    """A weight aligned at the channel axis of `x`: [C] is one number per channel."""
    sizes = tuple(int(size) for size in shape)
    if len(sizes) not in (1, 3):
        raise b.invalid(f"shape of {field}", expected="[1], [C], [1,H,W] or [C,H,W]", got=list(sizes))
    aligned = sizes if len(sizes) == 3 else (*sizes, 1, 1)
    if any(size not in (1, there) and there >= 0 for size, there in zip(aligned, x.shape[-3:], strict=True)):
        raise b.invalid(
            f"shape of {field}", expected=f"1 or the size of its input at each of {list(x.shape[-3:])}", got=list(sizes)
        )
    return b.prepared(Reshape(aligned), b.constant(b.weights(params, sizes, field)))
