"""Opening a compiled network reads no message and imports little; what asks for the message gets it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import MLModel, MLModelConfiguration, SpecError, save_spec
from pyruntime.engines.interface import from_json, interface_of, to_json
from tests.small_models import X, linear, linear_answer

from .test_damage import rewrite_manifest

HEAVY = (
    "google.protobuf", "PIL", "rich", "pyruntime.layers", "pyruntime.passes", "pyruntime.ir.graph",
    "pyruntime.plan.encode", "pyruntime.spec.weights", "pyruntime.spec.writer", "pyruntime.neighbors",
    "pyruntime.update", "pyruntime.training", "pyruntime.parameters", "tempfile", "asyncio",
)  # fmt: skip
PROGRAM = f"""
import sys, numpy
before = set(sys.modules)
import pyruntime
configuration = pyruntime.MLModelConfiguration(cache_folder=sys.argv[2])
model = pyruntime.MLModel(sys.argv[1], configuration=configuration)
answer = model.predict({{"x": numpy.array({np.asarray(X).tolist()}, numpy.float32)}})["y"]
print(sorted(name for name in {HEAVY!r} if name in set(sys.modules) - before))
print(numpy.asarray(answer).reshape(-1).tolist())
print(model.get_spec().specificationVersion, "google.protobuf" in sys.modules)
"""


@pytest.mark.parametrize("way", ["compiled", "cached"])
def test_opening_and_running_imports_no_message_no_compiler(tmp_path: Path, way: str) -> None:
    cache = MLModelConfiguration(cache_folder=tmp_path / "cache")
    path = tmp_path / "m.mlmodel"
    save_spec(linear(1), path)
    opened = MLModel(path, configuration=cache)
    if way == "compiled":
        path = tmp_path / "m.mlmodelc"
        opened.write(path)
    words = [sys.executable, "-c", PROGRAM, str(path), str(tmp_path / "cache")]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=tmp_path)  # not in the source tree
    heavy, answer, spec = done.stdout.splitlines()
    assert heavy == "[]"
    np.testing.assert_allclose(json.loads(answer), np.asarray(linear_answer()).reshape(-1), rtol=1e-5)
    assert spec.endswith(" True")


def test_message_of_a_compiled_network_is_the_models(tmp_path: Path) -> None:
    MLModel(linear(1)).write(tmp_path / "m.mlmodelc")
    model = MLModel(tmp_path / "m.mlmodelc")
    assert model._lean._parts is None
    assert model.get_spec().SerializeToString(deterministic=True) == linear(1).SerializeToString(deterministic=True)
    model.short_description = "changed"
    model.write(tmp_path / "n.mlmodelc")
    assert MLModel(tmp_path / "n.mlmodelc").engine.description.short_description == "changed"


def test_manifest_that_describes_another_model_is_noticed_when_the_model_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "m.mlmodelc"
    MLModel(linear(1)).write(folder)
    (folder / "generation-1.json").unlink()
    rewrite_manifest(folder, lambda c: c["interface"]["description"].update(author="Somebody else"))
    model = MLModel(folder)
    np.testing.assert_allclose(model.predict({"x": X})["y"], linear_answer(), rtol=1e-5)
    with pytest.raises(SpecError, match="not the model that its manifest describes"):
        model.get_spec()
    with pytest.raises(SpecError, match="not the model that its manifest describes"):
        MLModel(folder, verify=True)


def test_default_that_is_no_number_is_no_other_model(tmp_path: Path) -> None:
    spec = linear(1)
    spec.description.input[0].type.multiArrayType.floatDefaultValue = float("nan")
    MLModel(spec).write(tmp_path / "m.mlmodelc")
    model = MLModel(tmp_path / "m.mlmodelc")
    assert np.isnan(model.get_spec().description.input[0].type.multiArrayType.floatDefaultValue)


def test_directory_of_an_earlier_release_opens(tmp_path: Path) -> None:
    folder = tmp_path / "m.mlmodelc"
    MLModel(linear(1)).write(folder)
    rewrite_manifest(folder, lambda c: {k: v for k, v in c.items() if k != "interface"})
    np.testing.assert_allclose(MLModel(folder).predict({"x": X})["y"], linear_answer(), rtol=1e-5)


def classifier() -> Any:
    spec = linear(1)
    spec.neuralNetworkClassifier.layers.extend(spec.neuralNetwork.layers)
    spec.neuralNetworkClassifier.stringClassLabels.vector.extend(["a", "b", "c"])
    spec.description.predictedFeatureName = "label"
    label = spec.description.output.add(name="label")
    label.type.stringType.SetInParent()
    image = spec.description.input.add(name="picture")
    image.type.imageType.width, image.type.imageType.height, image.type.imageType.colorSpace = 4, 3, 20
    image.type.imageType.imageSizeRange.widthRange.lowerBound = 1
    image.type.imageType.imageSizeRange.widthRange.upperBound = -1
    image.type.imageType.imageSizeRange.heightRange.lowerBound = 3
    image.type.imageType.imageSizeRange.heightRange.upperBound = 9
    array = spec.description.input.add(name="array").type.multiArrayType
    array.shape.extend([2, 3])
    array.dataType, array.floatDefaultValue = 65568, 0.5
    array.enumeratedShapes.shapes.add(shape=[2, 3])
    array.enumeratedShapes.shapes.add(shape=[2, 5])
    spec.description.metadata.userDefined["a"] = "b"
    return spec


@pytest.mark.parametrize("make", [lambda: linear(1), classifier])
def test_interface_comes_back_from_its_text(make: Callable[[], Any]) -> None:
    interface = interface_of(make())
    assert interface is not None
    assert from_json(json.loads(json.dumps(to_json(interface)))) == interface


@pytest.mark.parametrize(
    "change",
    [
        lambda i: i.pop("scores"), lambda i: i.update(kind="pipeline"), lambda i: i.update(plain=["none"]),
        lambda i: i.update(exact=1), lambda i: i["description"].update(class_labels=None),
        lambda i: i["description"].update(class_labels=["a", 1]), lambda i: i["description"].update(creator_defined=[]),
        lambda i: i["description"].update(more=1), lambda i: i["description"]["inputs"].append([]),
        lambda i: i["description"]["inputs"].extend(i["description"]["inputs"]),
        lambda i: i["description"]["inputs"][1].__setitem__(4, [1 << 30, 3, 20, [], None]),
        lambda i: i["description"]["inputs"][1].__setitem__(4, [4, 3, 7, [], None]),
        lambda i: i["description"]["inputs"][1].__setitem__(4, [4, 3, 20, [[1]], None]),
        lambda i: i["description"]["inputs"][1].__setitem__(4, [4, 3, 20, [], [[1, 2]]]),
        lambda i: i["description"]["inputs"][2].__setitem__(4, [[2, -3], 65568, [], [], 0.0]),
        lambda i: i["description"]["inputs"][2].__setitem__(4, [[2, 3], 65568, [[2]], [], 0.0]),
        lambda i: i["description"]["inputs"][2].__setitem__(4, [[2], 65568, [], [[5, 3]], 0.0]),
        lambda i: i["description"]["inputs"][2].__setitem__(4, [[2], 65568, [], [], "0"]),
        lambda i: i["description"]["inputs"][2].__setitem__(1, "tensor"),
        lambda i: i["description"]["inputs"][2].__setitem__(0, ""),
    ],
)  # fmt: skip
def test_interface_that_is_none_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    interface = interface_of(classifier())
    assert interface is not None
    raw = json.loads(json.dumps(to_json(interface)))
    change(raw)
    with pytest.raises(ValueError, match=r"^(has|is) "):
        from_json(raw)
