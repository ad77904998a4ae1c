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
    assert "- b, slow: odd" in lines


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
