"""coremltools' own tests, run on Linux with pyruntime in the place of Core ML.

    python tools/conformance                    the set `core`: layers, models, pipelines
    python tools/conformance layers -k topk     one group, some of its tests
    python tools/conformance all --write        everything, and the page docs/conformance.md
    python tools/conformance all --resume       what is not in build/conformance-results yet
    python tools/conformance all --failed       only the tests that failed last time; their verdicts are replaced
    python tools/conformance fast --here        in the running Python's environment, whatever versions it has

The first run makes an environment of its own (build/conformance, some minutes): the suite needs NumPy 1 and old
releases of other libraries.  Nothing of the suite is stored here: it comes with coremltools' wheel.  Results of whole
groups are kept in build/conformance-results, so a run of hours may be stopped; the page is made of all that are there.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from groups import GROUPS, SETS  # noqa: E402
from report import Result, keep, kept, page, read_results, replaced, table  # noqa: E402

ENVIRONMENT = ROOT / "build" / "conformance"
RESULTS = ROOT / "build" / "conformance-results"


def environment() -> Path:
    """The Python of the suite's environment, made when it is not there; pyruntime in it is this checkout's."""
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / "complete").exists():
        print(f"Making {ENVIRONMENT.relative_to(ROOT)} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
        (ENVIRONMENT / "complete").touch()
    print("Installing pyruntime …", flush=True)
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-deps", "-Cbuild-dir=build/conformance-package", ROOT], check=True
    )
    return python


def suite_folder(python: Path) -> Path:
    """Where that Python has coremltools."""
    code = "import importlib.util as u; print(u.find_spec('coremltools').submodule_search_locations[0])"
    return Path(subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip())


def run_group(name: str, python: Path, suite: Path, options: argparse.Namespace, tests: Sequence[str] = ()) -> Result:
    """One pytest process for one group, or for these tests of it."""
    group = GROUPS[name]
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results.jsonl"
        results.touch()
        variables = {
            **os.environ, **group.environment, "OMP_NUM_THREADS": "1", "TMPDIR": scratch,
            "PYTHONDONTWRITEBYTECODE": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CONFORMANCE_RESULTS": str(results),
            "CONFORMANCE_MOST_PER_FUNCTION": str(options.most), "CONFORMANCE_OFFSET": str(options.offset),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")])),
        }  # fmt: skip
        command = [
            str(python), "-m", "pytest", "-q", "--no-header", "--tb=line", "-p", "plugin", "-p", "no:cacheprovider",
            "-c", os.devnull, "--rootdir", str(suite), "--continue-on-collection-errors",
            f"--timeout={options.timeout}", "-W", "ignore",
            *(["-k", options.k] if options.k else []),
            *(str(suite / path) for path in tests or group.paths),
            *(f"--ignore={suite / path}" for path in group.without),
        ]  # fmt: skip
        start = time.monotonic()
        done = subprocess.run(command, cwd=scratch, env=variables, capture_output=True, text=True)
        result = read_results(name, results, time.monotonic() - start, options.most)
        if not result.finished:
            print(done.stdout[-3000:], done.stderr[-3000:], sep="\n")
        return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", default=["core"], help=f"{', '.join((*SETS, *GROUPS))}; default: core")
    parser.add_argument("-k", help="only tests whose names match, as pytest -k")
    parser.add_argument(
        "--most", type=int, default=0, metavar="N", help="at most N variants of a test function, evenly spread"
    )
    parser.add_argument(
        "--timeout",
        type=int,
        default=120,
        metavar="SECONDS",
        help="for one test; sklearn and xgboost have some that train and convert hundreds of trees",
    )
    parser.add_argument(
        "--here", action="store_true", help="use the running Python instead of an environment of its own"
    )
    parser.add_argument(
        "--offset", type=float, default=0, help="add this to every prediction: proof that tests can fail"
    )
    parser.add_argument("--failed", action="store_true", help="only tests that failed in the results that are kept")
    parser.add_argument("--resume", action="store_true", help="leave out groups whose results are kept")
    parser.add_argument("--write", action="store_true", help="write docs/conformance.md of all results that are kept")
    options = parser.parse_args()
    names = [name for word in options.groups for name in SETS.get(word, (word,))]
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        parser.error(f"no group {unknown[0]}; there are {', '.join((*SETS, *GROUPS))}")
    if options.here and importlib.util.find_spec("coremltools") is None:
        parser.error("coremltools is not installed here; without --here an environment with it is made")
    python = Path(sys.executable) if options.here else environment()
    suite = suite_folder(python)
    whole = not options.k and not options.offset
    results = []
    for name in names:
        if options.resume and kept(RESULTS, name):
            print(f"{name}: kept")
            continue
        before = kept(RESULTS, name) if options.failed else None
        if options.failed and (before is None or not before.failures):
            continue
        failed = [failure.test for failure in before.failures] if before else []
        results.append(run_group(name, python, suite, options, failed))
        if before and results[-1].finished:
            results[-1] = replaced(before, results[-1])
        if whole and results[-1].finished:
            keep(RESULTS, results[-1])
        print(table(results[-1:], head=len(results) == 1), flush=True)
        for failure in results[-1].failures:
            print(
                f"    {failure.test.split('::', 1)[-1]}: {failure.crash.splitlines()[0][:160] if failure.crash else ''}"
            )
    if options.write:
        found = [result for name in GROUPS if (result := kept(RESULTS, name))]
        (ROOT / "docs" / "conformance.md").write_text(page(found), encoding="utf-8")
    return 0 if all(result.finished and not result.failures for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
