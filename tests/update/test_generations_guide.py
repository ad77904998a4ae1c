"""The blocks of docs/generations.md run as they are written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "generations.md"


def test_the_guide_runs(stickers: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(stickers.parent)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 5
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "a block of docs/generations.md", "exec"), names)
    assert "'stickers:numberOfNeighbors': 3" in capsys.readouterr().out
