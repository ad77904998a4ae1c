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
    failed = [(name, kind) for name in names for kind in wanted if not export(out, name, kind, options.here)]
    if failed:
        raise SystemExit(f"not written: {', '.join(f'{name} for {kind}' for name, kind in failed)}; see above")


def _needed(kind: str) -> set[str]:
    """Formats that this one is made from."""
    from exports import FORMATS

    needs = FORMATS[kind].needs
    return {needs, *_needed(needs)} if needs else set()


def export(out: Path, name: str, kind: str, here: bool) -> bool:
    """Whether one network is there in one format, or a reason stands where it is known to be impossible."""
    from catalogue import NETWORKS
    from exports import FORMATS

    network, form, folder = NETWORKS[name], FORMATS[kind], out / name
    file, reason = folder / form.file, folder / f"{kind}.reason"
    if file.exists():
        return True
    folder.mkdir(parents=True, exist_ok=True)
    if kind in network.without:
        reason.write_text(network.without[kind] + "\n")
        return True
    print(f"{name}: {kind} …", file=sys.stderr, flush=True)
    began = time.monotonic()
    try:
        if form.environment and not here:
            _elsewhere(form.environment, out, name, kind)
        else:
            form.write(network, folder)
    except BaseException as error:
        file.unlink(missing_ok=True)
        if not isinstance(error, Exception):
            raise
        if not isinstance(error, subprocess.CalledProcessError):  # which has told its reason itself
            traceback.print_exc()
            lines = str(error).strip().splitlines()
            reason.write_text(f"{kind}: {type(error).__name__}: {lines[0] if lines else ''}\n")
        return False
    reason.unlink(missing_ok=True)
    if not here:
        print(f"{name}: {kind}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return True


def _elsewhere(peer: str, out: Path, name: str, kind: str) -> None:
    """This program, in the environment that has the converter."""
    from environments import environment

    words = ["--here", "--out", out, "--networks", name, "--formats", kind]
    subprocess.run([environment(peer), "-W", "ignore", Path(__file__).parent, *words], check=True)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
