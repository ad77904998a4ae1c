"""Recommenders, probit regression, sound preprocessing; and types that are refused."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from pyruntime.errors import FeatureTypeError, UnsupportedError

from .models import model, opened, predict, refused

SIMILAR = {0: [(1, 0.5), (2, 0.25)], 1: [(0, 0.5), (3, 1.0)], 2: [(3, 0.125)]}
SHIFT = {0: 0.0, 1: 0.5, 2: 0.25}


def recommender(known: Any = "dict[string]", ids: Any = ("a", "b", "c", "d"), **inputs: Any) -> Any:
    key = "string" if ids and isinstance(ids[0], str) else "int64"
    spec = model(
        "itemSimilarityRecommender", {"items": known, **inputs}, {"list": f"seq[{key}]", "scores": f"dict[{key}]"}
    )
    m = spec.itemSimilarityRecommender
    for item, others in SIMILAR.items():
        added = m.itemItemSimilarities.add(itemId=item, itemScoreAdjustment=SHIFT[item])
        for other, score in others:
            added.similarItemList.add(itemId=other, similarityScore=score)
    if ids:
        (m.itemStringIds if key == "string" else m.itemInt64Ids).vector.extend(ids)
    m.itemInputFeatureName, m.numRecommendationsInputFeatureName = "items", "k"
    m.itemRestrictionInputFeatureName, m.itemExclusionInputFeatureName = "only", "without"
    m.recommendedItemListOutputFeatureName, m.recommendedItemScoreOutputFeatureName = "list", "scores"
    return spec


def scored(observed: dict[int, float]) -> list[float]:
    """By item, as the format says it: similarity times (score minus the other item's adjustment)."""
    return [
        sum(sim * (score - SHIFT.get(k, 0)) for i, score in observed.items() for o, sim in SIMILAR.get(i, []) if o == k)
        for k in range(4)
    ]


def test_recommendations() -> None:
    loaded = opened(recommender())
    got = loaded.predict({"items": {"a": 3.0, "c": 1.0, "unknown": 5.0}})
    wanted = scored({0: 3.0, 2: 1.0})
    assert got == {"list": ["b", "d"], "scores": {"b": wanted[1], "d": wanted[3]}}
    assert wanted[1] > wanted[3]
    assert loaded.predict({"items": {}}) == {"list": list("abcd"), "scores": dict.fromkeys("abcd", 0.0)}


def test_recommendations_of_a_number_among_some_without_others() -> None:
    loaded = opened(recommender("seq[string]", k="int64?", only="seq[string]?", without="seq[string]?"))
    wanted = scored({1: 1.0})
    assert loaded.predict({"items": ["b"], "k": 1})["list"] == ["d"]
    assert loaded.predict({"items": ["b"]})["scores"] == {"d": wanted[3], "a": wanted[0], "c": wanted[2]}
    assert loaded.predict({"items": ["b"], "only": ["a", "c", "z"]})["list"] == ["a", "c"]
    assert loaded.predict({"items": ["b"], "without": ["d"]})["list"] == ["a", "b", "c"]
    assert loaded.predict({"items": ["b"], "k": 0}) == {"list": [], "scores": {}}
    with pytest.raises(FeatureTypeError, match="'k'"):
        loaded.predict({"items": ["b"], "k": -1})


def test_recommendations_by_number() -> None:
    assert predict(recommender("dict[int64]", ()), items={0: 1.0})["list"][0] == 1
    assert predict(recommender("seq[int64]", (10, 20, 30, 40)), items=[10])["list"][0] == 20
    assert predict(recommender(2, (10, 20, 30, 40)), items=[10, 99])["list"][0] == 20


def test_damaged_recommenders() -> None:
    refused(recommender(ids=("a", "b", "c")), "3 names", "items up to 3")
    refused(recommender(ids=("a", "b", "c", "c")), "all different")
    refused(recommender("dict[int64]"), "'items'", "String")
    refused(recommender(k="double"), "'k'", "Int64")
    spec = recommender(ids=())
    spec.itemSimilarityRecommender.itemItemSimilarities[0].itemId = 2**63
    refused(spec, str(2**63))
    spec = recommender()
    spec.itemSimilarityRecommender.itemItemSimilarities.add(itemId=1)
    refused(spec, "item 1", "two lists")
    spec = recommender()
    spec.itemSimilarityRecommender.itemItemSimilarities[0].similarItemList[0].similarityScore = math.nan
    refused(spec, "item 0", "finite")
    spec = recommender()
    spec.itemSimilarityRecommender.itemInputFeatureName = "z"
    refused(spec, "'z'")
    spec = recommender()
    spec.itemSimilarityRecommender.recommendedItemListOutputFeatureName = ""
    refused(spec, "'list'")


def probit(source: Any = 2, **outputs: Any) -> Any:
    spec = model(
        "bayesianProbitRegressor", {"x": source, "o": "double?", "s": "double?", "t": "double?"},
        outputs or dict.fromkeys(("p", "m", "v", "low", "drawn"), "double"), predicted="p",
    )  # fmt: skip
    m = spec.bayesianProbitRegressor
    m.numberOfFeatures, m.bias.mean, m.bias.precision = 2, 0.1, 4.0
    for feature in range(2):
        added = m.features.add(featureId=feature)
        for value in range(3):
            weight = added.weights.add(featureValue=value).featureWeight
            weight.mean, weight.precision = feature - value / 2, 1.0 + value
    m.regressionInputFeatureName, m.optimismInputFeatureName = "x", "o"
    m.samplingScaleInputFeatureName, m.samplingTruncationInputFeatureName = "s", "t"
    m.meanOutputFeatureName, m.varianceOutputFeatureName = "m", "v"
    m.pessimisticProbabilityOutputFeatureName, m.sampledProbabilityOutputFeatureName = "low", "drawn"
    return spec


def test_probit_regression() -> None:
    cdf = NormalDist().cdf
    m, v = 0.1 + (0 - 1.0) + (1 - 0.5), 1 / 4 + 1 / 3 + 1 / 2
    loaded = opened(probit())
    got = loaded.predict({"x": [2, 1], "o": -1.0})
    wanted = {"p": cdf(m / math.sqrt(1 + v)), "m": m, "v": v, "low": cdf((m - math.sqrt(v)) / math.sqrt(1 + v))}
    assert {name: got[name] for name in wanted} == pytest.approx(wanted)
    assert got["drawn"] == pytest.approx(cdf(m))
    near = [loaded.predict({"x": [2, 1], "s": 1.0, "t": 0.5})["drawn"] for _ in range(20)]
    assert len(set(near)) > 1
    assert all(cdf(m - 0.5 * math.sqrt(v)) - 1e-9 <= p <= cdf(m + 0.5 * math.sqrt(v)) + 1e-9 for p in near)
    pairs = predict(probit((2, 2)), x=[[1, 1], [0, 2]])
    assert pairs["m"] == pytest.approx(m)
    assert loaded.predict({"x": [9, 1]})["m"] == pytest.approx(0.1 + 0.5)
    with pytest.raises(FeatureTypeError, match="'x'"):
        predict(probit((1, 2)), x=[[2, 1]])


def test_damaged_probit_regressors() -> None:
    spec = probit()
    spec.bayesianProbitRegressor.bias.precision = 0
    refused(spec, "bias", "precision")
    spec = probit()
    spec.bayesianProbitRegressor.features[1].featureId = 0
    refused(spec, "feature 0", "twice")
    spec = probit()
    spec.bayesianProbitRegressor.features[1].featureId = 7
    refused(spec, "feature 7 of 2")
    spec = probit()
    spec.bayesianProbitRegressor.regressionInputFeatureName = "o"
    refused(spec, "'o'")


def sound() -> Any:
    spec = model("soundAnalysisPreprocessing", {"x": (15600, "float32")}, {"y": (1, 96, 64, "float32")})
    spec.soundAnalysisPreprocessing.vggish.SetInParent()
    return spec


def test_log_mel_of_sound_frame_by_frame() -> None:
    """Against the sums written out: transform, mel scale and triangles for single frames and bands."""
    x = np.random.default_rng(3).normal(size=15600).astype(np.float32) / 4
    got = predict(sound(), x=x)["y"]
    assert got.shape == (1, 96, 64) and got.dtype == np.float32

    def mel(hertz: float) -> float:
        return 1127 * math.log(1 + hertz / 700)

    edges = [mel(125) + i * (mel(7500) - mel(125)) / 65 for i in range(66)]
    for frame in (0, 50, 95):
        part = [x[160 * frame + n] * (0.5 - 0.5 * math.cos(2 * math.pi * n / 400)) for n in range(400)]
        lines = np.exp(-2j * np.pi * np.outer(np.arange(257), np.arange(400)) / 512) @ np.array(part)
        for band in (0, 31, 63):
            low, middle, high = edges[band : band + 3]
            total = 0.0
            for k in range(1, 257):
                m = mel(8000 * k / 256)
                total += abs(lines[k]) * max(0.0, min((m - low) / (middle - low), (high - m) / (high - middle)))
            assert got[0, frame, band] == pytest.approx(math.log(total + 0.01), abs=1e-4)


def test_a_tone_is_in_its_band_and_silence_is_flat() -> None:
    loaded = opened(sound())
    assert np.allclose(loaded.predict({"x": np.zeros(15600)})["y"], math.log(0.01))
    bands = [
        int(loaded.predict({"x": np.sin(2 * np.pi * hertz * np.arange(15600) / 16000)})["y"][0].mean(axis=0).argmax())
        for hertz in (200, 440, 1000, 3000, 7000)
    ]
    assert bands == sorted(set(bands))


def test_damaged_sound_models() -> None:
    spec = model("soundAnalysisPreprocessing", {"x": 15600}, {"y": (1, 96, 64)})
    refused(spec, "vggish")
    spec = sound()
    spec.description.input[0].type.multiArrayType.shape[0] = 16000
    refused(spec, "15600")
    spec = sound()
    spec.description.output[0].type.multiArrayType.shape[2] = 63
    refused(spec, "6144 numbers")


def test_ml_programs_are_refused_with_the_reason() -> None:
    with pytest.raises(UnsupportedError, match=r"ML Program.*after Core ML 3.*neuralnetwork"):
        opened(model("mlProgram", {"x": 1}, {"y": 1}, version=7))
