"""Pooling over images and volumes."""

from __future__ import annotations

from typing import Any

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Padding, Pool, PoolKind
from pyruntime.layers.builder import Builder
from pyruntime.layers.conv import CUSTOM, EDGES, padding, padding3d, three, two
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


@layer("pooling3d")
def pooling3d(p: Any, x: Value, b: Builder) -> Value:
    """(..., C, D, H, W) -> (..., C, D', H', W').  Pooling3DLayerParams.

    A maximum is one of the real cells: the format's text pads with 0, coremltools' own tests (test_pool.py) do not.
    """
    b.need_rank(x, 4)
    pad, begin, end = padding3d(p.paddingType, p, b)
    unused = [getattr(p, f"customPadding{edge}") for pair in EDGES for edge in pair]
    if p.paddingType != CUSTOM and any(unused):
        raise b.invalid("customPadding", expected="0 unless paddingType is CUSTOM", got=unused)
    op = Pool(
        kind=_kind3d(p, b),
        global_pool=False,
        kernel=three(p, "kernel", b),
        strides=three(p, "stride", b),
        pads_begin=begin,
        pads_end=end,
        padding=pad,
        exclude_padding=p.countExcludePadding,
    )
    return b.channels_first(b.emit(op, b.channels_last(x, 3)), 3)


@layer("globalPooling3d")
def global_pooling3d(p: Any, x: Value, b: Builder) -> Value:
    """(..., C, D, H, W) -> (..., C, 1, 1, 1).  GlobalPooling3DLayerParams."""
    b.need_rank(x, 4)
    ones, none = (1, 1, 1), (0, 0, 0)
    op = Pool(_kind3d(p, b), True, ones, ones, none, none, Padding.EXPLICIT, exclude_padding=False)
    return b.channels_first(b.emit(op, b.channels_last(x, 3)), 3)


def _kind3d(p: Any, b: Builder) -> PoolKind:
    if p.type not in (0, 1):
        raise b.invalid("type", expected="MAX or AVERAGE", got=p.type)
    return PoolKind(p.type)
