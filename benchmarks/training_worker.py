"""One library with one training task in a process of its own: times what training.py asks for, see worker.py."""

from __future__ import annotations

import json
import os
import sys
from importlib import metadata
from pathlib import Path

from tasks import TASKS, onnx_step, our_step, torch_step
from worker import measure

VARIANTS = {"torch": "eager", "torch-channels-last": "channels_last", "torch-compiled": "compiled"}
ONNX = "onnxruntime-training"
LIBRARIES = ("pyruntime", *VARIANTS, ONNX)
SAME_LOSSES = 1e-3
"""Greatest relative difference of the first losses from ours."""
COMPARED = {"torch-compiled": 1, ONNX: 1}
"""Losses that are compared, 3 for the others.  PyTorch's compiled step differs from its own eager step: their second
losses differ by 0.3 %.  ONNX Runtime's Adam decays weights."""


def open_step(name: str, task: str, threads: int):  # type: ignore[no-untyped-def]
    """A call that makes one step.  Raises ValueError when the library trains something else."""
    ours, _, _ = our_step(TASKS[task], threads)
    if name == "pyruntime":
        return ours
    step = onnx_step(TASKS[task], threads) if name == ONNX else torch_step(TASKS[task], threads, VARIANTS[name])
    for i in range(COMPARED.get(name, 3)):
        mine, theirs = ours(), step()
        if not abs(mine - theirs) <= SAME_LOSSES * abs(mine):
            raise ValueError(f"{name}, {task}: loss of step {i} is {theirs}, ours {mine}")
    return step


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
    print(json.dumps({"note": "", "version": version}), file=answers)
    for line in sys.stdin:
        print(json.dumps(measure(step, json.loads(line)["seconds"])), file=answers)


if __name__ == "__main__":
    main()
