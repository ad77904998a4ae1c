"""The command `pyruntime`; its commands are in COMMANDS.

Exit codes: 0 done; 1 the model, the data or the machine is at fault, one sentence on stderr says how; 2 the
command line is wrong; 130 interrupted.  Results go to stdout, all else to stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from pyruntime.cli import (
    benchmark,
    compile,
    describe,
    generate,
    generations,
    make_updatable,
    predict,
    split,
    stored_examples,
    tasks,
    update,
)
from pyruntime.cli.console import Console
from pyruntime.cli.failure import Parser, UsageError, sentence, warnings_as_lines

COMMANDS = (
    describe,
    predict,
    make_updatable,
    split,
    update,
    stored_examples,
    generations,
    tasks,
    generate,
    compile,
    benchmark,
)

EPILOG = """\
examples:
  pyruntime describe  Sticker.mlmodel
  pyruntime predict   Sticker.mlmodel --input sketch=cat.png
  pyruntime update    Sticker.mlmodel --data my-drawings/ --output Mine.mlmodelc
  pyruntime benchmark Sticker.mlmodel

exit codes:
  0 done   1 the model or the data is at fault   2 the command line is wrong   130 interrupted

`pyruntime COMMAND --help` explains a command with examples.
"""


class _Version(argparse.Action):
    """--version, looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("pyruntime-edge")
        except PackageNotFoundError:
            found = "not installed, run from its source"
        print(f"pyruntime {found}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, every command in it."""
    parser = Parser(
        prog="pyruntime",
        description="Run Core ML models on this machine: look at one, predict, let it learn, measure it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.add(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code.  arguments: without the program's name; None for sys.argv."""
    options = build_parser().parse_args(arguments)
    console = Console(quiet=options.quiet)
    try:
        with warnings_as_lines(console):
            options.run(options, console)
        sys.stdout.flush()
    except UsageError as error:
        options.parser.error(str(error))
    except KeyboardInterrupt:
        if options.debug:
            raise
        console.error(f"interrupted; {options.interrupted}")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains at exit
    except Exception as error:
        if options.debug:
            raise
        console.error(sentence(error))
        return 1
    return 0
