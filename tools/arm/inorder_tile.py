"""Writes csrc/ops/gemm/gemm_a53_loop.h: eight depths of a tile of 4 x 16 in the order in which a Cortex-A53 wants them.

    python -m tools.arm.inorder_tile            writes the file
    python -m tools.arm.inorder_tile --check    says whether it is as this program would write it

The core issues two instructions a cycle, in order, but none beside a vector load of 64 bits, and none for two cycles at
one of 128.  So each vector comes in halves: the low one by a load of 64 bits, beside which the high half of the vector
before is put into its place from an integer register; its own high half is loaded to such a register beside a
multiply-add, where it costs nothing.  A vector thus costs one cycle.  A cycle of loading comes after every three
multiply-adds, because no vector load may be issued four cycles after one.

Eight depths are 128 multiply-adds, 32 vectors of B and 8 of A.  Sums are v16 to v31 (row i, vector j: 16 + 4j + i), A is
v0 to v3 and v4 to v7 in turns, B goes round through v8 to v15, four vectors ahead of its use.  In the last eight depths
nothing is loaded for the next.
"""

from __future__ import annotations

import sys
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "csrc/ops/gemm/gemm_a53_loop.h"
DEPTHS, AHEAD, RING = 8, 4, 8
HEAD = """\
/* Written by tools/arm/inorder_tile.py, which explains it: eight depths of a tile, with loads for the next eight and
 * without.  Operands: b and r0 .. r3, which are addresses. */
#ifndef PR_OPS_GEMM_A53_LOOP_H
#define PR_OPS_GEMM_A53_LOOP_H

/* clang-format off */
"""


def _multiply_adds() -> list[str]:
    """All of them, in order: depth, vector, row."""
    out = []
    for depth in range(DEPTHS):
        for vector in range(4):
            b = 8 + (4 * depth + vector) % RING
            for row in range(4):
                a = row + 4 * (depth // 4 % 2)
                out.append(f"fmla v{16 + 4 * vector + row}.4s, v{b}.4s, v{a}.s[{depth % 4}]")
    return out


def _loads() -> list[tuple[int, str, int, bool]]:
    """(register, address, offset, whether it belongs to the next eight depths), in order: four of B, then one of A."""
    out = []
    vector = AHEAD
    for group in range(DEPTHS):
        for _ in range(4):
            out.append((8 + vector % RING, "b", 16 * vector, vector >= 4 * DEPTHS))
            vector += 1
        row, fours = group % 4, 1 + group // 4
        out.append((row + 4 * (fours % 2), f"r{row}", 16 * fours, fours == 2))
    return out


def lines(*, last: bool) -> list[str]:
    """The instructions, a cycle of loading and its three multiply-adds per line."""
    sums, loads = _multiply_adds(), _loads()
    out: list[str] = []
    pending = ""
    for slot in range(0, len(sums), 3):
        group = sums[slot : slot + 3]
        text: list[str] = []
        load = loads[slot // 3] if slot // 3 < len(loads) else None
        if load and not (last and load[3]):
            register, address, offset, _ = load
            half = ("x16", "x17")[slot // 3 % 2]
            text.append(f"ldr d{register}, [%[{address}], #{offset}]")
            text += [pending] if pending else []
            group.insert(1, f"ldr {half}, [%[{address}], #{offset + 8}]")
            pending = f"ins v{register}.d[1], {half}"
        elif pending:
            text.append(pending)
            pending = ""
        out.append("; ".join([*text, *group]))
    return out


def source() -> str:
    """The whole file."""
    parts = [HEAD]
    for name, last in (("PR_A53_DEPTHS", False), ("PR_A53_LAST", True)):
        body = " \\\n".join(f'    "{line}\\n"' for line in lines(last=last))
        parts.append(f"#define {name} \\\n{body}\n\n")
    parts.append("#endif\n")
    return "".join(parts)


def main() -> int:
    if "--check" in sys.argv[1:]:
        return int(FILE.read_text() != source())
    FILE.write_text(source())
    return 0


if __name__ == "__main__":
    sys.exit(main())
