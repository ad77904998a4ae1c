"""Models in other files: where they are looked for, what is refused, what is shared."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import pytest

from pyruntime.config import MLModelConfiguration
from pyruntime.errors import MLModelError, ModelIOError, ParametersError, SpecError
from pyruntime.model import MLModel, compile_model
from pyruntime.spec import save_spec

from ..small_models import X, linear, linear_answer
from .models import model


def scaler(factor: float) -> Any:
    spec = model("scaler", {"x": "double"}, {"y": "double"})
    spec.scaler.scaleValue.append(factor)
    return spec


def link(file_name: str, search_path: str = "", *, source: Any = "double", target: Any = "double") -> Any:
    spec = model("linkedModel", {"x": source}, {"y": target})
    spec.linkedModel.linkedModelFile.linkedModelFileName.defaultValue = file_name
    spec.linkedModel.linkedModelFile.linkedModelSearchPath.defaultValue = search_path
    return spec


def saved(spec: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_spec(spec, path)
    return path


def opened(path: Path, **options: Any) -> MLModel:
    return MLModel(path, configuration=MLModelConfiguration(threads=1, cache_folder=None, **options))


@pytest.mark.parametrize("search_path", ["", ".", "nowhere:parts:.", ":"])
def test_relative_to_the_model_that_links(tmp_path: Path, search_path: str) -> None:
    saved(scaler(3), tmp_path / "Part.mlmodel")
    path = saved(link("Part.mlmodel", search_path), tmp_path / "Whole.mlmodel")
    assert opened(path).predict({"x": 2.0}) == {"y": 6.0}
    assert opened(path).predict([{"x": 2.0}, {"x": 3.0}]) == [{"y": 6.0}, {"y": 9.0}]


def test_the_first_of_the_search_path_wins(tmp_path: Path) -> None:
    saved(scaler(3), tmp_path / "Part.mlmodel")
    saved(scaler(4), tmp_path / "parts" / "Part.mlmodel")
    path = saved(link("Part.mlmodel", "parts:."), tmp_path / "Whole.mlmodel")
    assert opened(path).predict({"x": 1.0}) == {"y": 4.0}
    assert opened(path).engine.path == str(tmp_path / "parts" / "Part.mlmodel")
    os.remove(tmp_path / "parts" / "Part.mlmodel")
    assert opened(path).predict({"x": 1.0}) == {"y": 3.0}


def test_compiled_models_link_to_compiled_models(tmp_path: Path) -> None:
    compile_model(saved(linear(1), tmp_path / "source" / "Part.mlmodel"), tmp_path / "Part.mlmodelc")
    whole = link("Part.mlmodelc", source=(40, "float32"), target=(3, "float32"))
    path = saved(whole, tmp_path / "Whole.mlmodel")
    compiled = Path(compile_model(path, tmp_path / "Whole.mlmodelc"))
    for each in (path, compiled):
        assert opened(each).predict({"x": X})["y"] == pytest.approx(linear_answer(1), rel=1e-5)
    assert MLModel(compiled).get_spec() == whole


def test_a_name_of_a_compiled_file_finds_its_source(tmp_path: Path) -> None:
    saved(scaler(3), tmp_path / "Part.mlmodel")
    assert opened(saved(link("Part.mlmodelc"), tmp_path / "Whole.mlmodel")).predict({"x": 1.0}) == {"y": 3.0}


def test_parameters_replace_name_and_path_also_in_pipelines(tmp_path: Path) -> None:
    saved(scaler(3), tmp_path / "Part.mlmodel")
    saved(scaler(5), tmp_path / "more" / "Other.mlmodel")
    path = saved(link("Part.mlmodel"), tmp_path / "Whole.mlmodel")
    change = {"linkedModelFileName": "Other.mlmodel", "linkedModelSearchPath": "more"}
    assert opened(path, parameters=change).predict({"x": 1.0}) == {"y": 5.0}
    assert opened(path).parameter_value("linkedModelFileName") == "Part.mlmodel"
    pipeline = model("pipeline", {"x": "double"}, {"y": "double"})
    pipeline.pipeline.models.add().CopyFrom(link("Part.mlmodel"))
    pipeline.pipeline.names.append("front")
    path = saved(pipeline, tmp_path / "Pipe.mlmodel")
    inside = {f"front/{key}": value for key, value in change.items()}
    assert opened(path, parameters=inside).predict({"x": 1.0}) == {"y": 5.0}
    with pytest.raises(ParametersError, match="linkedModelFileName"):
        opened(path, parameters={"front/linkedModelFileName": 3})


def test_bundles_and_roots(tmp_path: Path) -> None:
    saved(scaler(3), tmp_path / "app" / "Part.mlmodel")
    saved(scaler(7), tmp_path / "store" / "v2" / "Part.mlmodel")
    main = saved(link("Part.mlmodel", "$BUNDLE_MAIN"), tmp_path / "own" / "Main.mlmodel")
    store = saved(link("Part.mlmodel", "$BUNDLE_IDENTIFIER(com.x)/v2"), tmp_path / "own" / "Store.mlmodel")
    bundles = {"main": tmp_path / "app", "com.x": tmp_path / "store"}
    assert opened(main, bundles=bundles).predict({"x": 1.0}) == {"y": 3.0}
    assert opened(store, bundles=bundles).predict({"x": 1.0}) == {"y": 7.0}
    with pytest.raises(ModelIOError, match=r"Part\.mlmodel.*not found"):
        opened(store)
    above = saved(link("Part.mlmodel", "../app"), tmp_path / "own" / "Above.mlmodel")
    assert opened(above, linked_model_roots=[tmp_path]).predict({"x": 1.0}) == {"y": 3.0}
    absolute = saved(link("Part.mlmodel", str(tmp_path / "app")), tmp_path / "own" / "Absolute.mlmodel")
    assert opened(absolute, linked_model_roots=[tmp_path / "app"]).predict({"x": 1.0}) == {"y": 3.0}


def test_nothing_outside_of_the_roots(tmp_path: Path) -> None:
    saved(scaler(3), tmp_path / "secret" / "Part.mlmodel")
    (tmp_path / "own").mkdir()
    os.symlink(tmp_path / "secret", tmp_path / "own" / "door")
    for name, search_path in (
        ("Part.mlmodel", "../secret"), ("../secret/Part.mlmodel", ""), ("Part.mlmodel", str(tmp_path / "secret")),
        ("Part.mlmodel", "door"), ("Part.mlmodel", "./../own/../secret"),
    ):  # fmt: skip
        path = saved(link(name, search_path), tmp_path / "own" / "Whole.mlmodel")
        with pytest.raises(ModelIOError, match="not allowed: outside of"):
            opened(path)
    for name in ("", str(tmp_path / "secret" / "Part.mlmodel"), "a\0b"):
        with pytest.raises(SpecError, match="linkedModelFileName"):
            opened(saved(link(name), tmp_path / "own" / "Whole.mlmodel"))
    with pytest.raises(ModelIOError, match="not found"):
        MLModel(link("Part.mlmodel", "."))


def test_circles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"circle: Self.mlmodel → Self\.mlmodel"):
        opened(saved(link("Self.mlmodel"), tmp_path / "Self.mlmodel"))
    saved(link("B.mlmodel"), tmp_path / "A.mlmodel")
    saved(link("C.mlmodel"), tmp_path / "B.mlmodel")
    saved(link("A.mlmodel"), tmp_path / "C.mlmodel")
    with pytest.raises(SpecError, match=r"A\.mlmodel → B\.mlmodel → C\.mlmodel → A\.mlmodel"):
        opened(tmp_path / "A.mlmodel")


def test_two_parents_share_what_they_link_to(tmp_path: Path) -> None:
    saved(linear(1), tmp_path / "Part.mlmodel")
    paths = [
        saved(link("Part.mlmodel", source=(40, "float32"), target=(3, "float32")), tmp_path / f"{name}.mlmodel")
        for name in "ab"
    ]
    one, two = (opened(path) for path in paths)
    assert one.engine.engine is two.engine.engine
    saved(linear(2), tmp_path / "Part.mlmodel")
    fresh = opened(paths[0])
    assert fresh.engine.engine is not one.engine.engine
    assert fresh.predict({"x": X})["y"] == pytest.approx(linear_answer(2), rel=1e-5)
    assert one.predict({"x": X})["y"] == pytest.approx(linear_answer(1), rel=1e-5)
    from pyruntime.engines import linked

    before = len(linked._loaded)
    del one, two
    gc.collect()
    assert len(linked._loaded) < before


def test_a_link_must_say_what_the_linked_model_is(tmp_path: Path) -> None:
    saved(scaler(3), tmp_path / "Part.mlmodel")
    for spec, words in (
        (link("Part.mlmodel", source="int64"), "input 'x'"), (link("Part.mlmodel", target=2), "output 'y'"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=words):
            opened(saved(spec, tmp_path / "Whole.mlmodel"))
    empty = model("linkedModel", {"x": "double"}, {"y": "double"})
    with pytest.raises(SpecError, match="linkedModelFile"):
        opened(saved(empty, tmp_path / "Whole.mlmodel"))
    spec = link("Part.mlmodel")
    spec.isUpdatable = True
    with pytest.raises(MLModelError, match="updatable"):
        opened(saved(spec, tmp_path / "Whole.mlmodel"))
    (tmp_path / "Part.mlmodel").write_bytes(b"no model")
    with pytest.raises(SpecError, match=r"Part\.mlmodel"):
        opened(saved(link("Part.mlmodel"), tmp_path / "Whole.mlmodel"))
