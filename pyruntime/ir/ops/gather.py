"""Elements looked up by index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op


@dataclass(frozen=True, slots=True)
class GatherRows(Op):
    """index (...), table (V, D), bias (D)? -> y (..., D)."""

    code: ClassVar[str] = "GATHER_ROWS"
    has_bias: bool = False


@dataclass(frozen=True, slots=True)
class Gather(Op):
    """x, index -> numpy.take(x, index, axis)."""

    code: ClassVar[str] = "GATHER"
    axis: int


@dataclass(frozen=True, slots=True)
class GatherNd(Op):
    """x, index (..., K) -> (..., rest of x): each K indices point into the first K axes of x."""

    code: ClassVar[str] = "GATHER_ND"


@dataclass(frozen=True, slots=True)
class GatherAlong(Op):
    """x, index -> numpy.take_along_axis(x, index, axis)."""

    code: ClassVar[str] = "GATHER_ALONG"
    axis: int


@dataclass(frozen=True, slots=True)
class OneHot(Op):
    """index (...) -> one more axis of `size` at `axis`, `on` where it counts index, else `off`."""

    code: ClassVar[str] = "ONE_HOT"
    axis: int
    size: int
    on: float
    off: float


@dataclass(frozen=True, slots=True)
class OneHotTo(Op):
    """index, size: OneHot with a size that an operand tells."""

    code: ClassVar[str] = "ONE_HOT_TO"
    axis: int
    size: int
    on: float
    off: float


@dataclass(frozen=True, slots=True)
class WhereNonZero(Op):
    """x of rank R -> (N, R): where x is not 0."""

    code: ClassVar[str] = "WHERE_NON_ZERO"
