"""Verdicts on the suite's tests, and docs/conformance.md."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from groups import GROUPS

REASONS = Path(__file__).resolve().parent / "reasons.tsv"


class Failure(NamedTuple):
    """crash: the first words of what the test said."""

    test: str
    crash: str


@dataclass
class Result:
    """Counts of one group.

    verified: asked for predictions, all were answered, and the suite's own comparison passed.
    refused: passed although something was refused: tests that expect an error.
    quiet: passed without asking for a prediction.  unasked: failed before asking for one.
    most: variants of each test function that were run, 0 for all.
    """

    group: str
    seconds: float
    most: int = 0
    finished: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    unasked: list[Failure] = field(default_factory=list)
    verified_layers: Counter[str] = field(default_factory=Counter)


def keep(folder: Path, result: Result) -> None:
    """Write a group's result where `kept` finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{result.group}.json").write_text(json.dumps(vars(result), indent=1), encoding="utf-8")


def kept(folder: Path, group: str) -> Result | None:
    """The newest result of a whole group."""
    try:
        row = json.loads((folder / f"{group}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    lists = {name: [Failure(*failure) for failure in row[name]] for name in ("failures", "unasked")}
    counters = {name: Counter(row[name]) for name in ("counts", "verified_layers")}
    return Result(**(row | lists | counters))


def replaced(before: Result, again: Result) -> Result:
    """`before`, with the verdicts of `again` for the tests that had failed, which were all run again."""
    counts = before.counts.copy()
    counts["failed"] -= len(before.failures)
    return replace(
        before, counts=counts + again.counts, failures=again.failures, unasked=before.unasked + again.unasked,
        verified_layers=before.verified_layers + again.verified_layers,
    )  # fmt: skip


def read_results(group: str, path: Path, seconds: float, most: int) -> Result:
    """What plugin.py wrote."""
    result = Result(group, seconds, most)
    tests: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        result.finished |= row.get("finished", False)
        if "module" in row:
            result.unasked.append(Failure(row["module"], row["crash"]))
            result.counts["unasked"] += 1
        if "test" in row and not (row["test"] in tests and tests[row["test"]]["outcome"] == "failed"):
            tests[row["test"]] = row
    for name, row in tests.items():
        verdict = _verdict(row)
        result.counts[verdict] += 1
        if verdict == "failed":
            result.failures.append(Failure(name, row["crash"]))
        elif verdict == "unasked":
            result.unasked.append(Failure(name, row["crash"]))
        elif verdict == "verified":
            result.verified_layers.update(row["layers"])
    return result


def _verdict(row: dict[str, Any]) -> str:
    asked = row["asked"] or row["answered"] or row["errors"]
    if row["outcome"] == "skipped":
        return "expected to fail" if row["expected"] else "skipped"
    if row["outcome"] == "failed":
        return "failed" if asked else "unasked"
    if not asked:
        return "quiet"
    return "verified" if row["answered"] and not row["errors"] else "refused"


COLUMNS = ("verified", "failed", "refused", "quiet", "unasked", "skipped", "expected to fail")


def table(results: list[Result], *, head: bool = True) -> str:
    """Markdown, one line per group."""
    lines = [f"| group | {' | '.join(COLUMNS)} | s |", f"| --- |{' --: |' * (len(COLUMNS) + 1)}"] if head else []
    for result in results:
        numbers = " | ".join(str(result.counts[column]) for column in COLUMNS)
        lines.append(f"| {result.group} | {numbers} | {result.seconds:.0f} |")
    return "\n".join(lines)


def reasons() -> list[tuple[re.Pattern[str], str]]:
    """Why a test fails: (pattern of its name and what it said, reason), from reasons.tsv."""
    lines = [line for line in REASONS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return [(re.compile(pattern), reason) for pattern, reason in (line.split("\t") for line in lines)]


def _explained(failures: list[Failure]) -> list[str]:
    """One line per reason, with the tests that have it."""
    known = reasons()
    found: dict[str, list[str]] = {}
    for failure in failures:
        said = f"{failure.test} {failure.crash}"
        reason = next((why for pattern, why in known if pattern.search(said)), "not explained yet")
        found.setdefault(reason, []).append(failure.test.rsplit("/", 1)[-1])
    return [f"- {reason}: {_names(names)}" for reason, names in found.items()]


def _names(tests: list[str]) -> str:
    functions = Counter(re.sub(r"\[.*", "", test, flags=re.DOTALL) for test in tests)
    return ", ".join(f"`{name}`" + (f" ({count} variants)" if count > 1 else "") for name, count in functions.items())


def _variants(result: Result) -> str:
    return f"at most {result.most}, evenly spread" if result.most else "all"


def page(results: list[Result]) -> str:
    """docs/conformance.md."""
    total = Result("all", sum(result.seconds for result in results))
    for result in results:
        total.counts += result.counts
    reach = sum(total.counts[verdict] for verdict in ("verified", "failed", "refused"))
    failures = [failure for result in results for failure in result.failures]
    unasked = [failure for result in results for failure in result.unasked]
    parts = [
        "# Conformance",
        "coremltools' own tests (release 9.0, as shipped in its wheel, unchanged), run on Linux with pyruntime in the "
        "place of Core ML. Written by `python tools/conformance all --write`.",
        f"**{total.counts['verified']} of the {reach} tests that ask for a prediction pass**; "
        f"{total.counts['refused']} more expect an error and get one; {total.counts['failed']} fail.",
        table([*results, total]),
        "*verified*: predictions were asked for, all were answered, and the suite's own comparison passed. *failed*: "
        "they were asked for, and the test failed. *refused*: the test passed although something was refused: it "
        "expects that. *quiet*: passed without a prediction. *unasked*: failed before one was asked for. The last two "
        "columns are the suite's own.",
        "| group | about | variants of each test function |\n| --- | --- | --- |\n"
        + "\n".join(f"| {r.group} | {GROUPS[r.group].about} | {_variants(r)} |" for r in results),
        "## Why tests fail",
        "\n".join(_explained(failures)) or "None fails.",
        "## Tests that fail before they ask for a prediction",
        "\n".join(_explained(unasked)) or "None.",
    ]
    return "\n\n".join(parts) + "\n"
