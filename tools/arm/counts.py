"""Counted instructions: builds the runner for the target and the plugin for the emulator, and reads what it wrote."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tools import check

if TYPE_CHECKING:
    from tools.arm.networks import Network

HERE = Path(__file__).resolve().parent
WHOLE, STEPS = 1, 2
"""Regions of runner.c: one prediction, and one with a mark around each step."""


@dataclass
class Region:
    """How often blocks ran, by number; `parts` of it in their order."""

    parts: list[dict[int, int]] = field(default_factory=list)

    @property
    def counts(self) -> dict[int, int]:
        total: dict[int, int] = {}
        for part in self.parts:
            for number, count in part.items():
                total[number] = total.get(number, 0) + count
        return total


@dataclass
class Counts:
    """A file of counting.c: regions by number, and the blocks' addresses and words."""

    regions: dict[int, Region] = field(default_factory=dict)
    addresses: dict[int, int] = field(default_factory=dict)
    words: dict[int, list[int]] = field(default_factory=dict)


def parse(lines: Iterable[str]) -> Counts:
    """Reads what counting.c writes.  Raises ValueError for anything else."""
    counts = Counts()
    part: dict[int, int] = {}
    for line in lines:
        match line.split():
            case ["region", region, _]:
                part = {}
                counts.regions.setdefault(int(region), Region()).parts.append(part)
            case ["block", number, address, code]:
                counts.addresses[int(number)] = int(address, 16)
                counts.words[int(number)] = [int(code[i : i + 8], 16) for i in range(0, len(code), 8)]
            case [number, count]:
                part[int(number)] = int(count)
            case _:
                raise ValueError(f"not a line of counts: {line!r}")
    return counts


@dataclass(frozen=True)
class Run:
    """One network on one emulated core."""

    counts: Counts
    steps: list[tuple[str, str]]
    output: NDArray[np.float32]
    program: Path


def run(network: Network, target: str, cpu: str) -> Run:
    """Count a prediction of `network` with the library built for `target` (boards/targets) on the emulated `cpu`."""
    emulator = shutil.which("qemu-aarch64")
    if emulator is None:
        raise SystemExit("qemu-aarch64 with plugins is needed: apt install --no-install-recommends qemu-user")
    program = check.build(target, program="arm_runner")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plugin = _plugin(folder)
        files = [folder / part for part in ("plan", "weights", "input", "output")]
        for path, data in zip(files, (network.plan, network.weights, network.input), strict=False):
            path.write_bytes(data.tobytes())
        command = [emulator, *check.wrapper(target, cpu)[1:], "-plugin", f"{plugin},out={folder / 'counts'}"]
        command += [str(program), *map(str, files)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        with (folder / "counts").open() as lines:
            counts = parse(lines)
        steps = [(op, layer) for op, _, layer in (line.partition(" ") for line in done.stdout.splitlines())]
        return Run(counts, steps, np.fromfile(files[3], np.float32), program)


def _plugin(folder: Path) -> Path:
    """The plugin, built for this machine."""
    out = folder / "counting.so"
    compiler = os.environ.get("CC", "cc")
    check.run_quietly([*compiler.split(), "-O2", "-shared", "-fPIC", str(HERE / "counting.c"), "-o", str(out)])
    return out


def by_step(run: Run) -> list[dict[int, int]]:
    """The blocks of each step: the clock is read before and after it."""
    parts = run.counts.regions[STEPS].parts
    ran = parts[1::2]
    if len(parts) != 2 * len(run.steps) + 1:
        raise SystemExit(f"{len(run.steps)} steps read the clock {len(parts) - 1} times")
    return ran
