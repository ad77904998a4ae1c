"""Compiled models that tests damage, renew and interrupt."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pyruntime import MLModel
from tests.small_models import X, linear, linear_answer

NOBODY = 65534


@pytest.fixture(autouse=True)
def every_model_is_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache leaves out what compiles at once; whether these small models do depends on the machine."""
    monkeypatch.setattr("pyruntime.compiled.cache.WORTH", 0.0)


def seed_of(path: Path, *, verify: bool = True) -> int:
    """Which of the models 1 and 2 lies at `path`, by its answer."""
    answer = MLModel(path, verify=verify).predict({"x": X})["y"]
    fits = [seed for seed in (1, 2) if np.allclose(answer, linear_answer(seed), rtol=1e-5)]
    assert len(fits) == 1, f"{answer} is neither {linear_answer(1)} nor {linear_answer(2)}"
    return fits[0]


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """Model 1, compiled."""
    path = tmp_path / "m.mlmodelc"
    MLModel(linear(1)).write(path)
    return path


@pytest.fixture
def unprivileged() -> Iterator[Callable[[], None]]:
    """A function that takes root's rights from this process until the test ends; does nothing for other users."""

    def drop() -> None:
        if os.geteuid() == 0:
            os.seteuid(NOBODY)

    before = os.geteuid()
    yield drop
    os.seteuid(before)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user reaches, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)
