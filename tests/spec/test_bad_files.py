"""Files that are no models, or damaged ones: one error of the tree, never anything else."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyruntime.errors import MLModelError, ModelIOError, SpecError
from pyruntime.spec import (
    load_lean,
    load_lean_bytes,
    load_model_bytes,
    load_spec,
    messages,
    reader,
    save_spec,
)
from pyruntime.spec.weights import read_weights

from .conftest import dense_network, nearest_neighbours, pipeline
from .test_files import field

LOADERS = pytest.mark.parametrize("load", [load_spec, load_lean])
BYTE_LOADERS = pytest.mark.parametrize("load", [load_model_bytes, load_lean_bytes])


def try_everything(load: Callable[[bytes], Any], data: bytes) -> Any:
    """Load, and where that works go on to read weights and serialise; only errors of the tree may come."""
    try:
        loaded = load(data)
        lean = loaded if isinstance(loaded, reader.LeanModel) else None
        spec = lean.spec if lean else loaded
        for layer in spec.neuralNetworkClassifier.layers:
            dense = layer.innerProduct
            shape = (dense.outputChannels, dense.inputChannels)
            payloads = lean.payloads if lean else None
            read_weights(dense.weights, shape=shape, layer=layer.name, field="weights", payloads=payloads)
        return lean.to_spec() if lean else spec
    except MLModelError as error:
        return str(error)


@BYTE_LOADERS
def test_truncation_at_every_length(load: Callable[[bytes], Any]) -> None:
    data = dense_network(width=70).SerializeToString()
    results = [try_everything(load, data[:length]) for length in range(len(data))]
    refused = [result for result in results if isinstance(result, str)]
    assert len(refused) > 0.99 * len(data)  # cuts between fields of the root leave a legal message


@BYTE_LOADERS
def test_bit_flips(load: Callable[[bytes], Any]) -> None:
    data = dense_network(width=70).SerializeToString()
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        try_everything(load, bytes(damaged))


def test_lean_and_standard_loader_agree_on_damaged_files() -> None:
    """What the lean loader accepts must mean what protobuf reads from the same bytes."""
    random.seed(3)
    accepted = 0
    for model in (pipeline(), nearest_neighbours(samples=3)):
        data = model.SerializeToString()
        structure = [*range(300), *range(300, len(data) - 300, 97), *range(len(data) - 300, len(data))]
        for place in structure:
            damaged = bytearray(data)
            damaged[place] ^= 1 << random.randrange(8)
            lean, standard = (try_everything(f, bytes(damaged)) for f in (load_lean_bytes, load_model_bytes))
            assert isinstance(lean, str) == isinstance(standard, str), place
            if not isinstance(lean, str):
                accepted += 1
                both = [m.SerializeToString(deterministic=True) for m in (lean, standard)]
                assert both[0] == both[1], place
    assert accepted > 50


@LOADERS
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 and so on", "zip archive"),
        (b"\x89PNG\r\n", "PNG image"),
        (b"hello, this is text", "not a valid Core ML model"),
        (bytes(5000), "not a valid Core ML model|damaged"),
        (b"\x08\x04\xa2\x1f\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "truncated"),
    ],
)
def test_other_files_are_refused(load: Callable[[Path], Any], content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "some.mlmodel"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=complaint) as caught:
        load(path)
    assert str(path) in str(caught.value)


@LOADERS
def test_paths_that_cannot_be_read(load: Callable[[Path], Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place, complaint in [
        ("absent", "No such file"),
        (".", "without Manifest.json"),
        ("pipe", "not a regular file"),
    ]:
        with pytest.raises(ModelIOError, match=complaint):
            load(tmp_path / place)
    with pytest.raises(ModelIOError, match="cannot read"):
        load(Path("a\0b"))


@BYTE_LOADERS
@pytest.mark.parametrize(("version", "complaint"), [(0, "version 0"), (-3, "version -3"), (11, "11.*1 to 10")])
def test_versions_outside_the_range(load: Callable[[bytes], Any], version: int, complaint: str) -> None:
    model = dense_network()
    model.specificationVersion = version
    with pytest.raises(SpecError, match=complaint):
        load(model.SerializeToString())


@BYTE_LOADERS
@pytest.mark.parametrize("version", range(1, 11))
def test_versions_inside_the_range(load: Callable[[bytes], Any], version: int) -> None:
    assert load(b"\x08" + bytes([version]) + field(900, b""))


@BYTE_LOADERS
def test_file_without_a_model_type(load: Callable[[bytes], Any]) -> None:
    with pytest.raises(SpecError, match="none of the model types"):
        load(b"\x08\x04" + field(2, b""))


@BYTE_LOADERS
@pytest.mark.parametrize("padding", [0, 2000])  # large levels are walked by us, small ones by protobuf
def test_pipelines_in_pipelines_without_end(load: Callable[[bytes], Any], padding: int) -> None:
    model = b"\x08\x04" + field(900, b"")
    for _ in range(10_000 if not padding else 200):
        model = b"\x08\x04" + field(202, field(1, model)) + field(4000, bytes(padding))
    with pytest.raises(SpecError, match=r"nested too deeply|nests more than"):
        load(model)


@LOADERS
def test_files_beyond_two_gigabytes(load: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "huge.mlmodel"
    with open(path, "wb") as file:
        file.truncate(2**31)  # sparse: takes no room
    with pytest.raises(SpecError, match=r"2147483648 bytes.*2 GiB"):
        load(path)


def test_models_beyond_two_gigabytes_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lean = load_lean_bytes(dense_network(width=1000).SerializeToString())
    full = lean.to_spec()
    monkeypatch.setattr("pyruntime.spec.wire.MAX_BYTES", 9000)
    for spec in (lean, full):
        with pytest.raises(SpecError, match="ends at 9000"):
            save_spec(spec, tmp_path / "x.mlmodel")
    assert list(tmp_path.iterdir()) == []


def write_package(folder: Path, manifest: Any) -> None:
    (folder / "Data" / "com.apple.CoreML").mkdir(parents=True)
    (folder / "Data" / "com.apple.CoreML" / "model.mlmodel").write_bytes(b"\x08\x07" + field(900, b""))
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    (folder / "Manifest.json").write_text(text)


def manifest_for(path: Any) -> dict[str, Any]:
    return {"itemInfoEntries": {"A": {"path": path, "name": "model.mlmodel"}}, "rootModelIdentifier": "A"}


def test_package_path_inside_is_followed(tmp_path: Path) -> None:
    write_package(tmp_path, manifest_for("com.apple.CoreML/model.mlmodel"))
    assert load_spec(tmp_path) == messages.Model(specificationVersion=7, identity=messages.Identity())


@LOADERS
@pytest.mark.parametrize(
    ("manifest", "complaint"),
    [
        ("{", "not JSON"),
        ("[" * 200_000, "not JSON"),
        ("[]", "holds a list"),
        ({}, "lacks rootModelIdentifier"),
        ({"itemInfoEntries": {}, "rootModelIdentifier": "A"}, "names no item"),
        (manifest_for(7), "names no item"),
        (manifest_for("../../secret"), "leaves the package"),
        (manifest_for("/etc/passwd"), "leaves the package"),
        (manifest_for("link/model.mlmodel"), "leaves the package"),
        (manifest_for("absent.mlmodel"), "No such file"),
        (" " * (1 << 20) + "{}", "short manifest"),
    ],
)
def test_bad_packages(load: Callable[[Path], Any], manifest: Any, complaint: str, tmp_path: Path) -> None:
    package = tmp_path / "x.mlpackage"
    write_package(package, manifest)
    (tmp_path / "secret").write_text("secret")
    (package / "Data" / "link").symlink_to(tmp_path)
    with pytest.raises(MLModelError, match=complaint):
        load(package)
