"""The race's tables, from invented numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

if not (Path(__file__).resolve().parents[2] / "benchmarks").is_dir():
    pytest.skip("the benchmarks are not beside the tests", allow_module_level=True)


def row(model: str, runtime: str, best: float | None, median: float | None = None, **more: Any) -> dict[str, Any]:
    about = {"threads": 1, "note": "", "impossible": "", "wrong": False}
    return about | {"model": model, "runtime": runtime, "best": best, "median": median or best} | more


def result(*rows: dict[str, Any]) -> dict[str, Any]:
    facts = {"cpu": "A CPU", "cores": "2", "kernels": "avx2", "system": "Linux", "load": "0.0"}
    versions = {"pyruntime": "1", "fast": "2"}
    return {"machine": facts, "versions": versions, "rounds": 3, "seconds": 0.3, "rows": list(rows)}


def cells(lines: list[str], first: str) -> list[str]:
    line = next(line for line in lines if line.startswith(f"| {first}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_ratios_and_the_best_peer() -> None:
    from tables import network_tables

    lines = network_tables(
        result(
            row("a", "pyruntime", 0.010), row("a", "fast", 0.008), row("a", "slow", 0.040),
            row("b", "pyruntime", 0.010), row("b", "fast", 0.020), row("b", "slow", 0.018, note="odd"),
        )
    )  # fmt: skip
    assert cells(lines, "network") == ["network", "pyruntime", "fast", "slow", "best peer"]
    assert cells(lines, "a") == ["a", "10.00", "8.00 (**0.80×**)", "40.00 (4.00×)", "fast **0.80×**"]
    assert cells(lines, "b") == ["b", "10.00", "20.00 (2.00×)", "18.00 (1.80×)", "slow 1.80×"]
    assert cells(lines, "geometric mean of the ratios (best")[1:] == ["", "1.26×", "2.68×", "1.20×"]
    assert {"- b, slow: odd", "A peer is faster on 1 of 2 networks: a (fast 0.80×)."} <= set(lines)


def test_who_did_not_run_has_no_ratio() -> None:
    from tables import network_tables

    lines = network_tables(
        result(
            row("a", "pyruntime", 0.010), row("a", "fast", None, impossible="no file"),
            row("a", "slow", None, impossible="off by 0.5", wrong=True),
        )
    )  # fmt: skip
    assert cells(lines, "a") == ["a", "10.00", "not possible", "wrong answer", ""]
    assert cells(lines, "geometric mean of the ratios (median")[1:] == ["", "", "", ""]
    assert {"- a, fast: no file", "- a, slow: off by 0.5"} <= set(lines)


def test_without_us_there_are_times_only() -> None:
    from tables import network_tables

    lines = network_tables(result(row("a", "pyruntime", None, impossible="x"), row("a", "fast", 0.008)))
    assert cells(lines, "a") == ["a", "not possible", "8.00", ""]


def test_medians_have_their_own_mean() -> None:
    from tables import network_tables

    lines = network_tables(result(row("a", "pyruntime", 0.010, 0.020), row("a", "fast", 0.010, 0.030)))
    assert cells(lines, "geometric mean of the ratios (best")[2:] == ["1.00×", "1.00×"]
    assert cells(lines, "geometric mean of the ratios (median")[2:] == ["1.50×", "1.50×"]


def test_footprint() -> None:
    from tables import footprint_tables

    made = {"import": 0.02, "load": 0.03, "first": 0.05, "warm": 0.04, "peak": 63_400_000, "impossible": ""}
    rows = [{"network": "n", "runtime": "pyruntime"} | made,
            {"network": "n", "runtime": "fast", "impossible": "no file"}]  # fmt: skip
    sizes = {"pyruntime": {"bytes": 104_000_000, "numpy": 72_000_000}, "fast": {"bytes": 200_000_000, "numpy": 0}}
    lines = footprint_tables(result(*rows) | {"installed": sizes})
    first, second = [line for line in lines if line.startswith("| pyruntime")]
    assert first == "| pyruntime | 104 | 32 | 20.00 |"
    assert second == "| pyruntime | 30.00 | 50.00 | 1.2 | 100 | 63 |"
    assert cells(lines, "fast") == ["fast", "200", "200", ""]
    assert "| fast | not possible |  |  |  |  |" in lines and "- n, fast: no file" in lines


def test_a_core_taken_away() -> None:
    from tables import busy_tables

    times = {"one": 0.010, "all": 0.006, "busy": 0.0125}
    rows = [row("n", "pyruntime", 0.001, median, how=how) for how, median in times.items()]
    rows += [row("n", "fast", None, how=how, impossible="no file") for how in times]
    lines = busy_tables(result(*rows) | {"threads": 2})
    assert cells(lines, "n, pyruntime") == ["n, pyruntime", "10.00", "6.00", "12.50", "1.25×"]
    assert not [line for line in lines if line.startswith("| n, fast")]


def test_neighbors() -> None:
    from tables import neighbor_tables

    case = {"dimensions": 64, "samples": 1000, "queries": 1, "threads": 1}
    times = {"ours": 0.0094, "ours int8": 1.234, "numpy": 1234.5}
    rows = [case | {"contender": name, "fastest_ms": value} for name, value in times.items()]
    lines = neighbor_tables(result() | {"neighbors": rows})
    assert cells(lines, "dimensions")[1:] == ["float32", "int8", "NumPy"]
    assert cells(lines, "64 x 1000, 1")[1:] == ["0.009", "1.23", "1234"]


def test_a_section_of_a_page_is_replaced() -> None:
    from report import SECTIONS, with_section

    page = "before\n<!-- busy -->\nold\n<!-- /busy -->\nafter\n"
    assert with_section(page, "busy", ["new"]) == "before\n<!-- busy -->\n\nnew\n\n<!-- /busy -->\nafter\n"
    with pytest.raises(ValueError, match="once each"):
        with_section(page, "race", [])
    docs = Path(__file__).resolve().parents[2] / "docs"
    for name, section in SECTIONS.items():
        with_section((docs / section.page).read_text(), name, [])


def test_a_repeated_model_takes_the_place_of_its_old_rows() -> None:
    from race import replace

    rows = [row(model, name, 1.0, threads=threads) for threads in (1, 2) for model in "ab" for name in ("x", "y")]
    replace(rows, [row("a", "x", 2.0, threads=2)], ["a", "b"])
    found = [(r["threads"], r["model"], r["runtime"], r["best"]) for r in rows]
    assert found == [(1, "a", "x", 1), (1, "a", "y", 1), (1, "b", "x", 1), (1, "b", "y", 1), (2, "a", "x", 2),
                     (2, "b", "x", 1), (2, "b", "y", 1)]  # fmt: skip
