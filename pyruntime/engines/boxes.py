"""nonMaximumSuppression as a model: boxes that overlap a more confident one are removed.

Boxes are (centre x, centre y, width, height).  The score of a box is its largest confidence; a box is suppressed when
its intersection over union with a kept one is above the threshold, with pickTop.perClass only by one of its own class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.description import FeatureDescription, MultiArrayConstraint
from pyruntime.engines.base import Engine, ModelPart
from pyruntime.engines.values import Doubles, array, as_declared, number
from pyruntime.errors import SpecError
from pyruntime.features import wrong


class NonMaximumSuppression(Engine):
    """Rows that survive, most confident first; a fixed output shape is filled with rows of 0, or cut."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        message = part.spec.nonMaximumSuppression
        inputs, outputs = self.description.input_descriptions_by_name, self.description.output_descriptions_by_name
        self._confidence = self._matrix(inputs, message.confidenceInputFeatureName, "confidenceInputFeatureName", None)
        self._boxes = self._matrix(inputs, message.coordinatesInputFeatureName, "coordinatesInputFeatureName", 4)
        self._out_confidence = self._matrix(
            outputs, message.confidenceOutputFeatureName, "confidenceOutputFeatureName", None
        )
        self._out_boxes = self._matrix(outputs, message.coordinatesOutputFeatureName, "coordinatesOutputFeatureName", 4)
        self._iou = self._threshold("iouThreshold", message.iouThreshold)
        self._least = self._threshold("confidenceThreshold", message.confidenceThreshold)
        self._inputs = (
            inputs.get(message.iouThresholdInputFeatureName), inputs.get(message.confidenceThresholdInputFeatureName),
        )  # fmt: skip
        self._per_class = bool(message.pickTop.perClass)
        self._check_labels(message)
        self._check_room(part.memory_limit)

    def _matrix(
        self, features: Mapping[str, FeatureDescription], name: str, field: str, columns: int | None
    ) -> FeatureDescription:
        feature = features.get(name)
        if feature is None or not isinstance(feature.constraint, MultiArrayConstraint):
            there = "is not there" if feature is None else f"is {feature.type_name}"
            raise SpecError(f"nonMaximumSuppression: {field} {name!r} {there}, expected an array")
        shape = feature.constraint.shape
        if shape and (len(shape) != 2 or (columns and not feature.constraint.ranges and shape[1] != columns)):
            raise SpecError(
                f"nonMaximumSuppression: {name!r} is {feature.type_name}, expected rows of {columns or 'confidences'}"
            )
        return feature

    def _threshold(self, field: str, value: float) -> float:
        if not 0 <= value <= 1:
            raise SpecError(f"nonMaximumSuppression: {field} is {value}, expected 0 to 1")
        return float(value)

    def _check_labels(self, message: Any) -> None:
        which = message.WhichOneof("ClassLabels")
        labels = len(getattr(message, which).vector) if which else 0
        constraint = self._confidence.constraint
        assert isinstance(constraint, MultiArrayConstraint)
        if labels and constraint.shape and not constraint.ranges and constraint.shape[1] != labels:
            raise SpecError(
                f"nonMaximumSuppression: {labels} class labels, {self._confidence.name!r} is {constraint}: "
                "expected one column per label"
            )

    def _check_room(self, limit: int) -> None:
        """Rows of 0 fill a result that has a least size, so the file says how much memory it takes."""
        for feature in (self._out_confidence, self._out_boxes):
            constraint = feature.constraint
            assert isinstance(constraint, MultiArrayConstraint)
            least = _row_range(constraint)[0]
            if least > limit // 64:  # rows of a few doubles, some copies of them
                raise SpecError(
                    f"nonMaximumSuppression: {feature.name!r} has at least {least} rows, more than {limit} bytes of "
                    "memory_limit hold: export the model with fewer, or raise memory_limit"
                )

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        confidence = array(self._confidence, self.feature(features, self._confidence))
        boxes = array(self._boxes, self.feature(features, self._boxes))
        if confidence.ndim != 2 or boxes.shape != (len(confidence), 4):
            raise wrong(self._boxes, f"{len(confidence)} x 4 numbers, a box per row of confidences", f"{boxes.shape}")
        iou, least = (
            self._given(feature, features, default)
            for feature, default in zip(self._inputs, (self._iou, self._least), strict=True)
        )
        kept = suppress(confidence, boxes, iou, least, per_class=self._per_class)
        return {
            self._out_confidence.name: _rows(self._out_confidence, confidence[kept]),
            self._out_boxes.name: _rows(self._out_boxes, boxes[kept]),
        }

    def _given(self, feature: FeatureDescription | None, features: Mapping[str, Any], default: float) -> float:
        value = None if feature is None else features.get(feature.name)
        if value is None or feature is None:
            return default
        given = number(feature, value)
        if not 0 <= given <= 1:
            raise wrong(feature, "a number from 0 to 1", given)
        return given


def suppress(confidence: Doubles, boxes: Doubles, iou: float, least: float, *, per_class: bool) -> NDArray[np.int64]:
    """Rows that stay, most confident first, earlier rows first among equals."""
    if not confidence.size:
        return np.zeros(0, np.int64)
    scores = np.where(np.isnan(confidence), -np.inf, confidence)
    best, owner = scores.max(axis=1), scores.argmax(axis=1)
    waiting = np.argsort(-best, kind="stable")
    waiting = waiting[best[waiting] >= least]
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    area = boxes[:, 2] * boxes[:, 3]
    kept = []
    while waiting.size:
        top, waiting = waiting[0], waiting[1:]
        kept.append(top)
        sides = np.minimum(high[top], high[waiting]) - np.maximum(low[top], low[waiting])
        common = np.maximum(sides, 0).prod(axis=1)
        union = area[top] + area[waiting] - common
        overlaps = np.divide(common, union, out=np.zeros_like(common), where=union > 0) > iou
        if per_class:
            overlaps &= owner[waiting] == owner[top]
        waiting = waiting[~overlaps]
    return np.array(kept, np.int64)


def _row_range(constraint: MultiArrayConstraint) -> tuple[int, int]:
    """How few and how many rows a result may have; most < 0: any number."""
    if constraint.ranges:
        return constraint.ranges[0]
    if constraint.shape and not constraint.shapes:
        return constraint.shape[0], constraint.shape[0]
    return 0, -1


def _rows(feature: FeatureDescription, rows: Doubles) -> Any:
    """As many rows as the output may have."""
    constraint = feature.constraint
    assert isinstance(constraint, MultiArrayConstraint)
    least, most = _row_range(constraint)
    if most >= 0:
        rows = rows[:most]
    if len(rows) < least:
        rows = np.concatenate([rows, np.zeros((least - len(rows), rows.shape[1]))])
    return as_declared(feature, rows)
