"""Everything that docs/performance.md reports, measured one after the other, and the pages written.

    python benchmarks [--quick]

Wants a quiet machine for an hour, and as much before it for the networks and the peers' environments, which are made
the first time.  --quick only shows that the programs work.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from exported import FOLDER

HERE = Path(__file__).resolve().parent
QUICK_NETWORK = "squeezenet11"
QUICK = ["--rounds", "2", "--seconds", "0.05"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few and short turns; the pages stay as they are")
    parser.add_argument(
        "--out", type=Path, default=Path("build/bench"), help="folder for the numbers (default build/bench)"
    )
    parser.add_argument(
        "--networks", type=Path, default=FOLDER, help="folder for the networks that race (default build/networks)"
    )
    options = parser.parse_args()
    out: Path = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    quick: bool = options.quick
    made = _networks(options.networks.resolve(), out, quick)
    turns, rounds = (QUICK, ["--rounds", "3"]) if quick else ([], [])
    timing = ["--benchmark-max-time=0.2"] if quick else []
    start, race, training, neighbors = (out / f"{name}.json" for name in ("start", "race", "training", "neighbors"))
    _run(HERE / "start.py", *rounds, "--json", start)
    _run(
        "-m",
        "pytest",
        HERE,
        "--benchmark-only",
        "--benchmark-columns=min,median,rounds",
        f"--benchmark-json={out / 'pytest.json'}",
        *timing,
    )
    _run(HERE / "race.py", *turns, "--json", race, "--markdown")
    _run(HERE / "training.py", *turns, "--json", training)
    _run(HERE / "neighbors.py", *(["--case", "64x1000x1", *rounds] if quick else []), "--json", neighbors)
    if quick:
        return
    if os.environ.get("PYRUNTIME_MODELS") and os.environ.get("PYRUNTIME_DATA"):
        _run(HERE / "accuracy.py", "--write")
    else:
        print("accuracy.py is left out: PYRUNTIME_MODELS and PYRUNTIME_DATA are not both set", file=sys.stderr)
    _run(HERE / "report.py", *made, start, race, training, neighbors, out / "pytest.json")


def _networks(folder: Path, out: Path, quick: bool) -> list[Path]:
    """Builds the networks of tools/networks, and measures what is measured on them; the files with the numbers."""
    files = [out / f"{name}.json" for name in ("networks", "footprint", "busy")]
    only = ["--networks", QUICK_NETWORK, "--formats", "coreml,onnx"] if quick else []
    _run(HERE.parent / "tools/networks", "--out", folder, *only, may_fail=True)  # what failed is told in the tables
    common = ["--networks", folder, *(["--models", QUICK_NETWORK] if quick else [])]
    some = ["--runtimes", "pyruntime,onnxruntime"] if quick else []
    _run(HERE / "race.py", *common, *some, *(QUICK if quick else []), "--json", files[0], "--markdown")
    fewer = ["--runtimes", "onnxruntime", "--rounds", "1"] if quick else []
    _run(HERE / "footprint.py", *common, *fewer, "--json", files[1])
    if len(os.sched_getaffinity(0)) < 2:
        print("busy.py is left out: there is only one core to use", file=sys.stderr)
        return files[:2]
    _run(HERE / "busy.py", *common, *some, *(QUICK if quick else []), "--json", files[2])
    return files


def _run(*arguments: str | Path, may_fail: bool = False) -> None:
    # from this folder: `-m` puts the current one first, and in the source tree `pyruntime` has no library
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=HERE)
    if done.returncode and not may_fail:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
