"""The programs of benchmarks/ and tools/networks/, which import each other by their plain names."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "benchmarks"), str(ROOT / "tools" / "networks")]
