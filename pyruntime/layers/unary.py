"""Activations and functions of one number."""

from __future__ import annotations

import math
from typing import Any

from pyruntime.errors import SpecError
from pyruntime.ir.graph import Value
from pyruntime.ir.ops import BinaryKind, PRelu, Reshape, UnaryKind
from pyruntime.layers.builder import Builder, Floats
from pyruntime.layers.registry import Lowering, layer

SIMPLE = {
    "linear": (UnaryKind.LINEAR, ("alpha", "beta")),
    "leakyReLU": (UnaryKind.LEAKY_RELU, ("alpha",)),
    "thresholdedReLU": (UnaryKind.THRESHOLDED_RELU, ("alpha",)),
    "tanh": (UnaryKind.TANH, ()),
    "scaledTanh": (UnaryKind.SCALED_TANH, ("alpha", "beta")),
    "sigmoid": (UnaryKind.SIGMOID, ()),
    "sigmoidHard": (UnaryKind.SIGMOID_HARD, ("alpha", "beta")),
    "ELU": (UnaryKind.ELU, ("alpha",)),
    "softsign": (UnaryKind.SOFTSIGN, ()),
    "softplus": (UnaryKind.SOFTPLUS, ()),
}
"""Activation -> kind, and which of its parameters are a and b."""


@layer("activation")
def activation(p: Any, x: Value, b: Builder) -> Value:
    """ActivationParams: one function, same shape; PReLU and parametricSoftplus have parameters per channel."""
    kind = p.WhichOneof("NonlinearityType")
    if kind == "ReLU":
        return b.unary(UnaryKind.CLIP, x, 0.0, math.inf)
    if kind in SIMPLE:
        function, names = SIMPLE[kind]
        return b.unary(function, x, *(getattr(getattr(p, kind), name) for name in names))
    if kind == "PReLU":
        slope = _per_channel(p.PReLU.alpha, x, "PReLU.alpha", b)
        if slope.name in b.constants and slope.shape == (1,):
            return b.unary(UnaryKind.LEAKY_RELU, x, b.constants[slope.name][0])
        if slope.shape == (1,):
            return b.emit(PRelu(), x, slope)
        return b.channels_first(b.emit(PRelu(), b.channels_last(x), slope))
    if kind == "parametricSoftplus":
        alpha = _per_channel(p.parametricSoftplus.alpha, x, "parametricSoftplus.alpha", b)
        beta = _per_channel(p.parametricSoftplus.beta, x, "parametricSoftplus.beta", b)
        return _times(b.unary(UnaryKind.SOFTPLUS, _times(x, beta, b)), alpha, b)
    raise b.invalid("NonlinearityType", expected="one of the format's activations", got=kind)


def _times(x: Value, numbers: Value, b: Builder) -> Value:
    """x times one number, or one per channel."""
    if numbers.shape != (1,):
        return b.binary(BinaryKind.MUL, x, b.prepared(Reshape((-1, 1, 1)), numbers))
    if numbers.name in b.constants:
        return b.unary(UnaryKind.LINEAR, x, b.constants[numbers.name][0], 0.0)
    return b.binary(BinaryKind.MUL, x, numbers)


def _per_channel(params: Any, x: Value, field: str, b: Builder) -> Value:
    return b.constant(_numbers_per_channel(params, x, field, b))


def _numbers_per_channel(params: Any, x: Value, field: str, b: Builder) -> Floats:
    """A weight with one number per channel (axis -3), or one for all; a wrong length is reported for the former.

    One number needs no channels: then `x` may have any rank.
    """
    if x.rank < 3:
        try:
            return b.weights(params, (1,), field)
        except SpecError:
            b.need_rank(x, 3)
    per_channel = (b.known(x.shape[-3], "the number of channels"),)
    try:  # first: quantised bytes do not say how many numbers they are, and may be more than are read
        return b.weights(params, per_channel, field)
    except SpecError as wrong:
        try:
            return b.weights(params, (1,), field)
        except SpecError:
            raise wrong from None


LOG = 5
SMALLEST_NORMAL = 2.0**-126


@layer("unary")
def unary(p: Any, x: Value, b: Builder) -> Value:
    """f(scale * x + shift).  UnaryFunctionLayerParams; a scale of 0 stands for 1, an epsilon of 0 for 1e-6.

    LOG adds the epsilon that is written, and none where none is: coremltools' tests have log(x + epsilon).  Its builder
    writes 1e-45 where none is given, which changes no number but 0: that is left out.
    """
    scale, epsilon = p.scale or 1.0, p.epsilon or 1e-6
    shift = p.shift + p.epsilon if p.type == LOG and abs(p.epsilon) >= SMALLEST_NORMAL else p.shift
    functions = {
        0: (UnaryKind.SQRT, 0.0),
        1: (UnaryKind.RSQRT, epsilon),
        2: (UnaryKind.INVERSE, epsilon),
        3: (UnaryKind.POWER, p.alpha),
        4: (UnaryKind.EXP, 0.0),
        LOG: (UnaryKind.LOG, 0.0),
        6: (UnaryKind.ABS, 0.0),
        7: (UnaryKind.THRESHOLD, p.alpha),
    }
    if p.type not in functions:
        raise b.invalid("type", expected="one of the format's functions", got=p.type)
    if scale != 1.0 or shift != 0.0:
        x = b.unary(UnaryKind.LINEAR, x, scale, shift)
    kind, a = functions[p.type]
    return b.unary(kind, x, a)


FUNCTIONS = {
    "ceil": UnaryKind.CEIL,
    "floor": UnaryKind.FLOOR,
    "round": UnaryKind.ROUND,  # half to even
    "sign": UnaryKind.SIGN,
    "exp2": UnaryKind.EXP2,
    "sin": UnaryKind.SIN,
    "cos": UnaryKind.COS,
    "tan": UnaryKind.TAN,
    "asin": UnaryKind.ASIN,
    "acos": UnaryKind.ACOS,
    "atan": UnaryKind.ATAN,
    "sinh": UnaryKind.SINH,
    "cosh": UnaryKind.COSH,
    "tanh": UnaryKind.TANH,
    "asinh": UnaryKind.ASINH,
    "acosh": UnaryKind.ACOSH,
    "atanh": UnaryKind.ATANH,
    "erf": UnaryKind.ERF,
    "logicalNot": UnaryKind.NOT,
}
"""Layers without parameters: one function of one number, any rank."""


def _function(kind: UnaryKind) -> Lowering:
    def lower(_p: Any, x: Value, b: Builder) -> Value:
        return b.unary(kind, x)

    return lower


for _name, _kind in FUNCTIONS.items():
    layer(_name)(_function(_kind))


@layer("clip")
def clip(p: Any, x: Value, b: Builder) -> Value:
    """min(max(x, minVal), maxVal).  ClipLayerParams."""
    if not p.minVal <= p.maxVal:
        raise b.invalid("minVal", expected=f"at most maxVal ({p.maxVal})", got=p.minVal)
    return b.unary(UnaryKind.CLIP, x, p.minVal, p.maxVal)


@layer("clampedReLU")
def clamped_relu(p: Any, x: Value, b: Builder) -> Value:
    """min(beta, x < 0 ? alpha * x : x).  ClampedReLULayerParams."""
    return b.unary(UnaryKind.CLAMPED_RELU, x, p.alpha, p.beta)


@layer("gelu")
def gelu(p: Any, x: Value, b: Builder) -> Value:
    """x times the normal distribution at x, exactly or by tanh or sigmoid.  GeluLayerParams."""
    modes = (UnaryKind.GELU, UnaryKind.GELU_TANH, UnaryKind.GELU_SIGMOID)
    if not 0 <= p.mode < len(modes):
        raise b.invalid("mode", expected="EXACT, TANH_APPROXIMATION or SIGMOID_APPROXIMATION", got=p.mode)
    return b.unary(modes[p.mode], x)
