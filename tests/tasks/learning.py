"""An update in the background: files, a scheduler on an idle board, and a process that dies at a chosen moment."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pyruntime import MLModel
from pyruntime.spec import save_spec
from pyruntime.tasks import schedule_update, updates
from pyruntime.update.checkpoint import CheckpointFile

from ..layers.network import array
from ..training.networks import activation, dense, updatable
from .fake import FakeScheduler

EPOCHS = 6
KEYS = ("a:weights", "a:biases", "b:weights", "b:biases")


def make_files(folder: Path) -> None:
    """Model.mlmodel, a network without a seed that shuffles, and 10 examples in data.jsonl."""
    layers = [dense("a", "x", "h", 5, 8), activation("tanh", "h", "t"), dense("b", "t", "y", 8, 3)]
    spec = updatable(
        {"x": (5,)}, layers, target=array("y_true", (3,)), exact=True, shuffle=True, epochs=EPOCHS, momentum=0.9
    )
    save_spec(spec, folder / "Model.mlmodel")
    write_data(folder / "data.jsonl", 10)


def write_data(path: Path, count: int) -> None:
    rng = np.random.default_rng(3)
    rows = [{"x": rng.normal(size=5).tolist(), "y_true": rng.normal(size=3).tolist()} for _ in range(count)]
    path.write_text("\n".join(map(json.dumps, rows)))


def submit(scheduler: FakeScheduler, folder: Path, output: str = "Mine.mlmodelc", **more: Any) -> Any:
    """Checkpoints after every mini-batch."""
    more = {"checkpoint_seconds": 0.0, "parameters": {"seed": 7}} | more
    model = more.pop("model", "Model.mlmodel")
    return schedule_update(
        folder / model, folder / "data.jsonl", folder / output, scheduler=scheduler, **more
    )  # fmt: skip


def weights(path: Path) -> list[bytes]:
    model = MLModel(path)
    return [model.parameter_value(key).tobytes() for key in KEYS]


MOMENTS = ("before the first checkpoint", "after 1", "after 9", "learned", "written")


def die_at(moment: str) -> None:
    """Let this process be killed at a moment of the update."""

    def die(*_: Any, **__: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    if moment == "learned":
        updates._write = die
    elif moment == "written":
        updates._write = _then(updates._write, die, 1)
    elif moment.startswith("after"):
        CheckpointFile.save = _then(CheckpointFile.save, die, int(moment.split()[1]))  # type: ignore[method-assign]
    else:
        CheckpointFile.save = die  # type: ignore[method-assign]


def _then(function: Callable[..., Any], die: Callable[[], Any], count: int) -> Callable[..., Any]:
    calls = []

    def wrapped(*args: Any, **more: Any) -> Any:
        result = function(*args, **more)
        calls.append(1)
        if len(calls) == count:
            die()
        return result

    return wrapped


def main(folder: Path) -> None:
    """One process per moment, forked before anything runs; prints which signal ended each."""
    for i, moment in enumerate(MOMENTS):
        place = folder / str(i)
        child = os.fork()
        if not child:
            place.mkdir()
            make_files(place)
            if moment == "written":  # in place: learning twice would show
                (place / "Model.mlmodel").rename(place / "Mine.mlmodel")
            scheduler = FakeScheduler(place)
            submit(scheduler, place, **IN_PLACE if moment == "written" else {})
            die_at(moment)
            scheduler.run_pending()
            os._exit(0)
        print(os.WTERMSIG(os.waitpid(child, 0)[1]))


IN_PLACE = {"model": "Mine.mlmodel", "output": "Mine.mlmodel"}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
