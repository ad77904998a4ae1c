"""Non-maximum suppression against the rules done by brute force: every pair of boxes, no shortcuts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime.errors import MLModelError
from pyruntime.model import MLModel

from .network import layer, model, predict, refused, refused_at_predict

OUTPUTS = ["boxes_out", "scores_out", "indices", "count"]
NAMES = " ".join(OUTPUTS)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    low = np.maximum(a[:2] - a[2:] / 2, b[:2] - b[2:] / 2)
    high = np.minimum(a[:2] + a[2:] / 2, b[:2] + b[2:] / 2)
    common = float(np.prod(np.maximum(high - low, 0)))
    return common / (float(np.prod(a[2:])) + float(np.prod(b[2:])) - common) if common else 0.0


def brute(boxes: np.ndarray, scores: np.ndarray, iou: float, least: float, most: int, per_class: bool) -> Any:
    """The four results, one example after the other."""
    batch, _, classes = scores.shape
    out = [np.zeros((batch, most, 4)), np.zeros((batch, most, classes)), -np.ones((batch, most)), np.zeros(batch)]
    for b in range(batch):
        best, kind = scores[b].max(-1), scores[b].argmax(-1)
        left = [i for i in np.argsort(-best, kind="stable") if best[i] >= np.float32(least)]
        stay: list[Any] = [] if left or not len(best) else [int(best.argmax())]
        for i in left:
            rivals = [j for j in stay if not per_class or kind[i] == kind[j]]
            if all(overlap(boxes[b, i], boxes[b, j]) <= iou for j in rivals):
                stay.append(i)
        stay = stay[:most]
        out[0][b, : len(stay)] = boxes[b, stay]
        out[1][b, : len(stay)] = scores[b, stay]
        out[2][b, : len(stay)] = stay
        out[3][b] = len(stay)
    return dict(zip(OUTPUTS, out, strict=True))


def example(batch: int, n: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    boxes = np.concatenate([r.random((batch, n, 2)), 0.05 + 0.5 * r.random((batch, n, 2))], -1)
    return boxes.astype(np.float32), r.random((batch, n, classes)).astype(np.float32)


def nms(inputs: str = "boxes scores", **fields: Any) -> Any:
    return layer("NonMaximumSuppression", inputs, NAMES, **fields)


def same(got: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in OUTPUTS:
        np.testing.assert_array_equal(got[name], wanted[name].astype(np.float32), err_msg=name)


@pytest.mark.parametrize("per_class", [False, True])
@pytest.mark.parametrize("iou", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("least", [-1.0, 0.6, 2.0])
@pytest.mark.parametrize(("batch", "n", "classes", "most"), [(1, 60, 1, 20), (3, 60, 7, 80), (2, 1, 3, 4)])
@pytest.mark.parametrize("given", [False, True], ids=["parameters", "inputs"])
def test_the_boxes_that_stay(
    given: bool, batch: int, n: int, classes: int, most: int, least: float, iou: float, per_class: bool
) -> None:
    boxes, scores = example(batch, n, classes)
    features: dict[str, Any] = {"boxes": boxes, "scores": scores}
    shapes: dict[str, Any] = {"boxes": boxes.shape, "scores": scores.shape}
    fields: dict[str, Any] = {"iouThreshold": iou, "scoreThreshold": least, "maxBoxes": most}
    names = "boxes scores"
    if given:
        features |= {"iou": [iou], "least": [least], "most": [most]}
        shapes |= dict.fromkeys(("iou", "least", "most"), (1,))
        names, fields = names + " iou least most", {"iouThreshold": 0.5, "scoreThreshold": 0.1, "maxBoxes": 1}
    spec = model(shapes, [nms(names, perClassSuppression=per_class, **fields)], OUTPUTS, exact=True)
    same(predict(spec, features), brute(boxes, scores, iou, least, most, per_class))


def test_a_limit_that_changes_from_prediction_to_prediction() -> None:
    boxes, scores = example(1, 30, 2)
    shapes = {"boxes": boxes.shape, "scores": scores.shape, "iou": (1,), "least": (1,), "most": (1,)}
    loaded = MLModel(model(shapes, [nms("boxes scores iou least most")], OUTPUTS, exact=True))
    for most, iou in [(3, 0.5), (10, 0.1), (40, 0.7), (1, 0.0), (3, 0.5)]:
        features = {"boxes": boxes, "scores": scores, "iou": [iou], "least": [0.2], "most": [most]}
        same(loaded.predict(features), brute(boxes, scores, iou, 0.2, most, False))


@pytest.mark.parametrize("count", [1, 2])
def test_the_first_inputs_replace_the_first_parameters(count: int) -> None:
    boxes, scores = example(1, 30, 2)
    features = {"boxes": boxes, "scores": scores, "iou": np.array([0.1]), "least": np.array([0.7])}
    names = ["boxes", "scores", "iou", "least"][: 2 + count]
    spec = model(
        {n: features[n].shape for n in names},
        [nms(" ".join(names), iouThreshold=0.9, scoreThreshold=0.2, maxBoxes=9)], OUTPUTS, exact=True,
    )  # fmt: skip
    wanted = brute(boxes, scores, 0.1, 0.7 if count == 2 else 0.2, 9, False)
    same(predict(spec, {n: features[n] for n in names}), wanted)


def test_what_scores_the_threshold_stays_and_what_overlaps_as_much_stays() -> None:
    boxes = np.array([[[1, 1, 2, 2], [2, 1, 2, 2], [9, 9, 1, 1]]], np.float32)  # the first two share a third
    scores = np.array([[[0.5], [0.5], [0.25]]], np.float32)
    third = (
        float(np.float32(1) / np.float32(3)) if np.float32(2) / np.float32(6) == np.float32(1) / np.float32(3) else 0
    )
    spec = model(
        {"boxes": (1, 3, 4), "scores": (1, 3, 1)},
        [nms(iouThreshold=third, scoreThreshold=0.25, maxBoxes=3)], OUTPUTS, exact=True,
    )  # fmt: skip
    got = predict(spec, {"boxes": boxes, "scores": scores})
    assert got["indices"].tolist() == [[0, 1, 2]], "of equal scores the first comes first"
    assert got["count"].tolist() == [3]


def test_nothing_survives() -> None:
    boxes, scores = example(2, 5, 3)
    spec = model(
        {"boxes": boxes.shape, "scores": scores.shape}, [nms(scoreThreshold=5, maxBoxes=3)], OUTPUTS, exact=True
    )
    got = predict(spec, {"boxes": boxes, "scores": scores})
    assert got["count"].tolist() == [1, 1]
    assert got["indices"].tolist() == [[scores[b].max(-1).argmax(), -1, -1] for b in range(2)]
    assert (got["boxes_out"][:, 1:] == 0).all()


def test_no_boxes_and_no_room() -> None:
    boxes, scores = example(2, 0, 3)
    shapes = {"boxes": boxes.shape, "scores": scores.shape}
    described = model({"boxes": (2, 1, 4), "scores": (2, 1, 3)}, [nms(maxBoxes=2)], OUTPUTS, exact=True)
    for feature in described.description.input:
        t = feature.type.multiArrayType
        for size in shapes[feature.name]:
            t.shapeRange.sizeRanges.add(lowerBound=size if size != 0 else 0, upperBound=size or 5)
    got = predict(described, {"boxes": boxes, "scores": scores})
    assert got["count"].tolist() == [0, 0]
    assert (got["indices"] == -1).all()
    boxes, scores = example(2, 5, 3)
    spec = model({"boxes": boxes.shape, "scores": scores.shape}, [nms(maxBoxes=0)], OUTPUTS, exact=True)
    got = predict(spec, {"boxes": boxes, "scores": scores})
    assert got["boxes_out"].shape == (2, 0, 4)
    assert got["count"].tolist() == [0, 0]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 40), st.integers(1, 4), st.integers(0, 50), st.floats(0, 1), st.floats(0, 1),
    st.booleans(), st.integers(0, 1000),
)  # fmt: skip
def test_random_examples(
    batch: int, n: int, classes: int, most: int, iou: float, least: float, per_class: bool, seed: int
) -> None:
    boxes, scores = example(batch, n, classes, seed)
    made = nms(iouThreshold=iou, scoreThreshold=least, maxBoxes=most, perClassSuppression=per_class)
    spec = model({"boxes": boxes.shape, "scores": scores.shape}, [made], OUTPUTS, exact=True)
    got = predict(spec, {"boxes": boxes, "scores": scores})
    same(got, brute(boxes, scores, float(np.float32(iou)), least, most, per_class))


BOXES, SCORES = (1, 5, 4), (1, 5, 2)
BAD: dict[str, tuple[dict[str, Any], Any, tuple[str, ...]]] = {
    "boxes of 5 numbers": ({"boxes": (1, 5, 5), "scores": SCORES}, nms(maxBoxes=1), ("boxes", "4", "5")),
    "other scores": ({"boxes": BOXES, "scores": (1, 6, 2)}, nms(maxBoxes=1), ("scores", "5", "6")),
    "rank 2": ({"boxes": (5, 4), "scores": SCORES}, nms(maxBoxes=1), ("boxes", "rank 2")),
    "one input": ({"boxes": BOXES}, nms("boxes"), ("2 to 5", "1")),
    "more boxes than floats count": ({"boxes": BOXES, "scores": SCORES}, nms(maxBoxes=2**40), ("maxBoxes",)),
    "two thresholds": (
        {"boxes": BOXES, "scores": SCORES, "t": (2,)},
        nms("boxes scores t"),
        ("iouThreshold", "one number"),
    ),
}


@pytest.mark.parametrize(("shapes", "bad", "words"), BAD.values(), ids=BAD)
def test_bad_layers_are_refused(shapes: Any, bad: Any, words: tuple[str, ...]) -> None:
    refused(model(shapes, [bad], OUTPUTS, exact=True), "the NonMaximumSuppression", *words)


@pytest.mark.parametrize("most", [-1, 2.5, 1e9, np.inf])
def test_a_bad_limit_at_run_time_is_refused(most: float) -> None:
    shapes = {"boxes": BOXES, "scores": SCORES, "iou": (1,), "least": (1,), "most": (1,)}
    features = {"boxes": np.ones(BOXES), "scores": np.ones(SCORES), "iou": [0.5], "least": [0.5], "most": [most]}
    spec = model(shapes, [nms("boxes scores iou least most")], OUTPUTS, exact=True)
    refused_at_predict(spec, features, "maxBoxes", "the NonMaximumSuppression", error=MLModelError)
