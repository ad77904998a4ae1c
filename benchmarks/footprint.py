"""What a runtime costs before the second prediction: size on disk, import, load, first prediction, memory.

    python benchmarks/footprint.py --networks build/networks --rounds 5 --json footprint.json

Every number is of a process of its own in the runtime's own environment, ours included, with one thread; medians of the
rounds.  Load: from the call that opens the file to a runtime that can be asked.  First: the first prediction.  Memory:
the greatest resident size until then, Python and NumPy included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from environments import environment
from exported import FOLDER, exported_folders
from footprint_worker import CACHED, FRESH, MODULES
from machine import machine
from race import ONE_THREAD_LIBRARIES, chosen
from tables import footprint_tables

HERE = Path(__file__).resolve().parent
NETWORKS = ("mobilenet_v2", "resnet50", "bert_base_128")
TOOLS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "wheel")
"""What every environment has and no runtime needs."""


def package(runtime: str) -> str:
    """The environment of a runtime of MODULES."""
    return "pyruntime" if runtime in (CACHED, FRESH) else runtime.removesuffix("-frozen")


def installed(python: str) -> dict[str, int]:
    """Bytes of everything installed beside this Python, and of NumPy in it."""
    words = [python, "-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]
    found = Path(subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip())
    sizes = {entry.name: _bytes(entry) for entry in found.iterdir() if entry.name.split("-")[0] not in TOOLS}
    numpy = sum(size for name, size in sizes.items() if name.split("-")[0].split(".")[0] == "numpy")
    return {"bytes": sum(sizes.values()), "numpy": numpy}


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir())


def start(runtime: str, folder: Path, cache: Path) -> dict[str, Any]:
    """One process: {"import", "load", "first", "warm"} in seconds, "peak" in bytes, or {"impossible"}."""
    env = os.environ | dict.fromkeys(ONE_THREAD_LIBRARIES, "1") | {"XDG_CACHE_HOME": str(cache)}
    words = [environment(package(runtime)), "-W", "ignore", str(HERE / "footprint_worker.py"), runtime, str(folder)]
    done = subprocess.run(words, env=env, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return {"impossible": f"its process ended with {done.returncode}"}
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def measure(runtimes: list[str], folder: Path, rounds: int, cache: Path) -> list[dict[str, Any]]:
    """A row per runtime; the first start of each only brings files into memory, and fills our cache."""
    starts: dict[str, list[dict[str, Any]]] = {runtime: [] for runtime in runtimes}
    for i in range(rounds + 1):
        for runtime, found in starts.items():
            if i < 2 or "impossible" not in found[0]:
                found[max(0, i - 1) :] = [start(runtime, folder, cache)]
    rows = []
    for runtime, found in starts.items():
        row: dict[str, Any] = {"network": folder.name, "runtime": runtime, "impossible": found[0].get("impossible", "")}
        if not row["impossible"]:
            row |= {key: statistics.median(one[key] for one in found) for key in found[0]}
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=Path, default=FOLDER, help="made by tools/networks (default build/networks)")
    parser.add_argument("--models", default=",".join(NETWORKS), help=f"default {','.join(NETWORKS)}")
    parser.add_argument("--runtimes", default="", help=f"of {', '.join(MODULES)} (default all)")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each kind (default 5)")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    options = parser.parse_args()
    folders = {folder.name: folder for folder in exported_folders(options.networks)}
    runtimes = chosen(options.runtimes, tuple(MODULES))
    result: dict[str, Any] = {"machine": machine(), "rounds": options.rounds, "rows": []}
    result["installed"] = {runtime: installed(environment(package(runtime))) for runtime in runtimes}
    with tempfile.TemporaryDirectory(prefix="footprint-") as cache:
        for name in chosen(options.models, tuple(folders)):
            print(f"{name} …", file=sys.stderr, flush=True)
            result["rows"] += measure(runtimes, folders[name], options.rounds, Path(cache))
            if options.json:
                options.json.parent.mkdir(parents=True, exist_ok=True)
                options.json.write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(footprint_tables(result)))


if __name__ == "__main__":
    main()
