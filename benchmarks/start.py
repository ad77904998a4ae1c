"""Start, memory and size of our runtime.

    python benchmarks/start.py --rounds 15 --json start.json --markdown

Time from the start of a process to its first prediction, its greatest memory, the size of the library, and for each
model the time to open it (.mlmodel file, the same from the cache, compiled directory) and the arena next to what must
be alive. Run it with a Python into which the package is installed as users install it; an editable install looks for
changes first.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from machine import machine
from networks import STICKER, WITHOUT_FOLDER, model_paths, models_folder
from tables import start_tables

CHILD = """\
import time
def now(): return time.clock_gettime(time.CLOCK_MONOTONIC)
begin = now()
import sys
import pyruntime
imported = now()
model = pyruntime.MLModel(sys.argv[1])
opened = now()
import numpy
feature = model.model_description.inputs[0]
picture = numpy.zeros((feature.constraint.height, feature.constraint.width), numpy.uint8)
asked = now()
model.predict({feature.name: picture})
done = now()
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(begin, imported, opened, asked, done, peak)
"""
"""A user's program, with its clock.  What lies between `opened` and `asked` is the measurement's own and taken off."""
BARE = """\
import time
begin = time.clock_gettime(time.CLOCK_MONOTONIC)
import numpy, PIL.Image, google.protobuf.message
done = time.clock_gettime(time.CLOCK_MONOTONIC)
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(begin, done, done, done, done, peak)
"""
"""Only the libraries that the runtime stands on: what no change of ours can take away."""


def start(program: str, path: Path, cache: Path) -> dict[str, float]:
    """Seconds of the parts of one run, and its greatest resident memory in bytes."""
    command = [sys.executable, "-c", program, str(path.resolve())]
    env = os.environ | {"XDG_CACHE_HOME": str(cache)}
    elsewhere = path.resolve().parent  # in the source tree, `import pyruntime` would find the sources without a library
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    child = subprocess.run(command, cwd=elsewhere, env=env, stdout=subprocess.PIPE, text=True, check=True)
    begin, imported, opened, asked, done, peak = map(float, child.stdout.split())
    return {
        "python": begin - before, "import": imported - begin, "open": opened - imported, "predict": done - asked,
        "all": done - before - (asked - opened), "peak": peak * 1024,
    }  # fmt: skip


def starts(what: str, program: str, path: Path, rounds: int, cache: Path) -> dict[str, Any]:
    start(program, path, cache)  # brings files into memory and fills the cache
    runs = [start(program, path, cache) for _ in range(rounds)]
    parts = {part: statistics.median(run[part] for run in runs) for part in ("python", "import", "open", "predict")}
    whole = [run["all"] for run in runs]
    return {
        "what": what,
        **parts,
        "best": min(whole),
        "median": statistics.median(whole),
        "peak": max(run["peak"] for run in runs),
    }


def drawing_classifier() -> Path:
    """Apple's when it is there, else our own."""
    theirs = (models_folder() or Path("/nowhere")) / "UpdatableDrawingClassifier.mlmodel"
    return theirs if theirs.exists() else STICKER


def library() -> dict[str, int]:
    """Bytes of the built extension, as it is and stripped (0 without `strip`)."""
    from pyruntime.native import _native

    path = Path(_native.__file__)
    stripped = 0
    if shutil.which("strip"):
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copy(path, folder)
            subprocess.run(["strip", copy], check=True)
            stripped = os.path.getsize(copy)
    return {"bytes": path.stat().st_size, "stripped": stripped}


def open_times(path: Path, rounds: int, folder: Path) -> dict[str, Any]:
    """Best seconds to open one model in each way, in a process that is warm; its memory."""
    from networks import open_network

    import pyruntime
    from pyruntime.config import MLModelConfiguration

    compiled = folder / f"{path.stem}.mlmodelc"
    pyruntime.compile_model(path, compiled)
    plain, cached = MLModelConfiguration(cache_folder=None), MLModelConfiguration(cache_folder=folder / "cache")
    ways = {"file": (path, plain), "cached": (path, cached), "compiled": (compiled, plain)}
    times: dict[str, float] = {}
    for way, (source, configuration) in ways.items():
        pyruntime.MLModel(source, configuration=configuration)
        times[way] = min(
            _seconds(lambda s=source, c=configuration: pyruntime.MLModel(s, configuration=c)) for _ in range(rounds)
        )
    entry = open_network(path)
    session = entry.engine.session()
    session.bind(entry.arrays, len(entry.engine.program.outputs))
    arena, peak = session.memory()
    facts = {"steps": session.steps, "weights": entry.engine.program.weights.nbytes, "arena": arena, "peak": peak}
    return {"model": path.stem, **times, **facts}


def _seconds(call: Any) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def is_editable() -> bool:
    text = metadata.distribution("pyruntime-edge").read_text("direct_url.json") or "{}"
    return bool(json.loads(text).get("dir_info", {}).get("editable"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="processes of each kind (default 15)")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    parser.add_argument("--markdown", action="store_true", help="print tables for docs/performance.md")
    options = parser.parse_args()
    notes = [WITHOUT_FOLDER] if models_folder() is None else []
    if is_editable():
        notes.append("An editable install, which looks for changed sources at every import: not what users have")
    result: dict[str, Any] = {"machine": machine(), "notes": notes, "library": library()}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        import pyruntime

        folder, path = Path(name), drawing_classifier()
        compiled = folder / f"{path.stem}.mlmodelc"
        pyruntime.compile_model(path, compiled)
        ways = [
            (f"{path.name}, cached", CHILD, path),
            (f"{path.stem}.mlmodelc", CHILD, compiled),
            ("only NumPy, Pillow and protobuf", BARE, path),
        ]
        result["starts"] = [starts(*way, options.rounds, folder / "home") for way in ways]
        result["models"] = [open_times(each, max(3, options.rounds // 3), folder) for each in model_paths()]
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.markdown or not options.json:
        print("\n".join(start_tables(result)))


if __name__ == "__main__":
    main()
