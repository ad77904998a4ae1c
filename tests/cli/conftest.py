"""Models on disk, and the command run inside this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pyruntime.cli import main

from . import models


@dataclass(frozen=True)
class Outcome:
    """What a run of the command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


Run = Callable[..., Outcome]

RNG = np.random.default_rng(5)
PROTOTYPES = {"cat": RNG.integers(0, 256, (4, 4)), "dog": RNG.integers(0, 256, (4, 4))}


def drawing(label: str, seed: int) -> np.ndarray:
    """The class's picture with a little noise: uint8 (4, 4)."""
    noise = np.random.default_rng(seed).integers(-20, 21, (4, 4))
    return np.clip(PROTOTYPES[label] + noise, 0, 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def no_shared_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts without compiled networks of others."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run_command(*arguments: object) -> Outcome:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else 0
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run_command


@pytest.fixture
def linear(tmp_path: Path) -> str:
    return models.saved(models.linear(), tmp_path / "Linear.mlmodel")


@pytest.fixture
def classifier(tmp_path: Path) -> str:
    return models.saved(models.classifier(), tmp_path / "Classifier.mlmodel")


@pytest.fixture
def sticker(tmp_path: Path) -> str:
    return models.saved(models.sticker(), tmp_path / "Sticker.mlmodel")


@pytest.fixture
def private(tmp_path: Path) -> str:
    return models.saved(models.trees(), tmp_path / "Private.mlmodel")


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    """A folder with ten pictures of each of two classes."""
    return drawn(tmp_path / "drawings", 10)


def drawn(folder: Path, count: int) -> Path:
    """A folder with `count` pictures of each of two classes."""
    for label in PROTOTYPES:
        (folder / label).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(drawing(label, i)).save(folder / label / f"{i}.png")
    return folder
