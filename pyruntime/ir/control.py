"""Branches and loops.

IF and LOOP are no rows of csrc/ops/ops.def: they become the control steps of csrc/plan/plan.h.  Their regions are the
graphs in `Node.regions`.  A region reads nothing but its inputs and its own constants, so every pass takes it as any
other graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op

NO_LIMIT = 2**32 - 1
"""Of a loop that only its condition ends.  Larger limits of a file are cut to one less."""


@dataclass(frozen=True, slots=True)
class If(Op):
    """condition, *read -> the results of the first region where the condition is true, else those of the second.

    Both regions have the inputs `read`.  A number is true when it is farther from 0 than 1e-6.
    """

    code: ClassVar[str] = "IF"


@dataclass(frozen=True, slots=True)
class Loop(Op):
    """limit?, *first, *read -> what `carried` values are after the last iteration.

    limit: one number, the most iterations, if `limit_is_input`; else `limit` is it.
    Regions: the condition, if `has_condition`, and the body.  Both have the inputs (*carried, *read) and give the
    carried values as they are after them.  The condition runs before the first and after each iteration; its last
    result says whether there is a next one.  The body's last result, if `may_exit`, ends the loop where it is 2.
    """

    code: ClassVar[str] = "LOOP"
    carried: int
    limit: int = NO_LIMIT
    limit_is_input: bool = False
    has_condition: bool = False
    may_exit: bool = False
