"""Order along an axis: ties by place, NaN last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op


@dataclass(frozen=True, slots=True)
class TopK(Op):
    """x, k (one number)? -> values, places: the k largest along `axis`, or the smallest.  k 0: the second input."""

    code: ClassVar[str] = "TOP_K"
    axis: int
    k: int
    bottom: bool


@dataclass(frozen=True, slots=True)
class ArgSort(Op):
    """x -> places of its numbers along `axis` in order."""

    code: ClassVar[str] = "ARG_SORT"
    axis: int
    descending: bool
