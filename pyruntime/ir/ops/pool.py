"""Pooling."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Dims, Op
from pyruntime.ir.ops.conv import Padding


class PoolKind(IntEnum):
    """PoolingLayerParams.PoolingType."""

    MAX = 0
    AVERAGE = 1
    L2 = 2


@dataclass(frozen=True, slots=True)
class Pool(Op):
    """x (..., H, W, C) -> y (..., OH, OW, C); a depth before the height when `kernel` has three numbers."""

    code: ClassVar[str] = "POOL"
    kind: PoolKind
    global_pool: bool
    kernel: Dims
    strides: Dims
    pads_begin: Dims
    pads_end: Dims
    padding: Padding
    exclude_padding: bool
