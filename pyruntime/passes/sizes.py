"""Which open dimensions are the same one in every prediction.

Two values of shape (?, 8) need not have one shape when a prediction runs.  Here each open dimension gets a name: that
of the input's dimension it comes from, or one of its own where an operator makes it from others in a way that is not
followed.  Dimensions of one name are equal; those of two names may differ.
"""

from __future__ import annotations

from collections.abc import Callable

from pyruntime.ir.graph import Graph, Node
from pyruntime.ir.op import Op
from pyruntime.ir.ops import (  # fmt: skip
    Affine,
    ArgSort,
    Attention,
    Band,
    Binary,
    Concat,
    Conv,
    CumSum,
    Gather,
    GatherAlong,
    Gemm,
    LayerNorm,
    Lrn,
    Matmul,
    OneHot,
    Pad,
    Padding,
    Pool,
    PRelu,
    Reduce,
    Reshape,
    Resize,
    ReverseSequence,
    Scatter,
    ScatterAlong,
    ScatterNd,
    Select,
    Slice,
    SliceBySize,
    Softmax,
    Tile,
    TopK,
    Transpose,
    Unary,
    Windows,
)
from pyruntime.ir.ops.move import LAST
from pyruntime.ir.types import UNKNOWN

Size = int | tuple[str, int]
"""A dimension: its size, or the value and axis that decide it."""
Sizes = dict[str, tuple[Size, ...]]


def name_sizes(graph: Graph) -> Sizes:
    """Sizes of every value by its name."""
    sizes: Sizes = {name: array.shape for name, array in graph.constants.items()}
    for value in graph.inputs:
        sizes[value.name] = tuple((value.name, i) if d == UNKNOWN else d for i, d in enumerate(value.shape))
    for node in graph.nodes:
        for value in node.outputs:
            kept = [_kept(node, axis, sizes) if d == UNKNOWN else d for axis, d in enumerate(value.shape)]
            sizes[value.name] = tuple((value.name, i) if d is None else d for i, d in enumerate(kept))
    return sizes


def _kept(node: Node, axis: int, sizes: Sizes) -> Size | None:
    """The size of the operands that dimension `axis` of the result has; None: another one."""
    if not node.inputs:
        return None
    if node.regions or not node.inputs:
        return None
    first = sizes[node.inputs[0].name]
    rank = len(node.outputs[0].shape)
    if isinstance(node.op, Matmul) and axis >= rank - 2:
        turned = node.op.transpose_a if axis == rank - 2 else node.op.transpose_b
        return sizes[node.inputs[axis - rank + 2].name][rank - 3 - axis if turned else axis - rank]
    if isinstance(node.op, Binary | Select | Matmul):
        there = [s[axis - rank + len(s)] for v in node.inputs if axis >= rank - len(s := sizes[v.name])]
        left = {size for size in there if size != 1}
        return left.pop() if len(left) == 1 else None
    if isinstance(node.op, Transpose):
        return first[node.op.axes[axis]]
    if isinstance(node.op, Reshape):
        source = node.op.source(axis)
        return None if source is None else first[source]
    rule = RULES.get(type(node.op))
    return first[axis] if rule and rule(node.op, axis, len(first)) else None


def _window(op: Conv | Pool, axis: int, rank: int) -> bool:
    """Leading axes stay, and so do height and width under a window of stride 1 with as much padding as it takes."""
    first = rank - 1 - len(op.kernel)
    if axis < first or axis == rank - 1:
        return axis < first
    i = axis - first
    if (isinstance(op, Pool) and op.global_pool) or (isinstance(op, Conv) and op.transposed) or op.strides[i] != 1:
        return False
    if op.padding in (Padding.SAME_BOTTOM_RIGHT, Padding.SAME_TOP_LEFT):
        return True
    dilation = op.dilations[i] if isinstance(op, Conv) else 1
    return op.padding is Padding.EXPLICIT and op.pads_begin[i] + op.pads_end[i] == (op.kernel[i] - 1) * dilation


def _always(_op: Op, _axis: int, _rank: int) -> bool:
    return True


RULES: dict[type[Op], Callable[..., bool]] = {
    Unary: _always,
    Affine: _always,
    PRelu: _always,
    Softmax: _always,
    LayerNorm: _always,
    Lrn: _always,
    CumSum: _always,
    ArgSort: _always,
    TopK: lambda op, axis, rank: axis != op.axis,
    Conv: _window,
    Pool: _window,
    Resize: lambda op, axis, rank: axis < rank - 3,
    Gemm: lambda op, axis, rank: axis < rank - 1,
    Attention: lambda op, axis, rank: op.q_inside == op.y_inside and axis < rank - 1,
    Concat: lambda op, axis, rank: axis != op.axis,
    Reduce: lambda op, axis, rank: op.keep_dims and axis not in op.axes,
    Pad: lambda op, axis, rank: op.before[axis] == op.after[axis] == 0,
    Tile: lambda op, axis, rank: len(op.repeats) == rank and op.repeats[axis] == 1,
    Band: _always,
    ReverseSequence: _always,
    Scatter: _always,
    ScatterNd: _always,
    ScatterAlong: _always,
    SliceBySize: lambda op, axis, rank: axis != op.axis,
    GatherAlong: lambda op, axis, rank: axis != op.axis,
    Gather: lambda op, axis, rank: axis < op.axis,
    OneHot: lambda op, axis, rank: axis < op.axis,
    Windows: lambda op, axis, rank: axis < op.axis,
    Slice: lambda op, axis, rank: (op.begin[axis], op.end[axis], op.stride[axis]) == (0, LAST, 1),
}
"""Whether dimension `axis` of the result is that of the first operand, which has `rank` axes."""
