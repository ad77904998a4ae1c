"""Shapes as numbers, and numbers as shapes."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import GetShape
from pyruntime.ir.types import is_known
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import layer


@layer("getShape")
def get_shape(_p: Any, x: Value, b: Builder) -> Value:
    """The dimensions of x, (rank,): a constant where the model knows all of them.  GetShapeLayerParams."""
    return b.constant(x.shape) if is_known(x.shape) else b.emit(GetShape(), x)
