"""A board and a scheduler on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .fake import FakeMachine, FakeScheduler


@pytest.fixture
def board(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path / "board")


@pytest.fixture
def scheduler(tmp_path: Path) -> FakeScheduler:
    return FakeScheduler(tmp_path)
