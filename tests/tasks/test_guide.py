"""The blocks of docs/background-tasks.md run as they are written, and its table names every condition."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pyruntime.tasks import ProcessingTaskRequest
from pyruntime.tasks import scheduler as scheduling

from .fake import FakeScheduler
from .learning import make_files

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "background-tasks.md").read_text(encoding="utf-8")


def test_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling._Shared, "scheduler", FakeScheduler(tmp_path))
    make_files(tmp_path)
    (tmp_path / "Model.mlmodel").rename(tmp_path / "Sticker.mlmodel")
    (tmp_path / "data.jsonl").rename(tmp_path / "my-drawings")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "a block of docs/background-tasks.md", "exec"), names)
    outcomes = scheduling.TaskScheduler.shared.status().outcomes
    assert {one.identifier.split(":")[0]: one.result for one in outcomes} == {
        "update": "succeeded", "tidy up": "succeeded"
    }  # fmt: skip


def test_the_table_has_the_defaults() -> None:
    request = ProcessingTaskRequest("a")
    for name, default in re.findall(r"^\| `(\w+)=([^`]*)` \|", GUIDE, re.MULTILINE):
        size = {"MiB": 1 << 20}
        number, _, unit = default.partition(" ")
        expected = int(number) * size[unit] if unit else number
        assert str(getattr(request, name)).removesuffix(".0") == str(expected).removesuffix(".0"), name
