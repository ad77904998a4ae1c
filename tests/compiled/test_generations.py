"""Generations: what is kept, told, compared and brought back."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pyruntime
from pyruntime import (
    DamageWarning,
    Generation,
    GenerationWarning,
    MLModel,
    MLModelError,
    MLUpdateTask,
    ModelIOError,
    SpecError,
    generations,
    rollback,
)
from pyruntime.compiled.provenance import Provenance, Update
from tests.knn.models import pipeline_spec
from tests.small_models import WIDTH, X, linear, linear_answer
from tests.training.networks import activation, as_examples, dense, updatable, values

from .conftest import seed_of


def numbers(path: Path) -> list[int]:
    return [g.number for g in generations(path)]


def flip(path: Path, place: int = 100) -> None:
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 1
    path.write_bytes(data)


def own_file(path: Path, number: int, suffix: str) -> Path:
    """The file of that kind which the generation does not share with the one before."""
    named = json.loads((path / f"generation-{number}.json").read_bytes())["files"]
    others = [
        json.loads(p.read_bytes())["files"] for p in path.glob("generation-*.json") if f"-{number}." not in p.name
    ]
    (name,) = [name for name in named if name.endswith(suffix) and not any(name in other for other in others)]
    return path / name


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Generations 1, 2 and 3: models 1, 2 and 1 with an author."""
    path = tmp_path / "m.mlmodelc"
    MLModel(linear(1)).write(path)
    MLModel(linear(2)).write(path)
    third = MLModel(linear(1))
    third.author = "me"
    third.write(path)
    return path


def test_each_write_is_a_generation_and_three_stay(tmp_path: Path) -> None:
    path = tmp_path / "m.mlmodelc"
    for number in range(1, 6):
        model = MLModel(linear(number))
        model.write(path)
        found = generations(path)
        assert [g.number for g in found] == list(range(max(1, number - 2), number + 1))
        assert [g.newest for g in found] == [False] * (len(found) - 1) + [True]
        for g in found:
            np.testing.assert_allclose(g.open().predict({"x": X})["y"], linear_answer(g.number), rtol=1e-5)
    files = {name for p in path.glob("generation-*.json") for name in json.loads(p.read_bytes())["files"]}
    assert {p.name for p in path.iterdir()} == {"manifest.json", "lock", *files} | {
        f"generation-{n}.json" for n in (3, 4, 5)
    }
    MLModel(linear(6)).write(path, keep_generations=1)
    assert numbers(path) == [6]
    assert len(list(path.iterdir())) == 6
    for number in range(7, 12):
        MLModel(linear(number)).write(path, keep_generations=4)
    assert numbers(path) == [8, 9, 10, 11]


def test_older_generations_can_be_removed_later(tmp_path: Path) -> None:
    """Writing what is there already makes no generation, but does what `keep_generations` asks for."""
    path = tmp_path / "m.mlmodelc"
    for number in (1, 2, 3):
        MLModel(linear(number)).write(path)
    MLModel(path).write(path)
    assert numbers(path) == [1, 2, 3]
    MLModel(path).write(path, keep_generations=1)
    assert numbers(path) == [3]
    np.testing.assert_allclose(MLModel(path).predict({"x": X})["y"], linear_answer(3), rtol=1e-5)


@pytest.mark.parametrize("keep", [0, -1, 2.0, True, "3"])
def test_a_count_that_is_none_is_refused(tmp_path: Path, keep: Any) -> None:
    with pytest.raises(ValueError, match="keep_generations"):
        MLModel(linear()).write(tmp_path / "m.mlmodelc", keep_generations=keep)
    assert os.listdir(tmp_path) == []


def test_weights_that_stay_the_same_are_shared_and_the_same_model_is_no_new_generation(three: Path) -> None:
    assert len(list(three.glob("*.weights"))) == 2
    model = MLModel(three)
    before = {p.name: p.stat().st_ino for p in three.iterdir()}
    model.write(three)
    assert numbers(three) == [1, 2, 3]
    assert {p.name: p.stat().st_ino for p in three.iterdir()} == before


def test_a_directory_of_an_older_release_becomes_generation_1(tmp_path: Path) -> None:
    path = tmp_path / "m.mlmodelc"
    MLModel(linear(1)).write(path)
    as_version_1(path)
    assert seed_of(path) == 1
    (only,) = generations(path)
    assert (only.number, only.newest, only.damage) == (1, True, None)
    model = MLModel(linear(2))
    model.write(path)
    assert numbers(path) == [1, 2]
    assert seed_of(path) == 2
    np.testing.assert_allclose(generations(path)[0].open().predict({"x": X})["y"], linear_answer(1), rtol=1e-5)
    rollback(path)
    assert seed_of(path) == 1


def as_version_1(path: Path) -> None:
    """The manifest as it was before there were generations."""
    from hashlib import sha256

    content = json.loads((path / "manifest.json").read_bytes())
    for key in ("check", "generation", "provenance"):
        del content[key]
    content["version"] = 1
    check = sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    (path / "manifest.json").write_text(json.dumps({**content, "check": check}, indent=1) + "\n")
    (path / "generation-1.json").unlink()


def test_a_newer_format_is_neither_read_around_nor_written_over(three: Path) -> None:
    newer = b'{"format": "pyruntime compiled model", "version": 3}'
    (three / "manifest.json").write_bytes(newer)
    for work in (lambda: MLModel(three), lambda: MLModel(linear(2)).write(three), lambda: rollback(three)):
        with pytest.raises(SpecError, match="version 3"):
            work()
    assert (three / "manifest.json").read_bytes() == newer


# provenance


def halves() -> tuple[Any, Any]:
    layers = [dense("a", "x", "h", 4, 5), activation("ReLU", "h", "r"), dense("b", "r", "y", 5, 1)]
    spec = updatable({"x": (4,)}, layers, epochs=3, shuffle=True, seed=7)
    x = values(12, 4, seed=1)
    return spec, as_examples(x=list(x), y_true=list(x.sum(axis=1, keepdims=True)))


def finished(task: MLUpdateTask) -> MLModel:
    task.resume()
    assert task.wait(60)
    if task.error:
        raise task.error
    return task.context.model


def test_provenance_travels_from_the_update_to_the_directory(tmp_path: Path) -> None:
    spec, examples = halves()
    path = tmp_path / "m.mlmodelc"
    MLModel(spec).write(path)
    first = generations(path)[0]
    assert (first.provenance.how, first.provenance.parent, first.provenance.updates) == ("compiled", None, ())
    finished(MLUpdateTask(path, examples)).write(path)
    g = generations(path)[-1]
    assert (g.number, g.provenance.how, g.provenance.parent) == (2, "updated", first.model_hash)
    (update,) = g.provenance.updates
    assert (update.examples, update.seed, update.metrics["epochIndex"]) == (12, 7, 2)
    assert 0 < update.metrics["lossValue"] < 10
    assert update.parameters["learningRate"] == pytest.approx(0.1)
    assert update.parameters["epochs"] == 3
    assert len(update.data) == 64
    assert g.provenance.versions["pyruntime"] == pyruntime.__version__
    assert g.provenance.versions["numpy"] == np.__version__
    assert g.provenance.versions["level"]


def test_the_digest_is_that_of_the_data(tmp_path: Path) -> None:
    spec, examples = halves()
    other = [dict(e) for e in examples]
    other[5]["x"] = other[5]["x"] + np.float32(1e-6)

    def digest(data: Any) -> str:
        path = tmp_path / "m.mlmodelc"
        finished(MLUpdateTask(MLModel(spec), data)).write(path)
        return generations(path)[-1].provenance.updates[-1].data

    assert digest(examples) == digest([dict(e) for e in examples])
    assert len({digest(examples), digest(other), digest(examples[::-1]), digest(examples[1:])}) == 4


def test_a_model_has_one_hash_wherever_it_is_opened_from(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    spec = pipeline_spec(samples=rng.normal(size=(4, 3)), labels=["a", "b", "a", "b"])
    pyruntime.save_spec(spec, tmp_path / "m.mlmodel")
    MLModel(tmp_path / "m.mlmodel").write(tmp_path / "m.mlmodelc")
    data = [{"x": rng.normal(size=WIDTH).astype(np.float32), "label": "a"}]
    for name in ("m.mlmodel", "m.mlmodelc"):
        finished(MLUpdateTask(tmp_path / name, data)).write(tmp_path / "learned.mlmodelc")
        (parent,) = generations(tmp_path / "m.mlmodelc")
        assert generations(tmp_path / "learned.mlmodelc")[-1].provenance.parent == parent.model_hash


def test_updates_in_memory_are_all_recorded_and_the_parent_is_what_was_on_the_disk(tmp_path: Path) -> None:
    spec, examples = halves()
    path = tmp_path / "m.mlmodelc"
    MLModel(spec).write(path)
    model = finished(MLUpdateTask(finished(MLUpdateTask(path, examples)), examples[:4]))
    model.write(path)
    model.write(tmp_path / "copy.mlmodelc")
    first, second = generations(path)
    (copy,) = generations(tmp_path / "copy.mlmodelc")
    for g in (second, copy):
        assert g.provenance.parent == first.model_hash
        assert [u.examples for u in g.provenance.updates] == [12, 4]
    third = finished(MLUpdateTask(model, examples[:2]))
    third.write(path)
    last = generations(path)[-1].provenance
    assert (last.parent, [u.examples for u in last.updates]) == (copy.model_hash, [2])


def test_a_change_by_hand_names_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "m.mlmodelc"
    MLModel(linear()).write(path)
    model = MLModel(path)
    model.author = "me"
    model.write(path)
    first, second = generations(path)
    assert (second.provenance.how, second.provenance.parent) == ("changed", first.model_hash)


def test_a_clock_that_jumps_back_changes_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = tmp_path / "m.mlmodelc", time.gmtime
    for number in (1, 2, 3):
        monkeypatch.setattr(time, "gmtime", lambda n=number: real(10**9 - n * 10**8))
        MLModel(linear(number)).write(path)
    times = [g.provenance.time for g in generations(path)]
    assert times == sorted(times, reverse=True)
    assert numbers(path) == [1, 2, 3]
    np.testing.assert_allclose(MLModel(path).predict({"x": X})["y"], linear_answer(3), rtol=1e-5)


def test_a_strangers_provenance_is_read_as_far_as_it_makes_sense(tmp_path: Path) -> None:
    strange: list[Any] = [
        {}, {"how": 7, "time": None, "parent": [], "updates": 3, "versions": 1, "restored": "x"},
        {"updates": [1, {}, {"examples": "many", "seconds": True, "parameters": 7}]}, {"updates": [{}] * 1000},
    ]  # fmt: skip
    for raw in strange:
        read = Provenance.read(raw)
        assert read.restored is None
        assert len(read.updates) <= 50
        assert all(u.examples == 0 and u.data is None and u.seed is None for u in read.updates)


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
anything = st.recursive(leaves, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=3), x, max_size=3))
names = st.sampled_from([*Provenance.__dataclass_fields__, *Update.__dataclass_fields__])


@settings(max_examples=40, deadline=None)
@given(raw=st.dictionaries(names, anything | st.lists(st.dictionaries(names, anything), max_size=2)))
def test_any_provenance_is_read_and_shown(raw: dict[str, Any]) -> None:
    from pyruntime.cli import generations as shown

    read = Provenance.read(raw)
    assert Provenance.read(json.loads(json.dumps(read.to_json()))) == Provenance.read(read.to_json())
    one = Generation("m", 1, read, "0" * 64, True, None, 5)
    assert isinstance(shown._result(one) + shown._examples(one) + shown._from(one, [one]), str)


# differences


def test_diff_of_weights_is_numpys(tmp_path: Path) -> None:
    spec, examples = halves()
    path = tmp_path / "m.mlmodelc"
    MLModel(spec).write(path)
    finished(MLUpdateTask(path, examples)).write(path)
    first, second = generations(path)
    d = first.diff(second)
    old, new = first.open(), second.open()
    assert {w.name for w in d.weights} == {"a:weights", "a:bias", "b:weights", "b:bias"}
    for w in d.weights:
        key = w.name.replace(":bias", ":biases")
        before, after = (m.parameter_value(key).astype(np.float64) for m in (old, new))
        assert w.largest == pytest.approx(np.abs(after - before).max(), rel=1e-12)
        assert w.relative == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(before), rel=1e-12)
        assert w.numbers == before.size
    assert d.metrics["epochIndex"] == (None, 2)
    assert not d.same_model
    assert first.diff(first).same_model


def test_diff_of_examples_counts_them_by_label(tmp_path: Path) -> None:
    path = tmp_path / "m.mlmodelc"
    MLModel(pipeline_spec()).write(path)
    rng = np.random.default_rng(0)
    data = [{"x": rng.normal(size=WIDTH).astype(np.float32), "label": label} for label in "aabbb"]
    finished(MLUpdateTask(path, data)).write(path)
    first, second = generations(path)
    d = first.diff(second)
    assert (d.examples_added, d.examples_removed, d.weights) == ({"a": 2, "b": 3}, {}, ())
    back = second.diff(first)
    assert (back.examples_added, back.examples_removed) == ({}, {"a": 2, "b": 3})


def test_diff_names_parameters_and_weights_in_another_form(tmp_path: Path) -> None:
    spec, _ = halves()
    path = tmp_path / "m.mlmodelc"
    MLModel(spec).write(path)
    spec.neuralNetwork.updateParams.epochs.defaultValue = 9
    half = np.asarray(spec.neuralNetwork.layers[0].innerProduct.weights.floatValue, np.float16)
    weights = spec.neuralNetwork.layers[0].innerProduct.weights
    weights.ClearField("floatValue")
    weights.float16Value = half.tobytes()
    spec.isUpdatable = False
    spec.neuralNetwork.ClearField("updateParams")
    del spec.description.trainingInput[:]
    MLModel(spec).write(path)
    first, second = generations(path)
    d = first.diff(second)
    assert d.parameters["epochs"] == (3, None)
    (change,) = d.weights
    assert (change.name, change.largest) == ("a:weights", None)
    assert "float16" in change.note


# rollback


def test_rollback_is_a_new_generation_with_the_old_bits(three: Path) -> None:
    made = rollback(three, 2)
    assert (made.number, made.newest, made.provenance.how, made.provenance.restored) == (4, True, "rolled back", 2)
    assert numbers(three) == [1, 2, 3, 4], "a rollback loses nothing"
    old, new = generations(three)[1], generations(three)[3]
    assert old.model_hash == new.model_hash
    assert new.provenance.parent == generations(three)[2].model_hash
    assert seed_of(three) == 2
    MLModel(linear(3)).write(three)
    assert numbers(three) == [3, 4, 5], "the next write keeps as many as it is told"
    assert old.model_hash == generations(three)[1].model_hash


def test_rollback_without_a_number_goes_back_step_by_step(three: Path) -> None:
    assert [rollback(three).provenance.restored for _ in range(2)] == [2, 1]
    with pytest.raises(ModelIOError, match="no generation before generation 1"):
        rollback(three)
    assert seed_of(three) == 1


def test_rollback_to_nothing_is_refused(three: Path, tmp_path: Path) -> None:
    for number, words in (
        (3, "newest one already"),
        (9, "not there; generations to go back to: 1, 2"),
        (0, "not there"),
    ):
        with pytest.raises(ModelIOError, match=words):
            rollback(three, number)
    for path in (tmp_path, tmp_path / "none", tmp_path / "none" / "deeper"):
        with pytest.raises(ModelIOError):
            rollback(path)
        with pytest.raises(ModelIOError):
            generations(path)
    assert sorted(os.listdir(tmp_path)) == ["m.mlmodelc"]
    assert numbers(three) == [1, 2, 3]


@pytest.mark.parametrize("suffix", [".weights", ".plan", ".mlmodel"])
def test_rollback_to_a_damaged_generation_is_refused(three: Path, suffix: str) -> None:
    before = sorted(os.listdir(three))
    flip(own_file(three, 2, suffix))
    with pytest.raises(SpecError, match=r"generation 2 of .* is damaged"):
        rollback(three, 2)
    assert sorted(os.listdir(three)) == before
    assert seed_of(three) == 1


def test_generations_of_a_place_that_cannot_be_written(open_folder: Path, unprivileged: Any) -> None:
    path = open_folder / "m.mlmodelc"
    for seed in (1, 2):
        MLModel(linear(seed)).write(path)
    os.chmod(path, 0o555)
    os.chmod(open_folder, 0o555)
    unprivileged()
    first, second = generations(path, verify=True)
    assert (first.damage, second.damage) == (None, None)
    assert not first.diff(second).same_model
    np.testing.assert_allclose(first.open().predict({"x": X})["y"], linear_answer(1), rtol=1e-5)
    for work in (lambda: rollback(path), lambda: MLModel(linear(3)).write(path)):
        with pytest.raises(ModelIOError, match="Permission denied"):
            work()
    assert numbers(path) == [1, 2]


# damage


def test_a_sound_model_gives_no_warning(three: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert seed_of(three) == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "bit", "zeros"])
def test_a_damaged_manifest_is_read_from_its_copy(three: Path, damage: str) -> None:
    place = three / "manifest.json"
    data = place.read_bytes()
    spoil(place, damage, 300)
    with pytest.warns(DamageWarning, match=r"manifest\.json.*; generation 3 of .* was opened instead"):
        model = MLModel(three)
    assert model.author == "me"
    with pytest.warns(DamageWarning, match=r"manifest\.json: .*; generation 3 is the newest that can be read"):
        assert numbers(three) == [1, 2, 3]
    with pytest.warns(DamageWarning):
        MLModel(three).write(three)
    assert place.read_bytes() == data, "the next write makes it good again"
    assert numbers(three) == [1, 2, 3]


def spoil(path: Path, damage: str, place: int = 100) -> None:
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "bit":
        flip(path, place)
    else:
        path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "zeros": bytes(len(data))}[damage])


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "bit", "zeros"])
def test_a_damaged_newest_generation_gives_the_one_before_with_a_warning(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "m.mlmodelc"
    MLModel(linear(1)).write(path)
    MLModel(linear(2)).write(path)
    bad = own_file(path, 2, ".mlmodel")
    spoil(bad, damage)
    with pytest.warns(DamageWarning, match=f"{bad.name}.*; generation 1 of .* was opened instead"):
        model = MLModel(path)
    np.testing.assert_allclose(model.predict({"x": X})["y"], linear_answer(1), rtol=1e-5)
    third = MLModel(linear(3))
    third.write(path)
    assert numbers(path) == [1, 2, 3], "damaged ones push out no good one"
    assert [bool(g.damage) for g in generations(path, verify=True)] == [False, True, False]


def test_weights_of_the_right_size_are_found_damaged_by_verify(tmp_path: Path) -> None:
    path = tmp_path / "m.mlmodelc"
    MLModel(linear(1)).write(path)
    MLModel(linear(2)).write(path)
    flip(own_file(path, 2, ".weights"))
    with pytest.warns(DamageWarning, match=r"weights.*generation 1"):
        assert seed_of(path, verify=True) == 1


@pytest.mark.parametrize("suffix", [".plan", ".mlmodel"])
def test_a_sector_that_cannot_be_read_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    path, real = tmp_path / "m.mlmodelc", os.readv
    MLModel(linear(1)).write(path)
    other = linear(2)
    other.neuralNetwork.layers[0].name = "another"
    MLModel(other).write(path)
    bad = own_file(path, 2, suffix).name

    def readv(handle: int, views: Any) -> int:
        if bad in os.readlink(f"/proc/self/fd/{handle}"):
            raise OSError(5, "Input/output error")
        return real(handle, views)

    monkeypatch.setattr(os, "readv", readv)
    with pytest.warns(DamageWarning, match=f"{bad}: Input/output error; generation 1"):
        np.testing.assert_allclose(MLModel(path).predict({"x": X})["y"], linear_answer(1), rtol=1e-5)


def test_without_a_good_generation_the_error_is_that_of_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "m.mlmodelc"
    MLModel(linear(1)).write(path)
    MLModel(linear(2)).write(path)
    for file in path.glob("*.plan"):
        file.unlink()
    newest = next(name for name in json.loads((path / "manifest.json").read_bytes())["files"] if ".plan" in name)
    with pytest.raises(ModelIOError, match=f"{newest} is missing"):
        MLModel(path)
    for file in path.glob("*.json"):
        file.write_bytes(b"")
    with pytest.raises(SpecError, match=r"manifest\.json: is damaged"):
        MLModel(path)
    with pytest.raises(SpecError, match=r"manifest\.json: is damaged"):
        generations(path)


def test_a_damaged_model_that_only_the_engine_notices_falls_back_too(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "m.mlmodelc"
    MLModel(linear(1)).write(path)
    MLModel(linear(2)).write(path)
    build = MLModel._build

    def broken(self: MLModel) -> Any:
        if self._lineage.number == 2:
            raise SpecError("the plan does not fit the model")
        return build(self)

    monkeypatch.setattr(MLModel, "_build", broken)
    with pytest.warns(DamageWarning, match="the plan does not fit the model; generation 1"):
        assert MLModel(path)._lineage.number == 1


def test_the_files_of_a_generation_whose_manifest_is_damaged_stay_while_it_counts(three: Path) -> None:
    names = set(json.loads((three / "generation-2.json").read_bytes())["files"])
    good = (three / "generation-2.json").read_bytes()
    (three / "generation-2.json").write_bytes(b"{")
    MLModel(linear(4)).write(three)
    assert names <= set(os.listdir(three))
    (three / "generation-2.json").write_bytes(good)
    np.testing.assert_allclose(generations(three)[1].open().predict({"x": X})["y"], linear_answer(2), rtol=1e-5)


def test_what_a_killed_writer_left_does_not_count(three: Path) -> None:
    litter = (three / "generation-3.json").read_bytes()
    (three / "generation-4.json").write_bytes(litter)
    (three / "generation-9.json").write_bytes(litter)
    assert numbers(three) == [1, 2, 3]
    MLModel(linear(4)).write(three)
    assert numbers(three) == [2, 3, 4]
    assert not (three / "generation-9.json").exists()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_gives_a_whole_generation_with_a_warning_or_an_error(whole: Path, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "m.mlmodelc"
        shutil.copytree(whole, path)
        files = sorted(p.name for p in path.iterdir() if p.name != "lock")
        kinds = st.sampled_from(["cut", "empty", "gone", "bit", "zeros"])
        for file, (kind, place) in data.draw(
            st.dictionaries(st.sampled_from(files), st.tuples(kinds, st.integers(0, 10**4)), max_size=5)
        ).items():
            spoil(path / file, kind, place)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                answer = MLModel(path, verify=True).predict({"x": X})["y"]
            except MLModelError as error:
                assert str(path) in str(error)
                answer = None
        fits = [
            seed for seed in (1, 2, 3) if answer is not None and np.allclose(answer, linear_answer(seed), rtol=1e-5)
        ]
        assert answer is None or len(fits) == 1
        assert fits in ([], [3]) or [t.category for t in told] == [DamageWarning]
        try:
            MLModel(linear(5)).write(path)
        except SpecError as error:
            assert "remove the folder" in str(error)
            assert not fits
        else:
            assert all(g.damage is None for g in generations(path, verify=True) if g.newest)
            np.testing.assert_allclose(MLModel(path).predict({"x": X})["y"], linear_answer(5), rtol=1e-5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generations 1, 2 and 3 with the models of these numbers."""
    path = tmp_path_factory.mktemp("whole") / "m.mlmodelc"
    for seed in (1, 2, 3):
        MLModel(linear(seed)).write(path)
    return path


def test_a_model_written_over_somebody_elses_generation_says_so(tmp_path: Path) -> None:
    path = tmp_path / "m.mlmodelc"
    spec, examples = halves()
    MLModel(spec).write(path)
    mine, theirs = (finished(MLUpdateTask(path, data)) for data in (examples, examples[:5]))
    theirs.write(path)
    with pytest.warns(GenerationWarning, match=r"generation 2 was written after generation 1.*not in generation 3"):
        mine.write(path)
    assert [len(g.provenance.updates) for g in generations(path)] == [0, 1, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        finished(MLUpdateTask(mine, examples)).write(path)
