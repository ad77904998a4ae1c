"""Features of the frozen part beyond a limit lie in a mapped file, and nothing is learned differently."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import MLModel, MLModelConfiguration, MLUpdateTask
from pyruntime.errors import UpdateError
from pyruntime.training import features
from pyruntime.training.features import FeatureStore, available_memory, scratch_folder

from .networks import values
from .test_task import EXAMPLES, regression


def learned(**settings: Any) -> MLUpdateTask:
    spec = regression(shuffle=True, seed=2, epochs=3, momentum=0.5)
    task = MLUpdateTask(MLModel(spec, configuration=MLModelConfiguration(threads=1, **settings)), EXAMPLES)
    task.resume()
    assert task.wait(60)
    return task


def test_the_file_changes_no_bit_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores: list[FeatureStore] = []
    make = FeatureStore.__init__

    def noted(self: FeatureStore, *arguments: Any) -> None:
        make(self, *arguments)
        stores.append(self)
        assert list(tmp_path.iterdir()) == [], "the file has no name while it is used"

    monkeypatch.setattr(FeatureStore, "__init__", noted)
    in_memory = learned()
    in_file = learned(feature_memory=16, scratch_folder=tmp_path)
    assert [store.in_memory for store in stores] == [True, False]
    assert isinstance(stores[1].arrays[0], np.memmap)
    for key in ("a:weights", "b:biases"):
        kept, spilled = (task.context.model.parameter_value(key).tobytes() for task in (in_memory, in_file))
        assert kept == spilled


@pytest.mark.parametrize("in_memory", [True, False])
def test_mini_batches_are_the_same_rows_in_any_order(tmp_path: Path, in_memory: bool) -> None:
    rows, pictures = values(50, 7), values(50, 2, 3, 4, seed=1)
    store = FeatureStore(50, [(7,), (2, 3, 4), (0,)], 1 << 20 if in_memory else 0, tmp_path)
    assert store.in_memory is in_memory
    for i in np.random.default_rng(0).permutation(50):
        store.put(int(i), [rows[i][None], pictures[i][None], np.zeros((1, 0), np.float32)])
    order = np.random.default_rng(1).integers(0, 50, 20)
    buffers = [np.zeros((20, *shape), np.float32) for shape in ((7,), (2, 3, 4), (0,))]
    store.take(order, buffers)
    assert buffers[0].tobytes() == rows[order].tobytes()
    assert buffers[1].tobytes() == pictures[order].tobytes()


def test_the_limit_is_that_of_all_arrays_together(tmp_path: Path) -> None:
    size = 4 * 10 * (3 + 5)
    assert FeatureStore(10, [(3,), (5,)], size, tmp_path).in_memory
    assert not FeatureStore(10, [(3,), (5,)], size - 1, tmp_path).in_memory


def test_all_blocks_are_taken_before_the_first_write(tmp_path: Path) -> None:
    """Else a full disk would end the process with a signal."""
    before = os.statvfs(tmp_path).f_bfree
    store = FeatureStore(1, [(1 << 22,)], 0, tmp_path)
    taken = (before - os.statvfs(tmp_path).f_bfree) * os.statvfs(tmp_path).f_frsize
    assert taken > 12 << 20, "of 16 MiB; others may free some at the same time"
    assert store.arrays[0].shape == (1, 1 << 22)


def refusal(**settings: Any) -> str:
    task = learned(**settings)
    assert type(task.error) is UpdateError
    assert task.context.model is task._model
    return str(task.error)


def test_no_room_says_how_much_where_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UpdateError, match=r"no room for .* features of 9 examples in the folder .* are free there"):
        FeatureStore(9, [(1 << 40,)], 0, tmp_path)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(features.os, "posix_fallocate", full)
    text = refusal(feature_memory=0, scratch_folder=tmp_path)
    assert text.startswith("no room for 1 MiB of features of 10 examples in the folder")
    assert "No space left on device" in text
    assert "scratch_folder" in text
    assert "feature_memory" in text


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in refusal(feature_memory=0, scratch_folder=tmp_path / "none")


def test_the_default_folder_is_on_a_disk_unless_the_user_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(features, "_file_system", lambda folder: "tmpfs" if folder == str(tmp_path) else "ext4")
    assert scratch_folder() == "/var/tmp"
    monkeypatch.setattr(features, "_file_system", lambda folder: "tmpfs")
    assert scratch_folder() == str(tmp_path), "no folder is better"
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert scratch_folder() == str(tmp_path)


def test_memory_that_is_available_is_less_than_there_is() -> None:
    assert 0 < available_memory() < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
