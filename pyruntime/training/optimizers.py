"""Optimizers: the nodes of one step, the state that they keep, and the numbers that steer them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyruntime.errors import ParametersError
from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Adam, ClipNorm, Sgd
from pyruntime.ir.types import DType
from pyruntime.training.builder import TrainingBuilder
from pyruntime.training.checks import wrong_option
from pyruntime.training.options import DEFAULT, TrainingOptions

DEFAULTS = {"momentum": 0.0, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
"""Those of PyTorch, for what neither the file nor the options say."""
NAMES = {"sgd": ("momentum",), "adam": ("beta1", "beta2", "eps"), "adamw": ("beta1", "beta2", "eps")}


@dataclass(frozen=True)
class Optimizer:
    """kind: sgd, adam or adamw.  own: numbers that the file does not have, by name.  states: values per parameter."""

    kind: str
    own: Mapping[str, float]
    states: int
    options: TrainingOptions

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters that steer a step."""
        return "learningRate", *NAMES[self.kind]

    @property
    def hyper(self) -> Value:
        return Value("hyper", DType.F32, (2 if self.kind == "sgd" else 6,))

    def scale(self, gradients: Sequence[Value], b: TrainingBuilder) -> Value | None:
        """What all gradients are multiplied with, so that together they are no longer than allowed."""
        most = self.options.clip_norm
        return None if most is None else b.emit(ClipNorm(float(most), self._limit), *gradients)

    @property
    def _limit(self) -> float:
        return math.inf if self.options.clip_value is None else float(self.options.clip_value)

    def step(
        self, w: Value, g: Value, scale: Value | None, state: tuple[Value, ...], b: TrainingBuilder
    ) -> tuple[Value, ...]:
        """The new weight and the new state."""
        decay, limit = self.options.decay_of(w.rank), self._limit
        last = () if scale is None else (scale,)
        if self.kind == "sgd":
            sgd = Sgd(bool(state), bool(state) and self.options.nesterov, bool(last), decay, limit)
            return b.emit_many(sgd, (w, g, self.hyper, *state, *last), 1 + len(state))
        adam = Adam(self.kind == "adamw", bool(last), decay, limit)
        return b.emit_many(adam, (w, g, *state, self.hyper, *last), 3)

    def steer(self, values: Mapping[str, Any], step: int) -> tuple[float, ...]:
        """The numbers in `hyper`.  values: the file's parameters, None for those it does not have.

        step: counts from 1.  expm1 keeps all digits where beta ** step is close to 1.
        """
        rate, *rest = (self.own[name] if values.get(name) is None else values[name] for name in self.names)
        if self.kind == "sgd":
            return rate, rest[0]
        beta1, beta2, eps = rest
        return rate, beta1, beta2, eps, _rest(beta1, step), _rest(beta2, step)


def make_optimizer(kind: str, parameters: Mapping[str, Any], options: TrainingOptions = DEFAULT) -> Optimizer:
    """kind: the name in the file.  parameters: values by name; SGD without momentum keeps no state.

    Raises ParametersError for an option that another optimizer has, or that is a parameter of the file.
    """
    used = options.optimizer or ("adam" if kind == "adamOptimizer" else "sgd")
    own = {}
    for name, default in DEFAULTS.items():
        value = getattr(options, name)
        if value is not None and name not in NAMES[used]:
            raise wrong_option(name, f"none, because the optimizer is {used}", repr(value))
        if value is not None and parameters.get(name) is not None:
            raise ParametersError(
                f"training option {name}: expected none, because the file has this parameter, got {value!r}; set it in "
                "the configuration, where the file's bounds count"
            )
        own[name] = default if value is None else float(value)
    momentum = parameters.get("momentum") or own["momentum"]
    if options.nesterov and (used != "sgd" or not momentum):
        got = f"{used} without momentum" if used == "sgd" else used
        raise wrong_option("nesterov", "the optimizer sgd with a momentum", got)
    return Optimizer(used, own, 2 if used != "sgd" else 1 if momentum else 0, options)


def _rest(beta: float, step: int) -> float:
    """1 - beta ** step."""
    return -math.expm1(step * math.log(beta)) if 0 < beta < 1 else 1 - beta**step
