"""A layer whose implementation the user brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op


@dataclass(frozen=True, slots=True)
class Custom(Op):
    """x... -> y...: custom layer `number` of the network, which pyruntime.native.custom finds again."""

    code: ClassVar[str] = "CUSTOM"
    number: int
