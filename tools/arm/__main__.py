"""Instructions and modelled cycles of a network on 64-bit ARM cores, with no such core at hand.

    python -m tools.arm                                   the tables of docs/arm.md
    python -m tools.arm --write                           the same, into that page
    python -m tools.arm mobilenet_v1 --steps              where the cycles of one network go, step by step
    python -m tools.arm mobilenet_v1 --blocks 10          ... and the hottest blocks, with their instructions
    python -m tools.arm --target aarch64-linux-zig        as built by another compiler (boards/targets)
    python -m tools.arm --cpu cortex-a53                  what the library chooses on this core

The library is cross-built and runs in qemu-aarch64, whose plugin counts; docs/arm.md says what the models leave out.
Needs qemu-user, gcc-aarch64-linux-gnu (or zig) and LLVM 19 or newer.
"""

from __future__ import annotations

import argparse
import sys

from tools.arm import report
from tools.arm.counts import run
from tools.arm.networks import NETWORKS


def main() -> int:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tools.arm", description=__doc__, formatter_class=plain)
    parser.add_argument("network", nargs="*", help=", ".join(NETWORKS))
    parser.add_argument("--target", action="append", default=[], help="a file of boards/targets without .ini")
    parser.add_argument("--cpu", action="append", default=[], help="emulated CPU; may be given several times")
    parser.add_argument("--steps", action="store_true", help="a line per step")
    parser.add_argument("--blocks", type=int, default=0, metavar="N", help="the N hottest blocks")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/arm.md")
    arguments = parser.parse_args()
    rows = []
    for name in arguments.network or NETWORKS:
        network = NETWORKS[name]()
        for target in arguments.target or report.TARGETS:
            for cpu in arguments.cpu or report.CPUS:
                measured = run(network, target, cpu)
                row = report.measure(network, measured, target, cpu)
                rows.append(row)
                print(report.line(row), flush=True)
                if arguments.steps:
                    print(report.steps(measured))
                if arguments.blocks:
                    print(report.blocks(measured, arguments.blocks))
    print()
    print(report.table(rows))
    if arguments.write:
        report.write(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
