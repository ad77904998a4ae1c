"""Builds the C library with every C compiler found, warnings being errors: `tools/compilers.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILERS = ("gcc", "clang")


def build(compiler: str) -> int:
    """Configure if need be, build, and give Meson's exit code."""
    folder = ROOT / f"build-warnings-{compiler}"
    environment = os.environ | {"CC": compiler}
    again = ["--reconfigure"] if (folder / "build.ninja").exists() else []  # files may have come or gone
    setup = ["meson", "setup", *again, str(folder), "-Dpython=false", "-Dwerror=true"]
    done = subprocess.run(setup, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, done.stderr)
        return done.returncode
    done = subprocess.run(["ninja", "-C", str(folder)], cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, done.stderr)
    return done.returncode


def main() -> int:
    failed = []
    for compiler in COMPILERS:
        if shutil.which(compiler) is None:
            print(f"{compiler}: not found, left out")
            continue
        code = build(compiler)
        print(f"{compiler}: {'warnings' if code else 'no warnings'}")
        if code:
            failed.append(compiler)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
