"""Optimizers: the nodes of one step, the state that they keep, and the numbers that steer them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Adam, Sgd
from pyruntime.ir.types import DType
from pyruntime.training.builder import TrainingBuilder


@dataclass(frozen=True)
class Optimizer:
    """states: values kept per parameter.  names: parameters that it reads.  numbers: how many steer one step."""

    states: int
    names: tuple[str, ...]
    numbers: int
    step: Callable[[Value, Value, Value, tuple[Value, ...], TrainingBuilder], tuple[Value, ...]]
    steer: Callable[[Mapping[str, float], int], tuple[float, ...]]

    @property
    def hyper(self) -> Value:
        return Value("hyper", DType.F32, (self.numbers,))


def make_optimizer(kind: str, parameters: Mapping[str, Any]) -> Optimizer:
    """kind: the name in the file.  parameters: values by name; SGD without momentum keeps no state."""
    if kind == "adamOptimizer":
        return Optimizer(2, ("learningRate", "beta1", "beta2", "eps"), 6, _adam, _steer_adam)
    if parameters.get("momentum"):
        return Optimizer(1, ("learningRate", "momentum"), 2, _momentum, _steer_sgd)
    return Optimizer(0, ("learningRate", "momentum"), 2, _sgd, _steer_sgd)


def _sgd(w: Value, g: Value, hyper: Value, _state: tuple[Value, ...], b: TrainingBuilder) -> tuple[Value, ...]:
    return b.emit_many(Sgd(False), (w, g, hyper), 1)


def _momentum(w: Value, g: Value, hyper: Value, state: tuple[Value, ...], b: TrainingBuilder) -> tuple[Value, ...]:
    return b.emit_many(Sgd(True), (w, g, hyper, *state), 2)


def _adam(w: Value, g: Value, hyper: Value, state: tuple[Value, ...], b: TrainingBuilder) -> tuple[Value, ...]:
    return b.emit_many(Adam(), (w, g, *state, hyper), 3)


def _steer_sgd(values: Mapping[str, float], _step: int) -> tuple[float, ...]:
    return values["learningRate"], values.get("momentum") or 0.0


def _steer_adam(values: Mapping[str, float], step: int) -> tuple[float, ...]:
    """step: counts from 1.  expm1 keeps all digits where beta ** step is close to 1."""
    beta1, beta2 = values["beta1"], values["beta2"]
    return values["learningRate"], beta1, beta2, values["eps"], _rest(beta1, step), _rest(beta2, step)


def _rest(beta: float, step: int) -> float:
    """1 - beta ** step."""
    return -math.expm1(step * math.log(beta)) if 0 < beta < 1 else 1 - beta**step
