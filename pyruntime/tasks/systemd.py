"""A systemd timer of the user that runs `pyruntime tasks run`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyruntime.errors import ModelIOError

NAME = "pyruntime-tasks"
SERVICE, TIMER = f"{NAME}.service", f"{NAME}.timer"
EVERY = 300
"""Seconds between looks at what waits."""
GRACE = 120
"""Seconds that a running task has when the machine shuts down: its own grace time, and some for the disk."""

SERVICE_TEXT = """\
# Written by `pyruntime tasks install`; `pyruntime tasks uninstall` removes it.
[Unit]
Description=Background tasks of pyruntime
Documentation=man:systemd.timer(5)

[Service]
Type=oneshot
WorkingDirectory={folder}
ExecStart={command}
Nice=19
IOSchedulingClass=idle
CPUSchedulingPolicy=batch
KillMode=mixed
TimeoutStopSec={grace}
NoNewPrivileges=yes
"""
TIMER_TEXT = """\
# Written by `pyruntime tasks install`; `pyruntime tasks uninstall` removes it.
[Unit]
Description=Look for background tasks of pyruntime that may run

[Timer]
OnStartupSec=60
OnUnitInactiveSec={every}
AccuracySec=30

[Install]
WantedBy=timers.target
"""

Call = Callable[[Sequence[str]], bool]
"""Runs a program; whether it went well."""


@dataclass(frozen=True)
class Installed:
    """What was written or removed, and whether systemd knows.  todo: commands that are left to the user."""

    files: tuple[Path, ...]
    active: bool
    todo: tuple[str, ...]


def unit_folder() -> Path:
    """Of the user's own units."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".config")
    return Path(base) / "systemd" / "user"


def units(arguments: Sequence[str] = (), every: int = EVERY) -> dict[str, str]:
    """The texts by file name.  arguments: more of `pyruntime tasks run`, which runs in the folder of now.

    The timer counts from the start of the user's manager and from the last run, not from the wall clock, which on
    boards jumps.
    """
    words = [sys.executable, "-m", "pyruntime", "tasks", "run", *arguments]
    command = " ".join(quoted(word) for word in words)
    service = SERVICE_TEXT.format(command=command, folder=_path(os.getcwd()), grace=GRACE)
    return {SERVICE: service, TIMER: TIMER_TEXT.format(every=every)}


def quoted(word: str) -> str:
    """A word of ExecStart=, whatever is in it.  Raises ModelIOError for what no unit file can hold."""
    _check(word)
    for plain, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(plain, written)
    return f'"{word}"'


def _path(path: str) -> str:
    """For settings that take the rest of the line."""
    _check(path)
    return path.replace("%", "%%")


def _check(word: str) -> None:
    if any(character < " " for character in word):
        raise ModelIOError(f"{word!r} cannot stand in a unit file: it has control characters in it")


def install(
    arguments: Sequence[str] = (), every: int = EVERY, *, folder: Path | None = None, call: Call | None = None
) -> Installed:
    """Write the units and start the timer.  Raises ModelIOError.  folder, call: for tests."""
    from pyruntime.spec.writer import write_atomically

    folder, call = folder or unit_folder(), call or _systemctl
    texts = units(arguments, every)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelIOError(f"cannot make the folder {folder}: {error.strerror}") from None
    for name, text in texts.items():
        write_atomically(folder / name, [text.encode()])
    steps: tuple[tuple[str, ...], ...] = (("daemon-reload",), ("enable", "--now", TIMER))
    active = all(call(step) for step in steps)
    todo = () if active else tuple(f"systemctl --user {' '.join(step)}" for step in steps)
    return Installed(tuple(folder / name for name in texts), active, (*todo, *_lingering()))


def uninstall(*, folder: Path | None = None, call: Call | None = None) -> Installed:
    """Stop the timer and remove the units; pending requests stay."""
    folder, call = folder or unit_folder(), call or _systemctl
    there = tuple(path for path in (folder / SERVICE, folder / TIMER) if path.exists())
    stopped = not there or call(("disable", "--now", TIMER))
    for path in there:
        path.unlink(missing_ok=True)
    reloaded = not there or call(("daemon-reload",))
    return Installed(there, False, () if stopped and reloaded else ("systemctl --user daemon-reload",))


def is_installed(folder: Path | None = None) -> bool:
    """Whether the timer's file is there."""
    return ((folder or unit_folder()) / TIMER).exists()


def _systemctl(arguments: Sequence[str]) -> bool:
    program = shutil.which("systemctl")
    if program is None:
        return False
    try:
        done = subprocess.run([program, "--user", *arguments], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _lingering() -> tuple[str, ...]:
    """Without it a user's timers run only while the user is logged in."""
    user = os.environ.get("USER") or str(os.getuid())
    return () if Path("/var/lib/systemd/linger", user).exists() else (f"loginctl enable-linger {user}",)
