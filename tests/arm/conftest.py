"""`tools` is found behind everything else, so that `pyruntime` is the installed one."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))
