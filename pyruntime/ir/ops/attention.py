"""Attention: what passes make of two products with a softmax between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from pyruntime.ir.op import Op


class MaskKind(IntEnum):
    """What a mask does to scores: none; added; scores stay where it is not 0; `fill` stands where it is not 0."""

    NONE = 0
    ADD = 1
    KEEP = 2
    DROP = 3


@dataclass(frozen=True, slots=True)
class Attention(Op):
    """softmax(scale * q kᵀ, masked) v: q (B, H, T, D), k and past k, v and past v (B, H, S, E).

    Without B if all ranks are 3.  `…_inside`: that operand is (B, T, H, D).  q, k and v begin at their `…_head` of a
    value that may have more heads; past rows stand before those of k and v, from the entries `past_…_batch` on.
    """

    code: ClassVar[str] = "ATTENTION"
    heads: int
    scale: float
    q_inside: bool = False
    k_inside: bool = False
    v_inside: bool = False
    past_inside: bool = False
    y_inside: bool = False
    q_head: int = 0
    k_head: int = 0
    v_head: int = 0
    mask: MaskKind = MaskKind.NONE
    fill: float = 0.0
    has_past: bool = False
    past_k_batch: int = 0
    past_v_batch: int = 0
