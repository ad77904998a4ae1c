"""Operators: one class each, grouped by family as in csrc/ops.  Shapes stand in the C family headers."""

from pyruntime.ir.ops.binary import Binary, BinaryKind
from pyruntime.ir.ops.conv import Conv, Padding
from pyruntime.ir.ops.gather import GatherRows
from pyruntime.ir.ops.gemm import Gemm
from pyruntime.ir.ops.image import Image
from pyruntime.ir.ops.move import Concat, Pad, PadMode, Reshape, Slice, Tile, Transpose
from pyruntime.ir.ops.norm import Affine, PRelu
from pyruntime.ir.ops.pool import Pool, PoolKind
from pyruntime.ir.ops.reduce import Reduce, ReduceKind
from pyruntime.ir.ops.resize import Resize, ResizeGrid, ResizeKind
from pyruntime.ir.ops.rnn import GateFunction, Lstm
from pyruntime.ir.ops.softmax import Softmax
from pyruntime.ir.ops.training import (
    Adam,
    ConvWeightGradient,
    CrossEntropy,
    PoolGradient,
    Product,
    Sgd,
    SquaredError,
    UnaryGradient,
)
from pyruntime.ir.ops.unary import Unary, UnaryKind

OPERATORS = (
    Conv, Gemm, Pool, Resize, Image, Unary, Binary, Affine, PRelu, Softmax, Reduce, Reshape, Transpose, Concat, Slice,
    Pad, Tile, GatherRows, Lstm,
    Product, UnaryGradient, PoolGradient, ConvWeightGradient, CrossEntropy, SquaredError, Sgd, Adam,
)  # fmt: skip

__all__ = [
    "OPERATORS",
    "Adam",
    "Affine",
    "Binary",
    "BinaryKind",
    "Concat",
    "Conv",
    "ConvWeightGradient",
    "CrossEntropy",
    "GateFunction",
    "GatherRows",
    "Gemm",
    "Image",
    "Lstm",
    "PRelu",
    "Pad",
    "PadMode",
    "Padding",
    "Pool",
    "PoolGradient",
    "PoolKind",
    "Product",
    "Reduce",
    "ReduceKind",
    "Reshape",
    "Resize",
    "ResizeGrid",
    "ResizeKind",
    "Sgd",
    "Slice",
    "Softmax",
    "SquaredError",
    "Tile",
    "Transpose",
    "Unary",
    "UnaryGradient",
    "UnaryKind",
]  # fmt: skip
