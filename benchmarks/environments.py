"""Peers that need other versions of libraries than we: each has an environment of its own, made on first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "onnxruntime-training": (
        "onnxruntime-training==1.19.2", "onnx==1.16.2", "numpy<2", "torch==2.13.0", "protobuf", "cffi", "pillow",
    ),
}  # fmt: skip
"""onnxruntime-training ended with 1.19.2, which is of NumPy 1."""


def python_of(peer: str) -> str:
    """The Python that runs this peer; for most of them the running one."""
    if peer not in PACKAGES:
        return sys.executable
    folder = ROOT / "build" / "peers" / peer
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"Making {folder.relative_to(ROOT)} …", file=sys.stderr, flush=True)
        pip = [python, "-m", "pip", "install", "-q"]
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([*pip, *PACKAGES[peer]], check=True)
        subprocess.run([*pip, "--no-deps", "-Cbuild-dir=build/peers/package", ROOT], check=True)
        (folder / "complete").touch()
    return str(python)
