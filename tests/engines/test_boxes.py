"""Suppression of boxes as a model, against the words of its message in plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import FeatureTypeError

from .models import model, opened, predict, refused

BOX = np.array([[5, 5, 4, 4], [5.5, 5, 4, 4], [20, 5, 4, 4], [5, 5, 4, 4], [0, 0, 0, 0]], np.float64)
SCORES = np.array([[0.9, 0.1], [0.2, 0.8], [0.0, 0.7], [0.95, 0.0], [0.3, 0.3]])


def boxes(
    count: int = 5, classes: int = 2, *, out: Any = None, iou: float = 0.5, least: float = 0.1, per_class: bool = False
) -> Any:
    rows = (count,) if out is None else (out,)
    spec = model(
        "nonMaximumSuppression",
        {"c": (count, classes), "b": (count, 4), "iou": "double?", "least": "double?"},
        {"oc": (*rows, classes), "ob": (*rows, 4)},
    )
    m = spec.nonMaximumSuppression
    m.confidenceInputFeatureName, m.coordinatesInputFeatureName = "c", "b"
    m.confidenceOutputFeatureName, m.coordinatesOutputFeatureName = "oc", "ob"
    m.iouThresholdInputFeatureName, m.confidenceThresholdInputFeatureName = "iou", "least"
    m.iouThreshold, m.confidenceThreshold, m.pickTop.perClass = iou, least, per_class
    return spec


def ranged(spec: Any, low: int, high: int) -> Any:
    for output in spec.description.output:
        array = output.type.multiArrayType
        columns = array.shape[1]
        array.shape[0] = max(low, 1)
        for a, b in ((low, high), (columns, columns)):
            array.shapeRange.sizeRanges.add(lowerBound=a, upperBound=b)
    return spec


def overlap(a: Any, b: Any) -> float:
    width = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
    height = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
    common = max(width, 0) * max(height, 0)
    union = a[2] * a[3] + b[2] * b[3] - common
    return common / union if union > 0 else 0.0


def kept(scores: Any, box: Any, iou: float, least: float, per_class: bool) -> list[int]:
    found: list[int] = []
    for i in sorted(range(len(box)), key=lambda i: -max(scores[i])):
        rivals = [k for k in found if not per_class or scores[k].argmax() == scores[i].argmax()]
        if max(scores[i]) >= least and all(overlap(box[i], box[k]) <= iou for k in rivals):
            found.append(i)
    return found


@pytest.mark.parametrize("per_class", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_random_boxes(seed: int, per_class: bool) -> None:
    rng = np.random.default_rng(seed)
    scores, box = rng.random((40, 3)), rng.random((40, 4)) * [10, 10, 6, 6]
    spec = ranged(boxes(40, 3, per_class=per_class, iou=0.3, least=0.6), 0, -1)
    got = predict(spec, c=scores, b=box)
    rows = kept(scores, box, 0.3, 0.6, per_class)
    assert 2 < len(rows) < 40
    np.testing.assert_array_equal(got["oc"], scores[rows])
    np.testing.assert_array_equal(got["ob"], box[rows])


def test_thresholds_as_inputs() -> None:
    loaded = opened(ranged(boxes(), 0, -1))
    for extra, rows in (
        ({}, [3, 2, 4]),
        ({"iou": 1.0}, [3, 0, 1, 2, 4]),
        ({"least": 0.65}, [3, 2]),
        ({"iou": 0.99}, [3, 0, 1, 2, 4]),
    ):
        rows = kept(SCORES, BOX, extra.get("iou", 0.5), extra.get("least", 0.1), False)
        assert loaded.predict({"c": SCORES, "b": BOX, **extra})["ob"].tolist() == BOX[rows].tolist()
    with pytest.raises(FeatureTypeError, match=r"'iou'.*0 to 1"):
        loaded.predict({"c": SCORES, "b": BOX, "iou": 2.0})


def test_the_output_shape_fills_and_cuts() -> None:
    rows = kept(SCORES, BOX, 0.5, 0.1, False)
    fixed = predict(boxes(), c=SCORES, b=BOX)["ob"]
    assert fixed.shape == (5, 4) and fixed[: len(rows)].tolist() == BOX[rows].tolist() and not fixed[len(rows) :].any()
    assert predict(boxes(out=2), c=SCORES, b=BOX)["ob"].tolist() == BOX[rows[:2]].tolist()
    assert predict(ranged(boxes(), 4, 10), c=SCORES, b=BOX)["oc"].shape == (4, 2)
    assert predict(ranged(boxes(least=1.0), 0, 10), c=SCORES, b=BOX)["oc"].shape == (0, 2)


def test_damaged_box_models() -> None:
    spec = boxes()
    spec.nonMaximumSuppression.confidenceInputFeatureName = "z"
    refused(spec, "confidenceInputFeatureName", "'z'")
    refused(boxes(iou=1.5), "iouThreshold", "1.5")
    refused(boxes(least=float("nan")), "confidenceThreshold", "nan")
    spec = boxes()
    spec.description.input[1].type.multiArrayType.shape[1] = 5
    refused(spec, "'b'")
    spec = boxes()
    spec.nonMaximumSuppression.stringClassLabels.vector.extend("abc")
    refused(spec, "3 class labels")
    with pytest.raises(FeatureTypeError, match="'b'"):
        predict(boxes(), c=SCORES, b=BOX[:3])


@pytest.mark.parametrize("rows", [2**31 - 1, 2**38])
def test_a_result_that_no_memory_holds_is_refused(rows: int):
    refused(boxes(out=rows), "'oc'", f"{rows} rows", "memory_limit")
