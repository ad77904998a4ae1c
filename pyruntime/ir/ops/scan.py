"""Running sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op


@dataclass(frozen=True, slots=True)
class CumSum(Op):
    """x, axis (one number)? -> sums up to each place along `axis`, which counts from 0; -1: the second input."""

    code: ClassVar[str] = "CUM_SUM"
    axis: int
    exclusive: bool
    reversed: bool
