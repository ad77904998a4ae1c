"""Lowering with weights that are operands: what a layer that learns makes of its weights is a value of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import Gemm, Product
from pyruntime.ir.types import Array, DType
from pyruntime.layers.builder import Builder, Floats
from pyruntime.spec.payloads import Payloads


@dataclass(frozen=True)
class Parameter:
    """Numbers that learn: `field` of a layer, and what the file has for them."""

    layer: str
    field: str
    start: Floats

    @property
    def value(self) -> Value:
        return Value(f"parameter:{self.layer}:{self.field}", DType.F32, self.start.shape)


class TrainingBuilder(Builder):
    """While `learns`, weights become parameters.  Layers need not know."""

    def __init__(self, payloads: Payloads | None, *, legacy: bool) -> None:
        super().__init__(payloads, legacy=legacy)
        self.parameters: list[Parameter] = []
        self.learns = False

    def weights(self, params: Any, shape: Sequence[int], field: str, channel_axis: int = 0) -> Floats:
        array = super().weights(params, shape, field, channel_axis)
        if self.learns:
            self.parameters.append(Parameter(self.layer, field, array))
        return array

    def constant(self, array: Any) -> Value:
        for parameter in self.parameters:
            if parameter.start is array:
                return parameter.value
        return super().constant(array)

    def emit_many(self, op: Op, inputs: Sequence[Value], outputs: int) -> tuple[Value, ...]:
        if isinstance(op, Gemm) and inputs[1].name not in self.constants:
            op = Product(transpose_b=True, has_bias=op.has_bias)
        return super().emit_many(op, inputs, outputs)

    def array(self, value: Value) -> Array | None:
        """The numbers of a constant."""
        return self.constants.get(value.name)
