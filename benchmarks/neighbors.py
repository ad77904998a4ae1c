"""Exact k nearest neighbours against faiss, NumPy and scikit-learn, those of them that are installed.

    python benchmarks/neighbors.py --rounds 9 --json build/bench/neighbors.json --markdown
    python benchmarks/neighbors.py --case 64x1000000x1 --only ours,faiss

The contenders take turns, a call of each per round, so that what else runs on the machine meets them all.  Each row
gives the fastest and the median call in milliseconds, for all its queries together, and how the fastest compares with
ours.  A contender whose neighbours are not ours is named: then one of the two is wrong, or two distances differ by
rounding only.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

Search = Callable[[Any], Any]

CASES = (
    (64, 1_000, 1), (64, 100_000, 1), (64, 1_000_000, 1), (64, 1_000_000, 32), (512, 100_000, 1), (512, 100_000, 32),
    (2048, 1_000, 32), (2048, 10_000, 32), (2048, 100_000, 1),
)  # fmt: skip
"""Dimensions, samples, queries."""
K = 5
ENOUGH = 0.02
"""Seconds: shorter calls are repeated within a round, and their mean counts."""


def ours(samples: np.ndarray[Any, Any], threads: int, vectors: str = "float32") -> Search:
    from pyruntime.native.knn import NeighborIndex
    from pyruntime.native.lib import Context
    from pyruntime.neighbors.segments import encoded

    index = NeighborIndex(Context(threads=threads), [encoded(samples, vectors)])
    return lambda queries: index.search(queries, K)[1]


def faiss(samples: np.ndarray[Any, Any], threads: int) -> Search:
    import faiss as library

    library.omp_set_num_threads(threads)
    index = library.IndexFlatL2(samples.shape[1])
    index.add(samples)
    return lambda queries: index.search(queries, K)[1]


def numpy(samples: np.ndarray[Any, Any], threads: int) -> Search:
    import numpy as np

    norms = np.einsum("ij,ij->i", samples, samples)

    def search(queries: Any) -> Any:
        scores = norms - 2 * (queries @ samples.T)
        some = np.argpartition(scores, K, axis=1)[:, :K]
        order = np.argsort(np.take_along_axis(scores, some, 1), axis=1)
        return np.take_along_axis(some, order, 1)

    return search


def sklearn(samples: np.ndarray[Any, Any], threads: int) -> Search:
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=K, algorithm="brute", n_jobs=threads).fit(samples)
    return lambda queries: index.kneighbors(queries, return_distance=False)


CONTENDERS: dict[str, Callable[[Any, int], Search]] = {
    "ours": ours,
    "ours int8": lambda samples, threads: ours(samples, threads, "int8"),
    "ours int8+float32": lambda samples, threads: ours(samples, threads, "int8+float32"),
    "faiss": faiss,
    "numpy": numpy,
    "scikit-learn": sklearn,
}


def seconds(search: Search, queries: Any, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        search(queries)
    return (time.perf_counter() - start) / repeats


def race(case: tuple[int, int, int], names: list[str], threads: int, rounds: int) -> list[dict[str, Any]]:
    """One row per contender that is installed."""
    import numpy as np

    dimensions, count, many = case
    random = np.random.default_rng(0)
    samples = random.standard_normal((count, dimensions), dtype=np.float32)
    queries = random.standard_normal((many, dimensions), dtype=np.float32)
    searches, repeats, answers = {}, {}, {}
    for name in names:
        try:
            searches[name] = CONTENDERS[name](samples, threads)
        except ImportError as missing:
            print(f"{name} is left out: {missing}", file=sys.stderr)
            continue
        answers[name] = searches[name](queries)
        repeats[name] = max(1, min(1000, int(ENOUGH / seconds(searches[name], queries, 1))))
    times: dict[str, list[float]] = {name: [] for name in searches}
    for _ in range(rounds):
        for name, search in searches.items():
            times[name].append(seconds(search, queries, repeats[name]))
    first = next(iter(searches))
    return [
        {
            "dimensions": dimensions, "samples": count, "queries": many, "threads": threads, "contender": name,
            "fastest_ms": min(found) * 1e3, "median_ms": statistics.median(found) * 1e3,
            "of_ours": min(found) / min(times[first]),
            "same": float((answers[name] == answers[first]).mean()),
        }
        for name, found in times.items()
    ]  # fmt: skip


def lines(rows: list[dict[str, Any]], markdown: bool) -> list[str]:
    head = ("dimensions x samples, queries", "threads", "contender", "fastest, ms", "median, ms", "ours is faster by",
            "same neighbours")  # fmt: skip
    body = [
        (
            f"{r['dimensions']} x {r['samples']}, {r['queries']}", str(r["threads"]), r["contender"],
            f"{r['fastest_ms']:.3f}", f"{r['median_ms']:.3f}", f"{r['of_ours']:.2f}", f"{r['same']:.1%}",
        )
        for r in rows
    ]  # fmt: skip
    if markdown:
        return [" | ".join(("", *row, "")).strip() for row in (head, ["---"] * len(head), *body)]
    widths = [max(len(row[i]) for row in (head, *body)) for i in range(len(head))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in (head, *body)]


def parse_case(text: str) -> tuple[int, int, int]:
    dimensions, count, many = map(int, text.split("x"))
    return dimensions, count, many


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--case", type=parse_case, action="append", help="dimensions x samples x queries: 64x1000x1")
    parser.add_argument("--only", default=",".join(CONTENDERS), help="contenders, the first is compared with")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # read when the libraries are imported
        os.environ[name] = str(options.threads)
    from machine import machine, machine_line

    facts, rows = machine(), []
    print(machine_line(facts))
    for case in options.case or CASES:
        found = race(case, options.only.split(","), options.threads, options.rounds)
        rows += found
        print("\n".join(lines(found, markdown=False)), flush=True)
    if options.markdown:
        print("\n".join(lines(rows, markdown=True)))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"machine": facts, "neighbors": rows}, indent=1))


if __name__ == "__main__":
    main()
