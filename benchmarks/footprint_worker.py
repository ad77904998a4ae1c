"""One runtime, opened once, in a process of its own: what footprint.py asks for, as a line of JSON."""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exported import ExportedNetwork, read_exported
from peers.network import Unwritable
from peers.runtimes import PEERS

FRESH, CACHED = "pyruntime, first time", "pyruntime"
MODULES = {
    CACHED: "pyruntime", FRESH: "pyruntime", "onnxruntime": "onnxruntime", "openvino": "openvino", "ncnn": "ncnn",
    "mnn": "MNN", "litert": "ai_edge_litert.interpreter",
    "executorch": "executorch.extension.pybindings.portable_lib", "torch-frozen": "torch",
}  # fmt: skip
"""Runtimes and the module of each.  CACHED opens a model that was opened before, as every start but the first does."""
WARM = 5


def clock() -> float:
    return time.perf_counter()


def open_network(runtime: str, network: ExportedNetwork) -> Callable[[], Any]:
    """A call that predicts."""
    if runtime not in (FRESH, CACHED):
        return PEERS[runtime](network, 1).run
    import pyruntime

    changed = {"cache_folder": None} if runtime == FRESH else {}
    configuration = pyruntime.MLModelConfiguration(threads=1, **changed)
    model = pyruntime.MLModel(network.file("model.mlmodel"), configuration=configuration)
    features = dict(network.inputs)
    return lambda: model.predict(features)


def peak() -> int:
    """Bytes; of this process only, which getrusage's number is not right after a fork."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # libraries that talk do not talk into the answer
    runtime, network = sys.argv[1], read_exported(Path(sys.argv[2]))
    begin = clock()
    importlib.import_module(MODULES[runtime])
    imported = clock()
    try:
        run = open_network(runtime, network)
    except Unwritable as reason:
        print(json.dumps({"impossible": str(reason)}), file=answers)
        return
    opened = clock()
    run()
    done, memory = clock(), peak()
    warm = []
    for _ in range(WARM):
        start = clock()
        run()
        warm.append(clock() - start)
    times = {"import": imported - begin, "load": opened - imported, "first": done - opened}
    print(json.dumps(times | {"warm": statistics.median(warm), "peak": memory}), file=answers)


if __name__ == "__main__":
    main()
