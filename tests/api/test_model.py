"""MLModel as Core ML and coremltools have it: what is asked, what is refused, what can be set."""

from __future__ import annotations

import asyncio
import threading
import warnings

import numpy as np
import pytest

from pyruntime import (
    ComputeUnit,
    DictionaryFeatureProvider,
    FeatureTypeError,
    MLModel,
    MLModelConfiguration,
    ModelIOError,
    ParameterKey,
    ParametersError,
    UnsupportedError,
    save_spec,
)
from tests.small_models import CLASSES, WIDTH, X, classifier, linear, linear_answer, pipeline, weights


@pytest.fixture
def model() -> MLModel:
    return MLModel(linear())


def test_predict_gives_a_dictionary_for_a_dictionary_and_a_list_for_a_list(model):
    np.testing.assert_allclose(model.predict({"x": X})["y"], linear_answer(), rtol=1e-5)
    answers = model.predict([{"x": X}, {"x": 2 * X}])
    np.testing.assert_allclose(answers[1]["y"], linear_answer(x=2 * X), rtol=1e-5)
    assert model.predict([]) == []


def test_classifier_gives_the_label_of_the_largest_score():
    answer = MLModel(classifier()).predict({"x": X})
    scores = linear_answer()
    assert answer["label"] == ["cat", "dog", "cow"][int(np.argmax(scores))]
    np.testing.assert_allclose([answer["scores"][name] for name in ("cat", "dog", "cow")], scores, rtol=1e-5)


def test_callers_dictionary_and_arrays_stay_as_they_were(model):
    array = X.astype(np.float64).tolist()
    features = {"x": array}
    model.predict(features)
    assert features == {"x": X.astype(np.float64).tolist()}
    assert features["x"] is array


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "'x'.*missing"),
        ({"x": X, "z": 1}, r"'z' is none of the model's inputs.*x \(MultiArray \(Float32 40\)\)"),
        ({"x": X[1:]}, "'x'.*Float32 40.*shape 39"),
        ({"x": "text"}, "'x'"),
        ({"x": np.full(WIDTH, np.nan)}, "'x'.*NaN"),
        ([{"x": X}, {}], "item 1 of the list.*'x'"),
        ([X], "item 0 of the list"),
        ("x", "dictionary"),
        (None, "dictionary"),
    ],
)
def test_wrong_features_are_named(model, data, message):
    with pytest.raises(FeatureTypeError, match=message):
        model.predict(data)


def test_state_is_refused(model):
    with pytest.raises(UnsupportedError, match="state"):
        model.predict({"x": X}, state={})


def test_threads_get_the_answers_of_one_thread(model):
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(200, WIDTH)).astype(np.float32)
    serial = [model.predict({"x": x})["y"] for x in inputs]
    results: dict[int, list[np.ndarray]] = {}

    def work(number: int) -> None:
        results[number] = [model.predict({"x": x})["y"] for x in inputs]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        np.testing.assert_array_equal(results[number], serial)
    w, b = weights(1)
    np.testing.assert_allclose(serial, inputs @ w.T + b, rtol=1e-4, atol=1e-5)


def test_prediction_takes_and_gives_providers(model):
    class Mine:
        feature_names = frozenset({"x", "more"})

        def feature_value(self, name: str):
            return X if name == "x" else "not asked for"

    for provider in (Mine(), DictionaryFeatureProvider({"x": X}), {"x": X}):
        answer = model.prediction(provider)
        assert answer.feature_names == {"y"}
        np.testing.assert_allclose(answer.feature_value("y"), linear_answer(), rtol=1e-5)
        assert answer.feature_value("z") is None
    with pytest.raises(FeatureTypeError, match="provider"):
        model.prediction(7)


def test_async_forms_give_the_same(tmp_path):
    save_spec(linear(), tmp_path / "m.mlmodel")

    async def work():
        model = await MLModel.load_async(tmp_path / "m.mlmodel")
        return await asyncio.gather(*(model.predict_async({"x": k * X}) for k in range(3)))

    for k, answer in enumerate(asyncio.run(work())):
        np.testing.assert_allclose(answer["y"], linear_answer(x=k * X), rtol=1e-5)


def test_load_takes_a_configuration(tmp_path):
    save_spec(linear(), tmp_path / "m.mlmodel")
    configuration = MLModelConfiguration(threads=1)
    model = MLModel.load(tmp_path / "m.mlmodel", configuration, compute_units=ComputeUnit.CPU_ONLY)
    assert model.compute_unit is model.configuration.compute_units is ComputeUnit.CPU_ONLY
    assert model.configuration.threads == 1


def test_texts_can_be_set_and_are_saved(model, tmp_path):
    model.author, model.license, model.short_description, model.version = "A", "L", "S", "V"
    model.user_defined_metadata["key"] = "value"
    model.input_description["x"] = "what goes in"
    model.output_description["y"] = "what comes out"
    model.save(tmp_path / "m.mlmodel")
    description = MLModel(tmp_path / "m.mlmodel").model_description
    assert (description.author, description.license) == ("A", "L")
    assert (description.short_description, description.version) == ("S", "V")
    assert description.creator_defined == {"key": "value"}
    assert description.inputs[0].description == "what goes in"
    assert description.outputs[0].description == "what comes out"
    assert model.model_description == description
    assert dict(model.input_description) == {"x": "what goes in"}
    with pytest.raises(KeyError, match="has no input 'z', it has x"):
        model.input_description["z"] = "nothing"
    with pytest.raises(TypeError, match="author"):
        model.author = 7


def test_get_spec_is_a_copy(model):
    spec = model.get_spec()
    assert spec == linear()
    spec.description.input[0].name = "other"
    assert model.get_spec() == linear()


@pytest.mark.parametrize(
    ("make", "scope", "seed"), [(linear, "dense1", 1), (pipeline, "embedding/dense1", 1), (pipeline, "head/dense2", 2)]
)
def test_weights_are_read_by_scoped_key(make, scope, seed):
    model = MLModel(make())
    w, b = weights(seed)
    np.testing.assert_array_equal(model.parameter_value(f"{scope}:weights"), w)
    np.testing.assert_array_equal(model.parameter_value(ParameterKey("biases", scope)), b)
    with pytest.raises(ValueError, match="read-only"):
        model.parameter_value(f"{scope}:weights")[0, 0] = 1


@pytest.mark.parametrize("key", ["nothing:weights", "weights", "epochs", "dense1:epochs"])
def test_unknown_parameter_is_an_error_that_lists_the_known_ones(model, key):
    with pytest.raises(ParametersError, match=r"dense1|none"):
        model.parameter_value(key)


def test_weights_cannot_be_set():
    with pytest.raises(ParametersError, match="read but not set"):
        MLModel(linear(), configuration=MLModelConfiguration(parameters={"dense1:weights": 1}))


def test_durations_are_measured(model):
    assert model.load_duration_in_nano_seconds > 0
    assert model.last_predict_duration_in_nano_seconds is None
    model.predict({"x": X})
    assert model.last_predict_duration_in_nano_seconds > 0


def test_repr_is_a_short_card(tmp_path):
    save_spec(classifier(), tmp_path / "Pets.mlmodel")
    text = repr(MLModel(tmp_path / "Pets.mlmodel"))
    assert "Pets.mlmodel: neuralNetworkClassifier" in text
    assert f"input x: MultiArray (Float32 {WIDTH})" in text
    assert "output scores: Dictionary (String → Double)" in text
    assert len(text.splitlines()) <= 6


def test_neural_engine_is_answered_once_with_a_warning():
    from pyruntime.config import _say_once_that_there_is_no_neural_engine

    _say_once_that_there_is_no_neural_engine.cache_clear()
    with pytest.warns(RuntimeWarning, match="runs on the CPU"):
        MLModel(linear(), ComputeUnit.CPU_AND_NE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = MLModel(linear(), ComputeUnit.CPU_AND_NE).predict({"x": X})
    assert answer["y"].shape == (CLASSES,)


def test_package_folder_opens(tmp_path):
    data = tmp_path / "m.mlpackage" / "Data" / "com.apple.CoreML"
    data.mkdir(parents=True)
    save_spec(linear(), data / "model.mlmodel")
    (tmp_path / "m.mlpackage" / "Manifest.json").write_text(
        '{"fileFormatVersion": "1.0.0", "rootModelIdentifier": "i",'
        ' "itemInfoEntries": {"i": {"path": "com.apple.CoreML/model.mlmodel", "name": "model.mlmodel"}}}'
    )
    np.testing.assert_allclose(MLModel(tmp_path / "m.mlpackage").predict({"x": X})["y"], linear_answer(), rtol=1e-5)


@pytest.mark.parametrize("name", ["none.mlmodel", "none.mlmodelc", "folder"])
def test_path_without_a_model_is_an_error_with_core_mls_code(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelIOError) as error:
        MLModel(tmp_path / name)
    assert name in str(error.value)
    assert error.value.code == 3


def test_other_things_are_no_models():
    with pytest.raises(TypeError, match="path or a Model message"):
        MLModel(7)
