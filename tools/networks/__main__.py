"""The networks of the race (docs/performance.md): built in PyTorch with seeded random weights, for us and the peers.

    python tools/networks                                   all networks in all formats, into build/networks
    python tools/networks --networks lstm2,gru2 --formats coreml,onnx

What is there already is left alone.  Needs torch, coremltools, onnx and pnnx; other converters get environments of
their own.  A format that cannot be had gets a file FORMAT.reason, which the race quotes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("TQDM_DISABLE", "1")  # converters' progress bars
sys.path.append(str(ROOT / "benchmarks"))  # environments


def main() -> None:
    from catalogue import NETWORKS
    from exports import FORMATS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build/networks", help="folder (default build/networks)")
    parser.add_argument("--networks", default=",".join(NETWORKS), help=f"of {', '.join(NETWORKS)} (default all)")
    parser.add_argument("--formats", default=",".join(FORMATS), help=f"of {', '.join(FORMATS)} (default all)")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # every converter is in this Python
    options = parser.parse_args()
    out: Path = options.out.resolve()
    names, formats = options.networks.split(","), options.formats.split(",")
    for given, known in ((names, NETWORKS), (formats, FORMATS)):
        for unknown in set(given) - set(known):
            parser.error(f"{unknown!r} is not known; there are {', '.join(known)}")
    wanted = [name for name in FORMATS if name in formats or any(name in _needed(each) for each in formats)]
    for kind in wanted:
        if FORMATS[kind].environment and not options.here:
            _elsewhere(out, [name for name in names if is_missing(out, name, kind)], kind)
            continue
        for name in names:
            if is_missing(out, name, kind):
                export(out, name, kind)
    failed = [f"{name} for {kind}" for name in names for kind in wanted if is_missing(out, name, kind)]
    if failed and not options.here:
        raise SystemExit(f"not written: {', '.join(failed)}; see above")


def _needed(kind: str) -> set[str]:
    """Formats that this one is made from."""
    from exports import FORMATS

    needs = FORMATS[kind].needs
    return {needs, *_needed(needs)} if needs else set()


def is_missing(out: Path, name: str, kind: str) -> bool:
    """Whether a network could be there in this format and is not."""
    from catalogue import NETWORKS
    from exports import FORMATS

    folder, without = out / name, NETWORKS[name].without
    if kind in without:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{kind}.reason").write_text(without[kind] + "\n")
    return kind not in without and not (folder / FORMATS[kind].file).exists()


def export(out: Path, name: str, kind: str) -> None:
    """Writes one network in one format, with a converter of this Python, or the reason why it is not there."""
    from catalogue import NETWORKS
    from exports import FORMATS

    form, folder = FORMATS[kind], out / name
    folder.mkdir(parents=True, exist_ok=True)
    reason = folder / f"{kind}.reason"
    print(f"{name}: {kind} …", file=sys.stderr, flush=True)
    began = time.monotonic()
    try:
        form.write(NETWORKS[name], folder)
    except BaseException as error:
        (folder / form.file).unlink(missing_ok=True)
        if not isinstance(error, Exception):
            raise
        traceback.print_exc()
        lines = str(error).strip().splitlines()
        reason.write_text(f"{kind}: {type(error).__name__}: {lines[0] if lines else ''}\n")
        return
    reason.unlink(missing_ok=True)
    print(f"{name}: {kind}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _elsewhere(out: Path, names: list[str], kind: str) -> None:
    """This program, in the environment that has the converter."""
    from environments import environment
    from exports import FORMATS

    if names:
        words = ["--here", "--out", out, "--networks", ",".join(names), "--formats", kind]
        subprocess.run([environment(FORMATS[kind].environment), "-W", "ignore", Path(__file__).parent, *words])


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
