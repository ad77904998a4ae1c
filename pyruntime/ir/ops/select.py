"""A choice between two numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op


@dataclass(frozen=True, slots=True)
class Select(Op):
    """condition, x, y (broadcast together) -> condition != 0 ? x : y."""

    code: ClassVar[str] = "SELECT"
