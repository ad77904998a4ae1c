"""pyruntime compile: a compiled model directory from a model file."""

from __future__ import annotations

import argparse
from typing import Any

from pyruntime.cli.console import Console
from pyruntime.cli.options import command

EXAMPLES = """\
  pyruntime compile Sticker.mlmodel                        writes Sticker.mlmodelc beside you
  pyruntime compile Sticker.mlmodel --output /srv/S.mlmodelc

A compiled model opens without compiling, and its weights are shared by all processes that use it.
"""


def add(commands: Any) -> None:
    parser = command(
        commands, "compile", run, summary="Compile a model for this machine", examples=EXAMPLES,
        interrupted="what was there before is unchanged",
    )  # fmt: skip
    parser.add_argument("--output", metavar="PATH", help="where to write (default: the model's name with .mlmodelc, here)")


def run(options: argparse.Namespace, console: Console) -> None:
    raise NotImplementedError
