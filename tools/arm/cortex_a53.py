"""How many cycles the Cortex-A53 needs to issue a block of instructions over and over.

LLVM's own tables of this core let no result be written before that of an older instruction, so each load behind a
multiply-add costs five cycles there, and code that is good for the core looks bad.  The rules here are those that
people measured on the core and published (the developers' guide of ncnn, and public micro-benchmarks):

- two instructions a cycle, in order; one of them a load, store or prefetch;
- an operation on 128 bits fills the vector unit for a cycle, one on 64 bits half of it;
- a vector load takes a cycle per 64 bits, in which no vector operation is issued, except that the move of an integer
  register into a lane can share a cycle with a load;
- loads to integer registers, prefetches, integer operations and branches pair with vector operations;
- the result of a multiply-add is there after 8 cycles, for the next sum after 4; of other vector operations and of
  vector loads after 4, of integer loads after 3.

No cache misses, no mispredicted branches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.arm.assembly import Instruction, instruction

_SLOW = {"fdiv": 12, "fsqrt": 12}


def occupied(i: Instruction) -> int:
    """Cycles in which the pipe that takes it is not free for the next."""
    if i.kind in ("vector load", "vector store"):
        per_register = max(1, i.bits // 64)
        return i.registers * (per_register if i.kind == "vector load" or i.bits > 64 else 1)
    if i.kind in ("load", "store"):
        return 2 if i.kind == "load" and i.registers > 1 else 1
    if i.name in ("tbl", "tbx"):
        return max(1, len(i.reads) - 1)
    return _SLOW.get(i.name, 1)


def latency(i: Instruction) -> int:
    """Cycles until another instruction can use the result."""
    if i.kind == "vector":
        return 8 if i.sums and i.name.startswith("f") else 4
    if i.kind == "half":
        return 8 if i.sums and i.name.startswith("f") else 4
    known = {"vector load": 4, "load": 3, "insert": 3}
    return known.get(i.kind, 3 if i.name in ("mul", "madd", "msub") else 1)


@dataclass
class _Cycle:
    """What the instructions issued in one cycle have taken."""

    issued: int = 0
    halves: int = 0
    memory: bool = False
    vector_load: bool = False
    only_insert: bool = True

    def admits(self, i: Instruction) -> bool:
        if self.issued >= 2:
            return False
        if i.kind == "vector":
            return not self.vector_load and self.halves == 0
        if i.kind == "half":
            return not self.vector_load and self.halves <= 1
        if i.kind == "insert":
            return self.halves <= 1
        if i.kind == "vector load":
            return not self.memory and (self.halves == 0 or self.only_insert)
        return not (self.memory and i.kind in ("load", "store", "prefetch", "vector store"))

    def take(self, i: Instruction) -> None:
        self.issued += 1
        self.halves += {"vector": 2, "half": 1, "insert": 1}.get(i.kind, 0)
        self.only_insert &= i.kind not in ("vector", "half")
        self.memory |= i.kind in ("load", "store", "prefetch", "vector load", "vector store")
        self.vector_load |= i.kind == "vector load"

    def last_of(self, i: Instruction) -> None:
        """The last cycle of an instruction that takes several: nothing else is in it yet."""
        self.__init__()  # type: ignore[misc]
        self.take(i)


@dataclass
class _Core:
    now: int = 0
    cycle: _Cycle = field(default_factory=_Cycle)
    ready: dict[str, int] = field(default_factory=dict)

    def issue(self, i: Instruction) -> None:
        needed = max((self.ready.get(r, 0) for r in i.reads), default=0)
        if i.sums:
            early = 4 if latency(i) == 8 else 3
            needed = max(needed, self.ready.get(i.sums, 0) - early)
        if needed > self.now:
            self.now, self.cycle = needed, _Cycle()
        while not self.cycle.admits(i):
            self.now, self.cycle = self.now + 1, _Cycle()
        self.cycle.take(i)
        busy = occupied(i)
        for register in i.writes:
            self.ready[register] = self.now + latency(i) + busy - 1
        if busy > 1:
            self.now += busy - 1
            self.cycle.last_of(i)


def cycles(block: Sequence[str], rounds: int = 20) -> float:
    """Cycles of one round of `block` (lines of assembly), after as many rounds to get going."""
    core = _Core()
    decoded = [instruction(text) for text in block]
    for _ in range(rounds // 2):
        for i in decoded:
            core.issue(i)
    start = core.now
    for _ in range(rounds - rounds // 2):
        for i in decoded:
            core.issue(i)
    return (core.now - start) / (rounds - rounds // 2)
