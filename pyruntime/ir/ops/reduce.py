"""Folding axes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Dims, Op


class ReduceKind(IntEnum):
    """Rows of csrc/ops/reduce/reduce.def, in its order."""

    SUM = 0
    MEAN = 1
    PROD = 2
    LOG_SUM = 3
    SUM_SQUARE = 4
    L1 = 5
    L2 = 6
    MAX = 7
    MIN = 8
    ARG_MAX = 9
    ARG_MIN = 10
    LOG_SUM_EXP = 11


@dataclass(frozen=True, slots=True)
class Reduce(Op):
    """x with `axes` (ascending, from 0) folded; `a` is the epsilon of LOG_SUM."""

    code: ClassVar[str] = "REDUCE"
    kind: ReduceKind
    axes: Dims
    keep_dims: bool
    a: float = 0.0
