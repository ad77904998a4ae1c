"""One runtime with one network in a process of its own: times what race.py asks for.

Speaks lines of JSON: first {"note", "version"} or {"impossible"}, then for each {"seconds"} read one {"median",
"best", "runs"}.  Runs in a peer's environment, where pyruntime is not installed.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from exported import ExportedNetwork, read_exported
from peers.network import Array, Unwritable
from peers.runtimes import PEERS

if TYPE_CHECKING:
    from networks import Entry

OURS = ("pyruntime", "pyruntime-predict")
FILE_PEERS = ("onnxruntime", "ncnn", "torch", "torch-frozen")
"""Those that get the networks of other people's Core ML files."""
EXPORT_PEERS = ("onnxruntime", "openvino", "ncnn", "mnn", "litert", "executorch", "torch-frozen")
"""Those that get the networks of tools/networks."""
PACKAGES = {
    "pyruntime": "pyruntime-edge", "pyruntime-predict": "pyruntime-edge", "torch-frozen": "torch",
    "litert": "ai-edge-litert",
}  # fmt: skip
TOLERANCE = 1e-3
"""Greatest difference of an output from ours, relative to its greatest magnitude."""
FROM_TORCH = 1e-2
"""The same from PyTorch's, in the networks of tools/networks: forms of Winograd's convolution differ by so much.  What
differs by more than TOLERANCE is said beside the table."""
SAME_INDICES = 0.999
"""Share of arg-max results that must be the same: where two scores tie within rounding, either index is right."""
MIN_RUNS = 3


def open_runtime(name: str, path: Path, threads: int) -> tuple[Callable[[], Any], str]:
    """A call that predicts once, and a note.  path: a .mlmodel file, or a folder of tools/networks.

    Raises Unwritable, or ValueError when a runtime computes something else.
    """
    return open_exported(name, read_exported(path), threads) if path.is_dir() else open_file(name, path, threads)


def open_file(name: str, path: Path, threads: int) -> tuple[Callable[[], Any], str]:
    """The network of a Core ML file; peers must give our answer."""
    from networks import open_network
    from peers.read import read_network

    if name in OURS:
        return _ours(name, open_network(path, threads)), ""
    network, entry = read_network(path, threads)
    scores = network.without_arg_max()
    if scores is not network:
        opened = PEERS[name](scores, threads)
        opened.run()
        compare(name, _expected(entry, scores.outputs), opened.results())
    opened = PEERS[name](network, threads)
    opened.run()
    compare(name, _expected(entry, entry.engine.program.outputs), opened.results())
    return opened.run, opened.note


def open_exported(name: str, network: ExportedNetwork, threads: int) -> tuple[Callable[[], Any], str]:
    """A network of tools/networks; everyone must give PyTorch's answer."""
    if name in OURS:
        from networks import open_network

        entry = open_network(Path(network.file("model.mlmodel")), threads, network.inputs)
        run, note = _ours(name, entry), ""
        results = entry.engine.session().run(entry.arrays, len(network.expected))
    else:
        opened = PEERS[name](network, threads)
        opened.run()
        run, note, results = opened.run, opened.note, opened.results()
    worst = compare(name, network.expected, results, FROM_TORCH)
    differs = f"the answer differs by {worst:.1e} of its greatest magnitude" if worst > TOLERANCE else ""
    return run, "; ".join(filter(None, (note, differs)))


def _ours(name: str, entry: Entry) -> Callable[[], Any]:
    if name == "pyruntime-predict":
        return lambda: entry.model.predict(entry.features)
    session, outputs = entry.engine.session(), len(entry.engine.program.outputs)
    return lambda: session.run(entry.arrays, outputs)


def _expected(entry: Entry, blobs: tuple[str, ...]) -> dict[str, Array]:
    return dict(zip(blobs, entry.blobs(blobs), strict=True))


def compare(runtime: str, expected: Mapping[str, Array], got: Sequence[Array], tolerance: float = TOLERANCE) -> float:
    """The greatest difference.  Raises ValueError unless these are the expected outputs, in any order."""
    left, worst = list(got), 0.0
    if len(left) != len(expected):
        raise ValueError(f"{runtime}: {len(left)} outputs, expected {len(expected)}")
    for name, right in expected.items():
        same_size = [i for i, array in enumerate(left) if array.size == right.size]
        if not same_size:
            sizes = ", ".join(str(array.size) for array in left)
            raise ValueError(f"{runtime}, {name}: {right.size} numbers expected, the outputs have {sizes}")
        differences = {i: difference(right, left[i]) for i in same_size}
        nearest = min(differences, key=lambda i: differences[i])
        left.pop(nearest)
        worst = max(worst, differences[nearest])
        if not differences[nearest] < tolerance:
            raise ValueError(
                f"{runtime}, {name}: the answer differs by {differences[nearest]:.1e} of its greatest magnitude, "
                f"allowed {tolerance}"
            )
    return worst


def difference(right: Array, got: Array) -> float:
    """Greatest difference relative to the greatest magnitude; of indices, 0 when enough of them are the same."""
    a, b = right.ravel().astype(np.float64), got.ravel().astype(np.float64)
    if np.issubdtype(got.dtype, np.integer):
        return 0.0 if float((a == b).mean()) >= SAME_INDICES else float("inf")
    error = float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-30))
    return error if error == error else float("inf")


def measure(run: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Calls for so many seconds, after a tenth of that to warm up; at least MIN_RUNS."""
    stop = time.perf_counter() + seconds / 10
    run()
    while time.perf_counter() < stop:
        run()
    times: list[float] = []
    stop = time.perf_counter() + seconds
    while len(times) < MIN_RUNS or time.perf_counter() < stop:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return {"median": statistics.median(times), "best": min(times), "runs": len(times)}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # libraries that talk do not talk into the answers
    name, path, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    try:
        run, note = open_runtime(name, path, threads)
    except Unwritable as reason:
        print(json.dumps({"impossible": str(reason)}), file=answers)
        return
    except ValueError as wrong:
        print(json.dumps({"wrong": str(wrong)}), file=answers)
        return
    except ModuleNotFoundError as missing:
        print(json.dumps({"impossible": f"{missing.name} is not installed"}), file=answers)
        return
    print(json.dumps({"note": note, "version": metadata.version(PACKAGES.get(name, name))}), file=answers)
    for line in sys.stdin:
        print(json.dumps(measure(run, json.loads(line)["seconds"])), file=answers)


if __name__ == "__main__":
    main()
