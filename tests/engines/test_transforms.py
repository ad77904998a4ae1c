"""Feature engineering models, each against the words of its message."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pyruntime.errors import FeatureTypeError

from .models import model, opened, predict, refused


def made(kind: str, source: Any, target: Any, **fields: Any) -> Any:
    spec = model(kind, {"x": source}, {"y": target})
    message = getattr(spec, kind)
    for name, value in fields.items():
        field = getattr(message, name)
        if hasattr(field, "map"):
            field.map.update(value)
            field.SetInParent()
        elif hasattr(field, "vector"):
            field.vector.extend(value)
            field.SetInParent()
        elif hasattr(field, "extend"):
            field.extend(value)
        else:
            setattr(message, name, value)
    return spec


@pytest.mark.parametrize(
    ("shift", "scale", "wanted"),
    [
        ([], [], [1.0, 2.0, 3.0]), ([1.0], [], [2.0, 3.0, 4.0]), ([1.0], [2.0], [4.0, 6.0, 8.0]),
        ([1, 0, -1], [2, 3, 4], [4.0, 6.0, 8.0]), ([], [0.5], [0.5, 1.0, 1.5]),
    ],
)  # fmt: skip
def test_scaler_shifts_and_then_scales(shift: Any, scale: Any, wanted: Any) -> None:
    got = predict(made("scaler", 3, 3, shiftValue=shift, scaleValue=scale), x=[1, 2, 3])["y"]
    np.testing.assert_array_equal(got, wanted)
    assert got.dtype == np.float64


def test_scaler_of_numbers_and_types() -> None:
    assert predict(made("scaler", "double", "double", shiftValue=[1], scaleValue=[0.5]), x=2.0) == {"y": 1.5}
    lossless = opened(made("scaler", "int64", "int64", scaleValue=[0.5]))
    assert lossless.predict({"x": 4}) == {"y": 2}
    assert type(lossless.predict({"x": 4})["y"]) is int
    with pytest.raises(FeatureTypeError, match=r"'y'.*1\.5"):
        lossless.predict({"x": 3})
    mixed = opened(made("scaler", (2, 2, "int32"), (4, "float32"), scaleValue=[2]))
    assert mixed.predict({"x": [[1, 2], [3, 4]]})["y"].tolist() == [2, 4, 6, 8]
    with pytest.raises(FeatureTypeError, match=r"'x'.*whole"):
        predict(made("scaler", (2, "int32"), 2, scaleValue=[2]), x=[1.5, 1])
    assert math.isnan(predict(made("scaler", "double", "double", scaleValue=[2]), x=math.nan)["y"])


def test_damaged_scalers() -> None:
    refused(made("scaler", 3, 3, shiftValue=[1, 2]), "shiftValue has 2", "0 or 1 or 3")
    refused(made("scaler", 3, 3, scaleValue=[math.inf]), "scaleValue")
    refused(made("scaler", 3, 4), "'y'", "3 numbers")
    refused(made("scaler", "string", 4), "'x'", "String")
    refused(model("scaler", {"x": 3, "z": 3}, {"y": 3}), "2 inputs")
    refused(model("scaler", {"x": "double?"}, {"y": 1}), "optional")


@pytest.mark.parametrize(
    ("norm", "wanted"), [(0, [3 / 4, -1, 1.0]), (1, [3 / 11, -4 / 11, 4 / 11]), (2, np.array([3, -4, 4]) / 41**0.5)]
)
def test_normalizer(norm: int, wanted: Any) -> None:
    loaded = opened(made("normalizer", 3, 3, normType=norm))
    np.testing.assert_allclose(loaded.predict({"x": [3, -4, 4]})["y"], wanted, rtol=1e-15)
    assert loaded.predict({"x": [0, 0, 0]})["y"].tolist() == [0, 0, 0]


def test_damaged_normalizers() -> None:
    refused(made("normalizer", 3, 3, normType=4), "normType is 4")
    refused(made("normalizer", 3, 2), "'y'")
    refused(made("normalizer", "double", "double"), "'x'", "multiArray")


def test_one_hot_encoder() -> None:
    texts = opened(made("oneHotEncoder", "string", 3, stringCategories=["a", "b", "c"]))
    assert texts.predict({"x": "b"})["y"].tolist() == [0, 1, 0]
    with pytest.raises(FeatureTypeError, match=r"'a', 'b', 'c'.*'z'"):
        texts.predict({"x": "z"})
    with pytest.raises(FeatureTypeError, match=r"'x'.*text"):
        texts.predict({"x": 1})
    numbers = opened(made("oneHotEncoder", "int64", (2, "int32"), int64Categories=[7, -1], handleUnknown=1))
    assert numbers.predict({"x": -1})["y"].tolist() == [0, 1]
    assert numbers.predict({"x": 8})["y"].tolist() == [0, 0]
    assert numbers.predict({"x": 7})["y"].dtype == np.int32
    sparse = opened(
        made("oneHotEncoder", "string", "dict[int64]", stringCategories=["a", "b"], outputSparse=True, handleUnknown=1)
    )
    assert sparse.predict({"x": "b"}) == {"y": {1: 1.0}}
    assert sparse.predict({"x": "q"}) == {"y": {}}


def test_damaged_one_hot_encoders() -> None:
    refused(made("oneHotEncoder", "string", 2, stringCategories=["a", "a"]), "all different")
    refused(made("oneHotEncoder", "string", 2, stringCategories=[]), "0 categories")
    refused(made("oneHotEncoder", "string", 2), "0 categories")
    refused(made("oneHotEncoder", "int64", 1, stringCategories=["a"]), "'x'", "string")
    refused(made("oneHotEncoder", "string", 2, stringCategories=["a"]), "'y'", "1 numbers")
    refused(made("oneHotEncoder", "string", 1, stringCategories=["a"], handleUnknown=3), "handleUnknown is 3")
    refused(made("oneHotEncoder", "string", "dict[string]", stringCategories=["a"], outputSparse=True), "Int64 keys")


NAN = math.nan


@pytest.mark.parametrize(
    ("source", "target", "fields", "given", "wanted"),
    [
        ("double", "double", {"imputedDoubleValue": 2.5}, NAN, 2.5),
        ("double", "double", {"imputedDoubleValue": 2.5}, 1.0, 1.0),
        ("double", "double", {"imputedDoubleValue": 2.5, "replaceDoubleValue": -1.0}, -1.0, 2.5),
        ("double", "double", {"imputedDoubleValue": 2.5, "replaceDoubleValue": NAN}, NAN, 2.5),
        ("int64", "int64", {"imputedInt64Value": 3, "replaceInt64Value": 0}, 0, 3),
        ("int64", "int64", {"imputedInt64Value": 3, "replaceInt64Value": 0}, 5, 5),
        ("int64", "int64", {"imputedInt64Value": 3}, 0, 0),
        ("int64", "double", {"imputedInt64Value": 3, "replaceInt64Value": 0}, 0, 3.0),
        ("string", "string", {"imputedStringValue": "?", "replaceStringValue": ""}, "", "?"),
        ("string", "string", {"imputedStringValue": "?", "replaceStringValue": ""}, "a", "a"),
        (3, 3, {"imputedDoubleArray": [7, 8, 9]}, [NAN, 1, NAN], [7, 1, 9]),
        (3, 3, {"imputedDoubleArray": [7, 8, 9], "replaceDoubleValue": 1}, [0, 1, 1], [0, 8, 9]),
        (3, 3, {"imputedInt64Array": [7, 8, 9], "replaceInt64Value": 1}, [0, 1, 1], [0, 8, 9]),
        (3, 3, {"imputedDoubleValue": 5}, [NAN, 1, NAN], [5, 1, 5]),
        ("dict[string]", "dict[string]", {"imputedStringDictionary": {"a": 1.0, "b": 2.0}}, {"a": NAN, "c": 3},
         {"a": 1.0, "b": 2.0, "c": 3.0}),
        ("dict[int64]", "dict[int64]", {"imputedInt64Dictionary": {1: 1.0}, "replaceDoubleValue": 0.0}, {1: 0.0, 2: 4},
         {1: 1.0, 2: 4.0}),
    ],
)  # fmt: skip
def test_imputer(source: Any, target: Any, fields: Any, given: Any, wanted: Any) -> None:
    got = predict(made("imputer", source, target, **fields), x=given)["y"]
    assert (got.tolist() if isinstance(got, np.ndarray) else got) == wanted
    assert isinstance(got, np.ndarray) or type(got) is type(wanted)


def test_damaged_imputers() -> None:
    refused(made("imputer", "double", "double"), "no imputed value")
    refused(made("imputer", "double", "double", imputedStringValue="a"), "'x'", "string")
    refused(made("imputer", 3, 3, imputedDoubleArray=[1, 2]), "2 numbers")
    refused(made("imputer", 3, 2, imputedDoubleValue=1), "'y'")
    refused(made("imputer", "double", "string", imputedDoubleValue=1), "'y'")
    refused(made("imputer", "double", "double", imputedDoubleValue=1, replaceStringValue="a"), "replaceStringValue")
    refused(made("imputer", "dict[int64]", "dict[int64]", imputedStringDictionary={"a": 1.0}), "String keys")


def vectorizer(columns: Any, inputs: Any, output: Any) -> Any:
    spec = model("featureVectorizer", inputs, {"y": output})
    for name, size in columns:
        spec.featureVectorizer.inputList.add(inputColumn=name, inputDimensions=size)
    return spec


def test_feature_vectorizer() -> None:
    inputs = {"d": "double", "n": "int64", "v": (2, 2, "float32"), "k": "dict[int64]"}
    spec = vectorizer([("v", 4), ("n", 1), ("k", 3), ("d", 1)], inputs, 9)
    loaded = opened(spec)
    got = loaded.predict({"d": 0.5, "n": 7, "v": [[1, 2], [3, 4]], "k": {2: 9.0}})["y"]
    assert got.tolist() == [1, 2, 3, 4, 7, 0, 0, 9, 0.5]
    with pytest.raises(FeatureTypeError, match="key 3"):
        loaded.predict({"d": 0.5, "n": 7, "v": [[1, 2], [3, 4]], "k": {3: 9.0}})
    refused(vectorizer([("q", 1)], {"d": "double"}, 1), "'q'")
    refused(vectorizer([("d", 2)], {"d": "double"}, 2), "'d'", "2")
    refused(vectorizer([("d", 1)], {"d": "double"}, 2), "'y'", "1 numbers")
    refused(vectorizer([("d", 1)], {"d": "string"}, 1), "'d'", "String")
    refused(vectorizer([("k", 2**60)], {"k": "dict[int64]"}, 1), "numbers in all")
    refused(vectorizer([], {"d": "double"}, 1), "0 numbers")


def test_dict_vectorizer() -> None:
    loaded = opened(made("dictVectorizer", "dict[string]", 3, stringToIndex=["a", "b", "c"]))
    assert loaded.predict({"x": {"c": 2, "a": 0.5, "q": 7}})["y"].tolist() == [0.5, 0, 2]
    assert loaded.predict({"x": {}})["y"].tolist() == [0, 0, 0]
    for wrong in ({1: 2.0}, [1.0], {"a": "b"}):
        with pytest.raises(FeatureTypeError, match="'x'"):
            loaded.predict({"x": wrong})
    assert predict(made("dictVectorizer", "dict[int64]", 2, int64ToIndex=[5, -5]), x={-5: 1})["y"].tolist() == [0, 1]
    sparse = opened(made("dictVectorizer", "dict[string]", "dict[int64]", stringToIndex=["a", "b", "c"]))
    assert sparse.predict({"x": {"c": 2, "q": 1}}) == {"y": {2: 2.0}}
    numbers = opened(made("dictVectorizer", "dict[string]", 2, int64ToIndex=[5, 6]))  # described as converters do
    assert numbers.predict({"x": {6: 1}})["y"].tolist() == [0, 1]
    refused(made("dictVectorizer", "double", 1, stringToIndex=["a"]), "'x'", "dictionary")
    refused(made("dictVectorizer", "dict[string]", 2, stringToIndex=["a", "a"]), "all different")
    refused(made("dictVectorizer", "dict[string]", 2, stringToIndex=["a"]), "'y'")
    refused(made("dictVectorizer", "dict[string]", 2), "0 keys")


def test_categorical_mapping() -> None:
    numbers = opened(made("categoricalMapping", "string", "int64", stringToInt64Map={"a": 1, "b": -2}))
    assert numbers.predict({"x": "b"}) == {"y": -2}
    with pytest.raises(FeatureTypeError, match=r"'x'.*'q'"):
        numbers.predict({"x": "q"})
    texts = opened(made("categoricalMapping", "int64", "string", int64ToStringMap={3: "c"}, strValue=""))
    assert [texts.predict({"x": x})["y"] for x in (3, 4)] == ["c", ""]
    items = opened(made("categoricalMapping", "seq[string]", "seq[int64]", stringToInt64Map={"a": 1}, int64Value=0))
    assert items.predict({"x": ["a", "z", "a"]}) == {"y": [1, 0, 1]}
    assert items.predict({"x": []}) == {"y": []}
    for wrong in ("a", [1], {"a": 1}):
        with pytest.raises(FeatureTypeError, match="'x'"):
            items.predict({"x": wrong})


def test_damaged_categorical_mappings() -> None:
    refused(made("categoricalMapping", "string", "int64"), "no mapping")
    refused(made("categoricalMapping", "int64", "int64", stringToInt64Map={"a": 1}), "'x'", "String")
    refused(made("categoricalMapping", "string", "int64", stringToInt64Map={"a": 1}, strValue="a"), "strValue")
    refused(made("categoricalMapping", "seq[string]", "int64", stringToInt64Map={"a": 1}), "sequence")


def test_array_feature_extractor() -> None:
    many = opened(made("arrayFeatureExtractor", (2, 3), 3, extractIndex=[5, 0, 0]))
    assert many.predict({"x": [[1, 2, 3], [4, 5, 6]]})["y"].tolist() == [6, 1, 1]
    one = predict(made("arrayFeatureExtractor", 3, "int64", extractIndex=[1]), x=[1, 2, 3])["y"]
    assert one == 2 and type(one) is int
    assert type(predict(made("arrayFeatureExtractor", 3, "double", extractIndex=[1]), x=[1, 2, 3])["y"]) is float
    refused(made("arrayFeatureExtractor", 3, 1, extractIndex=[3]), "3")
    refused(made("arrayFeatureExtractor", 3, 1, extractIndex=[2**63]), str(2**63))
    refused(made("arrayFeatureExtractor", 3, 1), "empty")
    refused(made("arrayFeatureExtractor", 3, 1, extractIndex=[0, 1]), "'y'", "2 numbers")


def test_identity() -> None:
    types = {"a": (2, "float32"), "n": "int64", "t": "string", "d": "dict[string]", "s": "seq[int64]"}
    given = {"a": np.float32([1, 2]), "n": 3, "t": "x", "d": {"k": 1.0}, "s": [1, 2]}
    got = predict(model("identity", types, types), **given)
    assert list(got) == list(types)
    assert got.pop("a").tolist() == [1, 2]
    assert got == {name: value for name, value in given.items() if name != "a"}
    refused(model("identity", {"a": 2}, {"b": 2}), "'b'")
    refused(model("identity", {"a": 2}, {"a": "double"}), "'a'")


def test_class_confidence_thresholding() -> None:
    spec = model("classConfidenceThresholding", {"x": (3, "float32")}, {"y": (2, 3, "float32")})
    assert predict(spec, x=[0.5, 0.25, 0.125])["y"].tolist() == [[0.5, 0.25, 0.125], [1, 1, 1]]
    refused(model("classConfidenceThresholding", {"x": 3}, {"y": 3}), "6 numbers")
