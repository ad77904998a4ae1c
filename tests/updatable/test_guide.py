"""The blocks of docs/making-updatable.md run as they are written; the command line's page shows what is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pyruntime.cli import main
from pyruntime.spec import save_spec

from .nets import converted

DOCS = Path(__file__).parents[2] / "docs"


def test_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn, whose k-NN the guide converts, is not installed")
    guide = DOCS / "making-updatable.md"
    if not guide.exists():
        pytest.skip("the guide is not beside the tests")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 8
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "a block of docs/making-updatable.md", "exec"), names)
    assert "first (batchedMatmul, 56 numbers, float32)" in capsys.readouterr().out
    assert (tmp_path / "Flowers.mlmodel").exists()


@pytest.mark.parametrize("command", ["make-updatable", "split"])
def test_the_page_shows_what_is_printed(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    page = DOCS / "command-line.md"
    if not page.exists():
        pytest.skip("the page is not beside the tests")
    monkeypatch.chdir(tmp_path)
    save_spec(converted(["rose", "tulip", "daisy"]), "Flowers.mlmodel")
    section = page.read_text(encoding="utf-8").split(f"\n## {command}\n")[1].split("\n## ")[0]
    shown = re.findall(r"^    \$ pyruntime (.*)\n((?:    (?!\$).*\n)*)", section, re.MULTILINE)
    assert len(shown) == 2
    for arguments, text in shown:
        assert main(arguments.split()) == 0
        assert capsys.readouterr().out == re.sub(r"^    ", "", text, flags=re.MULTILINE)
