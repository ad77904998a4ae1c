"""What is known of the numbers in a value before a prediction.

A shape that a network computes is often [?, 3, 4 * ?]: some of it is in the file.  Here the few operators that such
shapes are made of run once more, with NaN for what only a prediction knows, and NaN spreads by itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyruntime.errors import MLModelError
from pyruntime.ir.fold import fold
from pyruntime.ir.graph import Node, Value
from pyruntime.ir.op import Op
from pyruntime.ir.ops import Binary, Concat, GetShape, Reshape, Slice, Transpose, Unary
from pyruntime.ir.types import UNKNOWN, Array, is_known
from pyruntime.layers.builder import Builder

DEEPEST = 40
"""Operators in a row that are followed."""
LARGEST = 64
"""Numbers in one value: a shape has a handful."""
SPREADS_NAN = {"ADD", "SUB", "MUL", "DIV", "MOD", "FLOOR_DIV", "LINEAR", "FLOOR", "CEIL", "ROUND"}


def partial_numbers(x: Value, b: Builder) -> tuple[int, ...] | None:
    """The whole numbers in `x` in order, UNKNOWN for those that only a prediction knows; None: nothing is known."""
    if not is_known(x.shape) or math.prod(x.shape) > LARGEST:
        return None
    producers = {value.name: node for node in b.nodes for value in node.outputs}
    array = _partly(x, producers, b.constants, DEEPEST)
    if array is None:
        return None
    return tuple(int(v) if abs(v) < 2**31 else UNKNOWN for v in array.reshape(-1).tolist())


def _partly(x: Value, producers: dict[str, Node], constants: dict[str, Array], depth: int) -> Array | None:
    """`x` with NaN for open numbers; None where they come from elsewhere than from shapes."""
    if x.name in constants:
        return constants[x.name] if constants[x.name].dtype == np.float32 else None
    node = producers.get(x.name)
    if node is None or depth == 0:
        return None
    if isinstance(node.op, GetShape):
        return np.array([np.nan if d == UNKNOWN else d for d in node.inputs[0].shape], np.float32)
    if not _follows(node.op) or not is_known(x.shape) or math.prod(x.shape) > LARGEST:
        return None
    operands: list[Any] = []
    for value in node.inputs:
        array = _partly(value, producers, constants, depth - 1)
        if array is None and (not is_known(value.shape) or math.prod(value.shape) > LARGEST):
            return None
        operands.append(np.full(value.shape, np.nan, np.float32) if array is None else array)
    try:
        return fold(node.op, node.layer, operands, [(x.dtype, x.shape)])[0]
    except MLModelError:
        return None


def _follows(op: Op) -> bool:
    """Whether NaN in an operand is NaN in every number of the result that depends on it."""
    if isinstance(op, Binary | Unary):
        return op.kind.name in SPREADS_NAN
    return isinstance(op, Reshape | Slice | Concat | Transpose)
