"""Cycles of blocks of instructions by the models of three cores."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence

from tools.arm import cortex_a53
from tools.arm.assembly import FEATURES, llvm

CORES = ("A53", "A72", "A76")
LLVM_MODEL = {"A72": "cortex-a57", "A76": "neoverse-n1"}
"""LLVM has tables for these two.  It takes the names cortex-a72 and cortex-a76, and uses the A57's for both."""
LIMIT = {"A53": 4, "A72": 4, "A76": 8}
"""Multiply-adds of single precision that a core can begin in a cycle."""
ROUNDS = 50
_UNKNOWN = ("mrs", "msr", "svc", "dmb", "dsb", "isb", "hint", "dc", "ic", "nop", "udf")


def by_llvm(blocks: Sequence[Sequence[str]], core: str) -> list[float]:
    """Cycles of one round of each block, from 50 rounds in LLVM's model."""
    pieces = []
    for number, block in enumerate(blocks):
        known = [text for text in block if text.split()[0] not in _UNKNOWN] or ["nop"]
        pieces.append(f"# LLVM-MCA-BEGIN b{number}\n" + "\n".join(known) + "\n# LLVM-MCA-END\n")
    command = [
        llvm("llvm-mca"), "-mtriple=aarch64-linux-gnu", f"-mcpu={LLVM_MODEL[core]}", f"-mattr={FEATURES}",
        f"-iterations={ROUNDS}", "-skip-unsupported-instructions=lack-sched", "-json",
    ]  # fmt: skip
    done = subprocess.run(command, input="".join(pieces), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"llvm-mca failed:\n{done.stderr[:2000]}")
    regions = {r["Name"]: r["SummaryView"]["TotalCycles"] / ROUNDS for r in json.loads(done.stdout)["CodeRegions"]}
    return [regions.get(f"b{number}", 0.0) for number in range(len(blocks))]


def of_blocks(blocks: Sequence[Sequence[str]]) -> Mapping[str, list[float]]:
    """Per core, the cycles of one round of each block: blocks do not overlap, nothing misses a cache."""
    known: dict[str, list[float]] = {"A53": [cortex_a53.cycles(block) for block in blocks]}
    return known | {core: by_llvm(blocks, core) for core in LLVM_MODEL}
