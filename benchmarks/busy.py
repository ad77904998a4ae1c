"""Predictions while another process takes one core away, as on a board that does something else too.

    python benchmarks/busy.py --networks build/networks --json busy.json

Each runtime with one thread and with one per core on a quiet machine, then with one per core while a process counts on
one of them.  Turns and processes are those of race.py.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exported import FOLDER, exported_folders
from machine import machine
from race import chosen, own_python, race
from tables import busy_tables
from worker import EXPORT_PEERS, OURS

NETWORKS = ("mobilenet_v2", "resnet50", "minilm_128")
COUNTER = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"


@contextlib.contextmanager
def taken(core: int) -> Iterator[None]:
    """A core with a process on it that never rests."""
    process = subprocess.Popen([sys.executable, "-c", COUNTER, str(core)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=Path, default=FOLDER, help="made by tools/networks (default build/networks)")
    parser.add_argument("--models", default=",".join(NETWORKS), help=f"default {','.join(NETWORKS)}")
    parser.add_argument("--runtimes", default="", help=f"of {', '.join((OURS[0], *EXPORT_PEERS))} (default all)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every runtime (default 5)")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a turn (default 0.5)")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without closing the racers, which are stopped
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        parser.error("there is only one core to use, and none can be taken away")
    folders = {folder.name: folder for folder in exported_folders(options.networks)}
    runtimes = chosen(options.runtimes, (OURS[0], *EXPORT_PEERS))
    result: dict[str, Any] = {
        "machine": machine(), "threads": len(cores), "rounds": options.rounds, "seconds": options.seconds, "rows": [],
    }  # fmt: skip
    for name in chosen(options.models, tuple(folders)):
        print(f"{name} …", file=sys.stderr, flush=True)
        for how, threads in (("one", 1), ("all", len(cores)), ("busy", len(cores))):
            with taken(cores[0]) if how == "busy" else contextlib.nullcontext():
                racers = race(
                    folders[name], runtimes, threads, options.rounds, options.seconds, python_of=own_python
                )  # fmt: skip
            result["rows"] += [racer.row(threads) | {"how": how} for racer in racers]
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(busy_tables(result)))


if __name__ == "__main__":
    main()
