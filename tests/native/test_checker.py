"""The C kernels against plain loops, exactly: builds tests/native/checker, runs every level that can run here."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def check() -> ModuleType:
    """tools/check.py as a module."""
    spec = importlib.util.spec_from_file_location("check", ROOT / "tools" / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert "all right" in done.stdout


def test_kernels_of_this_machine(check: ModuleType) -> None:
    run([str(check.build()), "--rounds", "150"])


@pytest.mark.skipif(platform.machine() != "x86_64", reason="AVX-512 is imitated on x86-64 only")
@pytest.mark.skipif(not Path("/usr/include/simde").exists(), reason="SIMDe is not installed (libsimde-dev)")
def test_avx512_kernels_imitated(check: ModuleType) -> None:
    run([str(check.build(imitate=True)), "--level", "avx512", "--rounds", "60"])


@pytest.mark.parametrize("cpu", ["cortex-a53", "cortex-a72", "cortex-a76"])
def test_neon_kernels_emulated(check: ModuleType, cpu: str) -> None:
    for program in ("aarch64-linux-gnu-gcc", "qemu-aarch64-static"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    target = "aarch64-linux-gnu"
    run([*check.wrapper(target, cpu), str(check.build(target)), "--rounds", "10"])
