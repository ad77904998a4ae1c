"""One library with one training task in a process of its own: times what training.py asks for, see worker.py."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from tasks import TASKS, onnx_step, our_step, torch_step
from worker import measure

VARIANTS = {"torch": "eager", "torch-channels-last": "channels_last", "torch-compiled": "compiled"}
ONNX = "onnxruntime-training"
LIBRARIES = ("pyruntime", *VARIANTS, ONNX)
LOSSES = 3
"""Of the first steps, told so that training.py can compare them."""


def open_step(name: str, task: str, threads: int) -> Callable[[], float]:
    """A call that makes one step and gives its loss."""
    if name == "pyruntime":
        return our_step(TASKS[task], threads)[0]
    if name == ONNX:
        return onnx_step(TASKS[task], threads)
    return torch_step(TASKS[task], threads, VARIANTS[name])


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    name, task, threads = sys.argv[1], Path(sys.argv[2]).stem, int(sys.argv[3])
    try:
        step = open_step(name, task, threads)
    except ModuleNotFoundError as missing:
        print(json.dumps({"impossible": f"{missing.name} is not installed"}), file=answers)
        return
    version = metadata.version({"pyruntime": "pyruntime-edge", ONNX: ONNX}.get(name, "torch"))
    losses = [step() for _ in range(LOSSES)]
    print(json.dumps({"note": "", "version": version, "losses": losses}), file=answers)
    for line in sys.stdin:
        turn = measure(step, json.loads(line)["seconds"])
        print(json.dumps(turn | {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}), file=answers)


if __name__ == "__main__":
    main()
