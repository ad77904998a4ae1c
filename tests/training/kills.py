"""Kill updates at random moments, let them go on, compare the bits.  A program, so that it may fork: it has one thread.

    python -m tests.training.kills COUNT SEED FOLDER

Each round starts an update in a child, kills it, and perhaps kills those that go on from its checkpoint as well; the
last one runs to its end, and must have the bits of an update that nobody disturbed.  Half of the kills come at a moment
of the clock, uniform over the time that an undisturbed update takes, the others in the middle of writing a checkpoint,
at a random one of its steps.  Prints what was done as JSON; ends with an error where bits differ.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from pyruntime import MLModel, MLModelConfiguration, MLUpdateTask
from pyruntime.spec import messages

from ..layers.network import array, model
from .networks import activation, as_examples, dense, updatable, values

X, Y = values(14, 5, scale=1), values(14, 3, seed=1, scale=1)
EXAMPLES = as_examples(x=X, y_true=Y)
KEYS = ("a:weights", "a:biases", "b:weights", "b:biases")


def network(source: str = "x", **more: Any) -> Any:
    layers = [dense("a", source, "h", 5, 8), activation("tanh", "h", "t"), dense("b", "t", "y", 8, 3)]
    return updatable({source: (5,)}, layers, target=array("y_true", (3,)), exact=True, shuffle=True, **more)


def pipeline(**more: Any) -> Any:
    """A frozen network before the one that learns."""
    front = model({"x": (5,)}, [dense("front", "x", "f", 5, 5, learns=False)], ["f"], exact=True)
    last = network("f", **more)
    spec = messages.Model(specificationVersion=4, isUpdatable=True)
    spec.description.input.extend(front.description.input)
    spec.description.output.extend(last.description.output)
    spec.description.trainingInput.extend([*front.description.input, last.description.trainingInput[1]])
    spec.pipeline.models.extend([front, last])
    spec.pipeline.names.extend(["front", "head"])
    return spec


CASES: dict[str, Callable[[], tuple[Any, str]]] = {
    "momentum": lambda: (network(momentum=0.9, seed=3, epochs=4), ""),
    "adam": lambda: (network(adam=True, rate=0.01, seed=4, epochs=4), ""),
    "pipeline": lambda: (pipeline(momentum=0.5, seed=5, epochs=4), "head/"),
}


@dataclass
class Case:
    """A model to update again and again.  seconds: of an undisturbed update; steps: of its checkpoints' writing."""

    name: str
    folder: Path
    model: MLModel
    scope: str
    wanted: bytes = b""
    seconds: float = 0.0
    steps: int = 0
    done: dict[str, int] = field(default_factory=lambda: {"rounds": 0, "kills": 0, "while writing": 0, "went on": 0})

    @property
    def checkpoint(self) -> Path:
        return self.folder / f"{self.name}.update"

    @property
    def result(self) -> Path:
        return self.folder / f"{self.name}.weights"

    def update(self, die_at: int | None = None) -> NoReturn:
        """In a child: an update from wherever the checkpoint is.  die_at: the step of writing at which it dies."""
        counter = Deadly(die_at)
        went_on = self.checkpoint.exists()
        task = MLUpdateTask(self.model, EXAMPLES, checkpoint=self.checkpoint, checkpoint_seconds=0.0)
        counter.arm()
        task.resume()
        task.wait()
        counter.disarm()
        if task.error:
            print(f"{self.name}: {task.error}", file=sys.stderr, flush=True)
            os._exit(1)
        learned = task.context.model
        self.result.write_bytes(b"".join(learned.parameter_value(self.scope + key).tobytes() for key in KEYS))
        print(json.dumps([counter.count, went_on]), file=open(f"{self.result}.facts", "w"), flush=True)  # noqa: SIM115
        os._exit(0)

    def run(self, rng: random.Random | None) -> bool:
        """A child; with rng one that is killed.  Whether it came to its end."""
        writing = rng is not None and rng.random() < 0.5
        die_at = rng.randrange(self.steps) if rng is not None and writing else None
        child = os.fork()
        if child == 0:
            self.update(die_at)
        if rng is not None and not writing:
            signal.sigtimedwait({signal.SIGCHLD}, rng.uniform(0, self.seconds))  # or until it has ended
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, status
            self.done["kills"] += 1
            self.done["while writing"] += writing
            return False
        assert os.WEXITSTATUS(status) == 0, f"{self.name}: a child failed"
        return True

    def measure(self) -> None:
        """An update that nobody disturbs, twice: the machine may be busy."""
        seconds = []
        for _ in range(2):
            started = time.monotonic()
            assert self.run(None)
            seconds.append(time.monotonic() - started)
        self.seconds = min(seconds)
        self.wanted = self.result.read_bytes()
        self.steps = json.loads(Path(f"{self.result}.facts").read_text())[0]

    def round(self, rng: random.Random) -> None:
        """Kill once or more often, then let it end, and compare."""
        self.result.unlink()
        while signal.sigtimedwait({signal.SIGCHLD}, 0):  # of children before
            pass
        ended = self.run(rng)
        while not ended and rng.random() < 0.4:
            ended = self.run(rng)
        if not ended:
            assert self.run(None)
            self.done["went on"] += json.loads(Path(f"{self.result}.facts").read_text())[1]
        self.done["rounds"] += 1
        assert self.result.read_bytes() == self.wanted, f"{self.name}: other bits"
        assert not list(self.folder.glob(f"*{self.name}.update*")), "a completed update leaves nothing"


class Deadly:
    """Counts the system calls that write a checkpoint; at number `at` the process is killed.

    A write takes several: each has half of the bytes that are left.
    """

    def __init__(self, at: int | None) -> None:
        self.count, self._at, self._kept = 0, at, {}

    def step(self) -> None:
        if self.count == self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1

    def arm(self) -> None:
        for name in ("open", "fsync", "replace", "close", "unlink"):
            self._kept[name] = getattr(os, name)
            setattr(os, name, self._around(self._kept[name]))
        self._kept["write"] = os.write
        os.write = self._torn_write  # type: ignore[assignment]
        self._kept["fdopen"] = os.fdopen
        os.fdopen = lambda *arguments: Torn(self._kept["fdopen"](*arguments), self)  # type: ignore[assignment]

    def disarm(self) -> None:
        for name, function in self._kept.items():
            setattr(os, name, function)

    def _torn_write(self, handle: int, piece: Any) -> int:
        view = memoryview(piece)
        self.step()
        return self._kept["write"](handle, view[: (len(view) + 1) // 2])

    def _around(self, function: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self.step()
            result = function(*arguments, **named)
            self.step()
            return result

        return call


class Torn:
    """A file of which pieces arrive half by half."""

    def __init__(self, file: Any, deadly: Deadly) -> None:
        self._file, self._deadly = file, deadly

    def write(self, piece: Any) -> int:
        half = memoryview(piece).nbytes // 2
        data = bytes(piece)
        self._file.write(data[:half])
        self._file.flush()
        self._deadly.step()
        self._file.write(data[half:])
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Torn:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def cases(folder: Path) -> Iterator[Case]:
    for name, make in CASES.items():
        spec, scope = make()
        opened = MLModel(spec, configuration=MLModelConfiguration(threads=1, cache_folder=None))
        case = Case(name, folder, opened, scope)
        case.measure()
        yield case


def main(count: int, seed: int, folder: Path) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    rng = random.Random(seed)
    made = list(cases(folder))
    while sum(case.done["kills"] for case in made) < count:
        min(made, key=lambda case: case.done["kills"]).round(rng)
    print(json.dumps({case.name: case.done | {"seconds": case.seconds, "steps": case.steps} for case in made}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
