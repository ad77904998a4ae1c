"""pyruntime examples: what a k-NN keeps, and how to make it forget."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pyruntime.cli.console import Console
from pyruntime.cli.failure import UsageError
from pyruntime.cli.options import command

if TYPE_CHECKING:
    from pyruntime.model import MLModel
    from pyruntime.neighbors.examples import StoredExamples

COMMAND = "examples"
EXAMPLES = """\
  pyruntime examples list   Mine.mlmodelc                        how many examples each label has
  pyruntime examples list   Mine.mlmodelc --all                  every example with its id
  pyruntime examples forget Mine.mlmodelc --label cat --in-place
  pyruntime examples forget Mine.mlmodelc --older-than 90d --in-place --erase
  pyruntime examples cap    Mine.mlmodelc --per-label 100 --in-place
  pyruntime examples dedup  Mine.mlmodelc --within 0.01 --output Smaller.mlmodelc
"""
STEP = """\
  pyruntime examples {} Mine.mlmodelc{}

docs/nearest-neighbors.md explains what is kept.
"""
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "w": "weeks"}


def add(commands: Any) -> None:
    parser = commands.add_parser(
        COMMAND,
        help="list, forget and thin out the examples of a k-NN",
        description="List, forget and thin out the examples that a k-NN keeps.",
        epilog=f"examples:\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)
    listing = command(
        steps, "list", run, summary="List the labels of the examples, or all of them", examples=STEP.format("list", "")
    )
    listing.add_argument("--all", action="store_true", help="each example: id, label, when it was added")
    _add_forget(_step(steps, "forget", _forget, "Forget examples by label, id or age", " --label cat --in-place"))
    cap = _step(steps, "cap", _cap, "Keep the newest examples of each label only", " --per-label 100 --in-place")
    cap.add_argument("--per-label", type=int, required=True, metavar="N", help="examples of each label that stay")
    dedup = _step(steps, "dedup", _dedup, "Forget examples that an older one of their label is equal to", " --in-place")
    dedup.add_argument(
        "--within", type=float, default=0.0, metavar="DISTANCE", help="count as equal up to this distance (default 0)"
    )


def _step(steps: Any, name: str, change: Callable[..., MLModel], summary: str, example: str) -> argparse.ArgumentParser:
    parser = command(
        steps, name, _change, summary=summary, examples=STEP.format(name, example),
        interrupted="nothing was saved, the model is as it was",
    )  # fmt: skip
    parser.set_defaults(change=change)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--output", metavar="PATH", help="where to save: .mlmodelc for use here, .mlmodel for use anywhere"
    )
    where.add_argument("--in-place", action="store_true", help="save over MODEL")
    parser.add_argument(
        "--erase", action="store_true", help="keep no older generation, which would still have what is forgotten"
    )
    return parser


def _add_forget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", action="append", metavar="LABEL", help="of this label; may be repeated")
    parser.add_argument("--id", action="append", type=int, metavar="N", help="this one; may be repeated")
    parser.add_argument("--older-than", type=age, metavar="AGE", help="added longer ago than 90d, 12h, 30m, 45s or 2w")
    parser.add_argument("--before", type=moment, metavar="TIME", help="added before a time: 2026-01-31, or with T12:00")


def age(text: str) -> timedelta:
    """ "90d" -> 90 days, for argparse."""
    return timedelta(**{_UNITS[text[-1:]]: float(text[:-1])}) if text[-1:] in _UNITS else timedelta(int("no unit"))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def run(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.model import MLModel
    from pyruntime.tables import counted, table

    found = MLModel(options.model).examples()
    if options.json:
        return console.json(_json(options.model, found, options.all))
    rows: list[tuple[str, ...]]
    if options.all:
        rows = [(str(e.id), str(e.label), e.added.strftime("%Y-%m-%d %H:%M:%S") if e.added else "") for e in found]
        header: tuple[str, ...] = ("Id", "Label", "Added (UTC)")
        right: tuple[int, ...] = (0,)
    else:
        rows = [(str(label), str(count)) for label, count in found.counts.items()]
        header, right = ("Label", "Examples"), (1,)
    for line in table(rows, header=header, right=right, width=console.width) if rows else ():
        console.print(line)
    console.print(
        f"{counted(len(found), 'example')} of {counted(len(found.counts), 'label')}, "
        f"{found.dimensions} numbers each, kept as {found.form}"
    )
    return None


def _json(model: str, found: StoredExamples, each: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "model": model, "examples": len(found), "dimensions": found.dimensions, "vectors": found.form,
        "labels": [{"label": label, "examples": count} for label, count in found.counts.items()],
    }  # fmt: skip
    if each:
        told["all"] = [{"id": e.id, "label": e.label, "added": e.added.isoformat() if e.added else None} for e in found]
    return told


def _change(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.cli.update import save, target_from
    from pyruntime.model import MLModel
    from pyruntime.tables import counted

    target = target_from(options)
    model = MLModel(options.model)
    before = model.examples()
    changed = options.change(before, options)
    after = changed.examples()
    gone = len(before) - len(after)
    save(changed, target, 1 if options.erase else None)
    if options.json:
        return console.json({
            "model": options.model, "output": str(target), "before": len(before), "after": len(after), "forgotten": gone
        })  # fmt: skip
    console.print(f"forgot {counted(gone, 'example')} of {len(before)}; {len(after)} are left")
    console.print(f"saved {target}")
    return None


def _forget(found: StoredExamples, options: argparse.Namespace) -> MLModel:
    if not any((options.label, options.id, options.older_than, options.before)):
        raise UsageError("forget: name what shall be forgotten with --label, --id, --older-than or --before")
    labels = options.label
    if labels is not None and found.label_type is int:
        try:
            labels = [int(label) for label in labels]
        except ValueError:
            raise UsageError(f"--label {labels[0]}: labels of this model are whole numbers") from None
    return found.forget(labels=labels, ids=options.id, older_than=options.older_than, before=options.before)


def _cap(found: StoredExamples, options: argparse.Namespace) -> MLModel:
    return found.cap(options.per_label)


def _dedup(found: StoredExamples, options: argparse.Namespace) -> MLModel:
    return found.deduplicate(options.within)
