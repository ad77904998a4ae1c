"""Lowering with weights that are operands: what a layer that learns makes of its weights is a value of the graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import BinaryKind, Gemm, Lstm, Product, Reduce, ReduceKind, Rnn, UnaryKind
from pyruntime.ir.types import Array, DType
from pyruntime.layers.builder import Builder, Floats
from pyruntime.spec.payloads import Payloads
from pyruntime.training.recurrent import emit_lstm, emit_rnn


@dataclass(frozen=True)
class Parameter:
    """Numbers that learn: `field` of a layer (its path, see spec/paths.py), and what the file has for them."""

    layer: str
    field: str
    start: Floats

    @property
    def value(self) -> Value:
        return Value(f"parameter:{self.layer}:{self.field}", DType.F32, self.start.shape)


RATE = 0.1
"""Share of a mini-batch's statistics in those that a batch normalisation collects."""


@dataclass(frozen=True, slots=True)
class MiniBatchMean(Reduce):
    """A mean over the examples of a mini-batch too: training/stack.py makes it a Reduce with one more axis."""


class TrainingBuilder(Builder):
    """While `learns`, weights become parameters.  Layers need not know."""

    def __init__(self, payloads: Payloads | None, *, legacy: bool) -> None:
        super().__init__(payloads, legacy=legacy)
        self.parameters: list[Parameter] = []
        self.learns = False
        self.batch = 1
        """Examples of the mini-batch that are not stacked in the shapes that layers see: training/stack.py."""
        self.collects = True
        self.collected: dict[str, Value] = {}
        """What becomes of parameters that no gradient changes: statistics, by the parameter's name."""

    def weights(self, params: Any, shape: Sequence[int], field: str, channel_axis: int = 0) -> Floats:
        array = super().weights(params, shape, field, channel_axis)
        if self.learns and params.isUpdatable:
            self.parameters.append(Parameter(self.layer, field, array))
        return array

    def statistics(self, x: Value, p: Any) -> tuple[Value, Value] | None:
        """Those of the mini-batch, where mean and variance are marked as updatable: the layer's own then move towards
        them by RATE, the variance as that of a sample, which is what PyTorch does.  In a measurement, the layer's own.
        """
        if not (self.learns and p.mean.isUpdatable and p.variance.isUpdatable):
            return None
        channels = (int(p.channels),)
        old = [
            self.constant(self.weights(w, channels, name)) for w, name in ((p.mean, "mean"), (p.variance, "variance"))
        ]
        if not self.collects:
            self.collected.update({value.name: value for value in old})
            mean, variance = (self.reshape(value, *channels, 1, 1) for value in old)
            return mean, variance
        axes = tuple(axis for axis in range(x.rank) if axis != x.rank - 3)
        fold = (Reduce if self.legacy else MiniBatchMean)(ReduceKind.MEAN, axes, True)
        mean = self.emit(fold, x)
        centred = self.binary(BinaryKind.SUB, x, mean)
        variance = self.emit(fold, self.binary(BinaryKind.MUL, centred, centred))
        count = self.batch * math.prod(x.shape) // channels[0]
        for value, own, factor in ((old[0], mean, 1.0), (old[1], variance, count / max(1, count - 1))):
            kept = self.unary(UnaryKind.LINEAR, value, 1 - RATE)
            new = self.unary(UnaryKind.LINEAR, self.reshape(own, *channels), RATE * factor)
            self.collected[value.name] = self.binary(BinaryKind.ADD, kept, new)
        return mean, variance

    def constant(self, array: Any) -> Value:
        for parameter in self.parameters:
            if parameter.start is array:
                return parameter.value
        return super().constant(array)

    def emit_many(self, op: Op, inputs: Sequence[Value], outputs: int) -> tuple[Value, ...]:
        if isinstance(op, Gemm) and inputs[1].name not in self.constants:
            op = Product(transpose_b=True, has_bias=op.has_bias)
        if isinstance(op, Lstm):
            return emit_lstm(op, inputs, self)
        if isinstance(op, Rnn):
            return emit_rnn(op, inputs, self)
        return super().emit_many(op, inputs, outputs)

    def array(self, value: Value) -> Array | None:
        """The numbers of a constant."""
        return self.constants.get(value.name)
