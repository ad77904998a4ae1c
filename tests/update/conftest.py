"""A pipeline file and examples for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime.spec import save_spec
from tests.knn.models import pipeline_spec
from tests.small_models import WIDTH


@pytest.fixture
def stickers(tmp_path: Path) -> Path:
    """The file of an empty updatable pipeline, network -> k-NN."""
    path = tmp_path / "Stickers.mlmodel"
    save_spec(pipeline_spec(), path)
    return path


@pytest.fixture
def examples() -> list[dict[str, Any]]:
    """30 examples of three classes."""
    rng = np.random.default_rng(0)
    return [{"x": (rng.normal(size=WIDTH) + 2 * (i % 3)).astype(np.float32), "label": "abc"[i % 3]} for i in range(30)]
