"""Which C file is built with which flags: read from csrc/base/isa.def and the files' names.

Prints one line per level of the target's family: `level|flags|file;file;...`.  Used by meson.build, so that adding a
file or a level edits no build list.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r'^PR_ISA\(\s*(\w+),\s*(\w+),\s*"([^"]*)",\s*"([^"]*)"\s*\)', re.MULTILINE)


def levels() -> list[tuple[str, str, str, str]]:
    """Rows of isa.def: level, family, gcc/clang flags, zig flags."""
    return [m.groups() for m in ROW.finditer((ROOT / "csrc/base/isa.def").read_text())]  # type: ignore[misc]


def sources(family: str, compiler: str) -> dict[str, tuple[str, list[str]]]:
    """level -> (flags, files) for the levels that exist in `family`; files without a level's suffix are `ref`."""
    rows = levels()
    names = {level for level, *_ in rows}
    found: dict[str, list[str]] = {level: [] for level in names}
    for path in sorted((ROOT / "csrc").rglob("*.c")):
        suffix = path.stem.rsplit("_", 1)[-1]
        found[suffix if suffix in names else "ref"].append(str(path.relative_to(ROOT)))
    return {
        level: (zig if compiler == "zig" else flags, found[level])
        for level, wanted, flags, zig in rows
        if wanted in ("any", family)
    }


if __name__ == "__main__":
    for level, (flags, files) in sources(sys.argv[1], sys.argv[2]).items():
        print(f"{level}|{flags}|{';'.join(files)}")
