"""Everything that docs/performance.md reports, measured one after the other, and the page written.

    python benchmarks [--quick]

Wants a quiet machine for a quarter of an hour or more; --quick only shows that the programs work.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few and short turns; docs/performance.md stays as it is")
    parser.add_argument(
        "--out", type=Path, default=Path("build/bench"), help="folder for the numbers (default build/bench)"
    )
    options = parser.parse_args()
    out: Path = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    files = [out / f"{name}.json" for name in ("race", "start", "pytest", "training")]
    race = ["--rounds", "2", "--seconds", "0.05"] if options.quick else []
    rounds = ["--rounds", "3"] if options.quick else []
    timing = ["--benchmark-max-time=0.2"] if options.quick else []
    _run(HERE / "start.py", *rounds, "--json", files[1])
    _run(
        "-m",
        "pytest",
        HERE,
        "--benchmark-only",
        "--benchmark-columns=min,median,rounds",
        f"--benchmark-json={files[2]}",
        *timing,
    )
    _run(HERE / "race.py", *race, "--json", files[0], "--markdown")
    _run(HERE / "training.py", *race, "--json", files[3])
    if not options.quick:
        _run(HERE / "report.py", *files)


def _run(*arguments: str | Path) -> None:
    # from this folder: `-m` puts the current one first, and in the source tree `pyruntime` has no library
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=HERE)
    if done.returncode:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
