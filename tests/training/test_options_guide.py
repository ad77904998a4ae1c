"""The blocks of docs/training-options.md run as they are written, and print what stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).parents[2] / "docs" / "training-options.md"


def test_the_guide_runs(capsys: Any) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 8
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "a block of docs/training-options.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    assert not [line for line in printed if f"    {line}\n" not in text]
