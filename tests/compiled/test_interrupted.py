"""Writing is killed at every step in turn; what is there afterwards is the old model or the new one."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pyruntime import MLModel, MLModelError, ModelIOError, generations
from tests.small_models import X, linear, linear_answer

from .conftest import seed_of

STEPS = ("mkdir", "open", "write", "fsync", "rename", "unlink", "rmdir", "listdir", "close")


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked process; its exit code, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def files_of(path: Path) -> set[str]:
    """What the generations of a compiled model are: their manifests, and the files that those name."""
    names = set()
    for manifest in path.glob("generation-*.json"):
        names |= {manifest.name, *json.loads(manifest.read_bytes())["files"]}
    return names


def kill_at(count: int) -> None:
    """From now on, this process kills itself before file operation number `count`; a write is done by half first."""
    left = count

    def dying(name: str, real: Callable) -> Callable:
        def call(*args, **options):
            nonlocal left
            if left == 0:
                if name == "write":
                    real(args[0], args[1][: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return real(*args, **options)

        return call

    for name in STEPS:
        setattr(os, name, dying(name, getattr(os, name)))
    fcntl.flock = dying("flock", fcntl.flock)


@pytest.mark.parametrize("old", [False, True], ids=["new path", "replacing"])
def test_kill_at_any_point_of_write_leaves_the_old_or_the_new_model(old, tmp_path):
    models = {seed: MLModel(linear(seed)) for seed in (1, 2)}
    seen = set()
    for count in range(1000):
        place = tmp_path / str(count)
        place.mkdir()
        path = place / "m.mlmodelc"
        if old:
            models[1].write(path)

        def work(path=path, count=count):
            kill_at(count)
            models[2].write(path)

        code = in_child(work)
        if path.exists():
            seen.add(seed_of(path))
        else:
            assert not old, f"killed at step {count}: the old model is gone"
            seen.add(None)
        models[2].write(path)  # the next writer is not held up by what is left, and cleans it away
        assert seed_of(path) == 2
        assert os.listdir(place) == ["m.mlmodelc"]
        assert sorted(os.listdir(path)) == sorted(["lock", "manifest.json", *files_of(path)])
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert code == 0
    assert count > 20
    assert seen == ({1, 2} if old else {None, 2})


def failing(step: str, count: int, error: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make the operation `step` of the system fail once, the `count`-th time; the list that is returned then has it."""
    real, left, failed = getattr(os, step), count, []

    def call(*args, **options):
        nonlocal left
        left -= 1
        if left == -1:
            failed.append(step)
            raise OSError(error, os.strerror(error))
        return real(*args, **options)

    monkeypatch.setattr(os, step, call)
    return failed


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("old", [False, True], ids=["new path", "replacing"])
@pytest.mark.parametrize("step", ["write", "fsync", "open", "rename"])
def test_failing_step_leaves_what_was_there_and_no_litter(step, old, error, tmp_path):
    models = {seed: MLModel(linear(seed)) for seed in (1, 2)}
    for count in range(100):
        place = tmp_path / str(count)
        place.mkdir()
        path = place / "m.mlmodelc"
        if old:
            models[1].write(path)
        before = sorted(os.listdir(path)) if old else []
        with pytest.MonkeyPatch.context() as patch:
            failed = failing(step, count, error, patch)
            problem = None
            try:
                models[2].write(path)
            except ModelIOError as raised:
                problem = str(raised)
        if problem is None:
            assert seed_of(path) == 2
            if not failed:
                break
        else:
            assert str(path) in problem
            if "is written" in problem:  # all is there, only the last word of the disk is missing
                assert seed_of(path) == 2
            elif old:
                assert seed_of(path) == 1
                assert sorted(os.listdir(path)) == before
            else:
                assert os.listdir(place) == []
    assert not failed
    assert count >= 2


def test_a_full_disk_as_the_system_reports_it(tmp_path):
    """A limit on file sizes makes the kernel itself refuse a write in the middle of the weights."""
    import resource

    path = tmp_path / "m.mlmodelc"
    MLModel(linear(1)).write(path)
    new = MLModel(linear(2))

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
        with pytest.raises(ModelIOError, match="cannot write the compiled model"):
            new.write(path)

    assert in_child(work) == 0
    assert seed_of(path) == 1
    assert sorted(os.listdir(path)) == sorted(["lock", "manifest.json", *files_of(path)])


def test_writers_at_the_same_time_leave_one_whole_model(tmp_path):
    models = {seed: MLModel(linear(seed)) for seed in (1, 2)}
    path = tmp_path / "m.mlmodelc"

    def writer(seed: int) -> Callable[[], None]:
        def work() -> None:
            for _ in range(20):
                models[seed].write(path)

        return work

    children = []
    for seed in (1, 2, 1, 2):
        child = os.fork()
        if child == 0:
            try:
                writer(seed)()
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
    seen = set()
    while len(seen) < 1 or any(os.waitid(os.P_PID, c, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None for c in children):
        if path.exists():
            seen.add(seed_of(path))
    assert [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children] == [0, 0, 0, 0]
    assert seed_of(path) in (1, 2)
    assert os.listdir(tmp_path) == ["m.mlmodelc"]
    assert sorted(os.listdir(path)) == sorted(["lock", "manifest.json", *files_of(path)])
    numbers = [generation.number for generation in generations(path)]
    assert len(numbers) == 3
    assert numbers == list(range(numbers[0], numbers[0] + 3))


def test_place_that_cannot_be_written_is_refused(open_folder, unprivileged):
    model = MLModel(linear())
    model.write(open_folder / "m.mlmodelc")
    os.chmod(open_folder / "m.mlmodelc", 0o555)
    os.chmod(open_folder, 0o555)
    unprivileged()
    for name in ("new.mlmodelc", "m.mlmodelc"):
        with pytest.raises(ModelIOError, match="Permission denied"):
            model.write(open_folder / name)
    assert seed_of(open_folder / "m.mlmodelc") == 1


def test_folders_and_files_of_others_are_left_alone(tmp_path):
    model = MLModel(linear())
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "manifest.json").write_text('{"name": "a web page"}')
    for name in ("file", "folder", "odd"):
        with pytest.raises(MLModelError, match="remove"):
            model.write(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    assert os.listdir(tmp_path / "folder") == ["notes.txt"]
    assert os.listdir(tmp_path / "odd") == ["manifest.json"]


def test_empty_folder_becomes_a_compiled_model(tmp_path):
    path = tmp_path / "m.mlmodelc"
    path.mkdir()
    MLModel(linear()).write(path)
    assert seed_of(path) == 1


def test_missing_parent_is_named(tmp_path):
    with pytest.raises(ModelIOError, match="No such file or directory") as error:
        MLModel(linear()).write(tmp_path / "none" / "m.mlmodelc")
    assert str(tmp_path / "none" / "m.mlmodelc") in str(error.value)


def test_model_in_use_survives_its_directory_being_renewed_and_removed(compiled):
    model = MLModel(compiled)
    MLModel(linear(2)).write(compiled)
    shutil.rmtree(compiled)
    np.testing.assert_allclose(model.predict({"x": X})["y"], linear_answer(1), rtol=1e-5)
    assert model.get_spec() == linear(1)


def test_compiled_model_may_be_written_over_itself(compiled: Path):
    model = MLModel(compiled)
    model.author = "me"
    model.write(compiled)
    assert MLModel(compiled).author == "me"
    assert seed_of(compiled) == 1
