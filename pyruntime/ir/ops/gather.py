"""Rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op


@dataclass(frozen=True, slots=True)
class GatherRows(Op):
    """index (...), table (V, D), bias (D)? -> y (..., D)."""

    code: ClassVar[str] = "GATHER_ROWS"
    has_bias: bool = False
