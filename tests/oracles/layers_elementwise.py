"""Element-wise layers of Core ML 3: functions of one number, of two with broadcasting, comparison, logic and choice."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from .registry import LayerFunction, layer

Function = Callable[[torch.Tensor], torch.Tensor]
OF_ONE: dict[str, Function] = {
    name: getattr(torch, name)
    for name in (
        "ceil", "floor", "round", "sign", "exp2", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
        "asinh", "acosh", "atanh", "erf",
    )
}  # fmt: skip
OF_TWO: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "addBroadcastable": torch.add,
    "subtractBroadcastable": torch.sub,
    "multiplyBroadcastable": torch.mul,
    "divideBroadcastable": torch.div,
    "maxBroadcastable": torch.maximum,
    "minBroadcastable": torch.minimum,
    "powBroadcastable": torch.pow,
    "modBroadcastable": torch.remainder,
    "floorDivBroadcastable": torch.floor_divide,
    "logicalAnd": torch.logical_and,
    "logicalOr": torch.logical_or,
    "logicalXor": torch.logical_xor,
}
COMPARISONS: dict[str, Callable[..., torch.Tensor]] = {
    "equal": torch.eq,
    "notEqual": torch.ne,
    "lessThan": torch.lt,
    "lessEqual": torch.le,
    "greaterThan": torch.gt,
    "greaterEqual": torch.ge,
}


def _of_one(function: Function) -> LayerFunction:
    return lambda _p, x: function(x)


def _of_two(function: Callable[..., torch.Tensor]) -> LayerFunction:
    return lambda _p, x, y: function(x, y).to(x.dtype)


def _comparison(function: Callable[..., torch.Tensor]) -> LayerFunction:
    return lambda p, x, *y: function(x, *(y or (p.alpha,))).to(x.dtype)


for _name, _one in OF_ONE.items():
    layer(_name)(_of_one(_one))
for _name, _two in OF_TWO.items():
    layer(_name)(_of_two(_two))
for _name, _compared in COMPARISONS.items():
    layer(_name)(_comparison(_compared))


@layer("logicalNot")
def logical_not(_: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.logical_not(x).to(x.dtype)


@layer("whereBroadcastable")
def where(_: Any, condition: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.where(condition != 0, x, y)


@layer("clip")
def clip(p: Any, x: torch.Tensor) -> torch.Tensor:
    return x.clamp(p.minVal, p.maxVal)


@layer("clampedReLU")
def clamped_relu(p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, p.alpha).clamp(max=p.beta)


@layer("gelu")
def gelu(p: Any, x: torch.Tensor) -> torch.Tensor:
    """EXACT, TANH_APPROXIMATION, SIGMOID_APPROXIMATION."""
    if p.mode == 2:
        return x * torch.sigmoid(1.702 * x)
    return F.gelu(x, approximate="tanh" if p.mode else "none")
