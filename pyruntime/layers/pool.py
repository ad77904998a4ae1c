"""Pooling."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Pool, PoolKind
from pyruntime.layers.builder import Builder
from pyruntime.layers.conv import padding, two
from pyruntime.layers.registry import layer


@layer("pooling")
def pooling(p: Any, x: Value, b: Builder) -> Value:
    """(..., C, H, W) -> (..., C, H', W').  PoolingLayerParams."""
    b.need_rank(x, 3)
    if p.type not in (0, 1, 2):
        raise b.invalid("type", expected="MAX, AVERAGE or L2", got=p.type)
    pad, begin, end = padding(p, "PoolingPaddingType", b)
    op = Pool(
        kind=PoolKind(p.type),
        global_pool=p.globalPooling,
        kernel=(1, 1)
        if p.globalPooling
        else two(p.kernelSize, 3, "kernelSize", b),  # global: files have anything there
        strides=(1, 1) if p.globalPooling else two(p.stride, 1, "stride", b),
        pads_begin=begin,
        pads_end=end,
        padding=pad,
        exclude_padding=p.avgPoolExcludePadding,
    )
    return b.channels_first(b.emit(op, b.channels_last(x)))
