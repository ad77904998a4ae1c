"""The units that `pyruntime tasks install` writes, read as systemd reads them."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pyruntime.errors import ModelIOError
from pyruntime.tasks import systemd


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_the_units_say_what_they_should() -> None:
    texts = systemd.units(["--import", "my.tasks"], 60)
    service, timer = parsed(texts[systemd.SERVICE]), parsed(texts[systemd.TIMER])
    words = shlex.split(service["Service"]["ExecStart"])
    assert words == [sys.executable, "-m", "pyruntime", "tasks", "run", "--import", "my.tasks"]
    assert service["Service"]["WorkingDirectory"] == str(Path.cwd()).replace("%", "%%")
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["KillMode"] == "mixed"
    assert timer["Timer"]["OnUnitInactiveSec"] == "60"
    assert "OnCalendar" not in timer["Timer"], "the wall clock of a board jumps"
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert systemd.TIMER.removesuffix(".timer") == systemd.SERVICE.removesuffix(".service")


@pytest.mark.parametrize("word", ["plain", "a b", 'a"b', "a\\b", "50%", "$HOME", "a'b", "é", ";", ""])
def test_words_are_quoted(word: str) -> None:
    """As systemd.service(5) takes words apart: double quotes, C escapes, %% and $$."""
    quoted = systemd.quoted(word)
    assert quoted[0] == quoted[-1] == '"'
    inner = quoted[1:-1].replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\")
    assert inner.replace("%%", "%").replace("$$", "$") == word


def test_a_word_cannot_bring_another_line() -> None:
    with pytest.raises(ModelIOError, match="control characters"):
        systemd.quoted("x\nExecStartPre=rm")


def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    for name, text in systemd.units(["--database", str(tmp_path / "50% of $HOME.db")]).items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [program, "verify", "--user", "--man=no", *(str(tmp_path / name) for name in systemd.units())],
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    told = [line for line in done.stderr.splitlines() if "pyruntime-tasks" in line]
    if done.returncode and not told:
        pytest.skip(f"systemd-analyze cannot work here: {done.stderr.strip()[:200]}")
    assert not told


def test_install_and_uninstall(tmp_path: Path) -> None:
    calls: list[Sequence[str]] = []

    def call(arguments: Sequence[str]) -> bool:
        calls.append(tuple(arguments))
        return True

    folder = tmp_path / "systemd" / "user"
    done = systemd.install(folder=folder, call=call)
    assert done.active
    assert calls == [("daemon-reload",), ("enable", "--now", "pyruntime-tasks.timer")]
    assert sorted(path.name for path in folder.iterdir()) == ["pyruntime-tasks.service", "pyruntime-tasks.timer"]
    assert systemd.is_installed(folder)
    assert systemd.install(folder=folder, call=call).files == done.files, "again, it replaces"
    calls.clear()
    assert systemd.uninstall(folder=folder, call=call).files == done.files
    assert calls == [("disable", "--now", "pyruntime-tasks.timer"), ("daemon-reload",)]
    assert list(folder.iterdir()) == []
    assert systemd.uninstall(folder=folder, call=call).files == ()


def test_without_a_running_systemd_the_user_is_told_what_to_do(tmp_path: Path) -> None:
    done = systemd.install(folder=tmp_path, call=lambda arguments: False)
    assert not done.active
    assert done.todo[:2] == ("systemctl --user daemon-reload", "systemctl --user enable --now pyruntime-tasks.timer")


def test_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert systemd.unit_folder() == tmp_path / "systemd" / "user"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert systemd.unit_folder() == tmp_path / ".config" / "systemd" / "user"


def test_a_look_at_what_waits_imports_neither_models_nor_numpy(tmp_path: Path) -> None:
    """A timer makes one every few minutes, on small boards too."""
    code = (
        "import sys; from pyruntime.cli import main; code = main(sys.argv[1:]); "
        "heavy = {'numpy', 'google.protobuf', 'PIL', 'pyruntime.model'} & set(sys.modules); sys.exit(str(heavy or ''))"
    )
    arguments = ["tasks", "run", "--database", str(tmp_path / "tasks.db")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.strip() == ""
