"""Counts and models as lines and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tools.arm.assembly import disassemble, instruction, multiply_adds
from tools.arm.counts import WHOLE, Counts, Run, by_step
from tools.arm.cycles import CORES, LIMIT, of_blocks

if TYPE_CHECKING:
    from tools.arm.networks import Network

TARGETS = ("aarch64-linux-zig", "aarch64-linux-gnu")
CPUS = ("cortex-a53", "cortex-a72")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "arm.md"
CLASSES = ("fma", "load", "store", "other vector", "integer")


@dataclass(frozen=True)
class Row:
    """One line of the table.  cycles: per core, in millions."""

    network: str
    target: str
    cpu: str
    instructions: float
    classes: Mapping[str, float]
    cycles: Mapping[str, float]
    error: float


@dataclass(frozen=True)
class Block:
    """A block of instructions and what the models say of one round of it."""

    text: list[str]
    address: int
    cycles: Mapping[str, float]

    @property
    def multiply_adds(self) -> int:
        return sum(multiply_adds(t) for t in self.text)


def blocks_of(counts: Counts, needed: Mapping[int, int]) -> dict[int, Block]:
    """The blocks with these numbers, disassembled and modelled."""
    numbers = sorted(needed)
    words = [word for n in numbers for word in counts.words[n]]
    lines = iter(disassemble(words))
    texts = [[next(lines) for _ in counts.words[n]] for n in numbers]
    modelled = of_blocks(texts)
    return {
        n: Block(text, counts.addresses[n], {core: modelled[core][i] for core in CORES})
        for i, (n, text) in enumerate(zip(numbers, texts, strict=True))
    }


def total(blocks: Mapping[int, Block], counts: Mapping[int, int]) -> dict[str, float]:
    """Instructions, multiply-adds, and cycles per core."""
    sums = {"instructions": 0.0, "multiply-adds": 0.0} | dict.fromkeys(CORES, 0.0)
    for number, count in counts.items():
        block = blocks[number]
        sums["instructions"] += count * len(block.text)
        sums["multiply-adds"] += count * block.multiply_adds
        for core in CORES:
            sums[core] += count * block.cycles[core]
    return sums


def _class(text: str) -> str:
    i = instruction(text)
    if multiply_adds(text):
        return "fma"
    if "load" in i.kind or "store" in i.kind:
        return i.kind.split()[-1]
    return "other vector" if i.kind in ("vector", "half", "insert") else "integer"


def measure(network: Network, run: Run, target: str, cpu: str) -> Row:
    """A row from a run, whose output is compared with this machine's."""
    scale = float(np.abs(network.expected).max())
    error = float(np.abs(run.output - network.expected).max()) / scale
    if not error < 1e-4:
        raise SystemExit(f"{network.name}: the output is wrong by {error:.1e} of its largest number")
    counts = run.counts.regions[WHOLE].counts
    blocks = blocks_of(run.counts, counts)
    sums = total(blocks, counts)
    classes = dict.fromkeys(CLASSES, 0.0)
    for number, count in counts.items():
        for text in blocks[number].text:
            classes[_class(text)] += count / 1e6
    cycles = {core: sums[core] / 1e6 for core in CORES}
    return Row(network.name, target, cpu, sums["instructions"] / 1e6, classes, cycles, error)


def line(row: Row) -> str:
    classes = ", ".join(f"{name} {value:.2f}" for name, value in row.classes.items())
    cycles = ", ".join(f"{core} {value:.2f}" for core, value in row.cycles.items())
    return (
        f"{row.network} {row.target} on {row.cpu}: {row.instructions:.2f} M instructions ({classes}); Mcycles {cycles}"
    )


def table(rows: list[Row]) -> str:
    head = ["network", "built by", "as on", "instructions, M", *CLASSES, *(f"{core}, Mcycles" for core in CORES)]
    out = ["| " + " | ".join(head) + " |", "| --- | --- | --- " + "| --: " * (len(head) - 3) + "|"]
    for row in rows:
        numbers = [row.instructions, *row.classes.values(), *row.cycles.values()]
        cells = [row.network, row.target.rpartition("-")[2], row.cpu, *(f"{n:.2f}" for n in numbers)]
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out)


def steps(run: Run) -> str:
    """A line per step, and what share of a core's limit its multiply-adds reach."""
    parts = by_step(run)
    needed = {n: 1 for part in parts for n in part}
    blocks = blocks_of(run.counts, needed)
    out = [
        f"{'operator':10} {'layer':24} {'kinstr':>8} {'kMAC':>8} "
        + " ".join(f"{c + ' kcyc':>10} {'%':>3}" for c in CORES)
    ]
    for (operator, layer), part in zip(run.steps, parts, strict=True):
        sums = total(blocks, part)
        cells = [
            f"{sums[c] / 1e3:10.1f} {100 * sums['multiply-adds'] / sums[c] / LIMIT[c] if sums[c] else 0:3.0f}"
            for c in CORES
        ]
        work = f"{sums['instructions'] / 1e3:8.1f} {sums['multiply-adds'] / 1e3:8.1f}"
        out.append(f"{operator:10} {layer[:24]:24} {work} {' '.join(cells)}")
    return "\n".join(out)


def blocks(run: Run, most: int) -> str:
    """The blocks that take most cycles, with their instructions."""
    counts = run.counts.regions[WHOLE].counts
    known = blocks_of(run.counts, counts)
    hottest = sorted(counts, key=lambda n: -counts[n] * known[n].cycles["A72"])[:most]
    out = []
    for n in hottest:
        block = known[n]
        rates = ", ".join(f"{c} {block.cycles[c]:.1f} cycles" for c in CORES)
        out.append(f"-- {counts[n]} times at {block.address:#x}: {len(block.text)} instructions, "
                   f"{block.multiply_adds} multiply-adds; {rates}")  # fmt: skip
        out += [f"   {text}" for text in block.text]
    return "\n".join(out)


def write(rows: list[Row]) -> None:
    """The table into the page, between its two marks."""
    text = PAGE.read_text()
    begin, end = "<!-- table -->\n", "<!-- end of table -->\n"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{begin}\n{table(rows)}\n\n{end}{after}")
