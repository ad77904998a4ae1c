"""Convolution."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import IDENTITY, Activation, Dims, Op


class Padding(IntEnum):
    """How the size of the result follows from that of the image (coreml: SamePadding, ValidPadding)."""

    EXPLICIT = 0
    SAME_BOTTOM_RIGHT = 1
    SAME_TOP_LEFT = 2
    INCLUDE_LAST = 3


@dataclass(frozen=True, slots=True)
class Conv(Op):
    """x (..., H, W, C), w (O, C/groups, KH, KW), bias (O)?, residual? -> y (..., OH, OW, O).

    With three numbers in `kernel`, a depth stands before the height everywhere.  transposed: every x adds to the
    outputs that would read it; `size` is then the result's, or empty.
    """

    code: ClassVar[str] = "CONV"
    kernel: Dims
    strides: Dims
    dilations: Dims
    pads_begin: Dims
    pads_end: Dims
    padding: Padding
    groups: int
    outputs: int
    transposed: bool = False
    size: Dims = ()
    layout: int = 0
    has_bias: bool = False
    has_residual: bool = False
    activation: Activation = IDENTITY


@dataclass(frozen=True, slots=True)
class Inverted(Op):
    """x (..., H, W, C), packed weight and bias of each of the three, residual? -> y (..., OH, OW, O).

    An inverted residual block, run in strips of rows: csrc/ops/conv/inverted.h.
    """

    code: ClassVar[str] = "INVERTED"
    expand: Conv
    depthwise: Conv
    project: Conv
