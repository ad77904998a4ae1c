"""What a lowering function writes with: operators go in, values with shapes come out.

Image-like operators are channels last, blobs of the file are channels first: `channels_last` and `channels_first`
emit the transposes, and passes/layout.py removes those that meet.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import SpecError, UnsupportedError
from pyruntime.ir.fold import fold
from pyruntime.ir.graph import Node, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import Binary, BinaryKind, Reshape, Transpose, Unary, UnaryKind
from pyruntime.ir.types import UNKNOWN, Array, DType, Shape, dtype_of, is_known
from pyruntime.native import lib
from pyruntime.spec.payloads import Payloads
from pyruntime.spec.weights import read_weights

Floats = NDArray[np.float32]


class Builder:
    """Collects the nodes of one graph."""

    def __init__(self, payloads: Payloads | None, *, legacy: bool) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self.legacy = legacy
        """Blobs have rank 5: (Seq, Batch, C, H, W)."""
        self.stacked = 0
        """Axes in front of those that the file knows: 1 while examples are stacked for training, see layers/gemm.py."""
        self.layer = ""
        self.kind = ""
        self.output_names: tuple[str, ...] = ()
        """What the file calls the results of the layer being lowered: how many a layer like split has."""
        self.output_ranks: tuple[int, ...] = ()
        """Ranks that the file says these results have; empty where it does not say."""
        self.payloads = payloads
        self.fold_up_to = 4096
        """Elements of a result that is computed at once, so that later layers see shapes.  A pass folds larger ones."""
        self._count = 0

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
        results = tuple(Value(self._name(), dtype, shape) for dtype, shape in inferred)
        self.nodes.append(Node(op, tuple(inputs), results, self.where))
        return results

    def _folds(self, op: Op, results: Sequence[tuple[DType, Shape]]) -> bool:
        small = all(is_known(shape) and math.prod(shape) <= self.fold_up_to for _, shape in results)
        return small and lib.operators()[op.code].is_pure

    def numbers(self, x: Value) -> tuple[int, ...] | None:
        """The whole numbers in `x`, such as a shape; None where only a prediction knows them."""
        array = self.constants.get(x.name)
        return None if array is None else tuple(int(number) for number in array.reshape(-1))

    def constant(self, array: Any) -> Value:
        """A constant of the graph, float32 unless the array is uint8."""
        data = np.asarray(array)
        data = np.ascontiguousarray(data if data.dtype == np.uint8 else data.astype(np.float32, copy=False))
        value = Value(self._name(), dtype_of(data), data.shape)
        self.constants[value.name] = data
        return value

    def unary(self, kind: UnaryKind, x: Value, a: float = 0.0, b: float = 0.0) -> Value:
        return self.emit(Unary(kind, float(a), float(b)), x)

    def binary(self, kind: BinaryKind, x: Value, y: Value) -> Value:
        return self.emit(Binary(kind), x, y)

    def reshape(self, x: Value, *shape: int) -> Value:
        return self.emit(Reshape(shape), x)

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
        """A weight of the layer as float32 in `shape`."""
        return read_weights(
            params, shape=shape, layer=self.layer, field=field, channel_axis=channel_axis, payloads=self.payloads
        )

    def need_rank(self, x: Value, least: int) -> None:
        if x.rank < least:
            raise self.invalid("input", expected=f"rank {least} or more", got=f"rank {x.rank}, shape {list(x.shape)}")

    def axis(self, x: Value, axis: int) -> int:
        """`axis` from 0, where the file may count from the end."""
        if not -x.rank <= axis < x.rank:
            raise self.invalid("axis", expected=f"{-x.rank} to {x.rank - 1}", got=axis)
        return axis % x.rank

    def known(self, size: int, what: str) -> int:
        """A dimension that this layer must know before a prediction."""
        if size < 0:
            raise self.unsupported(f"{what} must be known when the model is loaded, but the model leaves it open")
        return size

    def invalid(self, field: str, *, expected: str, got: object) -> SpecError:
        return SpecError(f"{self.where}: {field} must be {expected}, the file has {got}; export the model again")

    def unsupported(self, what: str) -> UnsupportedError:
        return UnsupportedError(f"{self.where}: {what}")

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"
