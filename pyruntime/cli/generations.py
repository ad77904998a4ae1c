"""pyruntime generations: what a compiled model was before, and back to it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pyruntime.cli.console import Console
from pyruntime.cli.options import command

if TYPE_CHECKING:
    from pyruntime.compiled.differences import Differences, WeightChange
    from pyruntime.compiled.generations import Generation

EXAMPLES = """\
  pyruntime generations list     Mine.mlmodelc        what is kept, and how each came to be
  pyruntime generations show     Mine.mlmodelc 3      one of them: data, parameters, versions
  pyruntime generations diff     Mine.mlmodelc 2 3    which weights, parameters and examples changed
  pyruntime generations rollback Mine.mlmodelc 2      its content becomes the newest generation
"""
STEP = """\
  pyruntime generations {} Mine.mlmodelc{}

docs/generations.md explains generations.
"""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "generations",
        help="list, compare and bring back generations of a compiled model",
        description="List, compare and bring back generations of a compiled model (.mlmodelc).",
        epilog=f"examples:\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)

    def step(name: str, work: Any, summary: str, numbers: str = "", interrupted: str = "nothing was written") -> Any:
        example = STEP.format(name, numbers)
        return command(steps, name, work, summary=summary, examples=example, interrupted=interrupted)

    listing = step("list", run, "List the generations, the oldest first")
    listing.add_argument("--verify", action="store_true", help="read all files and compare their hashes")
    show = step("show", _show, "Show how one generation came to be", " 3")
    show.add_argument("number", metavar="N", type=int, nargs="?", help="default: the newest")
    diff = step("diff", _diff, "Show what changed between two generations", " 2 3")
    diff.add_argument("old", metavar="OLD", type=int, nargs="?", help="default: the one before NEW")
    diff.add_argument("new", metavar="NEW", type=int, nargs="?", help="default: the newest")
    back = step(
        "rollback", _rollback, "Make the content of an older generation the newest one", " 2",
        "the newest generation is the one that it was",
    )  # fmt: skip
    back.add_argument("number", metavar="N", type=int, nargs="?", help="default: the one before the newest")


def run(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.compiled.generations import generations
    from pyruntime.tables import table

    found = generations(options.model, verify=options.verify)
    if options.json:
        return console.json({"model": options.model, "generations": [_json(g, found) for g in found]})
    rows = [
        (f"{'*' if g.newest else ' '} {g.number}", g.provenance.how, g.provenance.time, _examples(g), _from(g, found),
         f"damaged: {g.damage}" if g.damage else _result(g))
        for g in found
    ]  # fmt: skip
    header = ("Generation", "How", "When (UTC)", "Examples", "From", "Result")
    for line in table(rows, header=header, right=(3, 4), width=console.width):
        console.print(line)
    return None


def _show(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.compiled.generations import generations
    from pyruntime.tables import nbytes, table

    found = generations(options.model)
    chosen = _chosen(options.model, found, options.number)
    if options.json:
        return console.json(_json(chosen, found))
    p = chosen.provenance
    rows = [
        ("Generation", f"{chosen.number} of {options.model}{', the newest' if chosen.newest else ''}"),
        ("How", p.how if p.restored is None else f"{p.how} to generation {p.restored}"),
        ("When (UTC)", p.time or "not known"), ("From", _from(chosen, found) or "a file"),
        ("Model", f"SHA-256 {chosen.model_hash}"), ("Size", nbytes(chosen.nbytes)),
        ("Versions", ", ".join(f"{name} {version}" for name, version in p.versions.items()) or "not known"),
    ]  # fmt: skip
    if chosen.damage:
        rows.append(("Damaged", chosen.damage))
    for number, update in enumerate(p.updates, 1):
        rows += [
            (f"Update {number}", f"{update.examples} examples in {update.seconds:.1f} s, ended {update.time}"),
            ("  data", f"SHA-256 {update.data}"), ("  parameters", _pairs(update.parameters)),
            ("  metrics", _pairs(update.metrics)), ("  guard", _pairs(update.guard)),
            ("  options", _pairs(update.options)),
        ]  # fmt: skip
    for line in table([row for row in rows if row[1]], width=console.width):
        console.print(line)
    return None


def _diff(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.compiled.generations import generations
    from pyruntime.errors import ModelIOError

    found = generations(options.model)
    new = _chosen(options.model, found, options.new)
    before = [g.number for g in found if g.number < new.number]
    if options.old is None and not before:
        raise ModelIOError(f"{options.model} has no generation before generation {new.number}: nothing to compare")
    old = _chosen(options.model, found, before[-1] if options.old is None else options.old)
    differences = old.diff(new)
    if options.json:
        return console.json(differences.to_dict())
    for line in _diff_lines(differences, console.width):
        console.print(line)
    return None


def _rollback(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.compiled.generations import rollback

    made = rollback(options.model, options.number)
    if options.json:
        restored = made.provenance.restored
        return console.json({"model": options.model, "restored": restored, "generation": made.number})
    return console.print(
        f"generation {made.number} of {options.model} has the content of generation {made.provenance.restored}; "
        "the others are still there"
    )


def kept(path: Any) -> tuple[int, str]:
    """The newest generation's number, and "generation 4 (kept: 1-3)"."""
    from pyruntime.compiled.generations import generations

    *others, newest = [g.number for g in generations(path)]
    if not others:
        return newest, f"generation {newest}"
    runs = others[-1] - others[0] + 1 == len(others) > 1
    text = f"{others[0]}-{others[-1]}" if runs else ", ".join(map(str, others))
    return newest, f"generation {newest} (kept: {text})"


def _chosen(path: str, found: Sequence[Generation], number: int | None) -> Generation:
    from pyruntime.errors import ModelIOError

    for generation in found:
        if generation.newest if number is None else generation.number == number:
            return generation
    there = ", ".join(str(g.number) for g in found)
    raise ModelIOError(f"{path} has no generation {number}; it has {there}")


def _json(generation: Generation, found: Sequence[Generation]) -> dict[str, Any]:
    parent = _parent(generation, found)
    return {
        "generation": generation.number, "newest": generation.newest, "damage": generation.damage,
        "model_hash": generation.model_hash, "bytes": generation.nbytes, "from": parent,
        **asdict(generation.provenance),
    }  # fmt: skip


def _parent(generation: Generation, found: Sequence[Generation]) -> int | None:
    """The generation that its parent's hash names: the newest of them, if there are several."""
    parent = generation.provenance.parent
    numbers = [g.number for g in found if g.model_hash == parent and g.number < generation.number]
    return numbers[-1] if numbers and parent else None


def _from(generation: Generation, found: Sequence[Generation]) -> str:
    if generation.provenance.restored is not None:
        return str(generation.provenance.restored)
    parent = _parent(generation, found)
    return str(parent) if parent else (generation.provenance.parent or "")[:8]


def _examples(generation: Generation) -> str:
    updates = generation.provenance.updates
    return str(sum(update.examples for update in updates)) if updates else ""


def _result(generation: Generation) -> str:
    updates = generation.provenance.updates
    if not updates:
        return ""
    guard, metrics = updates[-1].guard, updates[-1].metrics
    if guard:
        return f"{guard.get('metric')} {_number(guard.get('before'))} → {_number(guard.get('after'))}"
    return _pairs({name: value for name, value in metrics.items() if name != "epochIndex"})


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in values.items())


def _number(value: Any) -> str:
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _diff_lines(d: Differences, width: int) -> list[str]:
    from pyruntime.tables import counted, table

    lines = [f"generation {d.old} → generation {d.new}"]
    if d.same_model:
        lines.append("  the models are equal, bit for bit")
    if d.weights:
        rows = [(w.name, str(w.numbers), *_change(w)) for w in d.weights]
        header = ("Weights that changed", "Numbers", "Largest change", "Relative")
        lines += table(rows, header=header, right=(1, 2, 3))
    for what, examples in (("added", d.examples_added), ("removed", d.examples_removed)):
        if examples:
            total = counted(sum(examples.values()), "example")
            lines += table([(f"{total} {what}", ", ".join(f"{k} {n}" for k, n in examples.items()))], width=width)
    for title, changes in (("Parameter", d.parameters), ("Metric", d.metrics)):
        if changes:
            pairs = [(name, _number(before), _number(after)) for name, (before, after) in changes.items()]
            lines += table(pairs, header=(title, "Before", "After"))
    if len(lines) == 1:
        lines.append("  neither weights nor examples nor parameters differ; descriptions or other parts do")
    return lines


def _change(change: WeightChange) -> tuple[str, str]:
    if change.largest is None:
        return change.note, ""
    return f"{change.largest:.3g}", "from zero" if change.relative is None else f"{change.relative:.2%}"
