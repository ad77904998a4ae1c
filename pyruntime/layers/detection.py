"""Layers that choose among detections."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Nms
from pyruntime.layers.registry import layer

MOST_BOXES = 1 << 24
"""Indices are floats, which are exact so far."""


@layer("NonMaximumSuppression", inputs=(2, 5))
def non_maximum_suppression(p: Any, boxes: Value, scores: Value, *rest: Any) -> tuple[Value, ...]:
    """boxes (B, N, 4), scores (B, N, C), iouThreshold?, scoreThreshold?, maxBoxes? (one number each)
    -> boxes (B, M, 4), scores (B, M, C), indices (B, M), count (B).  NonMaximumSuppressionLayerParams.

    An input replaces the parameter of its name.  Rules and order: csrc/ops/nms/nms.h.
    """
    *given, b = rest
    if p.maxBoxes > MOST_BOXES:
        raise b.invalid("maxBoxes", expected=f"0 to {MOST_BOXES}", got=p.maxBoxes)
    parameters = (p.iouThreshold, p.scoreThreshold, float(p.maxBoxes))
    numbers = [*given, *(b.constant(np.array([number], np.float32)) for number in parameters[len(given) :])]
    return b.emit_many(Nms(p.perClassSuppression), [boxes, scores, *numbers], 4)  # type: ignore[no-any-return]
