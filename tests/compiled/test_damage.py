"""Compiled directories from strangers: damaged, incomplete or made to reach outside."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyruntime import MLModel, MLModelError, ModelIOError, SpecError
from tests.small_models import X, linear, linear_answer

from .conftest import seed_of

SUFFIXES = (".mlmodel", ".plan", ".weights")


@pytest.fixture
def compiled(compiled: Path) -> Path:
    """With `manifest.json` alone, as older releases wrote it: nothing to fall back to."""
    (compiled / "generation-1.json").unlink()
    return compiled


once_per_example = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def file_of(folder: Path, suffix: str) -> Path:
    (path,) = folder.glob(f"*{suffix}")
    return path


def rewrite_manifest(folder: Path, change: Any) -> None:
    """Change the manifest's content, and make its checksum fit again."""
    path = folder / "manifest.json"
    content = json.loads(path.read_bytes())
    del content["check"]
    content = change(content) or content
    compact = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    path.write_text(json.dumps({**content, "check": sha256(compact).hexdigest()}))


@once_per_example
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_flipped_bit_of_the_manifest_is_noticed_or_harmless(compiled, place, bit):
    path = compiled / "manifest.json"
    good = path.read_bytes()
    data = bytearray(good)
    data[place % len(data)] ^= 1 << bit
    path.write_bytes(data)
    problem = None
    try:
        assert seed_of(compiled) == 1  # white space
    except SpecError as error:
        problem = str(error)
    finally:
        path.write_bytes(good)
    assert problem is None or "manifest.json" in problem


@once_per_example
@given(suffix=st.sampled_from(SUFFIXES), place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_flipped_bit_of_a_file_is_found_by_verify_and_never_crashes(compiled, suffix, place, bit):
    path = file_of(compiled, suffix)
    good = path.read_bytes()
    data = bytearray(good)
    data[place % len(data)] ^= 1 << bit
    path.write_bytes(data)
    try:
        with pytest.raises(SpecError, match=f"{path.name} is damaged"):
            MLModel(compiled, verify=True)
        if suffix == ".weights":
            MLModel(compiled).predict({"x": X})
        else:
            with pytest.raises(SpecError, match=f"{path.name} is damaged"):
                MLModel(compiled)
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".json"])
@pytest.mark.parametrize("size", [0, 1, -2, "longer"])
def test_file_of_another_size_is_named(compiled, suffix, size):
    path = file_of(compiled, suffix)
    data = path.read_bytes()
    path.write_bytes(data + b"\0" if size == "longer" else data[:size])
    with pytest.raises(SpecError, match=path.name) as error:
        MLModel(compiled).predict({"x": X})
    assert "compile the model again" in str(error.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_file_is_named(compiled, suffix):
    path = file_of(compiled, suffix)
    path.unlink()
    with pytest.raises(ModelIOError, match=f"{path.name} is missing"):
        MLModel(compiled)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_link_in_place_of_a_file_is_not_followed(compiled, suffix, tmp_path):
    path = file_of(compiled, suffix)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelIOError, match=path.name):
        MLModel(compiled)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pipe_in_place_of_a_file_does_not_wait(compiled, suffix):
    path = file_of(compiled, suffix)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(SpecError, match=path.name):
        MLModel(compiled)


@pytest.mark.parametrize(
    "name",
    ["../m.mlmodel", "/etc/passwd", "sub/model-0123456789abcdef.mlmodel", "", ".", "..", "manifest.json", "a\0b", 7],
)
@pytest.mark.parametrize("field", ["plan", "weights", "model"])
def test_path_out_of_the_directory_is_refused(compiled, field, name):
    def change(content: dict[str, Any]) -> None:
        table = content if field == "model" else content["networks"][0]
        content["files"][str(name)] = content["files"].pop(table[field])
        table[field] = name

    rewrite_manifest(compiled, change)
    with pytest.raises(SpecError, match=r"manifest\.json"):
        MLModel(compiled)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"", "not JSON"), (b"\xff\xfe", "not JSON"), (b"[" * 100_000, "not JSON"), (b"[]", "not the manifest"),
        (b'{"format": "pyruntime compiled model", "version": 3}', "version 3"),
        (b'{"format": "pyruntime compiled model", "version": 2}', "checksum"),
        (b'{"format": "pyruntime compiled model", "version": 1}', "checksum"), (b" " * (5 << 20), "bytes"),
    ],
)  # fmt: skip
def test_manifest_that_is_none_says_why(compiled, text, what):
    (compiled / "manifest.json").write_bytes(text)
    with pytest.raises(SpecError, match=what):
        MLModel(compiled)


leaves = st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats() | st.text(max_size=5) | st.just("0" * 64)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@once_per_example
@given(data=st.data())
def test_honest_checksum_over_nonsense_gives_an_error_or_the_right_answers(compiled, data):
    good = (compiled / "manifest.json").read_bytes()

    def change(content: dict[str, Any]) -> None:
        place: Any = content
        while isinstance(place, dict | list) and place:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
                place[key] = data.draw(anything)
                return
            place = place[key]

    try:
        rewrite_manifest(compiled, change)
        assert np.allclose(MLModel(compiled).predict({"x": X})["y"], linear_answer(), rtol=1e-5)
    except MLModelError:
        pass
    finally:
        (compiled / "manifest.json").write_bytes(good)


def test_damaged_model_can_be_compiled_again_after_it_is_removed(compiled):
    (compiled / "manifest.json").write_bytes(b"{")
    with pytest.raises(SpecError, match="remove the folder"):
        MLModel(linear(2)).write(compiled)
    for entry in compiled.iterdir():
        entry.unlink()
    MLModel(linear(2)).write(compiled)
    assert seed_of(compiled) == 2


def test_damaged_weights_are_written_again(compiled):
    path = file_of(compiled, ".weights")
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    MLModel(linear(1)).write(compiled)
    assert seed_of(compiled) == 1


def test_directory_of_apples_compiler_is_explained(tmp_path):
    (tmp_path / "m.mlmodelc").mkdir()
    (tmp_path / "m.mlmodelc" / "coremldata.bin").write_bytes(b"\1")
    with pytest.raises(ModelIOError, match=r"Apple's tools.*give the \.mlmodel"):
        MLModel(tmp_path / "m.mlmodelc")
