"""pyruntime compile: a compiled model directory from a model file."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from pyruntime.cli.console import Console
from pyruntime.cli.failure import UsageError
from pyruntime.cli.options import command

EXAMPLES = """\
  pyruntime compile Sticker.mlmodel                              writes Sticker.mlmodelc into this folder
  pyruntime compile Sticker.mlmodel --output /srv/Sticker.mlmodelc

A compiled model opens without compiling, and its weights are shared by all processes that use it.
"""


def add(commands: Any) -> None:
    parser = command(
        commands, "compile", run, summary="Compile a model for this machine", examples=EXAMPLES,
        interrupted="what was there before is unchanged",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="PATH", help="where to write (default: the model's name with .mlmodelc, here)"
    )


def run(options: argparse.Namespace, console: Console) -> None:
    target = Path(options.output or f"{Path(options.model).resolve().stem}.mlmodelc")
    if target.suffix.lower() != ".mlmodelc":
        raise UsageError(f"--output {target}: a compiled model is a folder whose name ends in .mlmodelc")
    from pyruntime import compile_model
    from pyruntime.card.read import size_on_disk
    from pyruntime.tables import nbytes

    started = time.perf_counter()
    written = compile_model(options.model, target)
    seconds, size = time.perf_counter() - started, size_on_disk(written)
    if options.json:
        return console.json({"model": options.model, "output": str(written), "bytes": size, "seconds": seconds})
    return console.print(f"compiled {options.model} to {written} ({nbytes(size)}) in {seconds:.2f} s")
