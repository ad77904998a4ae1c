"""A warm step asks nobody for memory: no allocation of the C library, and few objects of Python's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import ctypes, sys, tracemalloc
sys.path.insert(0, sys.argv[1])
from tests.training.test_task import classes, pictures
from pyruntime import MLModel, MLModelConfiguration
from pyruntime.native import _native
from pyruntime.training.trainer import Trainer
from pyruntime.training.options import Adapter, LearningRateSchedule, TrainingOptions

shim = ctypes.CDLL(None)
maps = [line.split("-", 1) for line in open("/proc/self/maps") if line.rstrip().endswith(_native.__file__)]
places = [(int(begin, 16), int(rest.split()[0], 16)) for begin, rest in maps]
shim.count_range(ctypes.c_size_t(min(b for b, _ in places)), ctypes.c_size_t(max(e for _, e in places)))
parameters = {"miniBatchSize": 30, "learningRate": 0.001, "momentum": 0.9}
model = MLModel(classes(), configuration=MLModelConfiguration(threads=2))
every = TrainingOptions(
    optimizer="adamw", weight_decay=0.1, clip_norm=1.0, clip_value=0.5, class_weights=[1, 2, 3], label_smoothing=0.1,
    schedule=LearningRateSchedule("cosine", warmup=5), adapters=Adapter(2),
)
trainer = Trainer(model.engine, parameters, "here", every if sys.argv[2] == "options" else TrainingOptions())
before = shim.count_now()
runner = trainer.runner(30)
runner.features[0][...] = 1
cold = shim.count_now() - before

def step():
    trainer.steer(parameters.get)
    runner.run()

for _ in range(6):
    step()
before = shim.count_now()
tracemalloc.start()
base = tracemalloc.get_traced_memory()[0]
for _ in range(60):
    step()
print(cold, shim.count_now() - before, tracemalloc.get_traced_memory()[1] - base)
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler to build the counter with")
@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="a sanitizer counts memory itself")
@pytest.mark.parametrize("which", ["plain", "options"])
def test_only_the_first_steps_allocate(which: str, tmp_path: Path) -> None:
    counter = tmp_path / "count.so"
    source = ROOT / "tests/exec/count_allocations.c"
    if subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", str(counter), str(source)], capture_output=True
    ).returncode:
        pytest.skip("this C library has no other names for malloc")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(ROOT), which],
        env=os.environ | {"LD_PRELOAD": str(counter)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    cold, warm, grown = map(int, done.stdout.split())
    assert cold > 0, "the counter does not count"
    assert warm == 0, f"{warm} allocations in 60 warm steps"
    assert grown < 8192, f"Python's memory grew by {grown} bytes"
