"""From the start of a process to its first prediction."""

from __future__ import annotations

from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture
from start import CHILD, drawing_classifier, start


def test_first_prediction_in_a_process(benchmark: BenchmarkFixture, cache_home: Path) -> None:
    """The whole process, its end included; start.py splits it."""
    run = benchmark.pedantic(start, args=(CHILD, drawing_classifier(), cache_home), rounds=5, warmup_rounds=1)
    benchmark.extra_info["peak MiB"] = round(run["peak"] / 2**20, 1)
    assert run["predict"] > 0
