"""Labels and probabilities of the k-NN model type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from pyruntime.config import MLModelConfiguration
from pyruntime.errors import FeatureTypeError, ParametersError
from pyruntime.model import MLModel

WEIGHTS = {"uniformWeighting": "uniform", "inverseDistanceWeighting": "distance"}


@pytest.mark.parametrize("weighting", WEIGHTS)
@pytest.mark.parametrize("leaf_size", [0, 5])
@pytest.mark.parametrize("k", [1, 4, 15])
def test_random_vectors_get_the_answers_of_scikit_learn(make_knn: Any, weighting: str, leaf_size: int, k: int) -> None:
    rng = np.random.default_rng(k)
    centres = rng.standard_normal((6, 12)) * 1.5
    classes = rng.integers(0, 6, 400)
    samples = (centres[classes] + rng.standard_normal((400, 12))).astype(np.float32)
    names = np.array(["fig", "apple", "cherry", "date", "elder", "banana"])
    queries = np.concatenate([centres[rng.integers(0, 6, 200)] + rng.standard_normal((200, 12)), samples[:20]])
    queries = queries.astype(np.float32)
    spec = make_knn(samples, names[classes].tolist(), dimensions=12, k=k, weighting=weighting, leaf_size=leaf_size)
    answers = MLModel(spec).predict([{"vector": query} for query in queries])
    oracle = KNeighborsClassifier(k, weights=WEIGHTS[weighting]).fit(samples.astype(np.float64), names[classes])
    expected = oracle.predict_proba(queries.astype(np.float64))
    got = np.array([[answer["labelProbs"].get(name, 0) for name in oracle.classes_] for answer in answers])
    np.testing.assert_allclose(got, expected, atol=1e-5)
    clear = np.sort(expected, axis=1)[:, -1] - np.sort(expected, axis=1)[:, -2] > 1e-4  # ties: other tests
    labels = np.array([answer["label"] for answer in answers])
    assert clear.mean() > 0.5
    np.testing.assert_array_equal(labels[clear], oracle.predict(queries.astype(np.float64))[clear])


def test_a_file_of_coremltools_gets_the_answers_of_scikit_learn(tmp_path: Any) -> None:
    builders = pytest.importorskip("coremltools.models.nearest_neighbors")
    rng = np.random.default_rng(5)
    samples, labels = rng.standard_normal((60, 4)).astype(np.float32), rng.integers(0, 4, 60)
    builder = builders.KNearestNeighborsClassifierBuilder(
        "vector", "label", 4, 0, number_of_neighbors=7, weighting_scheme="inverse_distance", index_type="kd_tree"
    )
    builder.add_samples(samples, labels.tolist())
    (tmp_path / "knn.mlmodel").write_bytes(builder.spec.SerializeToString())
    model = MLModel(tmp_path / "knn.mlmodel")
    oracle = KNeighborsClassifier(7, weights="distance").fit(samples, labels)
    for query in rng.standard_normal((30, 4)).astype(np.float32):
        answer = model.predict({"vector": query})
        assert answer["label"] == oracle.predict([query])[0]
        expected = dict(zip(oracle.classes_.tolist(), oracle.predict_proba([query])[0], strict=True))
        assert answer["labelProbs"] == pytest.approx(expected, abs=1e-6)


def test_an_empty_model_gives_the_default_label(make_knn: Any) -> None:
    assert MLModel(make_knn(default="unknown")).predict({"vector": [1, 2]}) == {
        "label": "unknown", "labelProbs": {"unknown": 1.0}
    }  # fmt: skip
    assert MLModel(make_knn(default=-1)).predict({"vector": [1, 2]}) == {"label": -1, "labelProbs": {-1: 1.0}}


def test_with_fewer_samples_than_k_all_vote_and_every_known_label_is_listed(make_knn: Any) -> None:
    model = MLModel(make_knn([[0, 0], [1, 0], [0, 1]], ["b", "a", "a"], k=5, default="unknown"))
    assert model.predict({"vector": [0, 0]}) == {"label": "a", "labelProbs": {"b": 1 / 3, "a": 2 / 3}}
    one = MLModel(make_knn([[0, 0], [1, 0], [0, 1]], ["b", "a", "c"], k=1))
    assert one.predict({"vector": [0, 0]})["labelProbs"] == {"b": 1.0, "a": 0.0, "c": 0.0}


def test_equal_votes_go_to_the_nearer_neighbour_then_to_the_label_stored_first(make_knn: Any) -> None:
    nearer = MLModel(make_knn([[3, 0], [1, 0]], ["a", "b"], k=2))
    assert nearer.predict({"vector": [0, 0]})["label"] == "b"
    first = MLModel(make_knn([[1, 0], [-1, 0], [5, 5]], ["z", "a", "a"], k=2))
    assert first.predict({"vector": [0, 0]})["label"] == "z"


def test_a_vote_is_one_over_the_distance_or_over_its_square_when_asked(make_knn: Any) -> None:
    spec = make_knn([[1, 0], [0, 2], [0, 3]], ["a", "b", "b"], k=3, weighting="inverseDistanceWeighting")
    a, b = 1, 1 / 2 + 1 / 3
    assert MLModel(spec).predict({"vector": [0, 0]})["labelProbs"] == pytest.approx(
        {"a": a / (a + b), "b": b / (a + b)}
    )
    squared = MLModelConfiguration(parameters={"inverseDistancePower": 2})
    a, b = 1, 1 / 4 + 1 / 9
    answer = MLModel(spec, configuration=squared).predict({"vector": [0, 0]})
    assert answer["labelProbs"] == pytest.approx({"a": a / (a + b), "b": b / (a + b)})


def test_exact_hits_alone_vote_by_inverse_distance(make_knn: Any) -> None:
    samples, labels = [[0, 0], [0, 0], [0, 0], [1e-25, 0]], ["a", "b", "b", "c"]
    model = MLModel(make_knn(samples, labels, k=4, weighting="inverseDistanceWeighting"))
    # 1e-25 squared is nothing in Float32: a hit as well
    assert model.predict({"vector": [0, 0]})["labelProbs"] == pytest.approx({"a": 0.25, "b": 0.5, "c": 0.25})
    near = MLModel(make_knn([[0, 0], [1e-3, 0]], ["a", "b"], k=2, weighting="inverseDistanceWeighting"))
    assert near.predict({"vector": [0, 0]})["labelProbs"] == {"a": 1.0, "b": 0.0}


def test_vectors_too_far_apart_for_floats_have_equal_votes(make_knn: Any) -> None:
    model = MLModel(make_knn([[3e38, 0], [-3e38, 1]], ["a", "b"], k=2, weighting="inverseDistanceWeighting"))
    assert model.predict({"vector": [0, 3e38]})["labelProbs"] == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize("key", ["numberOfNeighbors"])
def test_k_can_be_set_inside_its_bounds(make_knn: Any, key: str) -> None:
    spec = make_knn([[0, 0], [1, 0], [2, 0]], ["a", "b", "b"], k=3, bounds={1, 3})
    assert MLModel(spec).predict({"vector": [0, 0]})["label"] == "b"
    one = MLModel(spec, configuration=MLModelConfiguration(parameters={key: 1}))
    assert one.predict({"vector": [0, 0]})["label"] == "a"
    with pytest.raises(ParametersError, match=r"'numberOfNeighbors': expected a whole number, one of 1, 3, got 2"):
        MLModel(spec, configuration=MLModelConfiguration(parameters={key: 2}))


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ([1, 2, 3], "an array of 2 numbers, got an array of shape 3"),
        ([[1, 2]], "array of shape 1x2"),
        ([1, np.nan], "NaN in 1 of 2"),
        ([1, np.inf], "infinite"),
        ([1, 1e39], "too large for Float32"),
        (["a", "b"], "of numbers"),
        (None, "missing"),
    ],
)
def test_a_wrong_vector_is_refused_by_name(make_knn: Any, vector: Any, message: str) -> None:
    with pytest.raises(FeatureTypeError, match=f"'vector'.*{message}"):
        MLModel(make_knn(default="x")).predict({"vector": vector})


def test_an_updated_engine_knows_more_and_the_old_one_does_not(make_knn: Any) -> None:
    old = MLModel(make_knn(default="unknown")).engine
    new = old.updated([np.array([1, 1], np.float32)], ["here"])  # type: ignore[attr-defined]
    assert new.predict({"vector": [0, 0]})["label"] == "here"
    assert old.predict({"vector": [0, 0]})["label"] == "unknown"
