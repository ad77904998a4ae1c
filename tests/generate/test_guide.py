"""The block of docs/generated-classes.md runs as it is written, and the command writes the module for it."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from pyruntime.cli import main
from pyruntime.generate import generate_classes

ROOT = Path(__file__).resolve().parents[2]
STICKER = ROOT / "examples" / "stickers" / "Sticker.mlmodel"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(STICKER, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sticker", raising=False)
    return tmp_path


def test_the_guide_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "Sticker.mlmodel", "--output", "sticker.py"]) == 0
    assert capsys.readouterr().out == "wrote sticker.py\n"
    text = (ROOT / "docs" / "generated-classes.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(block, "the block of docs/generated-classes.md", "exec"), {})
    sys.modules.pop("sticker", None)
    quoted = (
        "Drawing, 28 x 28 pixels, white strokes on black. Grayscale image (Pillow mode L), 28 pixels wide by 28 pixels"
    )
    assert quoted in " ".join(text.split())
    assert quoted in " ".join(generate_classes(STICKER).split())


def test_the_command_prints_and_refuses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "Sticker.mlmodel", "--class-name", "Mine"]) == 0
    assert capsys.readouterr().out == generate_classes(STICKER, "Mine")
    assert main(["generate", "Sticker.mlmodel", "--class-name", "a b"]) == 1
    assert "class name 'a b'" in capsys.readouterr().err
    assert main(["generate", "None.mlmodel"]) == 1
