"""scikit-learn's k-NN as a model: same labels, same scores, and it goes on learning."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime import MLUpdateTask
from pyruntime.converters import sklearn as converter
from pyruntime.errors import BuildError
from pyruntime.models import datatypes
from pyruntime.spec.legality import broken_rules

from ..layers.network import says

neighbors = pytest.importorskip("sklearn.neighbors", reason="scikit-learn is not installed")
LABELS: dict[str, list[Any]] = {"text": ["cat", "dog", "egg"], "numbers": [7, -2, 40], "objects": ["é", "b", "c"]}


def data(kind: str, count: int = 60, width: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.array([LABELS[kind][i] for i in rng.integers(0, 3, count)])
    return rng.normal(size=(count, width)).astype(np.float32), labels.astype(object) if kind == "objects" else labels


def compare(there: Any, model: Any, x: np.ndarray, source: str, label: str, scores: str) -> None:
    """Scores of all rows; labels where no two have the same score."""
    shares = there.predict_proba(x)
    wanted = there.predict(x)
    sorted_shares = np.sort(shares, axis=1)
    clear = sorted_shares[:, -1] - sorted_shares[:, -2] > 1e-6
    assert clear.sum() > len(x) / 3
    for row, share, best, is_clear in zip(x, shares, wanted, clear, strict=True):
        answer = model.predict({source: row})
        for name, value in zip(there.classes_, share, strict=True):
            assert answer[scores][name] == pytest.approx(value, abs=1e-5)
        assert answer[label] == best or not is_clear


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("algorithm", ["brute", "kd_tree", "ball_tree", "auto"])
def test_answers_are_those_of_scikit_learn(kind: str, weights: str, algorithm: str) -> None:
    x, y = data(kind)
    there = neighbors.KNeighborsClassifier(4, weights=weights, algorithm=algorithm, leaf_size=7).fit(x, y)
    model = converter.convert(there)
    assert model.is_updatable
    assert broken_rules(model.get_spec()) == []
    compare(there, model, data(kind, 40, seed=1)[0], "input", "classLabel", "classProbability")
    compare(there, model, x[:10], "input", "classLabel", "classProbability")  # a neighbour at distance 0
    index = model.get_spec().kNearestNeighborsClassifier.nearestNeighborsIndex
    is_tree = algorithm == "kd_tree" or (algorithm == "auto" and there._fit_method == "kd_tree")
    assert index.WhichOneof("IndexType") == ("singleKdTreeIndex" if is_tree else "linearIndex")
    assert index.singleKdTreeIndex.leafSize == (7 if is_tree else 0)


def test_names_and_learning() -> None:
    x, y = data("text")
    there = neighbors.KNeighborsClassifier(1).fit(x, y)
    model = pyruntime.converters.sklearn.convert(there, [("v", datatypes.Array(5))], ["label", "shares"])
    assert [f.name for f in model.model_description.inputs] == ["v"]
    compare(there, model, x, "v", "label", "shares")
    new = np.full(5, 9.0, np.float32)
    task = MLUpdateTask(model, [{"v": new, "label": "new"}])
    task.resume()
    assert task.wait(60)
    assert task.error is None
    assert task.context.model.predict({"v": new})["label"] == "new"
    both = neighbors.KNeighborsClassifier(1).fit(np.vstack([x, new[None]]), [*y, "new"])
    compare(both, task.context.model, data("text", 30, seed=2)[0], "v", "label", "shares")
    assert [f.name for f in converter.convert(there, "v", "best").model_description.outputs] == ["best", "bestProbs"]


def test_sparse_examples_and_doubles() -> None:
    scipy = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    x, y = data("numbers")
    x[np.abs(x) < 0.5] = 0
    there = neighbors.KNeighborsClassifier(3).fit(scipy.csr_matrix(x.astype(np.float64)), y)
    compare(there, converter.convert(there), x[:20] + np.float32(0.25), "input", "classLabel", "classProbability")


def fitted(**options: Any) -> Any:
    return neighbors.KNeighborsClassifier(**options).fit(*data("text"))


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (lambda: neighbors.KNeighborsClassifier(), {}, ["seen no examples", "`fit`"]),
        (lambda: neighbors.KNeighborsRegressor().fit([[0.0]] * 5, range(5)), {}, ["got a KNeighborsRegressor"]),
        (lambda: fitted(metric="manhattan"), {}, ["'manhattan'", "metric='euclidean'"]),
        (lambda: fitted(p=3), {}, ["p=3"]),
        (lambda: fitted(weights=lambda d: 1 / (d + 1)), {}, ["expected 'uniform' or 'distance'"]),
        (lambda: neighbors.KNeighborsClassifier(1).fit([[0.0], [1.0]], [[0, 1], [1, 0]]), {}, ["2 labels at once"]),
        (lambda: neighbors.KNeighborsClassifier(1).fit([[0.0], [1.0]], [True, False]), {}, ["of type bool"]),
        (lambda: neighbors.KNeighborsClassifier(1).fit([[0.0], [1e39]], [1, 2]), {}, ["not finite as 32-bit floats"]),
        (lambda: "a text", {}, ["got a str"]),
        (fitted, {"input_features": ["a", "b"]}, ["expected one array of 5 numbers, got 2"]),
        (fitted, {"input_features": [("v", datatypes.Array(4))]}, ["Array({4})", "5 numbers"]),
        (fitted, {"output_feature_names": ["a", "a"]}, ["the label and the scores"]),
        (fitted, {"default_class_label": 3}, ["labels are texts"]),
    ],
)
def test_refused(make: Any, arguments: dict[str, Any], words: list[str]) -> None:
    classifier = make()
    with pytest.raises(BuildError) as caught:
        converter.convert(classifier, **arguments)
    says(caught.value, BuildError, words)


def test_scikit_learn_is_not_imported() -> None:
    code = "import sys, pyruntime; pyruntime.converters.sklearn.convert; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
