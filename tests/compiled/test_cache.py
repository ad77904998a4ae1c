"""The cache of compiled networks saves compiling and changes nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import pyruntime.engines.neural_network as engine
from pyruntime import MLModel, MLModelConfiguration, save_spec
from pyruntime.compiled import cache as cache_module
from pyruntime.compiled.cache import Cache
from tests.small_models import X, linear, linear_answer, pipeline


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "m.mlmodel"
    save_spec(linear(1), path)
    return path


@pytest.fixture
def compilations(monkeypatch) -> list[str]:
    """Places of the networks that were compiled, growing."""
    done: list[str] = []
    real = engine.compile_network

    def compile_network(part, wanted):
        done.append(part.place)
        return real(part, wanted)

    monkeypatch.setattr(engine, "compile_network", compile_network)
    return done


def opened(path: Path, folder: Path | None, **options) -> np.ndarray:
    return MLModel(path, configuration=MLModelConfiguration(cache_folder=folder, **options)).predict({"x": X})["y"]


def entries(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.endswith(".mlmodelc"))


def test_second_opening_compiles_nothing(model_file, folder, compilations):
    first, second = opened(model_file, folder), opened(model_file, folder)
    assert compilations == [""]
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, linear_answer(), rtol=1e-5)


def test_all_networks_of_a_pipeline_are_kept(tmp_path, folder, compilations):
    save_spec(pipeline(), tmp_path / "p.mlmodel")
    opened(tmp_path / "p.mlmodel", folder)
    opened(tmp_path / "p.mlmodel", folder)
    assert compilations == ["0", "1"]


def test_changed_file_is_compiled_again(model_file, folder, compilations):
    opened(model_file, folder)
    save_spec(linear(2), model_file)
    np.testing.assert_allclose(opened(model_file, folder), linear_answer(2), rtol=1e-5)
    assert len(compilations) == 2
    save_spec(linear(1), model_file)  # its entry is still there
    np.testing.assert_allclose(opened(model_file, folder), linear_answer(1), rtol=1e-5)
    assert len(compilations) == 2


def test_large_file_is_hashed_once_and_again_when_it_changes(model_file, folder, monkeypatch, compilations):
    monkeypatch.setattr(cache_module, "INDEX_FROM", 0)
    monkeypatch.setattr(cache_module, "_SETTLED", -1)  # as if the file had been written long ago
    opened(model_file, folder)
    assert len(os.listdir(folder / "index")) == 1
    save_spec(linear(2), model_file)
    np.testing.assert_allclose(opened(model_file, folder), linear_answer(2), rtol=1e-5)
    assert len(os.listdir(folder / "index")) == 2


def test_file_that_was_just_written_is_not_noted_by_its_time_stamp(model_file, folder, monkeypatch):
    monkeypatch.setattr(cache_module, "INDEX_FROM", 0)
    opened(model_file, folder)
    assert not (folder / "index").exists()


def test_other_kernels_have_entries_of_their_own(model_file, folder, compilations):
    for levels in (1, 0xFFFFFFFF):
        np.testing.assert_allclose(opened(model_file, folder, levels=levels), linear_answer(), rtol=1e-5)
    context = MLModelConfiguration().context()
    assert len(entries(folder)) == (2 if len(context.levels) > 1 else 1)


def test_no_folder_means_no_cache(model_file, tmp_path, compilations):
    before = sorted(os.listdir(tmp_path))
    for _ in range(2):
        opened(model_file, None)
    assert sorted(os.listdir(tmp_path)) == before
    assert len(compilations) == 2


def test_folder_that_cannot_be_written_costs_only_time(model_file, tmp_path, compilations):
    (tmp_path / "file").write_text("not a folder")
    for _ in range(2):
        np.testing.assert_allclose(opened(model_file, tmp_path / "file"), linear_answer(), rtol=1e-5)
    assert len(compilations) == 2


def test_cache_of_another_user_costs_only_time(model_file, open_folder, unprivileged):
    target = open_folder / "m.mlmodel"
    target.write_bytes(model_file.read_bytes())
    target.chmod(0o644)
    (open_folder / "cache").mkdir(mode=0o700)
    unprivileged()
    for _ in range(2):
        np.testing.assert_allclose(opened(target, open_folder / "cache"), linear_answer(), rtol=1e-5)


@pytest.mark.parametrize("suffix", [".plan", ".weights", ".json"])
def test_damaged_entry_is_replaced(model_file, folder, suffix, compilations):
    opened(model_file, folder)
    (file,) = folder.glob(f"*.mlmodelc/*{suffix}")
    file.write_bytes(b"damaged")
    for _ in range(2):
        np.testing.assert_allclose(opened(model_file, folder), linear_answer(), rtol=1e-5)
    assert len(compilations) == 2


def test_entry_that_fits_another_model_is_replaced(tmp_path, folder, model_file, compilations):
    """Its files are whole, but the networks are of a pipeline: an entry that somebody renamed."""
    opened(model_file, folder)
    (mine,) = entries(folder)
    save_spec(pipeline(), tmp_path / "p.mlmodel")
    opened(tmp_path / "p.mlmodel", folder)
    (other,) = set(entries(folder)) - {mine}
    for entry in (folder / other).iterdir():
        entry.unlink()
    (folder / other).rmdir()
    (folder / mine).rename(folder / other)
    compilations.clear()
    opened(tmp_path / "p.mlmodel", folder)
    assert compilations == ["0", "1"]


def test_longest_unused_entries_go_first(tmp_path, folder):
    for seed in range(4):
        save_spec(linear(seed), tmp_path / f"{seed}.mlmodel")
    opened(tmp_path / "0.mlmodel", folder)
    size = sum(f.stat().st_size for f in folder.glob("*/*"))
    names = [entries(folder)[0]]
    for seed in (1, 2):
        opened(tmp_path / f"{seed}.mlmodel", folder)
        names += [name for name in entries(folder) if name not in names]
    for age, name in zip((50, 90, 70), names, strict=True):
        moment = (folder / name).stat().st_mtime - age * 3600
        os.utime(folder / name, (moment, moment))
    opened(tmp_path / "1.mlmodel", folder)  # the oldest one is used again
    small = Cache(folder, limit=2 * size + size // 2)
    programs = small.load(names[0].removesuffix(".mlmodelc"))
    assert programs is not None  # and now the first; the third is the longest unused one
    small.store("0" * 32, programs, this_machine())
    assert names[2] not in entries(folder)
    assert len(entries(folder)) == 2


def this_machine():
    from pyruntime.compiled.manifest import kernels_of

    return kernels_of(MLModelConfiguration().context())


def test_what_killed_writers_left_is_removed(model_file, folder):
    left = folder / f".{'0' * 32}.mlmodelc.{'a' * 16}.part"
    left.mkdir(parents=True)
    (left / "network-0123456789abcdef.weights.part").write_bytes(b"half")
    opened(model_file, folder)
    assert not left.exists()


def test_processes_that_open_a_model_at_the_same_time_share_one_entry(model_file, folder):
    children = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            try:
                ok = np.allclose(opened(model_file, folder, threads=1), linear_answer(), rtol=1e-5)
            except BaseException:
                ok = False
            os._exit(0 if ok else 1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 6
    assert len(entries(folder)) == 1
    assert os.listdir(folder) == entries(folder)
    np.testing.assert_allclose(opened(model_file, folder), linear_answer(), rtol=1e-5)


def test_default_folder_follows_the_desktop_standard(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert MLModelConfiguration().cache_folder == str(tmp_path / "pyruntime")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert MLModelConfiguration().cache_folder == str(tmp_path / "home" / ".cache" / "pyruntime")


def test_a_model_that_compiles_at_once_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyruntime.compiled.cache.WORTH", 3600.0)
    path, folder = tmp_path / "m.mlmodel", tmp_path / "cache"
    path.write_bytes(linear(1).SerializeToString())
    opened(path, folder)
    assert not folder.exists() or not list(folder.iterdir())


def test_the_longest_unused_entries_go_when_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyruntime.compiled.cache.MOST_ENTRIES", 3)
    folder = tmp_path / "cache"
    for seed in range(5):
        path = tmp_path / f"{seed}.mlmodel"
        path.write_bytes(linear(seed).SerializeToString())
        opened(path, folder)
        for age, entry in enumerate(sorted(folder.glob("*.mlmodelc"), key=lambda e: -e.stat().st_mtime)):
            os.utime(entry, (entry.stat().st_mtime - 10 * (age + 1),) * 2)
    assert len(list(folder.glob("*.mlmodelc"))) == 3
