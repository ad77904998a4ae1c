"""Steps of training against PyTorch (eager, channels last, compiled) and ONNX Runtime.

    python benchmarks/training.py --threads 1,2 --rounds 7

Turns and processes are those of race.py.  A step is forward, loss, gradients and the optimizer on a mini-batch that
lies ready; all sides start from the same weights, and their first losses are compared.  Memory is the peak of the
process, Python and the library included.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

from environments import environment
from machine import machine
from race import Racer, chosen, race
from tables import training_tables
from tasks import TASKS
from training_worker import LIBRARIES, ONNX

SAME_LOSSES = 1e-3
"""Greatest relative difference of the first losses from ours."""
COMPARED = {"torch-compiled": 1, "onnxruntime-training": 1}
"""Losses that are compared, 3 for the others.  PyTorch's compiled step differs from its own eager step: their second
losses differ by 0.3 %.  ONNX Runtime's Adam decays weights."""


def compare(racers: list[Racer]) -> None:
    """Whether all train the same thing.  Raises SystemExit."""
    ours = next((racer.about["losses"] for racer in racers if racer.runtime == "pyruntime"), None)
    for racer in racers:
        for i in range(COMPARED.get(racer.runtime, 3) if ours and not racer.impossible else 0):
            theirs = racer.about["losses"][i]
            if not abs(ours[i] - theirs) <= SAME_LOSSES * abs(ours[i]):
                raise SystemExit(f"{racer.runtime}, {racer.path.stem}: loss of step {i} is {theirs}, ours {ours[i]}")


def python_of(library: str) -> str:
    """ONNX Runtime's training needs other versions of libraries than we."""
    return environment(library) if library == ONNX else sys.executable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", default="1,2", help="numbers of threads, each a race (default 1,2)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of every library (default 7)")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a turn (default 0.5)")
    parser.add_argument("--tasks", default="", help=f"of {', '.join(TASKS)} (default all)")
    parser.add_argument("--libraries", default="", help=f"of {', '.join(LIBRARIES)} (default all)")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without closing the processes, which are stopped
    counts = [int(count) for count in options.threads.split(",")]
    rows: list[dict[str, Any]] = []
    facts = machine()
    for threads in counts:
        for task in chosen(options.tasks, tuple(TASKS)):
            print(f"{task}, {threads} threads …", file=sys.stderr, flush=True)
            libraries = chosen(options.libraries, LIBRARIES)
            racers = race(
                Path(task), libraries, threads, options.rounds, options.seconds, "training_worker.py", python_of
            )  # fmt: skip
            compare(racers)
            for racer in racers:
                peak = max((turn["peak"] for turn in racer.turns), default=None)
                rows.append(racer.row(threads) | {"peak": peak})
    result = {"machine": facts, "rounds": options.rounds, "seconds": options.seconds, "rows": rows}
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(training_tables(result)))


if __name__ == "__main__":
    main()
