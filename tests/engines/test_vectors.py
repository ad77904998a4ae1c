"""Linear models and support vector machines against formulas with plain loops."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from pyruntime.errors import FeatureTypeError

from .models import model, opened, predict, refused

RNG = np.random.default_rng(7)


def glm(kind: str, weights: Any, offset: Any, *, inputs: Any = None, labels: Any = (), **fields: Any) -> Any:
    width = len(weights[0]) if weights else 1
    inputs = inputs or {"x": width}
    if kind == "glmRegressor":
        outputs: Any = {"y": "double" if len(weights) == 1 else len(weights)}
        spec = model(kind, inputs, outputs, predicted="y")
    else:
        what = "string" if labels and isinstance(labels[0], str) else "int64"
        outputs = {"label": what, "p": f"dict[{what}]"}
        spec = model(kind, inputs, outputs, predicted="label", probabilities="p")
    message = getattr(spec, kind)
    for row in weights:
        message.weights.add().value.extend(row)
    message.offset.extend(offset)
    if labels:
        field = "stringClassLabels" if isinstance(labels[0], str) else "int64ClassLabels"
        getattr(message, field).vector.extend(labels)
    for name, value in fields.items():
        setattr(message, name, value)
    return spec


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


LINKS = {0: lambda y: y, 1: sigmoid, 2: NormalDist().cdf}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("outputs", [1, 3])
def test_linear_regression(link: int, outputs: int) -> None:
    weights, offset = RNG.normal(size=(outputs, 4)), RNG.normal(size=outputs)
    loaded = opened(glm("glmRegressor", weights.tolist(), offset.tolist(), postEvaluationTransform=link))
    rows = RNG.normal(size=(5, 4))
    for row, got in zip(rows, loaded.predict([{"x": row} for row in rows]), strict=True):
        wanted = [
            LINKS[link](sum(w * x for w, x in zip(ws, row, strict=True)) + b)
            for ws, b in zip(weights, offset, strict=True)
        ]
        np.testing.assert_allclose(np.ravel(got["y"]), wanted, rtol=1e-12)
        assert isinstance(got["y"], float if outputs == 1 else np.ndarray)


def test_inputs_are_one_vector_in_the_order_of_the_description() -> None:
    inputs = {"n": "int64", "v": (2, 2), "d": "double"}
    loaded = opened(glm("glmRegressor", [[1, 10, 100, 1000, 10000, 1e5]], [0], inputs=inputs))
    assert loaded.predict({"n": 1, "v": [[2, 3], [4, 5]], "d": 6.0})["y"] == 654321
    assert loaded.predict({"n": np.int32(1), "v": np.array([[[2, 3], [4, 5]]]), "d": np.float32(6)})["y"] == 654321
    for wrong in (
        {"n": 1.5},
        {"n": "1"},
        {"n": True},
        {"v": [1, 2, 3, 4]},
        {"v": "ab"},
        {"d": None},
        {"d": [1.0, 2.0]},
    ):
        with pytest.raises(FeatureTypeError, match=repr(next(iter(wrong)))):
            loaded.predict({"n": 1, "v": [[2, 3], [4, 5]], "d": 6.0, **wrong})


@pytest.mark.parametrize(("link", "cdf"), [(0, sigmoid), (1, NormalDist().cdf)])
@pytest.mark.parametrize("encoding", [0, 1])
def test_two_classes(link: int, cdf: Any, encoding: int) -> None:
    spec = glm(
        "glmClassifier",
        [[2.0, -1.0]],
        [0.5],
        labels=("no", "yes"),
        postEvaluationTransform=link,
        classEncoding=encoding,
    )
    loaded = opened(spec)
    for x in ([1.0, 1.0], [-1.0, 1.0], [0.0, 0.5]):
        score = 2 * x[0] - x[1] + 0.5
        got = loaded.predict({"x": x})
        assert got["p"] == pytest.approx({"no": 1 - cdf(score), "yes": cdf(score)}, abs=1e-12)
        assert got["label"] == ("yes" if score > 0 else "no")


def test_many_classes() -> None:
    weights, offset, x = RNG.normal(size=(3, 2)), RNG.normal(size=3), np.array([0.3, -2.0])
    scores = weights @ x + offset
    got = predict(glm("glmClassifier", weights.tolist(), offset.tolist(), labels=(5, 6, 7), classEncoding=1), x=x)
    each = [sigmoid(s) for s in scores]
    assert got["p"] == pytest.approx({5 + i: e / sum(each) for i, e in enumerate(each)})
    assert got["label"] == 5 + int(np.argmax(scores))
    got = predict(glm("glmClassifier", weights.tolist(), offset.tolist(), labels=(5, 6, 7, 8)), x=x)
    e = np.exp([0, *scores])
    assert got["p"] == pytest.approx({5 + i: v / e.sum() for i, v in enumerate(e)})
    assert got["label"] == 5 + int(np.argmax(e))


def test_damaged_linear_models_are_refused() -> None:
    refused(glm("glmRegressor", [], []), "weights", "0")
    refused(glm("glmRegressor", [[1], [1, 2]], [0, 0]), "[1, 2]")
    refused(glm("glmRegressor", [[1, 2]], [0, 0]), "1 weight vectors and 2 offsets")
    refused(glm("glmRegressor", [[1, math.nan]], [0]), "NaN")
    refused(glm("glmRegressor", [[1, 2]], [0], inputs={"x": 3}), "for 2 numbers", "have 3")
    refused(glm("glmRegressor", [[1, 2]], [0], inputs={"x": 1, "y": "double?"}), "'y'", "optional")
    refused(glm("glmRegressor", [[1, 2]], [0], postEvaluationTransform=5), "postEvaluationTransform", "5")
    refused(glm("glmClassifier", [[1, 2]], [0], labels=("a", "b", "c")), "3 class labels", "1 weight")
    refused(glm("glmClassifier", [[1, 2]] * 2, [0, 0], labels=("a", "b"), classEncoding=1), "2 weight", "expected 1")
    refused(glm("glmClassifier", [[1, 2]] * 2, [0, 0], labels=(1, 2, 3), postEvaluationTransform=1), "Probit")
    refused(glm("glmClassifier", [[1, 2]], [0], classEncoding=9), "classEncoding", "9")


KERNELS = {
    "linearKernel": ({}, lambda a, b: a @ b),
    "rbfKernel": ({"gamma": 0.7}, lambda a, b: math.exp(-0.7 * sum((a - b) ** 2))),
    "polyKernel": ({"gamma": 0.5, "c": 1.5, "degree": 3}, lambda a, b: (0.5 * (a @ b) + 1.5) ** 3),
    "sigmoidKernel": ({"gamma": 0.2, "c": -0.4}, lambda a, b: math.tanh(0.2 * (a @ b) - 0.4)),
}


def svm(kind: str, kernel: str, vectors: Any, *, sparse: bool, labels: Any = (), width: Any = None) -> Any:
    width = width or {"x": len(vectors[0])}
    if kind == "supportVectorRegressor":
        spec = model(kind, width, {"y": "double"}, predicted="y")
    else:
        what = "string" if labels and isinstance(labels[0], str) else "int64"
        spec = model(kind, width, {"label": what, "p": f"dict[{what}]"}, predicted="label", probabilities="p")
    message = getattr(spec, kind)
    part = getattr(message.kernel, kernel)
    part.SetInParent()
    for name, value in KERNELS[kernel][0].items():
        setattr(part, name, value)
    for vector in vectors:
        if sparse:
            added = message.sparseSupportVectors.vectors.add()
            for i, value in enumerate(vector):
                if value:
                    added.nodes.add(index=i + 1, value=value)
        else:
            message.denseSupportVectors.vectors.add().values.extend(vector)
    if labels:
        field = "stringClassLabels" if isinstance(labels[0], str) else "int64ClassLabels"
        getattr(message, field).vector.extend(labels)
    return spec


def some_vectors(count: int) -> np.ndarray:
    return RNG.normal(size=(count, 4)) * (RNG.random((count, 4)) < 0.7)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("sparse", [False, True])
def test_support_vector_regression(kernel: str, sparse: bool) -> None:
    vectors, alpha = some_vectors(6), RNG.normal(size=6)
    spec = svm("supportVectorRegressor", kernel, vectors, sparse=sparse)
    spec.supportVectorRegressor.coefficients.alpha.extend(alpha)
    spec.supportVectorRegressor.rho = 0.25
    loaded, function = opened(spec), KERNELS[kernel][1]
    for x in RNG.normal(size=(4, 4)):
        wanted = sum(a * function(v, x) for a, v in zip(alpha, vectors, strict=True)) - 0.25
        assert loaded.predict({"x": x})["y"] == pytest.approx(wanted, rel=1e-12)


def classes(spec: Any, counts: Any, alpha: Any, rho: Any, a: Any = (), b: Any = ()) -> Any:
    message = spec.supportVectorClassifier
    message.numberOfSupportVectorsPerClass.extend(counts)
    for row in alpha:
        message.coefficients.add().alpha.extend(row)
    message.rho.extend(rho)
    message.probA.extend(a)
    message.probB.extend(b)
    return spec


def decisions(kernel: str, vectors: Any, counts: Any, alpha: Any, rho: Any, x: Any) -> dict[tuple[int, int], float]:
    """By pair of classes, with the indices as libsvm's README describes sv_coef."""
    owner = np.repeat(np.arange(len(counts)), counts)
    found: dict[tuple[int, int], float] = {}
    for i in range(len(counts)):
        for j in range(i + 1, len(counts)):
            total = -rho[len(found)]
            for v, vector in enumerate(vectors):
                if owner[v] in (i, j):
                    total += alpha[j - 1 if owner[v] == i else i][v] * KERNELS[kernel][1](vector, x)
            found[i, j] = total
    return found


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("counts", [(3, 2), (2, 3, 1), (2, 0, 3, 2)])
def test_support_vector_classes_by_votes(kernel: str, counts: Any) -> None:
    n, k = sum(counts), len(counts)
    vectors, alpha, rho = some_vectors(n), RNG.normal(size=(k - 1, n)), RNG.normal(size=k * (k - 1) // 2)
    labels = [f"class {i}" for i in range(k)]
    spec = classes(svm("supportVectorClassifier", kernel, vectors, sparse=False, labels=labels), counts, alpha, rho)
    loaded = opened(spec)
    rows = RNG.normal(size=(10, 4))
    for x, got in zip(rows, loaded.predict([{"x": x} for x in rows]), strict=True):
        pairs = decisions(kernel, vectors, counts, alpha, rho, x)
        votes = [sum((i if d > 0 else j) == c for (i, j), d in pairs.items()) for c in range(k)]
        assert got["label"] == labels[votes.index(max(votes))]
        assert got["p"] == pytest.approx({c: v / len(pairs) for c, v in zip(labels, votes, strict=True)})


@pytest.mark.parametrize("counts", [(3, 2), (2, 3, 1), (2, 1, 3, 2)])
def test_support_vector_probabilities(counts: Any) -> None:
    """Two classes: the pair's own.  More: they solve the linear equations of Wu, Lin and Weng's second method."""
    n, k = sum(counts), len(counts)
    pairs = k * (k - 1) // 2
    vectors, alpha, rho = some_vectors(n), RNG.normal(size=(k - 1, n)), RNG.normal(size=pairs)
    a, b = -RNG.random(pairs) - 0.5, RNG.normal(size=pairs) / 4
    spec = classes(svm("supportVectorClassifier", "rbfKernel", vectors, sparse=True), counts, alpha, rho, a, b)
    loaded = opened(spec)
    for x in RNG.normal(size=(10, 4)):
        found = decisions("rbfKernel", vectors, counts, alpha, rho, x)
        r = np.zeros((k, k))
        for (i, j), d, aa, bb in zip(found, found.values(), a, b, strict=True):
            r[i, j] = sigmoid(-(aa * d + bb))
            r[j, i] = 1 - r[i, j]
        q = -r * r.T + np.diag((r**2).sum(axis=0))
        system = np.block([[q, np.ones((k, 1))], [np.ones((1, k)), np.zeros((1, 1))]])
        wanted = np.linalg.solve(system, [*[0] * k, 1])[:k] if k > 2 else [r[0, 1], r[1, 0]]
        got = loaded.predict({"x": x})
        assert loaded.predict([{"x": -x}, {"x": x}, {"x": 2 * x}])[1] == got
        np.testing.assert_allclose(list(got["p"].values()), wanted, atol=0.01 if k > 2 else 1e-12)
        assert sum(got["p"].values()) == pytest.approx(1)
        assert got["label"] == max(got["p"], key=got["p"].__getitem__)


def test_extreme_pairs_stay_away_from_certainty() -> None:
    spec = svm("supportVectorClassifier", "linearKernel", np.array([[1.0], [-1.0]]), sparse=False)
    spec = classes(spec, (1, 1), [[1e6, 1e6]], [0], [-1.0], [0.0])
    spec.supportVectorClassifier.coefficients[0].alpha[1] = -1e6
    assert predict(spec, x=[5.0])["p"] == {0: 1 - 1e-7, 1: pytest.approx(1e-7)}


def test_a_decision_that_is_nan_is_for_the_second_class() -> None:
    """libsvm: NaN > 0 is false, and its max(NaN, 1e-7) is 1e-7."""
    vectors = np.array([[1.0], [-1.0]])
    for a, b, wanted in ((), (), {0: 0.0, 1: 1.0}), ((-1.0,), (0.0,), {0: 1e-7, 1: 1 - 1e-7}):
        spec = svm("supportVectorClassifier", "linearKernel", vectors, sparse=False)
        got = predict(classes(spec, (1, 1), [[math.nan, 1.0]], [0], a, b), x=[5.0])
        assert got["label"] == 1
        assert got["p"] == pytest.approx(wanted)


def test_damaged_support_vector_machines_are_refused() -> None:
    vectors = np.ones((2, 3))

    def regression(**fields: Any) -> Any:
        spec = svm("supportVectorRegressor", "rbfKernel", vectors, sparse=fields.pop("sparse", False))
        message = spec.supportVectorRegressor
        message.coefficients.alpha.extend(fields.pop("alpha", [1.0, 2.0]))
        return spec, message

    spec, message = regression()
    assert opened(spec)
    message.kernel.Clear()
    refused(spec, "no kernel")
    spec, message = regression()
    message.kernel.rbfKernel.gamma = math.nan
    refused(spec, "gamma", "nan")
    spec, message = regression()
    message.kernel.polyKernel.degree = -1
    refused(spec, "degree", "-1")
    refused(regression(alpha=[1.0])[0], "alpha has 1 numbers, expected 2")
    refused(regression(alpha=[1.0, math.nan])[0], "alpha", "NaN")
    spec, message = regression()
    message.denseSupportVectors.vectors[1].values.append(1.0)
    refused(spec, "lengths [3, 4]")
    spec, message = regression()
    message.denseSupportVectors.vectors[1].values[0] = math.inf
    refused(spec, "support vector 1")
    spec, message = regression()
    message.denseSupportVectors.Clear()
    message.denseSupportVectors.SetInParent()
    refused(spec, "empty")
    spec, message = regression()
    message.ClearField("denseSupportVectors")
    refused(spec, "neither")
    for index, value in ((0, "index 0"), (4, "index 4"), (-5, "index -5"), (2**31 - 1, "index 2147483647")):
        spec, message = regression(sparse=True)
        message.sparseSupportVectors.vectors[1].nodes[0].index = index
        refused(spec, "sparse support vector 1", value)
    spec, message = regression(sparse=True)
    message.sparseSupportVectors.vectors[1].nodes[0].index = 2
    refused(spec, "sparse support vector 1", "twice")


def test_damaged_support_vector_classifiers_are_refused() -> None:
    def made(counts: Any = (1, 1), alpha: Any = ((1.0, -1.0),), rho: Any = (0,), **more: Any) -> Any:
        spec = svm(
            "supportVectorClassifier", "linearKernel", np.ones((2, 3)), sparse=False, labels=more.pop("labels", ())
        )
        return classes(spec, counts, alpha, rho, **more)

    assert opened(made())
    refused(made(counts=(1, 2)), "numberOfSupportVectorsPerClass")
    refused(made(counts=(3, -1)), "numberOfSupportVectorsPerClass")
    refused(made(labels=("a", "b", "c")), "3 class labels")
    refused(made(counts=(2,)), "numberOfSupportVectorsPerClass")
    refused(made(alpha=((1.0,),)), "coefficients[0] has 1 numbers")
    refused(made(alpha=((1.0, 1.0), (1.0, 1.0))), "2 rows of coefficients")
    refused(made(rho=(0, 0)), "rho has 2")
    refused(made(a=(1.0,)), "probB has 0")
