"""Tree ensembles against a walk over the nodes of the file, node by node, in Python."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime.config import MLModelConfiguration
from pyruntime.errors import FeatureTypeError
from pyruntime.model import MLModel

from .models import model, opened, predict, refused

COMPARE = (operator.le, operator.lt, operator.ge, operator.gt, operator.eq, operator.ne)
LEAF = 6


def branch(
    tree: int, node: int, kind: int, feature: int, value: float, yes: int, no: int, missing: bool = False
) -> Any:
    return {
        "treeId": tree, "nodeId": node, "nodeBehavior": kind, "branchFeatureIndex": feature,
        "branchFeatureValue": value,
        "trueChildNodeId": yes, "falseChildNodeId": no, "missingValueTracksTrueChild": missing,
    }  # fmt: skip


def leaf(tree: int, node: int, *values: float, index: int = 0) -> Any:
    infos = [{"evaluationIndex": index + i, "evaluationValue": value} for i, value in enumerate(values)]
    return {"treeId": tree, "nodeId": node, "nodeBehavior": LEAF, "evaluationInfo": infos}


def regressor(nodes: list[Any], width: int = 2, *, dimensions: int = 1, base: Any = (), transform: int = 0) -> Any:
    output = "double" if dimensions == 1 else dimensions
    spec = model("treeEnsembleRegressor", {"x": width}, {"y": output}, predicted="y")
    return _filled(spec, spec.treeEnsembleRegressor, nodes, dimensions, base, transform)


def classifier(
    nodes: list[Any], labels: Any, width: int = 2, *, dimensions: int = 1, base: Any = (), transform: int = 0
) -> Any:
    kind = "string" if labels and isinstance(labels[0], str) else "int64"
    outputs = {"label": kind, "shares": f"dict[{kind}]"}
    spec = model("treeEnsembleClassifier", {"x": width}, outputs, predicted="label", probabilities="shares")
    message = spec.treeEnsembleClassifier
    if labels:
        (message.stringClassLabels if kind == "string" else message.int64ClassLabels).vector.extend(labels)
    return _filled(spec, message, nodes, dimensions, base, transform)


def _filled(spec: Any, message: Any, nodes: list[Any], dimensions: int, base: Any, transform: int) -> Any:
    message.treeEnsemble.numPredictionDimensions = dimensions
    message.treeEnsemble.basePredictionValue.extend(base)
    message.postEvaluationTransform = transform
    for node in nodes:
        message.treeEnsemble.nodes.add(**node)
    return spec


def walked(nodes: list[Any], x: Any, dimensions: int = 1, base: Any = ()) -> np.ndarray:
    """The sum over the trees, by the words of the format."""
    result = np.array(base or [0.0] * dimensions, np.float64)
    by_id = {(n["treeId"], n["nodeId"]): n for n in nodes}
    children = {(n["treeId"], n[c]) for n in nodes for c in ("trueChildNodeId", "falseChildNodeId") if c in n}
    for key in by_id:
        if key in children:
            continue
        node = by_id[key]
        while node["nodeBehavior"] != LEAF:
            value = x[node["branchFeatureIndex"]]
            if math.isnan(value):
                yes = node["missingValueTracksTrueChild"]
            else:
                yes = COMPARE[node["nodeBehavior"]](value, node["branchFeatureValue"])
            node = by_id[key[0], node["trueChildNodeId" if yes else "falseChildNodeId"]]
        for info in node["evaluationInfo"]:
            result[info["evaluationIndex"]] += info["evaluationValue"]
    return result


def grown(rng: np.random.Generator, trees: int, depth: int, width: int, dimensions: int, kinds: Any) -> list[Any]:
    """Random trees with ids in no order, thresholds from a few values that inputs have too."""
    nodes: list[Any] = []
    for tree in rng.permutation(trees * 3)[:trees].tolist():
        ids = iter((rng.permutation(1 << (depth + 2)) * 7).tolist())

        def grow(node: int, level: int, tree: int = tree, ids: Any = ids) -> None:
            if level == depth or (level and rng.random() < 0.2):
                count = int(rng.integers(0, 3)) if dimensions > 1 else 1
                infos = [
                    {"evaluationIndex": int(rng.integers(dimensions)), "evaluationValue": float(rng.normal())}
                    for _ in range(count)
                ]
                nodes.append({"treeId": tree, "nodeId": node, "nodeBehavior": LEAF, "evaluationInfo": infos})
                return
            yes, no = next(ids), next(ids)
            value = float(rng.choice([-1.5, 0.0, 0.1, 1.0, 2.0, math.inf, -math.inf]))
            kind, missing = int(rng.choice(kinds)), bool(rng.integers(2))
            nodes.append(branch(tree, node, kind, int(rng.integers(width)), value, yes, no, missing))
            grow(yes, level + 1)
            grow(no, level + 1)

        grow(next(ids), 0)
    return [nodes[i] for i in rng.permutation(len(nodes))]


X = np.array([-math.inf, -1.5, -0.0, 0.1, np.nextafter(0.1, 1), 1.0, 1.0000000001, 2.0, math.inf, math.nan])


@pytest.mark.parametrize("kind", range(6))
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("value", [0.1, 1.0, 0.0, math.inf, -math.inf])
def test_every_comparison_at_and_beside_its_threshold(kind: int, missing: bool, value: float) -> None:
    nodes = [branch(0, 0, kind, 1, value, 1, 2, missing), leaf(0, 1, 1.0), leaf(0, 2, -1.0)]
    nodes += [branch(1, 0, 4, 0, 0.3, 1, 2), leaf(1, 1, 0.0), leaf(1, 2, 0.0)]  # equality: inputs stay doubles
    loaded = opened(regressor(nodes))
    for x in X:
        row = np.array([5.0, x])
        assert loaded.predict({"x": row})["y"] == walked(nodes, row)[0], x


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32), trees=st.integers(1, 20), depth=st.integers(0, 6), width=st.integers(1, 5),
    dimensions=st.integers(1, 3),
)  # fmt: skip
def test_random_forests_are_walked_as_the_format_says(
    seed: int, trees: int, depth: int, width: int, dimensions: int
) -> None:
    rng = np.random.default_rng(seed)
    nodes = grown(rng, trees, depth, width, dimensions, [0, 1, 2, 3, 4, 5])
    nodes.append(branch(10**9, 1, 4, 0, 0.3, 2, 3))  # see above
    nodes += [leaf(10**9, 2, 0.25), leaf(10**9, 3, 0.5)]
    base = rng.normal(size=dimensions).tolist()
    loaded = opened(regressor(nodes, width, dimensions=dimensions, base=base))
    rows = rng.choice(X, (70, width))
    answers = loaded.predict([{"x": row} for row in rows])
    for row, answer in zip(rows, answers, strict=True):
        np.testing.assert_allclose(answer["y"], walked(nodes, row, dimensions, base)[: dimensions or 1], atol=1e-12)
        assert np.array_equal(loaded.predict({"x": row})["y"], answer["y"])


def test_the_number_of_threads_changes_no_bit() -> None:
    rng = np.random.default_rng(1)
    nodes = grown(rng, 300, 7, 8, 2, [0, 1, 2, 3])
    spec = regressor(nodes, 8, dimensions=2)
    rows = [{"x": row} for row in rng.normal(size=(500, 8))]
    one, *others = (
        MLModel(spec, configuration=MLModelConfiguration(threads=threads)).predict(rows) for threads in (1, 2, 3)
    )
    for other in others:
        assert all(np.array_equal(a["y"], b["y"]) for a, b in zip(one, other, strict=True))


def test_a_deep_chain_is_walked() -> None:
    depth = 5000
    nodes = [branch(0, i, 0, 0, float(i), depth + 1 + i, i + 1) for i in range(depth)]
    nodes += [leaf(0, depth + 1 + i, float(i)) for i in range(depth)] + [leaf(0, depth, -1.0)]
    loaded = opened(regressor(nodes, 1))
    for x, wanted in ((-3.0, 0.0), (4321.5, 4322.0), (1e9, -1.0)):
        assert loaded.predict({"x": [x]})["y"] == wanted


def test_thresholds_that_are_floats_compare_floats() -> None:
    """0.1 as double is below the float 0.1; libraries that compare floats see them as equal."""
    threshold = float(np.float32(0.1))
    nodes = [branch(0, 0, 1, 0, threshold, 1, 2), leaf(0, 1, 1.0), leaf(0, 2, 2.0)]
    assert predict(regressor(nodes), x=[0.1, 0])["y"] == 2.0
    double = [branch(0, 0, 1, 0, 0.1 + 1e-9, 1, 2), leaf(0, 1, 1.0), leaf(0, 2, 2.0)]
    assert predict(regressor(double), x=[0.1, 0])["y"] == 1.0
    assert predict(regressor(double), x=[float(np.nextafter(0.1 + 1e-9, 1)), 0])["y"] == 2.0


def two(values: Any, transform: int, labels: Any = ("a", "b"), base: Any = ()) -> Any:
    nodes = [branch(0, 0, 0, 0, 0.0, 1, 2), leaf(0, 1, *values), leaf(0, 2, *[-v for v in values])]
    return classifier(nodes, labels, dimensions=len(values), transform=transform, base=base)


def softmax(x: Any) -> np.ndarray:
    e = np.exp(np.asarray(x) - np.max(x))
    return e / e.sum()


SIGMOID = 1 / (1 + math.exp(-0.3))


@pytest.mark.parametrize(
    ("values", "transform", "labels", "wanted"),
    [
        ([0.3], 0, ("a", "b"), [0.7, 0.3]),
        ([0.5], 0, ("a", "b"), [0.5, 0.5]),
        ([0.3], 2, ("a", "b"), [1 - SIGMOID, SIGMOID]),
        ([0.3], 1, ("a", "b"), [1 - SIGMOID, SIGMOID]),
        ([0.3], 3, ("a", "b"), [1 - SIGMOID, SIGMOID]),
        ([1.0, 3.0], 0, ("a", "b"), [0.25, 0.75]),
        ([1.0, -3.0], 0, ("a", "b"), [1.0, -3.0]),
        ([1.0, 3.0, 2.0], 1, (7, 8, 9), softmax([1, 3, 2])),
        ([1.0, 3.0, 2.0], 3, (7, 8, 9), softmax([0, 3, 2])),
        ([3.0, 2.0], 3, (7, 8, 9), softmax([0, 3, 2])),
        ([1.0, 3.0, 2.0], 2, (7, 8, 9), 1 / (1 + np.exp(-np.array([1.0, 3, 2])))),
        ([1.0, 1.0, 0.0], 0, (7, 8, 9), [0.5, 0.5, 0.0]),
        ([1000.0, -1000.0, 0.0], 1, (), [1.0, 0.0, 0.0]),
    ],
)
def test_transforms_of_classifiers(values: Any, transform: int, labels: Any, wanted: Any) -> None:
    got = predict(two(values, transform, labels), x=[-1, 0])
    labels = labels or tuple(range(max(2, len(values))))
    assert list(got["shares"]) == list(labels)
    np.testing.assert_allclose(list(got["shares"].values()), wanted, rtol=1e-12)
    best = int(np.argmax(wanted)) if len(values) > 1 else int(wanted[1] >= 0.5)
    assert got["label"] == labels[best]
    assert all(type(share) is float for share in got["shares"].values())


@pytest.mark.parametrize(
    ("transform", "wanted"),
    [
        (0, [1.0, 3.0]), (1, softmax([1, 3])), (2, 1 / (1 + np.exp([-1.0, -3.0]))), (3, softmax([0, 3])),
    ],
)  # fmt: skip
def test_transforms_of_regressors(transform: int, wanted: Any) -> None:
    got = predict(regressor([leaf(0, 0, 0.5, 1.0)], dimensions=2, base=(0.5, 2.0), transform=transform), x=[0, 0])["y"]
    np.testing.assert_allclose(got, wanted)
    assert got.dtype == np.float64


def test_features_one_by_one_and_missing_ones() -> None:
    nodes = [branch(0, 0, 0, 1, 0.0, 1, 2, True), leaf(0, 1, 1.0), leaf(0, 2, 2.0)]
    spec = model("treeEnsembleRegressor", {"a": "double", "b": "double?", "c": "int64"}, {"y": "double"}, predicted="y")
    _filled(spec, spec.treeEnsembleRegressor, nodes, 1, (), 0)
    loaded = opened(spec)
    assert loaded.predict({"a": 1.0, "b": 3.0, "c": 1})["y"] == 2.0
    assert loaded.predict({"a": 1.0, "c": 1})["y"] == 1.0
    with pytest.raises(FeatureTypeError, match=r"'c'.*missing"):
        loaded.predict({"a": 1.0, "b": 3.0})
    with pytest.raises(FeatureTypeError, match=r"item 1 of the list.*'a'.*number"):
        loaded.predict([{"a": 1.0, "c": 2}, {"a": "x", "c": 1}])
    assert loaded.predict([]) == []


GOOD = [branch(3, 0, 0, 0, 0.0, 1, 2), leaf(3, 1, 1.0), leaf(3, 2, 2.0)]


def changed(place: int, **fields: Any) -> list[Any]:
    nodes = [dict(node) for node in GOOD]
    nodes[place].update(fields)
    return nodes


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([], ["no nodes"]),
        (changed(0, trueChildNodeId=9), ["tree 3, node 0", "trueChildNodeId is 9"]),
        (changed(0, falseChildNodeId=2**64 - 1), ["tree 3, node 0", "falseChildNodeId"]),
        (changed(0, trueChildNodeId=0), ["tree 3", "root"]),
        (changed(0, falseChildNodeId=1), ["tree 3, node 1", "child of 2"]),
        (changed(2, nodeId=1), ["tree 3", "two nodes", "1"]),
        (changed(0, branchFeatureIndex=2), ["at least 3 numbers", "have 2"]),
        (changed(0, branchFeatureIndex=2**63), ["tree 3, node 0", "branchFeatureIndex"]),
        (changed(0, branchFeatureValue=math.nan), ["tree 3, node 0", "NaN"]),
        (changed(0, nodeBehavior=17), ["tree 3, node 0", "nodeBehavior is 17"]),
        (changed(1, treeId=4), ["tree 3, node 0", "no such node"]),
        ([*GOOD, leaf(3, 5, 1.0)], ["tree 3", "2 nodes without parent"]),
        ([*GOOD, branch(3, 5, 0, 0, 0.0, 6, 7), branch(3, 6, 0, 0, 0.0, 5, 8), leaf(3, 7, 1.0), leaf(3, 8, 1.0)],
         ["cycle", "tree 3, node"]),
        ([*GOOD[:1], leaf(3, 1, 1.0, index=1), leaf(3, 2, 2.0)], ["tree 3, node 1", "evaluationIndex is 1"]),
        ([*GOOD[:1], leaf(3, 1, math.inf), leaf(3, 2, 2.0)], ["tree 3, node 1", "evaluationValue is inf"]),
    ],
)  # fmt: skip
def test_damaged_trees_are_refused(nodes: list[Any], words: list[str]) -> None:
    refused(regressor(nodes), *words)


def test_dimensions_and_labels_that_do_not_fit_are_refused() -> None:
    refused(regressor(GOOD, dimensions=0), "numPredictionDimensions is 0")
    refused(regressor(GOOD, dimensions=2**40), "numPredictionDimensions")
    refused(regressor(GOOD, dimensions=1, base=(1.0, 2.0)), "basePredictionValue has 2")
    refused(regressor(GOOD, dimensions=1, base=(math.nan,)), "basePredictionValue")
    refused(regressor(GOOD, transform=7), "postEvaluationTransform", "7")
    refused(classifier(GOOD, ("a", "b", "c")), "3 class labels", "numPredictionDimensions 1")
    refused(classifier(GOOD, ("a",)), "1 class labels")
    refused(classifier(GOOD, ("a", "a"), dimensions=2), "'a'", "twice")
    wrong = classifier(GOOD, ("a", "b"))
    wrong.description.output[0].type.int64Type.SetInParent()
    refused(wrong, "'label'", "String labels")
    text = regressor(GOOD)
    text.description.input[0].type.stringType.SetInParent()
    refused(text, "'x'", "String")
    vector = regressor(GOOD)
    vector.description.output[0].type.multiArrayType.shape.append(3)
    refused(vector, "'y'", "1 numbers")


@pytest.mark.parametrize(
    ("field", "place", "value"),
    [
        ("left", 0, 0), ("left", 0, -1), ("right", 0, 3), ("right", 1, 2), ("feature", 0, 2), ("feature", 2, -1),
        ("roots", 0, 3), ("roots", 0, -1), ("values_begin", 1, 5), ("indices", 1, 1), ("indices", 0, -1),
    ],
)  # fmt: skip
def test_c_checks_the_forest_that_it_is_given(field: str, place: int, value: int) -> None:
    """Nothing that a plan of trees says can lead a walk out of its arrays or into a circle."""
    from pyruntime.errors import MLModelError
    from pyruntime.native.trees import NODE, Forest, TreeSum

    nodes = np.zeros(3, NODE)
    nodes["left"], nodes["right"] = [1, 1, 2], [2, 1, 2]
    begin = np.array([0, 0, 1, 2], np.int64)
    forest = Forest(nodes, np.zeros(1, np.int32), begin, np.zeros(2, np.int32), np.array([1.0, 2.0]))
    context = MLModelConfiguration(threads=1).context()
    rows, results = np.array([[-1.0, 0.0], [1.0, 0.0], [math.nan, 0.0]]), np.zeros((3, 1))
    TreeSum(context, forest, 2, 1).add(rows, results)
    assert results[:, 0].tolist() == [1, 2, 2]
    target: Any = nodes[field] if field in NODE.names else getattr(forest, field)
    target[place] = value
    with pytest.raises(MLModelError, match="tree"):
        TreeSum(context, forest, 2, 1)


def test_more_inputs_than_memory_holds_are_refused() -> None:
    refused(regressor(GOOD, width=2**38), f"{2**38} numbers", "memory_limit")


def test_many_rows_of_a_wide_model_take_no_memory_before_there_are_values() -> None:
    wide = opened(regressor(GOOD, width=2**28))  # 2 GiB a row
    with pytest.raises(FeatureTypeError):
        wide.predict([{"x": [1.0, 2.0]}] * 4096)
