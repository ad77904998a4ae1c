"""The scheduler on a board: what its kernel says, a task that is killed, a condition that really ends.

PYRUNTIME_BOARD is a command that runs a program there, such as "ssh -p 2222 root@127.0.0.1".  The board needs Python
3.10 or newer and nothing else: looking at what waits needs neither NumPy nor our C library.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shlex
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "pyruntime"

UNPACK = """
import base64, os, sys, tempfile
folder = tempfile.mkdtemp()
archive = os.path.join(folder, "package.zip")
open(archive, "wb").write(base64.b64decode("{archive}"))
sys.path.insert(0, archive)
"""

ON_BOARD = """
import json, signal
from pyruntime.tasks import Clock, Conditions, Machine, ProcessingTaskRequest, TaskScheduler

class Later(Clock):
    def since_boot(self):
        return super().since_boot() + 3600 * later

later = 0
machine = Machine()
everything = ProcessingTaskRequest("a", requires_external_power=True, requires_network_connectivity=True)
found = {one.name: [one.holds, one.detail] for one in Conditions(machine, folder).check(everything)}

def scheduler(launch):
    made = TaskScheduler(os.path.join(folder, "tasks.db"), clock=Later(), interval=0.05)
    made.register("work", launch)
    return made

anything = {"requires_idle": False, "max_temperature": None, "allows_throttling": True}
anything |= {"min_free_memory": 0, "min_free_storage": 0}
child = os.fork()
if not child:
    mine = scheduler(lambda task: os.kill(os.getpid(), signal.SIGKILL))
    mine.submit(ProcessingTaskRequest("work", **anything))
    mine.run_pending()
killed = os.WTERMSIG(os.waitpid(child, 0)[1])
mine = scheduler(lambda task: True)
after_kill = [[one.result for one in mine.run_pending()], [one.result for one in mine.status().outcomes]]
later = 1
again = [one.result for one in mine.run_pending()]

free = machine.free_memory()
taken = []
def take(task):
    task.expiration_handler = lambda: task.set_task_completed(False, task.expiration_reason)
    taken.append(b"x" * (free * 6 // 10))
expired = None
if free < 2 << 30:
    other = TaskScheduler(os.path.join(folder, "other.db"), interval=0.05)
    other.register("memory", take)
    other.submit(ProcessingTaskRequest("memory", **anything | {"min_free_memory": free * 9 // 10}))
    expired = [[one.result, one.error] for one in other.run_pending()]
print(json.dumps({"found": found, "killed": killed, "after_kill": after_kill, "again": again, "expired": expired,
                  "boot": Clock().boot()}))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    command = os.environ.get("PYRUNTIME_BOARD")
    if not command:
        pytest.skip("PYRUNTIME_BOARD is not set: it is a command that runs a program on a board")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (*PACKAGE.glob("*.py"), *(PACKAGE / "tasks").glob("*.py")):
            archive.write(path, f"pyruntime/{path.relative_to(PACKAGE).as_posix()}")
    program = UNPACK.format(archive=base64.b64encode(buffer.getvalue()).decode()) + ON_BOARD
    done = subprocess.run(
        [*shlex.split(command), "python3", "-"], input=program, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_kernel_can_be_read(told: dict[str, Any]) -> None:
    names = ["external power", "network", "idle", "temperature", "throttling", "memory", "storage"]
    assert list(told["found"]) == names
    assert len(told["boot"]) == 36
    unknown = [name for name, (_, detail) in told["found"].items() if "cannot be" in detail]
    assert not unknown


def test_a_task_that_is_killed_is_tried_again(told: dict[str, Any]) -> None:
    assert told["killed"] == 9
    assert told["after_kill"] == [[], ["crashed"]]
    assert told["again"] == ["succeeded"]


def test_a_condition_that_really_ends_expires_a_task(told: dict[str, Any]) -> None:
    if told["expired"] is None:
        pytest.skip("the board has so much memory that taking most of it would be unkind")
    ((result, error),) = told["expired"]
    assert result == "expired"
    assert error.startswith("memory: ")
