"""Operators without a rule, and why: their results jump, or training does not go into them."""

from __future__ import annotations

from pyruntime.ir.control import If, Loop
from pyruntime.ir.op import Op
from pyruntime.ir.ops import (
    ArgSort,
    Attention,
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
from pyruntime.training.gradients import NO_SLOPE, REFUSED

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
}
NO_SLOPE.update(REASONS)
REFUSED.update(
    {
        Attention: "passes make it of operators that have gradients, after these are written",
        Nms: "which boxes it chooses is decided while it runs",
        Custom: "what implements it tells no gradient",
        If: "a branch is decided while it runs",
        Loop: "how often a loop runs is decided while it runs",
    }
)
