"""Operators: one class each, grouped by family as in csrc/ops.  Shapes stand in the C family headers."""

from pyruntime.ir.ops.binary import Binary, BinaryKind
from pyruntime.ir.ops.conv import Conv, Padding
from pyruntime.ir.ops.custom import Custom
from pyruntime.ir.ops.gather import Gather, GatherAlong, GatherNd, GatherRows, OneHot, OneHotTo, WhereNonZero
from pyruntime.ir.ops.gemm import Gemm, Matmul
from pyruntime.ir.ops.image import Image
from pyruntime.ir.ops.move import (
    Band,
    Concat,
    Pad,
    PadMode,
    PadTo,
    Reshape,
    ReverseSequence,
    Slice,
    SliceBySize,
    SliceTo,
    Tile,
    TileTo,
    Transpose,
    Windows,
)
from pyruntime.ir.ops.nms import Nms
from pyruntime.ir.ops.norm import Affine, LayerNorm, Lrn, PRelu
from pyruntime.ir.ops.pool import Pool, PoolKind
from pyruntime.ir.ops.random import Categorical, Random, RandomKind, ShapeFormKind
from pyruntime.ir.ops.reduce import Reduce, ReduceKind
from pyruntime.ir.ops.resize import BoxMode, CropResize, Resize, ResizeGrid, ResizeKind
from pyruntime.ir.ops.rnn import GateFunction, Lstm, Rnn, RnnKind
from pyruntime.ir.ops.scan import CumSum
from pyruntime.ir.ops.scatter import Scatter, ScatterAlong, ScatterMode, ScatterNd
from pyruntime.ir.ops.select import Select
from pyruntime.ir.ops.shape import Broadcast, BroadcastTo, GetShape, Range, ReshapeTo
from pyruntime.ir.ops.softmax import Softmax
from pyruntime.ir.ops.sort import ArgSort, TopK
from pyruntime.ir.ops.unary import Unary, UnaryKind

OPERATORS = (
    Conv, Gemm, Matmul, Pool, Resize, CropResize, Image, Unary, Binary, Affine, PRelu, Softmax, Reduce, Reshape,
    Transpose, Concat, Slice, Pad, Tile, GatherRows, Lstm, Band, PadTo, ReverseSequence, SliceBySize,
    SliceTo, TileTo, Windows, GetShape, ReshapeTo, Broadcast, BroadcastTo, Range, Gather, GatherNd, GatherAlong,
    OneHot, OneHotTo, WhereNonZero, Scatter, ScatterNd, ScatterAlong, Select, LayerNorm, Lrn, TopK, ArgSort, CumSum,
    Rnn, Random, Categorical, Nms, Custom,
)  # fmt: skip

__all__ = [
    "OPERATORS",
    "Affine",
    "ArgSort",
    "Band",
    "Binary",
    "BinaryKind",
    "BoxMode",
    "Broadcast",
    "BroadcastTo",
    "Categorical",
    "Concat",
    "Conv",
    "CropResize",
    "CumSum",
    "Custom",
    "GateFunction",
    "Gather",
    "GatherAlong",
    "GatherNd",
    "GatherRows",
    "Gemm",
    "GetShape",
    "Image",
    "LayerNorm",
    "Lrn",
    "Lstm",
    "Matmul",
    "Nms",
    "OneHot",
    "OneHotTo",
    "PRelu",
    "Pad",
    "PadMode",
    "PadTo",
    "Padding",
    "Pool",
    "PoolKind",
    "Random",
    "RandomKind",
    "Range",
    "Reduce",
    "ReduceKind",
    "Reshape",
    "ReshapeTo",
    "Resize",
    "ResizeGrid",
    "ResizeKind",
    "ReverseSequence",
    "Rnn",
    "RnnKind",
    "Scatter",
    "ScatterAlong",
    "ScatterMode",
    "ScatterNd",
    "Select",
    "ShapeFormKind",
    "Slice",
    "SliceBySize",
    "SliceTo",
    "Softmax",
    "Tile",
    "TileTo",
    "TopK",
    "Transpose",
    "Unary",
    "UnaryKind",
    "WhereNonZero",
    "Windows",
]  # fmt: skip
