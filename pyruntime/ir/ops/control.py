"""What branches and loops need besides themselves (ir/control.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyruntime.ir.op import Op


@dataclass(frozen=True, slots=True)
class Require(Op):
    """x, made -> x; a prediction fails where the number `made` is 0: the branch or loop that makes x did not run."""

    code: ClassVar[str] = "REQUIRE"
