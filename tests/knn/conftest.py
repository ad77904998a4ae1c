"""Fixtures of k-NN tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyruntime.spec import save_spec
from tests.knn.models import knn_spec, pipeline_spec


@pytest.fixture
def make_knn() -> Any:
    """Makes k-NN model messages."""
    return knn_spec


@pytest.fixture
def stickers(tmp_path: Path) -> Path:
    """The file of an empty updatable pipeline, network -> k-NN."""
    save_spec(pipeline_spec(), tmp_path / "Stickers.mlmodel")
    return tmp_path / "Stickers.mlmodel"
