"""One runtime with one network in a process of its own: times what race.py asks for.

Speaks lines of JSON: first {"note", "version"} or {"impossible"}, then for each {"seconds"} read one {"median",
"best", "runs"}.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from networks import Entry, open_network
from peers.network import Array, Unwritable
from peers.read import read_network
from peers.runtimes import PEERS

OURS = ("pyruntime", "pyruntime-predict")
RUNTIMES = (*OURS, *PEERS)
PACKAGES = {"pyruntime": "pyruntime-edge", "pyruntime-predict": "pyruntime-edge", "torch-frozen": "torch"}
TOLERANCE = 1e-3
"""Greatest difference of an output from ours, relative to its greatest magnitude."""
SAME_INDICES = 0.999
"""Share of arg-max results that must be the same: where two scores tie within rounding, either index is right."""
MIN_RUNS = 3


def open_runtime(name: str, path: Path, threads: int) -> tuple[Callable[[], Any], str]:
    """A call that predicts once, and a note.  Raises Unwritable, or ValueError when a peer computes something else."""
    if name in OURS:
        entry = open_network(path, threads)
        if name == "pyruntime-predict":
            return lambda: entry.model.predict(entry.features), ""
        session, outputs = entry.engine.session(), len(entry.engine.program.outputs)
        return lambda: session.run(entry.arrays, outputs), ""
    network, entry = read_network(path, threads)
    scores = network.without_arg_max()
    if scores is not network:
        opened = PEERS[name](scores, threads)
        opened.run()
        compare(name, entry, scores.outputs, opened.results())
    opened = PEERS[name](network, threads)
    opened.run()
    compare(name, entry, entry.engine.program.outputs, opened.results())
    return opened.run, opened.note


def compare(peer: str, entry: Entry, blobs: tuple[str, ...], got: list[Array]) -> None:
    """Raises ValueError unless the peer's outputs are ours."""
    for blob, a, b in zip(blobs, entry.blobs(blobs), got, strict=True):
        a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
        if a.size != b.size:
            raise ValueError(f"{peer}, {blob}: {b.size} numbers, ours are {a.size}")
        if np.issubdtype(got[0].dtype, np.integer):
            same = float((a == b).mean())
            if same < SAME_INDICES:
                raise ValueError(f"{peer}, {blob}: only {same:.4%} of the indices are ours")
            continue
        error = float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-30))
        if not error < TOLERANCE:
            raise ValueError(f"{peer}, {blob}: relative difference from ours {error:.2e}, allowed {TOLERANCE}")


def measure(run: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Calls for so many seconds, after a tenth of that to warm up; at least MIN_RUNS."""
    stop = time.perf_counter() + seconds / 10
    run()
    while time.perf_counter() < stop:
        run()
    times: list[float] = []
    stop = time.perf_counter() + seconds
    while len(times) < MIN_RUNS or time.perf_counter() < stop:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return {"median": statistics.median(times), "best": min(times), "runs": len(times)}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # libraries that talk do not talk into the answers
    name, path, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    try:
        run, note = open_runtime(name, path, threads)
    except Unwritable as reason:
        print(json.dumps({"impossible": str(reason)}), file=answers)
        return
    except ModuleNotFoundError as missing:
        print(json.dumps({"impossible": f"{missing.name} is not installed"}), file=answers)
        return
    print(json.dumps({"note": note, "version": metadata.version(PACKAGES.get(name, name))}), file=answers)
    for line in sys.stdin:
        print(json.dumps(measure(run, json.loads(line)["seconds"])), file=answers)


if __name__ == "__main__":
    main()
