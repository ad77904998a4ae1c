"""tasks: submit, status, run, cancel, install; signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pyruntime.model import MLModel
from pyruntime.tasks import scheduler as scheduling
from pyruntime.tasks import systemd

from .conftest import PROTOTYPES, Run, drawn

RELAXED = ("--even-when-busy", "--max-temperature", "200", "--min-free-memory", "0", "--min-free-storage", "0")
"""Conditions that hold on the machine that tests run on; its disk may still be nearly full."""


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling._Shared, "scheduler", None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("pyruntime.tasks.conditions.NEARLY_FULL", 0.0)
    monkeypatch.setattr("pyruntime.tasks.conditions.MEMORY_PRESSURE", 101.0)


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    return drawn(tmp_path / "drawings", 5)


def test_submit_status_run(run: Run, sticker: str, drawings: Path, tmp_path: Path) -> None:
    output = tmp_path / "Mine.mlmodelc"
    outcome = run(
        "tasks", "submit-update", sticker, "--data", drawings, "--output", output, "--identifier", "mine", *RELAXED
    )
    assert (outcome.code, outcome.out) == (0, "mine is pending\n")
    outcome = run("tasks", "status")
    assert outcome.out == "  mine  pending  may run now\n"
    assert outcome.err.startswith("no timer is installed: 1 request wait")
    outcome = run("tasks", "run")
    assert outcome.code == 0
    assert outcome.out.startswith("mine succeeded after ")
    assert sorted(MLModel(output).model_description.class_labels or ()) == sorted(PROTOTYPES)
    status = run("tasks", "status", "--json").json
    assert status["pending"] == status["running"] == []
    assert [(one["identifier"], one["result"]) for one in status["outcomes"]] == [("mine", "succeeded")]


def test_conditions_of_the_command_line_reach_the_request(
    run: Run, sticker: str, drawings: Path, tmp_path: Path
) -> None:
    run(
        "tasks", "submit-update", sticker, "--data", drawings, "--output", tmp_path / "M.mlmodel", "--identifier", "m",
        "--requires-external-power", "--requires-network-connectivity", "--earliest", "2999-12-31T02:00",
        "--max-temperature", "60", "--min-free-storage", "500", "--max-duration", "90", "--checkpoint", tmp_path / "c",
        "--parameter", "numberOfNeighbors=1", "--guard", drawings, "--guard-tolerance", "0.1",
        "--keep-generations", "5",
    )  # fmt: skip
    (request,) = scheduling.TaskScheduler.shared.pending()
    assert (request.requires_external_power, request.requires_network_connectivity) == (True, True)
    assert (request.requires_idle, request.max_temperature, request.max_duration) == (True, 60.0, 90.0)
    assert request.min_free_storage == 500_000_000
    assert request.payload["parameters"] == {"numberOfNeighbors": 1}
    assert request.payload["guard"] == {"data": str(drawings), "metric": "accuracy", "tolerance": 0.1}
    assert (request.payload["keep_generations"], request.payload["options"]) == (5, None)
    assert request.payload["checkpoint"] == str(tmp_path / "c")
    (waiting,) = run("tasks", "status", "--json").json["pending"]
    assert waiting["seconds_left"] > 1e9
    assert run("tasks", "run").out == ""


def test_cancel(run: Run, sticker: str, drawings: Path, tmp_path: Path) -> None:
    for name in "ab":
        run("tasks", "submit-update", sticker, "--data", drawings, "--output", tmp_path / "M.mlmodel",
            "--identifier", name)  # fmt: skip
    assert run("tasks", "cancel", "a").out == "cancelled 1\n"
    outcome = run("tasks", "cancel", "a")
    assert (outcome.code, outcome.err) == (
        1, "pyruntime: no request 'a' is pending; `pyruntime tasks status` lists them\n"
    )  # fmt: skip
    assert run("tasks", "cancel").code == 2
    assert run("tasks", "cancel", "--all", "--json").json == {"cancelled": 1}
    assert run("tasks", "status").out == "nothing waits, and nothing has run\n"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["submit-update", "{model}", "--data", "nowhere", "--output", "M.mlmodel"], 1, "there is no such folder"),
        (["submit-update", "{model}", "--data", ".", "--output", "M.zip"], 1, "is saved as"),
        (["submit-update", "{model}", "--data", ".", "--output", "M.mlmodel", "--earliest", "soon"], 2, "such as 2026"),
        (["run", "--import", "no.such.module"], 2, "no.such.module"),
        (["install", "--every", "1"], 2, "10 seconds or more"),
        ([], 2, "COMMAND"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)  # fmt: skip
def test_what_is_wrong_is_said(
    run: Run, linear: str, sticker: str, arguments: list[str], code: int, sentence: str
) -> None:
    outcome = run("tasks", *(word.format(model=sticker) for word in arguments))
    assert outcome.code == code
    assert sentence in outcome.err


def test_install_writes_the_units(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "_systemctl", lambda arguments: False)
    (tmp_path / "mine.py").write_text("")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "config" / "systemd" / "user"
    run("tasks", "install")
    assert f'"--database" "{tmp_path / "state" / "pyruntime" / "tasks.db"}"' in (folder / systemd.SERVICE).read_text()
    outcome = run("tasks", "install", "--database", tmp_path / "my tasks.db", "--import", "mine")
    assert f"wrote {folder / systemd.TIMER}\n" in outcome.out
    assert "to do: systemctl --user enable --now pyruntime-tasks.timer" in outcome.err
    service = (folder / systemd.SERVICE).read_text()
    assert f'"--database" "{tmp_path / "my tasks.db"}"' in service
    assert '"--import" "mine"' in service
    assert run("tasks", "uninstall", "--json").json["files"] == [
        str(folder / systemd.SERVICE), str(folder / systemd.TIMER)
    ]  # fmt: skip
    assert not any(folder.iterdir())


APPLICATION = """
import os, signal
from pyruntime.tasks import ProcessingTaskRequest, TaskScheduler

def launch(task):
    task.expiration_handler = lambda: task.set_task_completed(False, task.expiration_reason)
    os.kill(os.getpid(), signal.SIGTERM)

TaskScheduler.shared.register("app", launch)
TaskScheduler.shared.submit(ProcessingTaskRequest(
    "app", requires_idle=False, max_temperature=None, allows_throttling=True, min_free_memory=0, min_free_storage=0))
"""


def test_a_program_of_ones_own_in_the_loop_and_sigterm(tmp_path: Path) -> None:
    (tmp_path / "application.py").write_text(APPLICATION)
    database = str(tmp_path / "tasks.db")
    command = (
        "import pyruntime.tasks.conditions as c; c.NEARLY_FULL = 0.0; c.MEMORY_STALLED = c.MEMORY_PRESSURE = 101.0; "
    )
    command += "import sys; from pyruntime.cli import main; sys.exit(main())"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).resolve().parents[2])]),
    }
    done = subprocess.run(
        [sys.executable, "-c", command, "tasks", "run", "--forever", "--import", "application", "--database", database],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    status = subprocess.run(
        [sys.executable, "-m", "pyruntime", "tasks", "status", "--json", "--database", database],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    (outcome,) = json.loads(status.stdout)["outcomes"]
    assert (outcome["result"], outcome["error"]) == ("expired", "the scheduler stops")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
