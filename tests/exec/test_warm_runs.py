"""A warm run asks nobody for memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..plan.networks import NETWORKS

HERE = Path(__file__).resolve().parent
SCRIPT = """
import ctypes, sys
sys.path.insert(0, sys.argv[1])
from tests_plan import networks
from pyruntime.native import lib, _native

shim = ctypes.CDLL(None)
maps = [line.split("-", 1) for line in open("/proc/self/maps") if line.rstrip().endswith(_native.__file__)]
places = [(int(begin, 16), int(rest.split()[0], 16)) for begin, rest in maps]
shim.count_range(ctypes.c_size_t(min(b for b, _ in places)), ctypes.c_size_t(max(e for _, e in places)))
context = lib.Context(threads=2)
for name, make in networks.NETWORKS.items():
    graph = make()
    plan, weights = networks.encoded(graph, context, packed=True)
    session = lib.Session(context, networks.at_the_edge(plan), weights, 1 << 24)
    inputs, outputs = networks.sample_inputs(graph), len(graph.outputs)
    before = shim.count_now()
    session.run(inputs, outputs)
    cold = shim.count_now() - before
    for _ in range(20):
        session.run(inputs, outputs)
    print(name, cold, shim.count_now() - before - cold)
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler to build the counter with")
@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="a sanitizer counts memory itself")
def test_only_the_first_run_allocates(tmp_path: Path) -> None:
    counter = tmp_path / "count.so"
    build = ["cc", "-shared", "-fPIC", "-O1", "-o", str(counter), str(HERE / "count_allocations.c")]
    if subprocess.run(build, capture_output=True).returncode:
        pytest.skip("this C library has no other names for malloc")
    (tmp_path / "tests_plan").symlink_to(HERE.parent / "plan")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        env=os.environ | {"LD_PRELOAD": str(counter)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    counts = {name: (int(cold), int(warm)) for name, cold, warm in map(str.split, done.stdout.splitlines())}
    assert set(counts) == set(NETWORKS)
    for name, (cold, warm) in counts.items():
        assert cold > 0, f"{name}: the counter does not count"
        assert warm == 0, f"{name}: {warm} allocations in 20 warm runs"
