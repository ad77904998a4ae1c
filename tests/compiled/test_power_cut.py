"""The power goes after every call of `write` and `rollback`: the old model or the new one opens, bit for bit."""

from __future__ import annotations

import os
import random
import shutil
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import MLModel, MLModelError, MLUpdateTask, ModelIOError, generations, rollback
from tests.knn.models import pipeline_spec
from tests.power_cut import ERRORS, Recorder, make, read
from tests.small_models import WIDTH, X, linear

ROUNDS = int(os.environ.get("PYRUNTIME_POWER_CUTS", "1"))
"""How many times as many disks are tried."""
Work = Callable[[Path], Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of the test's machine need not be asked to be safe; the record still has that it was."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def answer(path: Path) -> bytes | None:
    """The bits of a prediction; None where there is no model.  Nothing on the way may even warn."""
    if not path.exists():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return MLModel(path).predict({"x": X})["y"].tobytes()


@cache
def model(seed: int) -> MLModel:
    return MLModel(linear(seed))


def nothing(path: Path) -> None:
    """There is no model before."""


def old(path: Path) -> None:
    model(1).write(path)


def several(path: Path) -> None:
    for seed in (3, 4, 1):
        model(seed).write(path)


def write(path: Path) -> None:
    model(2).write(path)


def write_alone(path: Path) -> None:
    model(2).write(path, keep_generations=1)


def back(path: Path) -> None:
    rollback(path, 1)


CASES: dict[str, tuple[Work, Work]] = {
    "new": (nothing, write), "renew": (old, write), "renew with three": (several, write),
    "renew without others": (several, write_alone), "rollback": (several, back),
}  # fmt: skip


@pytest.mark.parametrize(("before", "work"), CASES.values(), ids=CASES)
def test_every_disk_that_a_power_cut_can_leave(before: Work, work: Work, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    path = place / "m.mlmodelc"
    before(path)
    first = answer(path)
    recorder = Recorder(place)
    with pytest.MonkeyPatch.context() as patch:
        recorder.install(patch)
        work(path)
    assert recorder.tree() == read(place), "the record is complete"
    last = answer(path)
    assert first != last
    rng, seen, count = random.Random(1), set(), 0
    for after in range(len(recorder.events) + 1):
        for number, disk in enumerate(recorder.disks(after, rng, most=4 * ROUNDS)):
            count += 1
            found = try_disk(disk, tmp_path / "tried", first, last, again=number == after % 3)
            seen.add(found)
            if after == len(recorder.events):
                assert found == last, "a write that has returned is safe"
    assert seen == {first, last}
    assert count > 2 * len(recorder.events)


def try_disk(disk: Any, place: Path, first: bytes | None, last: bytes | None, *, again: bool) -> bytes | None:
    make(disk, place)
    path = place / "m.mlmodelc"
    found = answer(path)
    assert found in (first, last)
    if again:
        for generation in generations(path) if found else ():
            if generation.damage is None:
                generation.open()
        model(5).write(path)
        assert answer(path) == model(5).predict({"x": X})["y"].tobytes()
        assert os.listdir(place) == ["m.mlmodelc"]
        assert not [name for name in os.listdir(path) if name.endswith(".part")]
        assert not any(g.damage for g in generations(path, verify=True))
    shutil.rmtree(place)
    return found


def test_every_disk_when_a_k_nn_has_learned(tmp_path: Path) -> None:
    """Its new examples are a file of their own, and the network's files stay."""
    place = tmp_path / "disk"
    place.mkdir()
    path = place / "m.mlmodelc"
    rng = np.random.default_rng(0)
    old = pipeline_spec(samples=rng.normal(size=(4, 3)), labels=["a", "b", "a", "b"])
    MLModel(old).write(path)
    task = MLUpdateTask(path, [{"x": rng.normal(size=WIDTH).astype(np.float32), "label": x} for x in "abcc"])
    task.resume()
    assert task.wait(30)

    def labels(where: Path) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return str(MLModel(where).predict({"x": X})["labelProbs"])

    first = labels(path)
    recorder = Recorder(place)
    with pytest.MonkeyPatch.context() as patch:
        recorder.install(patch)
        task.context.model.write(path)
    assert recorder.tree() == read(place)
    last, seen = labels(path), set()
    assert first != last
    for after in range(len(recorder.events) + 1):
        for disk in recorder.disks(after, random.Random(1), most=2 * ROUNDS):
            make(disk, tmp_path / "tried")
            seen.add(labels(tmp_path / "tried" / "m.mlmodelc"))
            shutil.rmtree(tmp_path / "tried")
    assert seen == {first, last}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(("before", "work"), CASES.values(), ids=CASES)
def test_every_call_that_fails(before: Work, work: Work, error: int, tmp_path: Path) -> None:
    number = 0
    while True:
        place = tmp_path / str(number)
        place.mkdir()
        path = place / "m.mlmodelc"
        before(path)
        first, there = answer(path), read(place)
        recorder = Recorder(place, fail=(number, error))
        problem = None
        with pytest.MonkeyPatch.context() as patch:
            recorder.install(patch)
            try:
                work(path)
            except MLModelError as raised:
                problem = raised
        if number >= len(recorder.calls):
            break
        if problem is not None:
            assert isinstance(problem, ModelIOError)
            assert os.strerror(error) in str(problem)
            assert str(path) in str(problem)
        if problem is None or "is written" in str(problem):
            assert answer(path) != first
        elif "unlink" not in recorder.calls[number]:
            assert answer(path) == first
            if first is not None:
                assert read(place).keys() == there.keys()
        write(path) if work is not back else rollback(path, 2)
        assert os.listdir(place) == ["m.mlmodelc"]
        number += 1
    assert number > 10


def test_the_recorder_sees_what_is_not_synced(tmp_path: Path) -> None:
    """Of itself: without fsync, a rename may leave an empty file."""
    (tmp_path / "a").write_bytes(b"old")
    recorder = Recorder(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        recorder.install(patch)
        handle = os.open(tmp_path / "b", os.O_WRONLY | os.O_CREAT)
        os.write(handle, b"new!")
        os.replace(tmp_path / "b", tmp_path / "a")
        os.close(handle)
    disks = recorder.disks(len(recorder.events), random.Random(0))
    contents = {disk["a"] for disk in disks}
    assert contents == {b"old", b"", b"ne", b"\0\0\0\0", b"new!"}
