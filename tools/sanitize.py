"""Build the C library with sanitizers and run the kernel checker and the tests on it.

    sanitize.py                         address and undefined behaviour: checker, then tests of the C library
    sanitize.py tests                   the same with all tests (or any files, folders and options of pytest)
    sanitize.py --compiler clang        with another compiler
    sanitize.py --thread                data races: the checker's thread pools, and sessions that share one

Python itself is not built with a sanitizer, so its runtime is loaded before Python (LD_PRELOAD).  Leaks are looked for
in the checker only: Python keeps memory until it ends.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from check import ROOT, run_quietly, tool

TESTS = ("tests/ops", "tests/plan", "tests/exec", "tests/layers", "tests/graphs", "tests/knn")
RUNTIMES = {"gcc": "libasan.so", "clang": f"libclang_rt.asan-{platform.machine()}.so"}

ALWAYS_THIS = '''"""Read by Python at its start: `import pyruntime` means this folder's, whatever else there is."""

import sys
from importlib.machinery import PathFinder
from pathlib import Path


class Sanitized:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, [str(Path(__file__).parent)]) if name == "pyruntime" else None


sys.meta_path[:] = [Sanitized, *(finder for finder in sys.meta_path if type(finder).__name__ != "MesonpyMetaFinder")]
'''
WHICH = "import pyruntime.native._native as module, sys; sys.exit(module.__file__ != sys.argv[1])"


def build(folder: Path, sanitizers: str, compiler: str, *, python: bool, programs: list[str]) -> None:
    """With symbols; any finding ends the program.

    gcc -O2 takes 15 times as long as -O1 for the kernels' unrolled tiles, and clang -O1 100 times as long as -O0.
    """
    arguments = "-fno-sanitize-recover=all -fno-omit-frame-pointer" + (
        " -shared-libasan" if shared(compiler, python) else ""
    )
    options = [
        f"-Db_sanitize={sanitizers}",
        "-Db_lundef=false",
        "-Dbuildtype=debug",
        f"-Doptimization={1 if compiler == 'gcc' else 0}",
        f"-Dpython={str(python).lower()}",
    ]
    options += [f"-Dc_args={arguments}"] + ([f"-Dc_link_args={arguments}"] if shared(compiler, python) else [])
    again = ["--reconfigure"] if (folder / "build.ninja").exists() else []  # files may have come or gone
    run_quietly(["env", f"CC={compiler}", tool("meson"), "setup", *again, str(folder), str(ROOT), *options])
    run_quietly([tool("meson"), "compile", "-C", str(folder)])
    for program in programs:
        run_quietly([tool("meson"), "compile", "-C", str(folder), program])


def shared(compiler: str, python: bool) -> bool:
    """clang puts the runtime into programs; a module for Python needs it as a library."""
    return compiler == "clang" and python


def runtime(compiler: str) -> str:
    """What LD_PRELOAD loads: the sanitizer, and C++'s library, whose exceptions it must find at its start."""
    names = (RUNTIMES[compiler], "libstdc++.so.6")
    found = [
        subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
        for name in names
    ]
    return " ".join(path for path in found if Path(path).is_absolute())


def stage(folder: Path) -> Path:
    """A folder to import from: the package's files with the sanitized module among them."""
    site = folder / "site"
    shutil.rmtree(site, ignore_errors=True)
    native = site / "pyruntime" / "native"
    native.mkdir(parents=True)
    for target, source in ((site / "pyruntime", ROOT / "pyruntime"), (native, ROOT / "pyruntime" / "native")):
        for entry in source.iterdir():
            if entry.name not in ("native", "__pycache__") and not entry.name.startswith("_native"):
                (target / entry.name).symlink_to(entry)
    (native / "_native.abi3.so").symlink_to(folder / "_native.abi3.so")
    (site / "sitecustomize.py").write_text(ALWAYS_THIS)
    (site / "which.py").write_text(WHICH)
    return site


def step(name: str, command: list[str], environment: dict[str, str]) -> bool:
    """Run and say how it went."""
    print(f"== {name}", flush=True)
    start = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, env=os.environ | environment).returncode
    print(f"== {name}: {'passed' if code == 0 else f'FAILED ({code})'} in {time.monotonic() - start:.0f} s", flush=True)
    return code == 0


def address(compiler: str, tests: list[str]) -> bool:
    folder = ROOT / ("build-sanitize" if compiler == "gcc" else f"build-sanitize-{compiler}")
    build(folder, "address,undefined", compiler, python=True, programs=["checker"])
    site = stage(folder)
    preload = runtime(compiler)
    strict = {"UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    # The checker finds a shared runtime by its link; Python gets it before everything else.  SIGABRT, and not an exit,
    # lets pytest say which test it was.
    checker = strict | {"ASAN_OPTIONS": "detect_leaks=1", **({"LD_PRELOAD": preload} if compiler == "clang" else {})}
    python = {
        "UBSAN_OPTIONS": f"{strict['UBSAN_OPTIONS']}:abort_on_error=1",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:abort_on_error=1",
        "LD_PRELOAD": preload, "PYTHONMALLOC": "malloc", "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    module = str(site / "pyruntime/native/_native.abi3.so")
    right = step("the sanitized module is the one in use", [sys.executable, str(site / "which.py"), module], python)
    right &= step("checker", [str(folder / "tests/native/checker"), "--rounds", "40"], checker)
    pytest = [sys.executable, tool("pytest"), "-q", "-p", "no:cacheprovider", "--capture=sys"]
    return right & step("tests", [*pytest, *tests], python)


def thread(compiler: str) -> bool:
    folder = ROOT / ("build-sanitize-thread" if compiler == "gcc" else f"build-sanitize-thread-{compiler}")
    build(folder, "thread", compiler, python=False, programs=["checker", "sharing"])
    programs = folder / "tests" / "native"
    options = {"TSAN_OPTIONS": "halt_on_error=1"}
    right = step("sessions of one context", [str(programs / "sharing")], options)
    return right & step("checker", [str(programs / "checker"), "--rounds", "20"], options)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thread", action="store_true", help="look for data races instead")
    parser.add_argument("--compiler", default="gcc", choices=sorted(RUNTIMES))
    arguments, tests = parser.parse_known_args()
    tests = tests or [test for test in TESTS if (ROOT / test).exists()]
    right = thread(arguments.compiler) if arguments.thread else address(arguments.compiler, tests)
    print("sanitizers: nothing found" if right else "sanitizers: FAILED, see above")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
