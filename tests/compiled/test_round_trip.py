"""A compiled model is the model: the same answers, the same specification, and nothing compiled again."""

from __future__ import annotations

import json
import logging
import mmap
from pathlib import Path

import numpy as np
import pytest

import pyruntime
from pyruntime import MLModel, MLModelConfiguration, SpecError
from pyruntime.native import lib
from tests.small_models import X, classifier, linear, linear_answer, pipeline

REF_ONLY = MLModelConfiguration(levels=1)


@pytest.mark.parametrize("make", [linear, classifier, pipeline])
def test_compiled_model_gives_bit_for_bit_the_same_answers(make, tmp_path):
    model = MLModel(make())
    model.write(tmp_path / "m.mlmodelc")
    before, after = model.predict({"x": X}), MLModel(tmp_path / "m.mlmodelc", verify=True).predict({"x": X})
    assert before.keys() == after.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name])
    assert "y" not in after or np.allclose(after["y"], linear_answer(), rtol=1e-5)


@pytest.mark.parametrize("make", [linear, classifier, pipeline])
def test_compiled_model_keeps_the_whole_specification(make, tmp_path):
    MLModel(make()).write(tmp_path / "m.mlmodelc")
    opened = MLModel(tmp_path / "m.mlmodelc")
    assert opened.get_spec() == make()
    opened.save(tmp_path / "again.mlmodel")
    assert pyruntime.load_spec(tmp_path / "again.mlmodel") == make()


def test_opening_compiles_nothing_and_maps_the_weights(compiled, monkeypatch):
    import pyruntime.engines.neural_network as engine

    monkeypatch.setattr(engine, "compile_network", None)  # calling it would fail
    model = MLModel(compiled)
    weights = model.engine.program.weights
    assert not weights.flags.writeable
    base = weights.base
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(getattr(base, "obj", base), mmap.mmap)
    assert weights.ctypes.data % lib.ALIGNMENT == 0


def test_manifest_lists_every_file_with_size_and_sha256(compiled):
    from hashlib import sha256

    manifest = json.loads((compiled / "manifest.json").read_text())
    there = {p.name for p in compiled.iterdir()} - {"manifest.json", "lock"}
    assert there == {"generation-1.json", *manifest["files"]}
    assert (compiled / "generation-1.json").read_bytes() == (compiled / "manifest.json").read_bytes()
    for name, entry in manifest["files"].items():
        data = (compiled / name).read_bytes()
        assert entry == {"bytes": len(data), "sha256": sha256(data).hexdigest()}


@pytest.mark.parametrize(("written", "opened"), [(REF_ONLY, None), (None, REF_ONLY)])
def test_weights_packed_for_other_kernels_are_compiled_again(written, opened, tmp_path, caplog):
    if len(lib.Context(threads=1).levels) == 1:
        pytest.skip("this CPU has one level only")
    MLModel(linear(), configuration=written).write(tmp_path / "m.mlmodelc")
    with caplog.at_level(logging.INFO, "pyruntime"):
        model = MLModel(tmp_path / "m.mlmodelc", configuration=opened)
    assert "compiling in memory" in caplog.text
    np.testing.assert_allclose(model.predict({"x": X})["y"], linear_answer(), rtol=1e-5)


def test_plan_of_another_model_is_refused(tmp_path):
    """A manifest is honest about its files, but they belong to a model with another output."""
    from pyruntime.compiled.manifest import kernels_of
    from pyruntime.compiled.writing import write_compiled

    other = MLModel(linear())
    model = MLModel(classifier())
    context = model.configuration.context()
    write_compiled(model._lean, other._programs, kernels_of(context), tmp_path / "m.mlmodelc")
    with pytest.raises(SpecError, match="does not belong to this model"):
        MLModel(tmp_path / "m.mlmodelc")


def test_compile_model_writes_to_a_temporary_place_or_where_told(tmp_path):
    pyruntime.save_spec(linear(), tmp_path / "Name.mlmodel")
    temporary = Path(pyruntime.compile_model(tmp_path / "Name.mlmodel"))
    assert temporary.name == "Name.mlmodelc"
    told = pyruntime.compile_model(linear(), tmp_path / "there.mlmodelc")
    for path in (temporary, told):
        np.testing.assert_allclose(MLModel(path).predict({"x": X})["y"], linear_answer(), rtol=1e-5)
    with pytest.raises(ValueError, match=r"ends in \.mlmodelc"):
        pyruntime.compile_model(linear(), tmp_path / "model")


def test_get_compiled_model_path_names_a_directory_that_opens(compiled):
    assert MLModel(compiled).get_compiled_model_path() == str(compiled)
    model = MLModel(linear())
    assert MLModel(model.get_compiled_model_path()).get_spec() == linear()


def test_files_that_stay_the_same_are_not_written_again(tmp_path):
    """Two models with one network: only the specification differs, as after an update of the nearest neighbours."""
    path = tmp_path / "m.mlmodelc"
    model = MLModel(linear())
    model.write(path)
    before = {p.name: p.stat().st_ino for p in path.iterdir()}
    model.author = "somebody else"
    model.write(path)
    after = {p.name: p.stat().st_ino for p in path.iterdir()}
    same = {name for name in before if before[name] == after.get(name)}
    assert {name.partition("-")[0] for name in same} == {"generation", "lock", "model", "network"}
    assert len(after) == len(before) + 2  # the other model, and its manifest
    assert MLModel(path).author == "somebody else"
