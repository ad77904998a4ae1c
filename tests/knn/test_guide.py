"""The blocks of docs/nearest-neighbors.md run as they are written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "nearest-neighbors.md"


@pytest.mark.skipif(not GUIDE.exists(), reason="the guides are not beside the tests")
def test_the_guide_runs(stickers: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(stickers.parent)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, f"a block of {GUIDE.name}", "exec"), names)
    assert re.fullmatch(r"0 cat 20\d\d-.*\+00:00\n", capsys.readouterr().out)
