"""Fixtures of k-NN tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knn.models import knn_spec


@pytest.fixture
def make_knn() -> Any:
    """Makes k-NN model messages."""
    return knn_spec
