"""Operators: one class each, grouped by family as in csrc/ops.  Shapes stand in the C family headers."""

from __future__ import annotations

from pyruntime.ir.op import Op
from pyruntime.ir.ops.attention import Attention as Attention
from pyruntime.ir.ops.attention import MaskKind as MaskKind
from pyruntime.ir.ops.binary import Binary as Binary
from pyruntime.ir.ops.binary import BinaryKind as BinaryKind
from pyruntime.ir.ops.control import Require as Require
from pyruntime.ir.ops.conv import Conv as Conv
from pyruntime.ir.ops.conv import Inverted as Inverted
from pyruntime.ir.ops.conv import Padding as Padding
from pyruntime.ir.ops.custom import Custom as Custom
from pyruntime.ir.ops.gather import Gather as Gather
from pyruntime.ir.ops.gather import GatherAlong as GatherAlong
from pyruntime.ir.ops.gather import GatherNd as GatherNd
from pyruntime.ir.ops.gather import GatherRows as GatherRows
from pyruntime.ir.ops.gather import OneHot as OneHot
from pyruntime.ir.ops.gather import OneHotTo as OneHotTo
from pyruntime.ir.ops.gather import WhereNonZero as WhereNonZero
from pyruntime.ir.ops.gemm import Gemm as Gemm
from pyruntime.ir.ops.gemm import Matmul as Matmul
from pyruntime.ir.ops.image import Image as Image
from pyruntime.ir.ops.move import Band as Band
from pyruntime.ir.ops.move import Concat as Concat
from pyruntime.ir.ops.move import Pad as Pad
from pyruntime.ir.ops.move import PadMode as PadMode
from pyruntime.ir.ops.move import PadTo as PadTo
from pyruntime.ir.ops.move import Reshape as Reshape
from pyruntime.ir.ops.move import ReverseSequence as ReverseSequence
from pyruntime.ir.ops.move import Slice as Slice
from pyruntime.ir.ops.move import SliceBySize as SliceBySize
from pyruntime.ir.ops.move import SliceTo as SliceTo
from pyruntime.ir.ops.move import Tile as Tile
from pyruntime.ir.ops.move import TileTo as TileTo
from pyruntime.ir.ops.move import Transpose as Transpose
from pyruntime.ir.ops.move import Windows as Windows
from pyruntime.ir.ops.nms import Nms as Nms
from pyruntime.ir.ops.norm import Affine as Affine
from pyruntime.ir.ops.norm import LayerNorm as LayerNorm
from pyruntime.ir.ops.norm import Lrn as Lrn
from pyruntime.ir.ops.norm import PRelu as PRelu
from pyruntime.ir.ops.pool import Pool as Pool
from pyruntime.ir.ops.pool import PoolKind as PoolKind
from pyruntime.ir.ops.random import Categorical as Categorical
from pyruntime.ir.ops.random import Random as Random
from pyruntime.ir.ops.random import RandomKind as RandomKind
from pyruntime.ir.ops.random import ShapeFormKind as ShapeFormKind
from pyruntime.ir.ops.reduce import Reduce as Reduce
from pyruntime.ir.ops.reduce import ReduceKind as ReduceKind
from pyruntime.ir.ops.resize import BoxMode as BoxMode
from pyruntime.ir.ops.resize import CropResize as CropResize
from pyruntime.ir.ops.resize import Resize as Resize
from pyruntime.ir.ops.resize import ResizeGrid as ResizeGrid
from pyruntime.ir.ops.resize import ResizeKind as ResizeKind
from pyruntime.ir.ops.rnn import GateFunction as GateFunction
from pyruntime.ir.ops.rnn import Lstm as Lstm
from pyruntime.ir.ops.rnn import Rnn as Rnn
from pyruntime.ir.ops.rnn import RnnKind as RnnKind
from pyruntime.ir.ops.scan import CumSum as CumSum
from pyruntime.ir.ops.scatter import Scatter as Scatter
from pyruntime.ir.ops.scatter import ScatterAlong as ScatterAlong
from pyruntime.ir.ops.scatter import ScatterMode as ScatterMode
from pyruntime.ir.ops.scatter import ScatterNd as ScatterNd
from pyruntime.ir.ops.select import Select as Select
from pyruntime.ir.ops.shape import Broadcast as Broadcast
from pyruntime.ir.ops.shape import BroadcastTo as BroadcastTo
from pyruntime.ir.ops.shape import GetShape as GetShape
from pyruntime.ir.ops.shape import Range as Range
from pyruntime.ir.ops.shape import ReshapeTo as ReshapeTo
from pyruntime.ir.ops.softmax import Softmax as Softmax
from pyruntime.ir.ops.sort import ArgSort as ArgSort
from pyruntime.ir.ops.sort import TopK as TopK
from pyruntime.ir.ops.training import Adam as Adam
from pyruntime.ir.ops.training import ClipNorm as ClipNorm
from pyruntime.ir.ops.training import ConvWeightGradient as ConvWeightGradient
from pyruntime.ir.ops.training import CropResizeGradient as CropResizeGradient
from pyruntime.ir.ops.training import CrossEntropy as CrossEntropy
from pyruntime.ir.ops.training import LayerNormGradient as LayerNormGradient
from pyruntime.ir.ops.training import LrnGradient as LrnGradient
from pyruntime.ir.ops.training import PoolGradient as PoolGradient
from pyruntime.ir.ops.training import Product as Product
from pyruntime.ir.ops.training import Recurrence as Recurrence
from pyruntime.ir.ops.training import RecurrenceGradient as RecurrenceGradient
from pyruntime.ir.ops.training import RecurrenceKind as RecurrenceKind
from pyruntime.ir.ops.training import ResizeGradient as ResizeGradient
from pyruntime.ir.ops.training import Sgd as Sgd
from pyruntime.ir.ops.training import SquaredError as SquaredError
from pyruntime.ir.ops.training import UnaryGradient as UnaryGradient
from pyruntime.ir.ops.unary import Unary as Unary
from pyruntime.ir.ops.unary import UnaryKind as UnaryKind

OPERATORS: tuple[type[Op], ...] = tuple(
    kind for kind in list(globals().values()) if isinstance(kind, type) and issubclass(kind, Op) and kind is not Op
)
"""Every operator class."""
