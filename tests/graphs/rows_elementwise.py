"""Functions of one number, of two that broadcast, comparisons and choices."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from itertools import zip_longest
from typing import Any

import numpy as np

from .net import Blob
from .rows import Chooser, fits, need, row

erf = np.vectorize(math.erf, otypes=[np.float64])

NUMBERS: dict[str, tuple[Callable[..., Any], float, float]] = {
    "exp2": (np.exp2, -4, 4), "sin": (np.sin, -6, 6), "cos": (np.cos, -6, 6), "tan": (np.tan, -1.2, 1.2),
    "asin": (np.arcsin, -0.95, 0.95), "acos": (np.arccos, -0.95, 0.95), "atan": (np.arctan, -9, 9),
    "sinh": (np.sinh, -4, 4), "cosh": (np.cosh, -4, 4), "tanh": (np.tanh, -9, 9), "asinh": (np.arcsinh, -9, 9),
    "acosh": (np.arccosh, 1.1, 9), "atanh": (np.arctanh, -0.9, 0.9), "erf": (erf, -3, 3),
}  # fmt: skip
"""Formula, and where it is well conditioned."""
STEPS: dict[str, Callable[..., Any]] = {"ceil": np.ceil, "floor": np.floor, "round": np.round, "sign": np.sign}


@row(*NUMBERS, always=True)
def _function(g: Chooser) -> Any:
    formula, low, high = NUMBERS[g.kind]
    return g.add([g.float(low=low, high=high)], formula)


@row(*STEPS)
def _step(g: Chooser) -> Any:
    return g.add([g.blob()], STEPS[g.kind])


@row("clip")
def _clip(g: Chooser) -> Any:
    low, high = (-1.5, 1.0) if g.flag() else (-2.0, 2.0)
    return g.add([g.blob()], lambda x: np.clip(x, low, high), minVal=low, maxVal=high)


@row("clampedReLU", rounds=True)
def _clamped_relu(g: Chooser) -> Any:
    alpha, beta = g.pick([0.25, 0.0, 2.0]), g.pick([1.5, 4.0])
    return g.add([g.blob()], lambda x: np.minimum(beta, np.where(x >= 0, x, alpha * x)), alpha=alpha, beta=beta)


@row("gelu", always=True)
def _gelu(g: Chooser) -> Any:
    root = math.sqrt(2 / math.pi)
    formulas: list[Callable[..., Any]] = [
        lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
        lambda x: 0.5 * x * (1 + np.tanh(root * (x + 0.044715 * x**3))),
        lambda x: x / (1 + np.exp(-1.702 * x)),
    ]
    mode = g.int(0, 2)
    return g.add([g.float(low=-5, high=5)], formulas[mode], mode=mode)


@row("unary", always=True)
def _unary(g: Chooser) -> Any:
    mode, eps = g.int(0, 7), g.pick([1e-6, 0.01])
    low, high = {0: (0.1, 4), 1: (0.1, 4), 2: (0.2, 4), 3: (0.2, 3), 5: (0.2, 5)}.get(mode, (-3, 3))
    power = g.pick([2.0, 0.5, 3.0, -1.0, 1.25])
    epsilon = float(np.float32(eps))
    formulas: list[Callable[..., Any]] = [
        np.sqrt, lambda x: 1 / np.sqrt(x + epsilon), lambda x: 1 / (x + epsilon), lambda x: x**power, np.exp,
        lambda x: np.log(x + epsilon), np.abs, lambda x: np.maximum(x, power),
    ]  # fmt: skip
    x = g.float(low=low, high=high)
    scale, shift = (1.0, 0.0) if g.flag() else (0.75, 0.25)
    fields = {} if scale == 1.0 and g.flag() else {"scale": scale, "shift": shift}
    f = formulas[mode]
    return g.add([x], lambda v: f(v * scale + shift), type=mode, alpha=power, epsilon=eps, **fields)


ACTIVATIONS: list[tuple[str, dict[str, float], Callable[..., Any]]] = [
    ("linear", {"alpha": -0.5, "beta": 0.25}, lambda x: -0.5 * x + 0.25),
    ("linear", {"alpha": 2.0, "beta": -1.0}, lambda x: 2 * x - 1),
    ("ReLU", {}, lambda x: np.maximum(x, 0)),
    ("leakyReLU", {"alpha": 0.25}, lambda x: np.where(x < 0, 0.25 * x, x)),
    ("thresholdedReLU", {"alpha": 0.5}, lambda x: np.where(x >= 0.5, x, 0)),
    ("tanh", {}, np.tanh),
    ("scaledTanh", {"alpha": 1.5, "beta": 0.5}, lambda x: 1.5 * np.tanh(0.5 * x)),
    ("sigmoid", {}, lambda x: 1 / (1 + np.exp(-x))),
    ("sigmoidHard", {"alpha": 0.25, "beta": 0.5}, lambda x: np.clip(0.25 * x + 0.5, 0, 1)),
    ("ELU", {"alpha": 0.75}, lambda x: np.where(x < 0, 0.75 * np.expm1(np.minimum(x, 0)), x)),
    ("softsign", {}, lambda x: x / (1 + np.abs(x))),
    ("softplus", {}, lambda x: np.logaddexp(0, x)),
]
ROUNDS = {"tanh", "scaledTanh", "sigmoid", "ELU", "softsign", "softplus"}


@row("activation", rounds=True)
def _activation(g: Chooser) -> Any:
    if g.random.random() < 0.25:
        return _per_channel(g)
    kind, fields, formula = g.pick(ACTIVATIONS)
    x = g.float(low=-30, high=30) if kind in ROUNDS else g.blob()
    return g.add([x], formula, **{kind: fields})


def _per_channel(g: Chooser) -> Any:
    x = g.float(3, low=-9, high=9)
    count = x.shape[-3] if g.flag() else 1
    alpha, beta = (channels(g.array(count)) for _ in range(2))

    def formula(v: np.ndarray) -> np.ndarray:
        need(count in (1, v.shape[-3]))
        return np.where(v < 0, alpha * v, v)

    if g.flag():
        return g.add([x], formula, PReLU={"alpha": g.weights(alpha)})
    softplus = {"alpha": g.weights(alpha), "beta": g.weights(beta)}
    return g.add([x], lambda v: alpha * np.logaddexp(0, beta * v), parametricSoftplus=softplus)


def channels(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, 1, 1)


TOGETHER: dict[str, Callable[..., Any]] = {
    "add": lambda *xs: sum(xs), "multiply": lambda *xs: math.prod(xs), "average": lambda *xs: sum(xs) / len(xs),
    "max": lambda *xs: reduce(np.maximum, xs), "min": lambda *xs: reduce(np.minimum, xs),
}  # fmt: skip


@row(*TOGETHER, rounds=True)
def _together(g: Chooser) -> Any:
    first = g.blob()
    if g.kind in ("add", "multiply") and g.random.random() < 0.3:
        alpha = g.pick([0.0, 2.0, -1.5])
        return g.add([first], lambda x: x + alpha if g.kind == "add" else x * alpha, alpha=alpha)
    rest = [g.broadcasting(first) for _ in range(g.int(0 if g.kind not in ("add", "multiply") else 1, 2))]
    together = [max(sizes) for sizes in zip_longest(*[x.shape[::-1] for x in (first, *rest)], fillvalue=1)][::-1]
    need(all(fits(x.shape, together) for x in rest))
    return g.add([first, *rest], TOGETHER[g.kind])


OF_TWO: dict[str, Callable[..., Any]] = {
    "addBroadcastable": np.add, "subtractBroadcastable": np.subtract, "multiplyBroadcastable": np.multiply,
    "maxBroadcastable": np.maximum, "minBroadcastable": np.minimum, "equal": np.equal, "notEqual": np.not_equal,
    "lessThan": np.less, "lessEqual": np.less_equal, "greaterThan": np.greater, "greaterEqual": np.greater_equal,
    "logicalOr": lambda x, y: (x != 0) | (y != 0), "logicalXor": lambda x, y: (x != 0) ^ (y != 0),
    "logicalAnd": lambda x, y: (x != 0) & (y != 0),
}  # fmt: skip


@row(*list(OF_TWO)[:5], rounds=True)
def _arithmetic(g: Chooser) -> Any:
    x = g.blob()
    return g.add(_either_way(g, x, g.broadcasting(x)), OF_TWO[g.kind])


@row(*list(OF_TWO)[5:11])
def _comparison(g: Chooser) -> Any:
    x = g.blob()
    if g.flag():
        alpha = float(g.pick([0.0, 1.0, 0.5]))
        return g.add([x], lambda v: OF_TWO[g.kind](v, alpha), alpha=alpha)
    return g.add(_either_way(g, x, g.broadcasting(x)), OF_TWO[g.kind])


@row(*list(OF_TWO)[11:])
def _logic(g: Chooser) -> Any:
    x = g.blob()
    return g.add(_either_way(g, x, g.broadcasting(x)), OF_TWO[g.kind])


@row("logicalNot")
def _not(g: Chooser) -> Any:
    return g.add([g.blob()], lambda x: x == 0)


def _either_way(g: Chooser, x: Blob, y: Blob) -> list[Blob]:
    return [x, y] if g.flag() else [y, x]


@row("divideBroadcastable", "modBroadcastable", "floorDivBroadcastable", rounds=True)
def _division(g: Chooser) -> Any:
    """By numbers that are not near 0."""
    x = g.blob()
    y = g.broadcasting(x)
    if np.abs(y.value).min(initial=1) < 0.25:
        y = g.within(y, 0.5, 3) if g.flag() else g.operand(g.pick([2.0, -3.0, 0.5]) * np.ones(1))
    formulas = {
        "divideBroadcastable": np.divide,
        "modBroadcastable": lambda a, b: a - b * np.floor(a / b),
        "floorDivBroadcastable": lambda a, b: np.floor(a / b),
    }
    return g.add([x, y], formulas[g.kind])


@row("powBroadcastable", always=True)
def _power(g: Chooser) -> Any:
    x = g.float(low=0.2, high=3)
    y = g.operand(np.array([g.pick([2.0, 0.5, -1.0, 3.0, 1.25])])) if g.flag() else g.broadcasting(x)
    if np.abs(y.value).max(initial=0) > 3:
        y = g.within(y, -2, 2)
    return g.add([x, y], np.power)


@row("whereBroadcastable")
def _where(g: Chooser) -> Any:
    x = g.blob()
    y = g.broadcasting(x)
    like = np.broadcast_shapes(x.shape, y.shape)
    truth = g.operand(g.wholes(like[g.int(0, len(like) - 1) :], 0, 1)) if g.flag() else g.broadcasting(x)
    return g.add([truth, x, y], lambda t, a, b: np.where(t != 0, a, b))


@row("bias", "scale", rounds=True)
def _constants(g: Chooser) -> Any:
    x = g.blob(3)

    def one(name: str) -> tuple[np.ndarray, dict[str, Any]]:
        c, h, w = x.shape[-3:]
        shape = g.pick([(1,), (c,), (1, h, w), (c, h, w)])
        values = g.wholes(shape, -3, 3) if x.whole else g.array(*shape)
        return (channels(values) if len(shape) == 1 else values), {name: g.weights(values), f"shape{name}": shape}

    def fits(v: np.ndarray) -> np.ndarray:
        need(v.shape[-3:] == x.shape[-3:])
        return v

    b, fields = one("bias")
    if g.kind == "bias":
        return g.add([x], lambda v: fits(v) + b, bias=fields["bias"], shape=fields["shapebias"])
    s, of_scale = one("scale")
    named = {"scale": of_scale["scale"], "shapeScale": of_scale["shapescale"]}
    if g.flag():
        return g.add([x], lambda v: fits(v) * s, **named)
    more = {"hasBias": True, "bias": fields["bias"], "shapeBias": fields["shapebias"]}
    return g.add([x], lambda v: fits(v) * s + b, **named, **more)
