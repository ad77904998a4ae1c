"""Our runtime against others on the same networks.

    python benchmarks/race.py --threads 1,2 --rounds 7 --json race.json --markdown
    python benchmarks/race.py --networks build/networks --json networks.json --markdown

The first races the networks of Core ML files, the second those that tools/networks made, in which every peer has an
environment of its own.

Every runtime has a process of its own, and all are stopped but the one that runs.  A round gives each of them a turn,
in another order each time, so that a machine that grows warm or busy slows all alike.  A turn's number is the median
of its predictions; the race's numbers are the best and the median of the turns.  A runtime whose outputs are not right
does not start.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from environments import environment
from exported import exported_folders
from machine import machine
from networks import WITHOUT_FOLDER, model_paths, models_folder
from tables import network_tables, race_tables
from worker import EXPORT_PEERS, FILE_PEERS, OURS

HERE = Path(__file__).resolve().parent
ONE_THREAD_LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def running_python(runtime: str) -> str:
    return sys.executable


def own_python(runtime: str) -> str:
    """The Python of a peer's environment; ours is the running one."""
    return sys.executable if runtime in OURS else environment(runtime.removesuffix("-frozen"))


class Racer:
    """A runtime's process; stopped whenever it is not its turn."""

    def __init__(
        self, runtime: str, path: Path, threads: int, worker: str = "worker.py", python: str = sys.executable
    ) -> None:
        self.runtime, self.path = runtime, path
        env = os.environ | dict.fromkeys(ONE_THREAD_LIBRARIES, str(threads))
        self.process = subprocess.Popen(
            [python, "-W", "ignore", str(HERE / worker), runtime, str(path), str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=env,
        )  # fmt: skip
        self.about = self._answer()
        self.turns: list[dict[str, float]] = []
        if not self.impossible:
            self.process.send_signal(signal.SIGSTOP)

    @property
    def impossible(self) -> str:
        return str(self.about.get("impossible", "") or self.about.get("wrong", ""))

    def turn(self, seconds: float) -> None:
        self.process.send_signal(signal.SIGCONT)
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"seconds": seconds}) + "\n")
        answer = self._answer()
        if "impossible" in answer:
            self.about = answer
            return
        self.turns.append(answer)
        self.process.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            return {"impossible": f"its process ended with {self.process.wait()}"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def row(self, threads: int) -> dict[str, Any]:
        medians = [turn["median"] for turn in self.turns]
        return {
            "model": self.path.stem, "threads": threads, "runtime": self.runtime, "note": self.about.get("note", ""),
            "impossible": self.impossible, "wrong": "wrong" in self.about, "turns": medians,
            "best": min(medians, default=None), "median": statistics.median(medians) if medians else None,
        }  # fmt: skip


def race(
    path: Path, runtimes: list[str], threads: int, rounds: int, seconds: float,
    worker: str = "worker.py", python_of: Callable[[str], str] = running_python,
) -> list[Racer]:  # fmt: skip
    """All runtimes on one model; closed again."""
    racers: list[Racer] = []
    try:
        for runtime in runtimes:
            racers.append(Racer(runtime, path, threads, worker, python_of(runtime)))
        running = [racer for racer in racers if not racer.impossible]
        for i in range(rounds):
            first = i % max(len(running), 1)
            for racer in running[first:] + running[:first]:
                if not racer.impossible:
                    racer.turn(seconds)
    finally:
        for racer in racers:
            racer.close()
    return racers


def chosen(text: str, known: tuple[str, ...]) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"{unknown[0]!r} is not known; there are {', '.join(known)}")
    return names or list(known)


def replace(rows: list[dict[str, Any]], new: list[dict[str, Any]], models: list[str]) -> None:
    """Puts one model's rows in place of older ones, in the order of threads and models."""
    places = {(row["model"], row["threads"]) for row in new}
    rows[:] = [row for row in rows if (row["model"], row["threads"]) not in places] + new
    rows.sort(key=lambda row: (row["threads"], models.index(row["model"]) if row["model"] in models else len(models)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", default="1,2", help="numbers of threads, each a race (default 1,2)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of every runtime (default 7)")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a turn (default 0.3)")
    parser.add_argument("--networks", type=Path, help="race the networks of this folder, which tools/networks made")
    parser.add_argument("--models", default="", help="names without ending, with commas between (default all)")
    parser.add_argument("--runtimes", default="", help="with commas between (default all; a wrong one names them)")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    parser.add_argument("--add", action="store_true", help="keep what the file has of other models and threads")
    parser.add_argument("--markdown", action="store_true", help="print tables for docs/performance.md")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without closing the racers, which are stopped
    if options.add and not (options.json and options.json.exists()):
        parser.error("--add needs --json with a file that is there")
    if options.networks:
        paths, known, python_of = exported_folders(options.networks), (OURS[0], *EXPORT_PEERS), own_python
        if not paths:
            parser.error(f"no networks in {options.networks}: python tools/networks makes them")
    else:
        paths, known, python_of = model_paths(), (*OURS, *FILE_PEERS), running_python
        if models_folder() is None:
            print(f"Only our own model: {WITHOUT_FOLDER}", file=sys.stderr)
    runtimes = chosen(options.runtimes, known)
    for runtime in runtimes:
        python_of(runtime)  # environments are made before the clock starts
    result: dict[str, Any] = {
        "machine": machine(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "versions": {},
        "rows": [],
    }
    by_name = {path.stem: path for path in paths}
    if options.add:
        old = json.loads(options.json.read_text())
        result["versions"], result["rows"] = old["versions"], old["rows"]
    for threads in map(int, options.threads.split(",")):
        for name in chosen(options.models, tuple(by_name)):
            print(f"{name}, {threads} threads …", file=sys.stderr, flush=True)
            racers = race(by_name[name], runtimes, threads, options.rounds, options.seconds, python_of=python_of)
            replace(result["rows"], [racer.row(threads) for racer in racers], list(by_name))
            result["versions"] |= {racer.runtime: racer.about["version"] for racer in racers if not racer.impossible}
            if options.json:  # after each: an hour's numbers are not lost with the last model
                options.json.parent.mkdir(parents=True, exist_ok=True)
                options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.markdown or not options.json:
        print("\n".join(network_tables(result) if options.networks else race_tables(result)))


if __name__ == "__main__":
    main()
