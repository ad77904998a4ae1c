"""Convolution, dense layers, embedding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Activation, Dims, Op


class Padding(IntEnum):
    """How the size of the result follows from that of the image (coreml: SamePadding, ValidPadding)."""

    EXPLICIT = 0
    SAME_BOTTOM_RIGHT = 1
    SAME_TOP_LEFT = 2
    INCLUDE_LAST = 3


@dataclass(frozen=True, slots=True)
class Conv(Op):
    """x (..., H, W, C), w (O, C/groups, KH, KW), bias (O)?, residual? -> y (..., OH, OW, O)."""

    code: ClassVar[str] = "CONV"
    kernel: Dims
    strides: Dims
    dilations: Dims
    pads_begin: Dims
    pads_end: Dims
    padding: Padding
    groups: int
    outputs: int
    layout: int = 0
    has_bias: bool = False
    has_residual: bool = False
    activation: Activation = Activation()


@dataclass(frozen=True, slots=True)
class Gemm(Op):
    """x (..., K), w (N, K), bias (N)?, residual? -> y (..., N)."""

    code: ClassVar[str] = "GEMM"
    inputs: int
    outputs: int
    layout: int = 0
    has_bias: bool = False
    has_residual: bool = False
    activation: Activation = Activation()


@dataclass(frozen=True, slots=True)
class GatherRows(Op):
    """index (...), table (V, D), bias (D)? -> y (..., D)."""

    code: ClassVar[str] = "GATHER_ROWS"
    has_bias: bool = False
