"""Operators: one class each, grouped by family as in csrc/ops.  Shapes stand in the C family headers."""

from pyruntime.ir.ops.binary import Binary, BinaryKind
from pyruntime.ir.ops.conv import Conv, Padding
from pyruntime.ir.ops.gather import GatherRows
from pyruntime.ir.ops.gemm import Gemm, Matmul
from pyruntime.ir.ops.image import Image
from pyruntime.ir.ops.move import Concat, Pad, PadMode, Reshape, Slice, Tile, Transpose
from pyruntime.ir.ops.norm import Affine, PRelu
from pyruntime.ir.ops.pool import Pool, PoolKind
from pyruntime.ir.ops.reduce import Reduce, ReduceKind
from pyruntime.ir.ops.resize import BoxMode, CropResize, Resize, ResizeGrid, ResizeKind
from pyruntime.ir.ops.rnn import GateFunction, Lstm
from pyruntime.ir.ops.softmax import Softmax
from pyruntime.ir.ops.unary import Unary, UnaryKind

OPERATORS = (
    Conv, Gemm, Matmul, Pool, Resize, CropResize, Image, Unary, Binary, Affine, PRelu, Softmax, Reduce, Reshape,
    Transpose, Concat, Slice, Pad, Tile, GatherRows, Lstm,
)  # fmt: skip

__all__ = [
    "OPERATORS", "Affine", "Binary", "BinaryKind", "BoxMode", "Concat", "Conv", "CropResize", "GateFunction",
    "GatherRows", "Gemm", "Image", "Lstm", "Matmul", "PRelu", "Pad", "PadMode", "Padding", "Pool", "PoolKind", "Reduce",
    "ReduceKind", "Reshape", "Resize", "ResizeGrid", "ResizeKind", "Slice", "Softmax", "Tile", "Transpose", "Unary",
    "UnaryKind",
]  # fmt: skip
