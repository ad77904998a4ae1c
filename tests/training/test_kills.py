"""Updates that are killed at random moments, also while they write a checkpoint: see kills.py.

PYRUNTIME_KILLS is how many, PYRUNTIME_SEED from where they are drawn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("PYRUNTIME_KILLS", "6"))
SEED = int(os.environ.get("PYRUNTIME_SEED", "1"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a file system: a process that is killed loses no page of the system's."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


def test_killed_updates_go_on_to_the_same_bits(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.kills", str(KILLS), str(SEED), str(folder)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"momentum", "adam", "pipeline"}
    assert sum(case["kills"] for case in found.values()) >= KILLS
    assert all(case["rounds"] > 0 for case in found.values())
    if KILLS >= 100:
        assert sum(case["while writing"] for case in found.values()) > KILLS // 4
        assert sum(case["went on"] for case in found.values()) > KILLS // 4
