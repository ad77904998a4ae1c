"""Fixtures for folders with third-party files, which are not in the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def folder_from(variable: str, what: str) -> Path:
    place = os.environ.get(variable)
    if not place:
        pytest.skip(f"{variable} is not set: it names a folder with {what}")
    return Path(place)


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """Folder with .mlmodel files made by others."""
    return folder_from("PYRUNTIME_MODELS", "third-party .mlmodel files")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with data sets, such as drawings."""
    return folder_from("PYRUNTIME_DATA", "data sets")
