"""Operators about shapes: a shape as numbers, and numbers as a shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Dims, Op


@dataclass(frozen=True, slots=True)
class GetShape(Op):
    """The dimensions of the input, (rank,).  It needs no numbers, so it runs when shapes are bound."""

    code: ClassVar[str] = "GET_SHAPE"


@dataclass(frozen=True, slots=True)
class ReshapeTo(Op):
    """x, shape (R) -> x under those numbers, one of which may be -1.  `sizes`: what is known of them, else -1."""

    code: ClassVar[str] = "RESHAPE_TO"
    sizes: Dims


@dataclass(frozen=True, slots=True)
class Broadcast(Op):
    """numpy.broadcast_to(x, sizes)."""

    code: ClassVar[str] = "BROADCAST"
    sizes: Dims


@dataclass(frozen=True, slots=True)
class BroadcastTo(Op):
    """x, shape (R) -> numpy.broadcast_to(x, shape).  `sizes`: what is known of them, else -1."""

    code: ClassVar[str] = "BROADCAST_TO"
    sizes: Dims


@dataclass(frozen=True, slots=True)
class Range(Op):
    """start, end, step, one number each -> numpy.arange."""

    code: ClassVar[str] = "RANGE"
