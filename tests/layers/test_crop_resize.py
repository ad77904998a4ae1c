"""Boxes of images against interpolation with NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import MLModelError

from .network import check, layer, model, numbers, refused, refused_at_predict
from .test_resize import resample

STRICT, ALIGN, UPSAMPLE, ROI = range(4)
BOXES = np.array(
    [[1, 1, 3, 4], [0, 0, 4, 5], [0.5, 1.25, 2.75, 3.5], [3, 4, 1, 2], [2, 2, 2.25, 2], [-2, 3, 9, 7]], np.float32
)
"""y0, x0, y1, x1 in an image of 5 by 6; the last one reaches beyond it, the fourth is upside down."""


def points(method: int, first: float, last: float, count: int) -> np.ndarray:
    """The grids of SamplingMode over [first, last]."""
    length, i = abs(last - first), np.arange(count)
    if method in (STRICT, ALIGN):
        steps = i * length / (count - 1) if count > 1 else np.array([length / 2 if method == ALIGN else 0.0])
    elif method == UPSAMPLE:
        steps = np.minimum(i * (length + 1) / count, length)
    else:
        steps = np.minimum((i + 0.5) * max(1, length) / count, length)
    return first + np.copysign(steps, last - first)


def reorder(boxes: np.ndarray, mode: int) -> np.ndarray:
    """(y0, x0, y1, x1) as the box mode has them."""
    y0, x0, y1, x1 = boxes.T
    if mode >= 2:
        y0, x0, y1, x1 = (y0 + y1) / 2, (x0 + x1) / 2, y1 - y0, x1 - x0
    return np.stack([x0, y0, x1, y1] if mode % 2 else [y0, x0, y1, x1], 1)


def cut(image: np.ndarray, box: np.ndarray, method: int, size: tuple[int, int]) -> np.ndarray:
    y0, x0, y1, x1 = box.astype(np.float64)
    return resample(image, points(method, y0, y1, size[0]), points(method, x0, x1, size[1]))


@pytest.mark.parametrize("size", [(3, 4), (1, 1), (7, 2)], ids=str)
@pytest.mark.parametrize("mode", range(4))
@pytest.mark.parametrize("method", range(4), ids=["strict", "align", "upsample", "roi"])
def test_a_grid_over_each_box(method: int, mode: int, size: tuple[int, int]) -> None:
    x, boxes = numbers(1, 2, 3, 5, 6), reorder(BOXES, mode).reshape(-1, 1, 4, 1, 1)
    crop = layer("cropResize", inputs="x b", targetSize=size, mode={"samplingMethod": method},
                 boxIndicesMode={"boxMode": mode}, spatialScale=1.0)  # fmt: skip
    expected = np.stack([cut(x[0], box, method, size) for box in BOXES])
    spec = model({"x": x.shape, "b": boxes.shape}, [crop], exact=True)
    check(spec, {"x": x, "b": boxes}, expected, oracle=False)


@pytest.mark.parametrize("channels", [1, 20])
def test_normalized_boxes_of_chosen_images(channels: int) -> None:
    x = numbers(1, 3, channels, 5, 6)
    boxes = np.array([[2, 0.0, 0.0, 1.0, 1.0], [0, 0.25, 0.2, 0.75, 0.8], [1, 1.0, 1.0, 0.0, 0.0]], np.float32)
    crop = layer(
        "cropResize", inputs="x b", targetSize=(4, 5), mode={"samplingMethod": ALIGN}, normalizedCoordinates=True
    )
    scale = np.array([4, 5, 4, 5])
    expected = np.stack([cut(x[0, int(n)], box * scale, ALIGN, (4, 5))[None] for n, *box in boxes])
    feed = {"x": x, "b": boxes.reshape(3, 1, 5, 1, 1)}
    spec = model({"x": x.shape, "b": (3, 1, 5, 1, 1)}, [crop], exact=True)
    check(spec, feed, expected, oracle=False)


def test_spatial_scale_multiplies_coordinates() -> None:
    x, boxes = numbers(1, 1, 2, 5, 6), BOXES[:3] * 4
    crop = layer("cropResize", inputs="x b", targetSize=(2, 2), mode={"samplingMethod": ROI}, spatialScale=0.25)
    expected = np.stack([cut(x[0], box, ROI, (2, 2)) for box in BOXES[:3]])
    spec = model({"x": x.shape, "b": (3, 1, 4, 1, 1)}, [crop], exact=True)
    check(spec, {"x": x, "b": boxes.reshape(3, 1, 4, 1, 1)}, expected, oracle=False)


def test_in_legacy_ranks_a_sequence_of_boxes() -> None:
    x, boxes = numbers(1, 2, 3, 5, 6), BOXES.reshape(-1, 1, 4, 1, 1)
    crop = layer("cropResize", inputs="x b", targetSize=(2, 3))
    expected = np.stack([cut(x[0], box, STRICT, (2, 3)) for box in BOXES])
    check(model({"x": (3, 5, 6), "b": (4, 1, 1)}, [crop]), {"x": x, "b": boxes}, expected, oracle=False)


@pytest.mark.parametrize("number", [-1.0, 2.0, float("inf")])
def test_a_box_in_an_image_that_is_not_there(number: float) -> None:
    crop = layer("cropResize", inputs="x b", name="crop", targetSize=(2, 2))
    spec = model({"x": (1, 2, 3, 5, 6), "b": (1, 1, 5, 1, 1)}, [crop], exact=True)
    feed = {"x": numbers(1, 2, 3, 5, 6), "b": np.array([number, 0, 0, 1, 1], np.float32).reshape(1, 1, 5, 1, 1)}
    refused_at_predict(spec, feed, "crop", "box 0", "0 to 1", error=MLModelError)


def test_absurd_coordinates_stay_in_the_image() -> None:
    crop = layer("cropResize", inputs="x b", targetSize=(3, 3))
    spec = model({"x": (1, 1, 1, 5, 6), "b": (4, 1, 4, 1, 1)}, [crop], exact=True)
    x = np.full((1, 1, 1, 5, 6), 7, np.float32)
    big = np.float32(3e38)
    boxes = np.array([[-big, -big, big, big], [big, big, -big, -big], [big, 0, big, 0], [-big, 0, -big, 1]], np.float32)
    check(spec, {"x": x, "b": boxes.reshape(4, 1, 4, 1, 1)}, np.full((4, 1, 1, 3, 3), 7), oracle=False)


BAD: dict[str, tuple[tuple[Any, Any], dict[str, Any], tuple[str, ...]]] = {
    "rank 4": (((2, 3, 5, 6), (1, 1, 4, 1, 1)), {}, ("crop", "rank 5", "[2, 3, 5, 6]")),
    "boxes of rank 2": (((1, 2, 3, 5, 6), (1, 4)), {}, ("crop", "rank 5", "[1, 4]")),
    "three numbers": (((1, 2, 3, 5, 6), (1, 1, 3, 1, 1)), {}, ("crop", "boxes", "[1, 1, 3, 1, 1]")),
    "boxes in two rows": (((1, 2, 3, 5, 6), (1, 2, 4, 1, 1)), {}, ("crop", "boxes", "[1, 2, 4, 1, 1]")),
    "a sequence of images": (((2, 2, 3, 5, 6), (1, 1, 4, 1, 1)), {}, ("crop", "(1, B, C, H, W)", "[2, 2, 3, 5, 6]")),
    "target size 0": (((1, 2, 3, 5, 6), (1, 1, 4, 1, 1)), {"targetSize": (0, 2)}, ("crop", "targetSize", "[0, 2]")),
    "large target": (((1, 2, 3, 5, 6), (1, 1, 4, 1, 1)), {"targetSize": (2**30, 2**30)}, ("crop", "1073741824")),
    "unknown grid": (
        ((1, 2, 3, 5, 6), (1, 1, 4, 1, 1)),
        {"mode": {"samplingMethod": 9}},
        ("crop", "samplingMethod", "9"),
    ),
    "unknown order": (((1, 2, 3, 5, 6), (1, 1, 4, 1, 1)), {"boxIndicesMode": {"boxMode": 4}}, ("crop", "boxMode", "4")),
}


@pytest.mark.parametrize(("shapes", "fields", "words"), BAD.values(), ids=BAD)
def test_bad_layers_are_refused(shapes: Any, fields: dict[str, Any], words: tuple[str, ...]) -> None:
    crop = layer("cropResize", inputs="x b", name="crop", **fields)
    refused(model({"x": shapes[0], "b": shapes[1]}, [crop], exact=True), *words)
