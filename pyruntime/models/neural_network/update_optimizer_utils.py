"""Parameters of the optimizers as NeuralNetworkBuilder takes them: values, and what callers may change them to."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from pyruntime.errors import BuildError


class RangeParam:
    """A number and its allowed range, both ends included.

    Core ML refuses a value outside the range when a model is updated, so a default outside is refused here.
    """

    def __init__(self, value: float, min: float = 0, max: float = 1) -> None:
        if min >= max:
            raise BuildError(f"the range is {min} to {max}, expected the smaller number first")
        if not min <= value <= max:
            raise BuildError(
                f"the value {value} is outside its range {min} to {max}, and could not be used; give a wider range"
            )
        self.value, self.min, self.max = value, min, max

    def write(self, parameter: Any) -> None:
        """Replace a DoubleParameter message."""
        parameter.Clear()
        parameter.defaultValue = self.value
        parameter.range.minValue, parameter.range.maxValue = self.min, self.max


class Batch:
    """The number of examples per step, and those that callers may choose; only this one by default."""

    def __init__(self, value: int, allowed_set: Sequence[int] | None = None) -> None:
        allowed = sorted({int(size) for size in allowed_set}) if allowed_set else [value]
        if value not in allowed or min(allowed) < 1:
            raise BuildError(f"the batch of {value} examples: expected at least 1, and one of the allowed {allowed}")
        self.value, self.allowed_set = value, allowed

    def write(self, parameter: Any) -> None:
        """Replace an Int64Parameter message."""
        write_whole_number(parameter, self.value, self.allowed_set)


def write_whole_number(parameter: Any, value: int, allowed_set: Sequence[int]) -> None:
    """Replace an Int64Parameter message: a default, and the values that callers may choose."""
    parameter.Clear()
    parameter.defaultValue = value
    parameter.set.values.extend(allowed_set)


class _Optimizer:
    """What both optimizers have: a step and a batch."""

    def __init__(self, lr: float, batch: int) -> None:
        self.lr, self.batch = _wide_enough("lr", lr), Batch(batch)

    def set_lr(self, value: float, min: float, max: float) -> None:
        """The learning rate and its allowed range."""
        self.lr = RangeParam(value, min, max)

    def set_batch(self, value: int, allowed_set: Sequence[int] | None) -> None:
        """The batch and its allowed sizes."""
        self.batch = Batch(value, allowed_set)


def _wide_enough(name: str, value: float) -> RangeParam:
    """A parameter whose range is not given: 0 to 1, or, with a warning, 0 to the value."""
    if value > 1:
        warnings.warn(
            f"{name} is {value}; its range, 0 to 1 unless set_{name} gives one, is 0 to {value}", stacklevel=4
        )
    return RangeParam(value, 0, max(1, value))


class SgdParams(_Optimizer):
    """Stochastic gradient descent."""

    def __init__(self, lr: float = 0.01, batch: int = 10, momentum: float = 0) -> None:
        super().__init__(lr, batch)
        self.momentum = _wide_enough("momentum", momentum)

    def set_momentum(self, value: float, min: float, max: float) -> None:
        """The momentum and its allowed range."""
        self.momentum = RangeParam(value, min, max)

    def write(self, optimizer: Any) -> None:
        """Replace an Optimizer message."""
        message = optimizer.sgdOptimizer
        self.lr.write(message.learningRate)
        self.batch.write(message.miniBatchSize)
        self.momentum.write(message.momentum)


class AdamParams(_Optimizer):
    """The Adam optimizer."""

    def __init__(
        self, lr: float = 0.01, batch: int = 10, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
    ) -> None:
        super().__init__(lr, batch)
        self.beta1, self.beta2, self.eps = (
            _wide_enough(name, value) for name, value in (("beta1", beta1), ("beta2", beta2), ("eps", eps))
        )

    def set_beta1(self, value: float, min: float, max: float) -> None:
        """beta1 and its allowed range."""
        self.beta1 = RangeParam(value, min, max)

    def set_beta2(self, value: float, min: float, max: float) -> None:
        """beta2 and its allowed range."""
        self.beta2 = RangeParam(value, min, max)

    def set_eps(self, value: float, min: float, max: float) -> None:
        """eps and its allowed range."""
        self.eps = RangeParam(value, min, max)

    def write(self, optimizer: Any) -> None:
        """Replace an Optimizer message."""
        message = optimizer.adamOptimizer
        self.lr.write(message.learningRate)
        self.batch.write(message.miniBatchSize)
        self.beta1.write(message.beta1)
        self.beta2.write(message.beta2)
        self.eps.write(message.eps)
