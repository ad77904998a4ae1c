"""Operators that have no gradient, and why: their results jump, or are no numbers that could be moved."""

from __future__ import annotations

from pyruntime.ir.control import If, Loop
from pyruntime.ir.op import Op
from pyruntime.ir.ops import (
    ArgSort,
    Categorical,
    Custom,
    GetShape,
    Image,
    Nms,
    OneHot,
    OneHotTo,
    Random,
    Range,
    WhereNonZero,
)
from pyruntime.training.gradients import NO_SLOPE

REASONS: dict[type[Op], str] = {
    ArgSort: "gives places, which are whole numbers: they have no slope",
    WhereNonZero: "gives places, which are whole numbers: they have no slope",
    OneHot: "reads whole numbers, which have no slope",
    OneHotTo: "reads whole numbers, which have no slope",
    GetShape: "gives sizes, which do not depend on the numbers",
    Range: "gives a range, whose size hangs on its numbers: they have no slope",
    Random: "draws random numbers, which have no slope",
    Categorical: "draws random classes, which have no slope",
    Image: "reads pixels, which are whole numbers",
    Nms: "chooses boxes: which ones has no slope",
    Custom: "is a custom layer: what implements it tells no gradient",
    If: "is a branch: it is decided while it runs, and training does not go into it",
    Loop: "is a loop: how often it runs is decided on the way, and training does not go into it",
}
NO_SLOPE.update(REASONS)
