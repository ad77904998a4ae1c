"""Build the checker of the C kernels and run it: here, on an emulated CPU, or as a benchmark.

    check.py                                      this machine, every level that its CPU has
    check.py --imitate                            ... and AVX-512 spelled out in AVX2
    check.py --target aarch64-linux-gnu --cpu cortex-a53 --cpu cortex-a76
    check.py --board rpi4                         target and emulator from boards/rpi4.toml
    check.py --sanitize                           with the address and undefined-behaviour sanitizers
    check.py --bench                              GFLOP/s and share of the core's peak

Everything after `--` goes to the checker: names of checks, `--level NAME`, `--rounds N`.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ROOT / "boards" / "targets"


def tool(name: str) -> str:
    """A program that came with this Python, or one from PATH."""
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise SystemExit(f"{name} is needed: pip install {name}")
    return found


def build(target: str = "native", *, sanitize: bool = False, imitate: bool = False, program: str = "checker") -> Path:
    """The path of the checker, or of another program of tests/native.

    Built in build-check-<target>/, with no need of the target's Python.
    """
    folder = ROOT / f"build-check-{target}{'-sanitized' if sanitize else ''}"
    options = ["-Dpython=false", "-Dbuildtype=release"]
    if target != "native":
        options += ["--cross-file", str(TARGETS / f"{target}.ini")]
    if sanitize:
        options += ["-Db_sanitize=address,undefined", "-Db_lundef=false"]
        options += ["-Dc_args=-fno-sanitize-recover=all"]
    program = "checker_imitated" if imitate else program
    again = ["--reconfigure"] if (folder / "build.ninja").exists() else []  # files may have come or gone
    run_quietly([tool("meson"), "setup", *again, str(folder), str(ROOT), *options])
    run_quietly([tool("meson"), "compile", "-C", str(folder), program])
    return folder / "tests" / "native" / program


def run_quietly(command: list[str]) -> None:
    """Run; show the output only of a command that failed."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-6000:]}{done.stderr[-2000:]}")


def wrapper(target: str, cpu: str | None) -> list[str]:
    """The emulator's command of a target, with the CPU that it shall be."""
    if target == "native":
        return []
    text = (TARGETS / f"{target}.ini").read_text()
    found = re.search(r"^exe_wrapper\s*=\s*\[(.*)\]", text, re.MULTILINE)
    words = re.findall(r"'([^']*)'", found.group(1)) if found else []
    return [*words, "-cpu", cpu] if cpu and words else words


def board(name: str) -> tuple[str, str | None]:
    """Target and emulated CPU of boards/<name>.toml."""
    path = ROOT / "boards" / f"{name}.toml"
    if not path.exists():
        raise SystemExit(f"there is no {path}")
    fields = dict(re.findall(r'^(\w+)\s*=\s*"([^"]*)"', path.read_text(), re.MULTILINE))
    cpu = re.search(r"-cpu (\S+)", fields.get("emulator", ""))
    return fields.get("target", "native"), cpu.group(1) if cpu else None


def main() -> int:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--target", default="native", help="native, or a file of boards/targets without .ini")
    parser.add_argument("--cpu", action="append", default=[], help="emulated CPU; may be given several times")
    parser.add_argument("--board", help="a file of boards without .toml")
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--imitate", action="store_true")
    parser.add_argument("--bench", action="store_true")
    parser.add_argument("rest", nargs="*", help="for the checker")
    own = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    arguments = parser.parse_args(own)
    arguments.rest += sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []

    target, cpus = arguments.target, arguments.cpu
    if arguments.board:
        target, cpu = board(arguments.board)
        cpus = [cpu] if cpu else []
    program = build(target, sanitize=arguments.sanitize, imitate=arguments.imitate)
    if target != "native" and "--rounds" not in arguments.rest:
        arguments.rest = ["--rounds", "30", *arguments.rest]  # an emulator is some hundred times slower
    failed = 0
    for cpu in cpus or [None]:
        print(f"== {target} {cpu or ''}", flush=True)
        bench = ["--bench"] if arguments.bench else []
        failed |= subprocess.run([*wrapper(target, cpu), str(program), *bench, *arguments.rest]).returncode
    return int(failed != 0)


if __name__ == "__main__":
    sys.exit(main())
