"""Softmax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op


@dataclass(frozen=True, slots=True)
class Softmax(Op):
    """exp(x - max) / sum along `axis`, which counts from 0."""

    code: ClassVar[str] = "SOFTMAX"
    axis: int
