"""The few of many boxes that overlap little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op


@dataclass(frozen=True, slots=True)
class Nms(Op):
    """boxes (B, N, 4), scores (B, N, C), iou threshold, score threshold, M
    -> boxes (B, M, 4), scores (B, M, C), indices (B, M), count (B).  Rules: csrc/ops/nms/nms.h."""

    code: ClassVar[str] = "NMS"
    per_class: bool
