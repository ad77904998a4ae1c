"""Writes the table of docs/numerics.md: errors of vector functions at every level of this machine.

    tools/numerics.py

Measured as the tests do, by tests/ops/functions.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pyruntime.native import lib  # noqa: E402
from tests.ops.functions import ALLOWED, worst_error  # noqa: E402

PAGE = ROOT / "docs" / "numerics.md"
BEGIN, END = "<!-- functions -->\n", "<!-- /functions -->"


def table() -> list[str]:
    names = lib.cpu_levels()
    levels = {name: lib.Context(threads=1, levels=(1 << (lib.levels().index(name) + 1)) - 1) for name in names}
    lines = [
        "| function | allowed | " + " | ".join(names) + " |",
        "| --- | --: |" + " --: |" * len(names),
    ]
    for kind, allowed in ALLOWED.items():
        if not allowed:  # comparisons and choices are exact
            continue
        print(kind, file=sys.stderr, flush=True)
        errors = [f"{worst_error(kind, context)[0]:.2f}" for context in levels.values()]
        lines.append(f"| {kind} | {allowed} | " + " | ".join(errors) + " |")
    exact = [kind for kind, allowed in ALLOWED.items() if not allowed]
    return [*lines, "", f"Exact: {', '.join(exact)}."]


def main() -> None:
    before, rest = PAGE.read_text().split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(before + BEGIN + "\n" + "\n".join(table()) + "\n\n" + END + after)


if __name__ == "__main__":
    main()
