"""Each peer's own environment, made on first use: its memory and size are its own, and so are its versions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES: dict[str, tuple[str, ...]] = {
    "onnxruntime": ("onnxruntime==1.31.1",),
    "openvino": ("openvino==2026.4.1",),
    "ncnn": ("ncnn==1.0.20261020",),
    "mnn": ("mnn==3.6.1", "numpy"),
    "litert": ("ai-edge-litert==2.3.0",),
    "executorch": ("executorch==1.5.1", "torch==2.13.0", "numpy"),
    "torch": ("torch==2.13.0", "numpy"),
    "litert-torch": ("litert-torch==0.10.0", "torch==2.13.0"),
    "onnxruntime-training": (
        "onnxruntime-training==1.19.2", "onnx==1.16.2", "numpy<2", "torch==2.13.0", "protobuf", "cffi", "pillow",
    ),
    "pyruntime": ("numpy", "protobuf", "cffi", "pillow"),
}  # fmt: skip
"""litert-torch only exports.  onnxruntime-training ended with 1.19.2, which is of NumPy 1.  Ours: its own needs."""
WITH_OURS = ("pyruntime", "onnxruntime-training")
"""Those into which this tree's pyruntime is installed as users have it, not editable."""
FOLDER = Path(os.environ.get("PYRUNTIME_PEERS") or ROOT / "build" / "peers").resolve()
"""PYRUNTIME_PEERS: for several checkouts to share one."""


def environment(peer: str) -> str:
    """The Python of this peer's environment."""
    folder = FOLDER / peer
    python, complete = folder / "bin" / "python", folder / "complete"
    if complete.exists() and (peer not in WITH_OURS or _is_of_these_sources(complete)):
        return str(python)
    print(f"Making {folder} …", file=sys.stderr, flush=True)
    pip = [python, "-m", "pip", "install", "-q"]
    if not complete.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([*pip, *PACKAGES[peer]], check=True)
    if peer in WITH_OURS:
        build = f"-Cbuild-dir={FOLDER / 'package'}"
        subprocess.run([*pip, "--force-reinstall", "--no-deps", build, ROOT], check=True)
    complete.write_text(str(ROOT))
    return str(python)


def _is_of_these_sources(complete: Path) -> bool:
    """Whether the environment was made by this checkout, after the last change of pyruntime."""
    files = (path for folder in ("csrc", "pyruntime") for path in (ROOT / folder).rglob("*"))
    newest = max(path.stat().st_mtime for path in files if path.suffix in (".c", ".h", ".def", ".py"))
    return complete.read_text() == str(ROOT) and complete.stat().st_mtime > newest
