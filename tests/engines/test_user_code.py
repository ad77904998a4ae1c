"""Models whose code users bring: custom models, and types that only Apple's systems have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime import custom, model_types
from pyruntime.errors import CustomModelError, SpecError, UnsupportedError

from .models import model, opened, predict


@pytest.fixture(autouse=True)
def own_registers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom, "_MODELS", {})
    monkeypatch.setattr(model_types, "_FACTORIES", {})


def custom_model(name: str = "Affine", source: Any = 2, target: Any = (2, "float32")) -> Any:
    spec = model("customModel", {"x": source}, {"y": target})
    spec.customModel.className = name
    for key, field, value in (
        ("scale", "doubleValue", 2.5), ("name", "stringValue", "n"), ("count", "intValue", 3),
        ("long", "longValue", 2**40), ("on", "boolValue", True), ("raw", "bytesValue", b"\0\1"),
    ):  # fmt: skip
        setattr(spec.customModel.parameters[key], field, value)
    return spec


def test_a_custom_model_gets_its_description_parameters_and_features() -> None:
    seen: dict[str, Any] = {}

    @pyruntime.register_custom_model("Affine")
    class Affine:
        def __init__(self, model_description: Any, parameters: Any) -> None:
            seen.update(parameters)
            self.name = model_description.outputs[0].name
            self.scale = parameters["scale"]

        def predict(self, features: Any, options: Any = None) -> Any:
            return {self.name: np.asarray(features["x"]) * self.scale, "unused": 1}

    got = predict(custom_model(), x=[1.0, 2.0])
    assert seen == {"scale": 2.5, "name": "n", "count": 3, "long": 2**40, "on": True, "raw": b"\0\1"}
    assert list(got) == ["y"] and got["y"].tolist() == [2.5, 5.0] and got["y"].dtype == np.float32


def test_a_custom_model_that_nobody_registered() -> None:
    with pytest.raises(CustomModelError, match=r"'os\.system'.*register_custom_model"):
        opened(custom_model("os.system"))


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "expected a dictionary"), ({}, "did not give the outputs y"), ({"y": "a"}, "'y'"),
        ({"y": [1.0, 2.0, 3.0]}, "'y'"), (ZeroDivisionError("oh"), "ZeroDivisionError: oh"),
    ],
)  # fmt: skip
def test_a_custom_model_that_gives_something_else(result: Any, words: str) -> None:
    class Wrong:
        def __init__(self, model_description: Any, parameters: Any) -> None:
            pass

        def predict(self, features: Any, options: Any = None) -> Any:
            if isinstance(result, Exception):
                raise result
            return result

    pyruntime.register_custom_model("Wrong")(Wrong)
    with pytest.raises(CustomModelError, match=words):
        predict(custom_model("Wrong"), x=[1, 2])


def test_a_custom_model_that_does_not_start() -> None:
    class Broken:
        def __init__(self, model_description: Any, parameters: Any) -> None:
            raise RuntimeError("no camera")

        def predict(self, features: Any, options: Any = None) -> Any:
            raise AssertionError

    pyruntime.register_custom_model("Broken")(Broken)
    with pytest.raises(CustomModelError, match=r"'Broken'.*no camera"):
        opened(custom_model("Broken"))


def feature_print_pipeline() -> Any:
    """An image to a feature print to a number: as transfer learning tools write it."""
    spec = model("pipelineRegressor", {}, {"y": "double"}, predicted="y")
    image = spec.description.input.add(name="image").type.imageType
    image.width, image.height, image.colorSpace = 4, 2, 20
    first = spec.pipelineRegressor.pipeline.models.add()
    first.CopyFrom(model("visionFeaturePrint", {}, {"features": 3}))
    first.description.input.add().CopyFrom(spec.description.input[0])
    first.visionFeaturePrint.scene.version = 1
    last = spec.pipelineRegressor.pipeline.models.add()
    last.CopyFrom(model("glmRegressor", {"features": 3}, {"y": "double"}, predicted="y"))
    last.glmRegressor.weights.add().value.extend([1, 10, 100])
    last.glmRegressor.offset.append(0.5)
    return spec


def test_an_apple_only_type_without_and_with_an_implementation() -> None:
    with pytest.raises(UnsupportedError, match=r"visionFeaturePrint.*Apple.*register_model_type"):
        opened(feature_print_pipeline())

    @pyruntime.register_model_type("visionFeaturePrint")
    def means(description: Any, parameters: Any) -> Any:
        assert parameters.scene.version == 1
        name = description.outputs[0].name
        return lambda features: {name: np.asarray(features["image"]).mean(axis=(0, 1))}

    pixels = np.zeros((2, 4, 3), np.uint8)
    pixels[..., 0], pixels[..., 2] = 1, 3
    loaded = opened(feature_print_pipeline())
    assert loaded.predict({"image": pixels}) == {"y": 301.5}
    assert [made["y"] for made in loaded.predict([{"image": pixels}] * 2)] == [301.5, 301.5]


def test_every_apple_only_type_says_so_and_can_be_supplied() -> None:
    for kind in model_types.APPLE_ONLY:
        spec = model(kind, {"t": "string"}, {"y": "seq[string]"})
        with pytest.raises(UnsupportedError, match=f"{kind}.*Apple.*register_model_type"):
            opened(spec)
        pyruntime.register_model_type(kind)(lambda description, parameters: lambda f: {"y": f["t"].split()})
        assert predict(spec, t="a b") == {"y": ["a", "b"]}


def test_factories_that_are_wrong() -> None:
    with pytest.raises(ValueError, match="'scaler'"):
        pyruntime.register_model_type("scaler")
    with pytest.raises(TypeError, match="to call"):
        pyruntime.register_model_type("gazetteer")("text")  # type: ignore[type-var]
    spec = model("gazetteer", {"t": "string"}, {"y": "string"})
    pyruntime.register_model_type("gazetteer")(lambda description, parameters: 3)
    with pytest.raises(CustomModelError, match="a int"):
        opened(spec)

    def failing(description: Any, parameters: Any) -> Any:
        raise KeyError("words")

    pyruntime.register_model_type("gazetteer")(failing)
    with pytest.raises(CustomModelError, match="words"):
        opened(spec)

    def refusing(description: Any, parameters: Any) -> Any:
        raise SpecError("other words")

    pyruntime.register_model_type("gazetteer")(refusing)
    with pytest.raises(SpecError, match="other words"):
        opened(spec)
