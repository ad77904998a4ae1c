"""Features of every kind between the models of a pipeline; every type compiled, saved and opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime.card.read import model_card, open_messages
from pyruntime.card.text import card_text
from pyruntime.config import MLModelConfiguration
from pyruntime.errors import FeatureTypeError, SpecError
from pyruntime.model import MLModel, compile_model
from pyruntime.samples import sample_features
from pyruntime.spec import save_spec

from .models import feature, model, opened, predict
from .test_boxes import boxes
from .test_rare_types import probit, recommender, sound
from .test_transforms import made, vectorizer
from .test_trees import branch, classifier, leaf, regressor
from .test_vectors import classes, glm, svm


def pipeline(kind: str, inputs: Any, outputs: Any, *parts: Any, **names: str) -> Any:
    spec = model(kind, inputs, outputs, **names)
    holder = spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline
    for part in parts:
        holder.models.add().CopyFrom(part)
    return spec


def renamed(spec: Any, **names: str) -> Any:
    for one in (*spec.description.input, *spec.description.output):
        one.name = names.get(one.name, one.name)
    if spec.description.predictedFeatureName in names:
        spec.description.predictedFeatureName = names[spec.description.predictedFeatureName]
    return spec


def test_texts_numbers_and_dictionaries_to_a_class() -> None:
    """A table row as converters write it: encoder, imputer and dictionary, joined, scaled, classified."""
    encoder = renamed(made("oneHotEncoder", "string", 2, stringCategories=["red", "blue"]), x="colour", y="e")
    imputer = renamed(made("imputer", "double", "double", imputedDoubleValue=4.0), x="size", y="s")
    words = renamed(made("dictVectorizer", "dict[string]", 2, stringToIndex=["a", "b"]), x="words", y="w")
    join = vectorizer([("e", 2), ("s", 1), ("w", 2), ("age", 1)], {"e": 2, "s": "double", "w": 2, "age": "int64"}, 6)
    scale = renamed(made("scaler", 6, 6, scaleValue=[1, 1, 0.5, 1, 1, 10]), x="y", y="v")
    last = glm("glmClassifier", [[1.0, 2.0, 3.0, 4.0, 5.0, -0.1]], [-10], inputs={"v": 6}, labels=("no", "yes"))
    spec = pipeline(
        "pipelineClassifier", {"colour": "string", "size": "double", "words": "dict[string]", "age": "int64"},
        {"label": "string", "p": "dict[string]"}, encoder, imputer, words, join, scale, last,
        predicted="label", probabilities="p",
    )  # fmt: skip
    loaded = opened(spec)
    got = loaded.predict({"colour": "blue", "size": float("nan"), "words": {"b": 1, "zz": 9}, "age": 2})
    score = 2 + 3 * 2 + 5 - 2 - 10
    assert got["label"] == "yes"
    assert got["p"]["yes"] == pytest.approx(1 / (1 + np.exp(-score)))
    assert loaded.model_description.class_labels == ("no", "yes")
    row = {"colour": "red", "size": 1.0, "words": {}, "age": 1}
    with pytest.raises(FeatureTypeError, match=r"item 1 of the list.*'green'"):
        loaded.predict([row, {**row, "colour": "green"}])


def test_sequences_and_arrays_between_models() -> None:
    names = renamed(made("categoricalMapping", "seq[int64]", "seq[string]", int64ToStringMap={1: "a", 2: "b"}), y="s")
    numbers = renamed(
        made("categoricalMapping", "seq[string]", "seq[int64]", stringToInt64Map={"a": 10, "b": 20}), x="s"
    )
    spec = pipeline("pipeline", {"x": "seq[int64]"}, {"y": "seq[int64]", "s": "seq[string]"}, names, numbers)
    assert predict(spec, x=[2, 1, 2]) == {"y": [20, 10, 20], "s": ["b", "a", "b"]}
    pick = renamed(made("arrayFeatureExtractor", 3, "int64", extractIndex=[1]), y="n")
    name = renamed(made("categoricalMapping", "int64", "string", int64ToStringMap={7: "seven"}), x="n")
    assert predict(pipeline("pipeline", {"x": 3}, {"y": "string"}, pick, name), x=[1, 7, 2]) == {"y": "seven"}


def test_a_network_before_trees_and_a_nested_pipeline() -> None:
    from ..small_models import X, linear, linear_answer

    trees = renamed(
        regressor([branch(0, 0, 0, 1, float(linear_answer()[1]) + 0.01, 1, 2), leaf(0, 1, 1.0), leaf(0, 2, 2.0)], 3),
        x="y", y="z",
    )  # fmt: skip
    trees.description.input[0].type.multiArrayType.dataType = 65568
    inner = pipeline("pipeline", {"x": (40, "float32")}, {"z": "double"}, linear(), trees)
    outer = pipeline("pipeline", {"x": (40, "float32")}, {"w": "double"}, inner, renamed(
        made("scaler", "double", "double", scaleValue=[10]), x="z", y="w"))  # fmt: skip
    assert predict(outer, x=X) == {"w": 10.0}


def test_chains_that_do_not_meet() -> None:
    first = renamed(made("scaler", 2, 2), y="m")
    with pytest.raises(SpecError, match=r"'model1'.*'q'"):
        opened(pipeline("pipeline", {"x": 2}, {"y": 2}, first, renamed(made("scaler", 2, 2), x="q")))
    with pytest.raises(SpecError, match=r"'model1'.*'m'"):
        opened(
            pipeline("pipeline", {"x": 2}, {"y": "double"}, first, renamed(made("scaler", "double", "double"), x="m"))
        )
    with pytest.raises(SpecError, match=r"'model1'.*'m'"):
        opened(pipeline("pipeline", {"x": 2}, {"y": "string"}, first, renamed(
            made("categoricalMapping", "int64", "string", int64ToStringMap={1: "a"}), x="m")))  # fmt: skip


def svm_classes() -> Any:
    spec = svm("supportVectorClassifier", "rbfKernel", np.eye(3), sparse=True, labels=("a", "b"))
    return classes(spec, (2, 1), [[1, 0.5, -1.5]], [0.1], [-1.0], [0.0])


def svm_numbers() -> Any:
    spec = svm("supportVectorRegressor", "polyKernel", np.eye(3), sparse=False)
    spec.supportVectorRegressor.coefficients.alpha.extend([1, 2, 3])
    return spec


def thresholds() -> Any:
    spec = model("classConfidenceThresholding", {"x": (400, "float32")}, {"y": (2, 400, "float32")})
    curve = spec.classConfidenceThresholding.precisionRecallCurves.add()
    curve.precisionValues.vector.extend([0.5] * 1000)  # a payload that stays in the file
    return spec


TREE = [branch(0, 0, 0, 0, 0.0, 1, 2), leaf(0, 1, 0.25), leaf(0, 2, 0.75)]
EVERY = {
    "treeEnsembleRegressor": lambda: regressor(TREE),
    "treeEnsembleClassifier": lambda: classifier(TREE, ("a", "b")),
    "glmRegressor": lambda: glm("glmRegressor", [[1.0, 2.0]], [3.0]),
    "glmClassifier": lambda: glm("glmClassifier", [[1.0, 2.0]], [3.0], labels=(4, 5)),
    "supportVectorRegressor": svm_numbers,
    "supportVectorClassifier": svm_classes,
    "oneHotEncoder": lambda: made("oneHotEncoder", "string", 2, stringCategories=["a", "b"]),
    "imputer": lambda: made("imputer", 3, 3, imputedDoubleArray=[7, 8, 9]),
    "scaler": lambda: made("scaler", 3, 3, scaleValue=[2]),
    "normalizer": lambda: made("normalizer", 3, 3, normType=2),
    "featureVectorizer": lambda: vectorizer([("d", 1), ("k", 3)], {"d": "double", "k": "dict[int64]"}, 4),
    "dictVectorizer": lambda: made("dictVectorizer", "dict[string]", 2, stringToIndex=["a", "b"]),
    "categoricalMapping": lambda: made("categoricalMapping", "seq[string]", "seq[int64]", stringToInt64Map={"a": 1}),
    "arrayFeatureExtractor": lambda: made("arrayFeatureExtractor", 3, 2, extractIndex=[2, 0]),
    "nonMaximumSuppression": boxes,
    "itemSimilarityRecommender": recommender,
    "bayesianProbitRegressor": probit,
    "identity": lambda: model("identity", {"s": "seq[string]", "d": "dict[int64]"}, {"d": "dict[int64]"}),
    "soundAnalysisPreprocessing": sound,
    "classConfidenceThresholding": thresholds,
}  # fmt: skip


def same(got: Any, wanted: Any) -> bool:
    return list(got) == list(wanted) and all(
        np.array_equal(got[name], value) if isinstance(value, np.ndarray) else got[name] == value
        for name, value in wanted.items()
    )


@pytest.mark.parametrize("kind", EVERY)
def test_every_type_compiled_saved_cached_and_described(kind: str, tmp_path: Path) -> None:
    spec = EVERY[kind]()
    assert spec.WhichOneof("Type") == kind
    features = sample_features(spec)
    if kind == "nonMaximumSuppression":
        features = {name: np.abs(value) for name, value in features.items()}
    wanted = opened(spec).predict(features)
    assert wanted
    path = tmp_path / "m.mlmodel"
    save_spec(spec, path)
    config = MLModelConfiguration(threads=1, cache_folder=tmp_path / "cache")
    compiled = compile_model(path, tmp_path / "m.mlmodelc")
    for source in (path, path, compiled):
        loaded = MLModel(source, configuration=config)
        assert same(loaded.predict(features), wanted)
        assert loaded.get_spec() == spec
    loaded.save(tmp_path / "again.mlmodel")
    assert same(MLModel(tmp_path / "again.mlmodel", configuration=config).predict(features), wanted)
    card = model_card(compiled, *open_messages(compiled))
    text = card_text(card)
    assert card.kind == kind
    for one in (*spec.description.input, *spec.description.output):
        assert one.name in text
    assert repr(loaded).startswith("m")


def test_optional_inputs_of_a_pipeline() -> None:
    spec = pipeline("pipeline", {"a": "double"}, {"y": "double"}, regressor(TREE))
    part = spec.pipeline.models[0].description
    del part.input[:]
    feature(part.input, "a", "double")
    feature(part.input, "b", "double?")
    assert predict(spec, a=1.0) == {"y": 0.75}
