"""Updates written into a copy of a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Op


class ScatterMode(IntEnum):
    """What becomes of an element that is updated.  The numbers are the format's."""

    UPDATE = 0
    ADD = 1
    SUB = 2
    MUL = 3
    DIV = 4
    MAX = 5
    MIN = 6


@dataclass(frozen=True, slots=True)
class Scatter(Op):
    """x, index (I..), updates (x before axis, I.., x behind axis) -> x updated along `axis`."""

    code: ClassVar[str] = "SCATTER"
    mode: ScatterMode
    axis: int


@dataclass(frozen=True, slots=True)
class ScatterNd(Op):
    """x, index (.., K), updates (.., rest of x): each K indices point into the first K axes of x."""

    code: ClassVar[str] = "SCATTER_ND"
    mode: ScatterMode


@dataclass(frozen=True, slots=True)
class ScatterAlong(Op):
    """x, index, updates of the index's shape, which is that of x off `axis`."""

    code: ClassVar[str] = "SCATTER_ALONG"
    mode: ScatterMode
    axis: int
