"""The blocks of docs/making-models.md run as they are written, and print what their comments say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "making-models.md"


def test_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    if not GUIDE.exists():
        pytest.skip("the guide is not beside the tests")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 7
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "a block of docs/making-models.md", "exec"), names)
    printed = capsys.readouterr().out
    for line in re.findall(r"print\(.*\)  # (.*)", "".join(blocks)):
        assert line in printed
    assert "['circle', 'square', 'star']" in printed
    assert "scores: the best label is the same in" in printed
    assert (tmp_path / "learner.mlmodel").exists()
