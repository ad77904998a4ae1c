"""Options that several commands have, with one meaning."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from pyruntime.cli.failure import UsageError

MODEL_HELP = "a .mlmodel file, an .mlpackage folder or a compiled .mlmodelc folder"


def command(
    commands: Any,
    name: str,
    run: Callable[..., None],
    *,
    summary: str,
    examples: str,
    interrupted: str = "nothing was written",
    many: bool = False,
) -> argparse.ArgumentParser:
    """A subcommand with the model and the options that every command has.

    interrupted: the state that Ctrl-C leaves, for the message.  many: it takes several models.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary[:1].lower() + summary[1:],
        description=f"{summary}.",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", nargs="+" if many else None, help=MODEL_HELP)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing on stderr but errors")
    parser.add_argument("--debug", action="store_true", help="show where in pyruntime an error comes from")
    parser.set_defaults(run=run, parser=parser, interrupted=interrupted)
    return parser


def add_running(parser: argparse.ArgumentParser) -> None:
    """--threads, --level, --parameter: how the model is loaded."""
    group = parser.add_argument_group("how it runs")
    group.add_argument("--threads", type=count, default=0, metavar="N", help="threads, 0 for one per core (default)")
    group.add_argument(
        "--level", metavar="NAME", help="newest instruction set to use, such as avx2 (default: the newest)"
    )
    group.add_argument(
        "--parameter", action="append", default=[], metavar="KEY=VALUE",
        help="replace a parameter's default; `describe` lists keys and allowed values; may be repeated",
    )  # fmt: skip


def configuration(options: argparse.Namespace) -> Any:
    """The MLModelConfiguration that the options of `add_running` ask for."""
    from pyruntime.config import MLModelConfiguration

    return MLModelConfiguration(
        parameters=parameters(options.parameter), threads=options.threads, levels=level_bits(options.level)
    )


def level_bits(name: str | None) -> int:
    """Bits of the instruction-set levels up to `name`.  Raises UsageError when this machine lacks it."""
    from pyruntime.native.lib import ALL_LEVELS, cpu_levels, levels

    if name is None:
        return ALL_LEVELS
    if name not in cpu_levels():
        raise UsageError(f"--level {name}: expected one that this machine has: {', '.join(cpu_levels())}")
    return (1 << levels().index(name) + 1) - 1


def parameters(assignments: list[str]) -> dict[str, Any]:
    """{"epochs": 5} from ["epochs=5"]; the model checks keys and values.  Raises UsageError without a `=`."""
    found: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--parameter {assignment}: expected KEY=VALUE, such as epochs=5")
        found[key.strip()] = _value(text.strip())
    return found


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return {"true": True, "false": False}.get(text.lower(), text)


def count(text: str) -> int:
    """A number from 0, for argparse."""
    number = int(text)
    if number < 0:
        raise ValueError
    return number
