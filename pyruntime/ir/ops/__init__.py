"""Operators: one class each, grouped by family as in csrc/ops.  Shapes stand in the C family headers."""

from pyruntime.ir.ops.elementwise import Affine, Binary, BinaryKind, PRelu, Softmax, Unary, UnaryKind
from pyruntime.ir.ops.image import Image, Resize, ResizeGrid, ResizeKind
from pyruntime.ir.ops.linear import Conv, GatherRows, Gemm, Padding
from pyruntime.ir.ops.move import Concat, Pad, PadMode, Reshape, Slice, Tile, Transpose
from pyruntime.ir.ops.pool import Pool, PoolKind
from pyruntime.ir.ops.reduce import Reduce, ReduceKind
from pyruntime.ir.ops.rnn import GateFunction, Lstm

OPERATORS = (
    Conv, Gemm, Pool, Resize, Image, Unary, Binary, Affine, PRelu, Softmax, Reduce, Reshape, Transpose, Concat, Slice,
    Pad, Tile, GatherRows, Lstm,
)  # fmt: skip

__all__ = [
    "OPERATORS", "Affine", "Binary", "BinaryKind", "Concat", "Conv", "GateFunction", "GatherRows", "Gemm", "Image",
    "Lstm", "PRelu", "Pad", "PadMode", "Padding", "Pool", "PoolKind", "Reduce", "ReduceKind", "Reshape", "Resize",
    "ResizeGrid", "ResizeKind", "Slice", "Softmax", "Tile", "Transpose", "Unary", "UnaryKind",
]  # fmt: skip
