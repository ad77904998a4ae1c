"""The command as a process: pipes, colours, the keyboard, and how little it imports to give help."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "pyruntime"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What the command writes when stdout and stderr are one terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=its, stderr=its, stdin=its, env={**os.environ, "TERM": "xterm", **environment}
    )
    os.close(its)
    data = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        data += piece
    os.close(ours)
    assert process.wait(60) == 0
    return data.decode()


def test_a_pipe_gets_neither_colours_nor_moving_bars(linear: str) -> None:
    for arguments in (["describe", linear], ["benchmark", linear, "--runs", "3"]):
        done = run(*arguments)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr
        assert "\r" not in done.stdout + done.stderr


def test_a_terminal_gets_bold_headings_unless_no_color_is_set(linear: str) -> None:
    assert "\x1b[1mPrediction\x1b[0m" in on_a_terminal("describe", linear)
    assert "\x1b" not in on_a_terminal("describe", linear, NO_COLOR="1")


def test_a_reader_that_leaves_early_is_no_error(linear: str) -> None:
    process = subprocess.Popen([*COMMAND, "describe", linear], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 0


def test_an_ascii_terminal_gets_escapes_instead_of_a_crash(sticker: str) -> None:
    done = run("describe", sticker, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 0
    assert r"Neural Network \u2192 K Nearest" in done.stdout


def test_ctrl_c_is_exit_code_130(linear: str) -> None:
    process = subprocess.Popen(
        [*COMMAND, "benchmark", linear, "--seconds", "60"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )  # fmt: skip
    assert process.stderr
    while "%" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(2)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "pyruntime: interrupted; nothing was written"


@pytest.mark.parametrize("command", ["describe", "predict", "update", "compile", "benchmark"])
def test_help_of_each_command_has_examples(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"\n  pyruntime {command} " in done.stdout.split("examples:")[1]


def test_help_and_version_need_no_numerical_library() -> None:
    program = (
        "import sys; from pyruntime.cli import build_parser; build_parser().format_help(); "
        "print([name for name in ('numpy', 'google.protobuf', 'rich', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
    assert run("--version").stdout.startswith("pyruntime ")


def test_a_compiled_model_gives_the_same_card_and_answers(linear: str, tmp_path: Path) -> None:
    compiled = tmp_path / "Linear.mlmodelc"
    done = run("compile", linear, "--output", str(compiled))
    assert done.returncode == 0
    assert done.stdout.startswith(f"compiled {linear} to {compiled} (")
    answers = [run("predict", path, "--input", "1,2").stdout for path in (linear, str(compiled))]
    assert answers == ["  y  5, 11 (float32 2)\n"] * 2
    cards = [run("describe", path, "--file-only").stdout.splitlines()[3:] for path in (linear, str(compiled))]
    assert cards[0] == cards[1]
