"""What a lowering function writes with: operators go in, values with shapes come out.

Image-like operators are channels last, blobs of the file are channels first: `channels_last` and `channels_first`
emit the transposes, and passes/layout.py removes those that meet.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import SpecError, UnsupportedError
from pyruntime.ir.fold import LARGE, fold
from pyruntime.ir.graph import Node, Stored, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import Binary, BinaryKind, Reshape, Transpose, Unary, UnaryKind
from pyruntime.ir.types import UNKNOWN, Array, DType, Shape, dtype_of, is_known
from pyruntime.layers.scope import Mixed, Scope
from pyruntime.native import lib
from pyruntime.spec.payloads import Payloads
from pyruntime.spec.weights import read_quantized, read_weights, weight_form

Floats = NDArray[np.float32]


class Builder:
    """Collects the nodes of one graph."""

    def __init__(self, payloads: Payloads | None, *, legacy: bool) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self.stored: dict[str, Stored] = {}
        self.scalars: set[str] = set()
        """Values of shape (1,) that stand for a number without axes, to which expandDims and stack give the first."""
        self.legacy = legacy
        """Blobs have rank 5: (Seq, Batch, C, H, W)."""
        self.examples_axis: int | None = None
        """Of a legacy blob while examples are stacked for training; what is of each example leaves it alone."""
        self.layer = ""
        self.kind = ""
        self.output_names: tuple[str, ...] = ()
        """What the file calls the results of the layer being lowered: how many a layer like split has."""
        self.output_ranks: tuple[int, ...] = ()
        """Ranks that the file says these results have; empty where it does not say."""
        self.payloads = payloads
        self.fold_up_to = 4096
        """Elements of a result that is computed at once, so that later layers see shapes.  A pass folds larger ones."""
        self.scope = Scope()
        """The names of the file at this point."""
        self.loop_types: dict[tuple[int, ...], dict[str, Shape | Mixed]] = {}
        """By the place of a loop in the file: types of the names that its iterations hand on, as found so far."""
        self._numbers = count(1)

    def child(self) -> Builder:
        """A builder for a region: nodes of its own, the names and constants of this one."""
        child = Builder(self.payloads, legacy=self.legacy)
        child.constants, child.stored, child.fold_up_to = self.constants, self.stored, self.fold_up_to
        child.scalars = self.scalars
        child.layer, child.kind = self.layer, self.kind
        child.scope, child.loop_types, child._numbers = self.scope.inner(), self.loop_types, self._numbers
        return child

    # operators

    def emit(self, op: Op, *inputs: Value) -> Value:
        """One operator with one result."""
        return self.emit_many(op, inputs, 1)[0]

    def emit_many(self, op: Op, inputs: Sequence[Value], outputs: int) -> tuple[Value, ...]:
        operands = [(value, self.constants.get(value.name)) for value in inputs]
        try:
            inferred = lib.infer(op, self.where, operands, outputs)
        except (struct.error, OverflowError, ValueError) as error:  # of Op.encode: more than 32 bits, or 8 axes
            raise self.invalid("a number", expected="one of 32 bits", got=f"a larger one ({error})") from None
        arrays = [data for _, data in operands if data is not None]
        if len(arrays) == len(operands) and self._folds(op, inferred):
            return tuple(map(self.constant, fold(op, self.where, arrays, inferred)))
        results = tuple(Value(self.fresh(), dtype, shape) for dtype, shape in inferred)
        self.nodes.append(Node(op, tuple(inputs), results, self.where))
        return results

    def prepared(self, op: Op, *inputs: Value) -> Value:
        """As emit; where all operands are constants it is computed now, whatever its size: weights in another order."""
        limit, self.fold_up_to = self.fold_up_to, 2**62
        try:
            return self.emit(op, *inputs)
        finally:
            self.fold_up_to = limit

    def statistics(self, _x: Value, _p: Any) -> tuple[Value, Value] | None:
        """Mean and variance of a mini-batch for a batch normalisation that collects them: only while training."""
        return None

    def _folds(self, op: Op, results: Sequence[tuple[DType, Shape]]) -> bool:
        small = all(is_known(shape) and math.prod(shape) <= self.fold_up_to for _, shape in results)
        return small and lib.operators()[op.code].is_pure

    def numbers(self, x: Value) -> tuple[int, ...] | None:
        """The whole numbers in `x`, such as a shape, cut towards zero; None where only a prediction knows them."""
        array = self.constants.get(x.name)
        if array is None:
            return None
        if not np.isfinite(array).all():
            raise self.invalid("a constant input", expected="whole numbers", got="NaN or an infinity")
        return tuple(int(number) for number in array.reshape(-1))

    def constant(self, array: Any) -> Value:
        """A constant of the graph, float32 unless the array is uint8."""
        data = np.asarray(array)
        data = data if data.dtype == np.uint8 else data.astype(np.float32, copy=False)
        if data.nbytes < LARGE:  # a large one may have its axes in any order: it is copied once, to where it will lie
            data = np.ascontiguousarray(data)
        value = Value(self.fresh(), dtype_of(data), data.shape)
        self.constants[value.name] = data
        return value

    def unary(self, kind: UnaryKind, x: Value, a: float = 0.0, b: float = 0.0) -> Value:
        return self.emit(Unary(kind, float(a), float(b)), x)

    def binary(self, kind: BinaryKind, x: Value, y: Value) -> Value:
        return self.emit(Binary(kind), x, y)

    def reshape(self, x: Value, *shape: int) -> Value:
        return self.emit(Reshape(shape), x)

    def scalar(self, x: Value) -> Value:
        """One number as (1,), the least shape of the format, which remembers that no axis was left."""
        y = self.reshape(x, 1)
        self.scalars.add(y.name)
        return y

    def are_scalars(self, values: Sequence[Value]) -> bool:
        return all(value.name in self.scalars for value in values)

    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        return self.emit(Transpose(tuple(axes)), x)

    def flatten_image(self, x: Value) -> Value:
        """(..., C, H, W) -> (..., C*H*W); known where the three sizes are, whatever is open before them."""
        sizes = x.shape[-3:]
        return self.reshape(x, *[0] * (x.rank - 3), UNKNOWN if UNKNOWN in sizes else math.prod(sizes))

    def channels_last(self, x: Value, spatial: int = 2) -> Value:
        """(..., C, H, W) -> (..., H, W, C); with spatial 3, (..., C, D, H, W) -> (..., D, H, W, C)."""
        lead = x.rank - 1 - spatial
        return self.transpose(x, [*range(lead), *range(lead + 1, x.rank), lead])

    def channels_first(self, x: Value, spatial: int = 2) -> Value:
        """(..., H, W, C) -> (..., C, H, W), and so on."""
        lead = x.rank - 1 - spatial
        return self.transpose(x, [*range(lead), x.rank - 1, *range(lead, x.rank - 1)])

    # the file

    @property
    def where(self) -> str:
        """The layer as errors and profiles name it."""
        return f"layer {self.layer!r} ({self.kind})" if self.kind else self.layer

    def weights(self, params: Any, shape: Sequence[int], field: str, channel_axis: int = 0) -> Floats:
        """A weight of the layer as float32 in `shape`.  field: its path in the layer's message.

        While training it may be a number that learns: then `constant` of this very array is no constant.  Whoever wants
        it in another form makes that of the value (`prepared`), not of the array.
        """
        return read_weights(
            params, shape=shape, layer=self.layer, field=field, channel_axis=channel_axis, payloads=self.payloads
        )

    def weight(self, params: Any, shape: Sequence[int], field: str) -> Value:
        """A weight, output channels first, as a constant that may stay as small as it is stored."""
        value = self.constant(self.weights(params, shape, field))
        form = weight_form(params)
        if form == "float16Value":
            self.stored[value.name] = Stored()
        elif form not in ("floatValue", None):
            q = read_quantized(params, shape=shape, layer=self.layer, field=field, payloads=self.payloads)
            assert q is not None
            self.stored[value.name] = Stored(q.values, q.bits, q.table, q.scale, q.bias)
        return value

    def need_rank(self, x: Value, least: int) -> None:
        if x.rank < least:
            raise self.invalid("input", expected=f"rank {least} or more", got=f"rank {x.rank}, shape {list(x.shape)}")

    def axis(self, x: Value, axis: int, *, added: int = 0) -> int:
        """`axis` from 0, where the file may count from the end.  added: axes that it counts besides those of `x`."""
        rank = x.rank + added
        if not -rank <= axis < rank:
            raise self.invalid("axis", expected=f"{-rank} to {rank - 1}", got=axis)
        return axis % rank

    def known(self, size: int, what: str) -> int:
        """A dimension that this layer must know before a prediction."""
        if size < 0:
            raise self.unsupported(f"{what} must be known when the model is loaded, but the model leaves it open")
        return size

    def invalid(self, field: str, *, expected: str, got: object) -> SpecError:
        return SpecError(f"{self.where}: {field} must be {expected}, the file has {got}; export the model again")

    def unsupported(self, what: str) -> UnsupportedError:
        return UnsupportedError(f"{self.where}: {what}")

    def fresh(self) -> str:
        """A name for a value."""
        return f"v{next(self._numbers)}"
