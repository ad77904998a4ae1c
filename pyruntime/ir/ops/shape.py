"""Operators about shapes: a shape as numbers, and numbers as a shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op


@dataclass(frozen=True, slots=True)
class GetShape(Op):
    """The dimensions of the input, (rank,).  It needs no numbers, so it runs when shapes are bound."""

    code: ClassVar[str] = "GET_SHAPE"
