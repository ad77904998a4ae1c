"""Layers that the application implements."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Custom
from pyruntime.layers.registry import MANY, layer
from pyruntime.native.custom import compiling_host


@layer("custom", inputs=(0, MANY))
def custom(p: Any, *rest: Any) -> tuple[Value, ...]:
    """x... -> y..., as many as the file names.  CustomLayerParams; classes: pyruntime.custom."""
    *inputs, b = rest
    host = compiling_host()
    if host is None:
        raise b.unsupported("custom layers run in a loaded model only")
    return b.emit_many(Custom(host.number(p)), inputs, len(b.output_names))  # type: ignore[no-any-return]
