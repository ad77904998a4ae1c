"""Fixtures for folders with third-party files, which are not in the repository."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture(autouse=True, scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of compiled models that starts empty, instead of the user's; programs that tests start use it too."""
    home = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(home))
        yield home


ORACLES = ("coremltools", "torch", "onnx", "onnxruntime", "skimage")
"""Libraries that only say what is right: `make test ORACLES=1` installs them."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    _judge((yield))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    _judge((yield))


def _judge(outcome: Any) -> None:
    """A test that stopped because its oracle is not installed is left out, and says so."""
    error = outcome.excinfo[1] if outcome.excinfo else None
    name = (error.name or "").split(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if name in ORACLES:
        reason = f"{name}, the oracle of this test, is not installed: make test ORACLES=1"
        outcome.force_exception(pytest.skip.Exception(reason))
