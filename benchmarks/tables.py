"""Measured numbers as Markdown tables."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from machine import machine_line

OURS = "pyruntime"
KINDS = ("best", "median")
Row = dict[str, Any]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The first column is text, the others are numbers."""
    rule = ["---", *["--:"] * (len(header) - 1)]
    return ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)]


def milliseconds(seconds: float) -> str:
    value = seconds * 1e3
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def nbytes(count: float) -> str:
    return f"{count / 1024:.0f} KiB" if count < 1 << 20 else f"{count / 2**20:.2f} MiB"


def race_tables(result: dict[str, Any]) -> list[str]:
    """One table per number of threads, the geometric means, the notes."""
    return _tables(result, _race)


def network_tables(result: dict[str, Any]) -> list[str]:
    """The same for the networks of tools/networks, with a last column: the best of the peers over ours."""
    return _tables(result, lambda rows: [*_race(rows, best_peer=True), "", *_targets(rows)])


def _targets(rows: list[Row]) -> list[str]:
    """The networks on which a peer is faster, as a sentence."""
    at = {(row["model"], row["runtime"]): row for row in rows}
    models = list(dict.fromkeys(row["model"] for row in rows))
    found = {model: best_ratio(at, model, "best") for model in models}
    slower = [f"{model} ({name} {ratio:.2f}×)" for model, (ratio, name) in found.items() if 0 < ratio < 1]
    who = ", ".join(slower) if slower else "nowhere"
    return [f"A peer is faster on {len(slower)} of {sum(ratio > 0 for ratio, _ in found.values())} networks: {who}."]


def _tables(result: dict[str, Any], one: Callable[[list[Row]], list[str]]) -> list[str]:
    rows: list[Row] = result["rows"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines = [
        machine_line(result["machine"]),
        "",
        f"{versions}.  {result['rounds']} turns of {result['seconds']} s each.",
        "",
    ]
    for threads in dict.fromkeys(row["threads"] for row in rows):
        lines += [f"#### {threads} thread{'s' * (threads != 1)}, ms", ""]
        lines += [*one([row for row in rows if row["threads"] == threads]), ""]
    notes = [(row["model"], row["runtime"], row["note"] or row["impossible"]) for row in rows]
    lines += [f"- {model}, {runtime}: {note}" for model, runtime, note in dict.fromkeys(notes) if note]
    return lines


def _race(rows: list[Row], best_peer: bool = False) -> list[str]:
    runtimes = list(dict.fromkeys(row["runtime"] for row in rows))
    models = list(dict.fromkeys(row["model"] for row in rows))
    at = {(row["model"], row["runtime"]): row for row in rows}
    body = [[model, *(_cell(at[model, runtime], at.get((model, OURS))) for runtime in runtimes)] for model in models]
    for kind in KINDS:
        body.append(
            [
                f"geometric mean of the ratios ({kind} turns)",
                *(_mean(ratios(at, models, runtime, kind) if runtime != OURS else []) for runtime in runtimes),
            ]
        )
    if best_peer:
        for line, model in zip(body, models, strict=False):
            line.append(_best_cell(best_ratio(at, model, "best")))
        for line, kind in zip(body[len(models) :], KINDS, strict=True):
            found = [best_ratio(at, model, kind) for model in models]
            line.append(_mean([ratio for ratio, _ in found if ratio]))
        runtimes.append("best peer")
    return table(["network" if best_peer else "model", *runtimes], body)


def ratios(at: dict[tuple[str, str], Row], models: list[str], runtime: str, kind: str) -> list[float]:
    """Time of `runtime` over ours, for the models that both run."""
    pairs = [(at[model, runtime][kind], at[model, OURS][kind]) for model in models if (model, OURS) in at]
    return [peer / ours for peer, ours in pairs if peer and ours]


def best_ratio(at: dict[tuple[str, str], Row], model: str, kind: str) -> tuple[float, str]:
    """The fastest peer's time over ours, and its name; 0 when there is none."""
    ours = at[model, OURS][kind] if (model, OURS) in at else None
    peers = [(row[kind], row["runtime"]) for row in at.values() if row["model"] == model and row["runtime"] != OURS]
    times = [(time, name) for time, name in peers if time]
    if not ours or not times:
        return 0.0, ""
    time, name = min(times)
    return time / ours, name


def _best_cell(best: tuple[float, str]) -> str:
    ratio, name = best
    return f"{name} {_times(ratio)}" if ratio else ""


def _times(ratio: float) -> str:
    """Bold when the peer is faster."""
    return f"**{ratio:.2f}×**" if ratio < 1 else f"{ratio:.2f}×"


def _cell(row: Row, ours: Row | None) -> str:
    if row["impossible"]:
        return "wrong answer" if row.get("wrong") else "not possible"
    text = milliseconds(row["best"])
    if row["runtime"] == OURS or ours is None or not ours["best"]:
        return text
    return f"{text} ({_times(row['best'] / ours['best'])})"


def _mean(found: list[float]) -> str:
    return f"{statistics.geometric_mean(found):.2f}×" if found else ""


def start_tables(result: dict[str, Any]) -> list[str]:
    """Start of a process, memory, sizes, and each model's opening and arena."""
    lines = [machine_line(result["machine"]), "", *[f"- {note}" for note in result["notes"]], ""]
    header = [
        "first prediction in a new process",
        "Python ms",
        "import ms",
        "open ms",
        "predict ms",
        "all: best ms",
        "all: median ms",
        "peak memory",
    ]
    body = [
        [
            run["what"],
            *(milliseconds(run[part]) for part in ("python", "import", "open", "predict", "best", "median")),
            nbytes(run["peak"]),
        ]
        for run in result["starts"]
    ]
    lines += [*table(header, body), ""]
    library = result["library"]
    stripped = f", {nbytes(library['stripped'])} stripped" if library["stripped"] else ""
    lines += [f"The built library has {nbytes(library['bytes'])}{stripped}.", ""]
    header = [
        "model",
        "steps",
        "weights",
        "open .mlmodel ms",
        "from the cache ms",
        "open compiled ms",
        "arena",
        "peak live",
        "arena / peak",
    ]
    return [*lines, *table(header, map(_model, result["models"]))]


def _model(m: Row) -> list[str]:
    times = [milliseconds(m[way]) for way in ("file", "cached", "compiled")]
    sizes = [nbytes(m[what]) for what in ("arena", "peak")]
    return [m["model"], str(m["steps"]), nbytes(m["weights"]), *times, *sizes, _share(m["arena"], m["peak"])]


def _share(arena: int, peak: int) -> str:
    return f"{arena / peak:.3f}" if peak else ""


def pytest_tables(result: dict[str, Any]) -> list[str]:
    """What pytest-benchmark measured."""
    body = []
    for entry in result["benchmarks"]:
        stats, extra = entry["stats"], ", ".join(f"{name} {value}" for name, value in entry["extra_info"].items())
        body.append(
            [entry["name"], f"{stats['min'] * 1e6:.2f}", f"{stats['median'] * 1e6:.2f}", str(stats["rounds"]), extra]
        )
    return table(["benchmark", "best µs", "median µs", "rounds", "also"], body)


def training_tables(result: dict[str, Any]) -> list[str]:
    """Milliseconds of a step: the best turn of each library, and how many times our time that is."""
    rows = result["rows"]
    libraries = list(dict.fromkeys(row["runtime"] for row in rows))
    lines = [machine_line(result["machine"]), "", f"{result['rounds']} turns of {result['seconds']} s each."]
    for threads in dict.fromkeys(row["threads"] for row in rows):
        lines += ["", f"#### {threads} thread{'s' * (threads > 1)}, ms a step", ""]
        lines += [f"| task | {' | '.join(libraries)} |", "| --- |" + " --: |" * len(libraries)]
        for task in dict.fromkeys(row["model"] for row in rows):
            best = {row["runtime"]: row["best"] for row in rows if (row["model"], row["threads"]) == (task, threads)}
            ours = best.get("pyruntime")
            lines.append(f"| {task} | {' | '.join(_step(best.get(name), ours) for name in libraries)} |")
    lines += ["", "#### Peak memory of the process, MB", ""]
    lines += [f"| task | {' | '.join(libraries)} |", "| --- |" + " --: |" * len(libraries)]
    for task in dict.fromkeys(row["model"] for row in rows):
        peaks = [
            max((row["peak"] or 0 for row in rows if (row["model"], row["runtime"]) == (task, name)), default=0)
            for name in libraries
        ]
        lines.append(f"| {task} | {' | '.join(f'{peak / 1e6:.0f}' if peak else '–' for peak in peaks)} |")
    return lines


def _step(seconds: float | None, ours: float | None) -> str:
    if seconds is None:
        return "–"
    ratio = "" if ours is None or seconds == ours else f" ({seconds / ours:.2f}×)"
    return f"{seconds * 1e3:.3f}{ratio}"


def footprint_tables(result: dict[str, Any]) -> list[str]:
    """Sizes on disk and imports, then load, first prediction and memory of each network."""
    rows, runtimes = result["rows"], list(result["installed"])
    lines = [machine_line(result["machine"]), "", f"Medians of {result['rounds']} processes, one thread.", ""]
    body = []
    for runtime in runtimes:
        size = result["installed"][runtime]
        imports = [row["import"] for row in rows if row["runtime"] == runtime and not row["impossible"]]
        spent = milliseconds(statistics.median(imports)) if imports else ""
        body.append([runtime, f"{size['bytes'] / 1e6:.0f}", f"{(size['bytes'] - size['numpy']) / 1e6:.0f}", spent])
    lines += table(["runtime", "installed MB", "without NumPy MB", "import ms"], body)
    for network in dict.fromkeys(row["network"] for row in rows):
        found = [row for row in rows if row["network"] == network]
        header = ["load ms", "first prediction ms", "first / warm", "with the import ms", "peak memory MB"]
        lines += ["", f"#### {network}", "", *table(["runtime", *header], map(_footprint, found))]
    notes = [(row["network"], row["runtime"], row["impossible"]) for row in rows]
    return [*lines, "", *[f"- {network}, {runtime}: {note}" for network, runtime, note in notes if note]]


def _footprint(row: Row) -> list[str]:
    if row["impossible"]:
        return [row["runtime"], "not possible", "", "", "", ""]
    load, first = row["load"], row["first"]
    whole = milliseconds(row["import"] + load + first)
    times = [milliseconds(load), milliseconds(first), f"{first / row['warm']:.1f}", whole]
    return [row["runtime"], *times, f"{row['peak'] / 1e6:.0f}"]


def busy_tables(result: dict[str, Any]) -> list[str]:
    """Medians of the turns: one thread, one per core, the same while a core is taken, and how much slower that is."""
    rows, threads = result["rows"], result["threads"]
    lines = [machine_line(result["machine"]), "", f"{result['rounds']} turns of {result['seconds']} s each.", ""]
    header = ["network, runtime", "1 thread ms", f"{threads} threads ms", "a core taken ms", "taken / 1 thread"]
    at = {(row["model"], row["runtime"], row["how"]): row["median"] for row in rows}
    body = []
    for network, runtime in dict.fromkeys((row["model"], row["runtime"]) for row in rows):
        one, both, busy = (at.get((network, runtime, how)) for how in ("one", "all", "busy"))
        if one and both and busy:
            times = [milliseconds(each) for each in (one, both, busy)]
            body.append([f"{network}, {runtime}", *times, f"{busy / one:.2f}×"])
    return [*lines, *table(header, body)]


CONTENDERS = {"ours": "float32", "ours int8+float32": "int8+float32", "ours int8": "int8", "faiss": "faiss",
              "numpy": "NumPy", "scikit-learn": "scikit-learn"}  # fmt: skip
"""Of neighbors.py, and the column of each."""


def neighbor_tables(result: dict[str, Any]) -> list[str]:
    """Milliseconds for all queries of a case together, the fastest call of each contender."""
    rows = result["neighbors"]
    names = [name for name in CONTENDERS if any(row["contender"] == name for row in rows)]
    body: dict[str, dict[str, str]] = {}
    for row in rows:
        case = f"{row['dimensions']} x {row['samples']}, {row['queries']}"
        body.setdefault(case, {})[row["contender"]] = _three_digits(row["fastest_ms"])
    header = ["dimensions x samples, queries", *(CONTENDERS[name] for name in names)]
    cells = [[case, *(found.get(name, "") for name in names)] for case, found in body.items()]
    threads = rows[0]["threads"]
    facts = f"{machine_line(result['machine'])}  {threads} thread{'s' * (threads != 1)}."
    return [facts, "", *table(header, cells)]


def _three_digits(value: float) -> str:
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{decimals}f}"
