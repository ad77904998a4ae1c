"""The power goes after every call of a checkpoint, or of `save`: the newest or the one before is there, bit for bit."""

from __future__ import annotations

import os
import random
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import MLModelError, UpdateError, load_spec, save_spec
from pyruntime.update.checkpoint import CheckpointFile, Progress
from tests.power_cut import ERRORS, Recorder, make, read
from tests.small_models import linear

ROUNDS = int(os.environ.get("PYRUNTIME_POWER_CUTS", "1"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of the test's machine need not be asked to be safe; the record still has that it was."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def progress(step: int) -> Progress:
    numbers = np.random.default_rng(step).normal(size=(3, 5)).astype(np.float32)
    order = np.arange(7, dtype=np.int64)
    return Progress(step, 0, 0.5, None, order, {"state": step}, step, {"seed": 1}, [numbers], [numbers * 2])


def same(a: Progress, b: Progress) -> bool:
    return (a.step, a.random, a.parameters) == (b.step, b.random, b.parameters) and all(
        x.tobytes() == y.tobytes() for x, y in zip([*a.weights, *a.states], [*b.weights, *b.states], strict=True)
    )


def loaded(path: Path) -> int | None:
    """Which step is there; nothing may even warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = CheckpointFile(path, 0).load("it")
    assert found is None or same(found, progress(found.step))
    assert not [name for name in os.listdir(path.parent) if name.endswith(".part")]
    return found.step if found else None


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_every_disk_after_a_checkpoint(before: int, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    file = CheckpointFile(place / "update", 0)
    for step in range(1, before + 1):
        file.save("it", progress(step))
    recorder = Recorder(place)
    with pytest.MonkeyPatch.context() as patch:
        recorder.install(patch)
        file.save("it", progress(before + 1))
    assert recorder.tree() == read(place)
    rng, seen = random.Random(1), set()
    for after in range(len(recorder.events) + 1):
        for disk in recorder.disks(after, rng, most=16 * ROUNDS):
            make(disk, tmp_path / "tried")
            path = tmp_path / "tried" / "update"
            found = loaded(path)
            seen.add(found)
            if after == len(recorder.events):
                assert found == before + 1, "a checkpoint that was saved is safe"
            CheckpointFile(path, 0).save("it", progress(9))
            assert loaded(path) == 9
            shutil.rmtree(tmp_path / "tried")
    assert seen == {before or None, before + 1}


def test_every_disk_while_a_checkpoint_is_removed(tmp_path: Path) -> None:
    """The update is complete: what is left, if anything, goes on to the same bits."""
    file = CheckpointFile(tmp_path / "update", 0)
    for step in (1, 2):
        file.save("it", progress(step))
    recorder = Recorder(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        recorder.install(patch)
        file.remove()
    for disk in recorder.disks(len(recorder.events), random.Random(0)):
        make(disk, tmp_path / "tried")
        assert loaded(tmp_path / "tried" / "update") in (None, 1, 2)
        shutil.rmtree(tmp_path / "tried")


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("before", [0, 1, 2])
def test_every_call_of_a_checkpoint_that_fails(before: int, error: int, tmp_path: Path) -> None:
    number = 0
    while True:
        place = tmp_path / str(number)
        place.mkdir()
        file = CheckpointFile(place / "update", 0)
        for step in range(1, before + 1):
            file.save("it", progress(step))
        recorder, problem = Recorder(place, fail=(number, error)), None
        with pytest.MonkeyPatch.context() as patch:
            recorder.install(patch)
            try:
                file.save("it", progress(before + 1))
            except UpdateError as raised:
                problem = str(raised)
        if number >= len(recorder.calls):
            break
        assert problem is not None
        assert os.strerror(error) in problem
        assert str(place / "update") in problem
        if "is written" in problem:
            assert loaded(place / "update") == before + 1
        else:
            assert loaded(place / "update") == (before or None)
        assert not [name for name in os.listdir(place) if name.endswith(".part")]
        file.save("it", progress(8))
        assert loaded(place / "update") == 8
        number += 1
    assert number >= 5


@pytest.mark.parametrize("old", [False, True], ids=["new", "over another"])
def test_every_disk_after_a_model_file(old: bool, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    if old:
        save_spec(linear(1), place / "m.mlmodel")
    recorder = Recorder(place)
    with pytest.MonkeyPatch.context() as patch:
        recorder.install(patch)
        save_spec(linear(2), place / "m.mlmodel")
    assert recorder.tree() == read(place)
    seen: set[Any] = set()
    for after in range(len(recorder.events) + 1):
        for disk in recorder.disks(after, random.Random(1), most=16):
            make(disk, tmp_path / "tried")
            path = tmp_path / "tried" / "m.mlmodel"
            found = [seed for seed in (1, 2) if path.exists() and load_spec(path) == linear(seed)]
            assert len(found) == 1 or (not old and not path.exists())
            seen.add(found[0] if found else None)
            assert after < len(recorder.events) or found == [2]
            shutil.rmtree(tmp_path / "tried")
    assert seen == {1 if old else None, 2}


@pytest.mark.parametrize("error", ERRORS)
def test_every_call_of_save_that_fails(error: int, tmp_path: Path) -> None:
    number, path = 0, tmp_path / "m.mlmodel"
    while True:
        save_spec(linear(1), path)
        recorder, problem = Recorder(tmp_path, fail=(number, error)), None
        with pytest.MonkeyPatch.context() as patch:
            recorder.install(patch)
            try:
                save_spec(linear(2), path)
            except MLModelError as raised:
                problem = str(raised)
        if number >= len(recorder.calls):
            break
        assert problem is not None
        assert load_spec(path) == linear(2 if "is written" in problem else 1)
        assert os.listdir(tmp_path) == ["m.mlmodel"]
        number += 1
    assert number >= 5
