"""Losses: a node that gives the loss of each example and the gradient of their mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pyruntime.errors import SpecError
from pyruntime.ir.graph import Node, Value
from pyruntime.ir.ops import CrossEntropy, Reduce, ReduceKind, Softmax, SquaredError
from pyruntime.ir.types import DType, Shape
from pyruntime.layers.builder import Floats
from pyruntime.parameters import listed
from pyruntime.training.builder import TrainingBuilder
from pyruntime.training.checks import wrong_option
from pyruntime.training.options import DEFAULT, TrainingOptions
from pyruntime.training.recipe import Loss

FLOOR = 1e-38
"""Probabilities below it count as this much: the largest loss of one example is 87.5, not infinite."""


class LossNodes(NamedTuple):
    """target: the graph's input.  mean: (1).  start, gradient: where gradients begin to flow back, and with what.

    losses: (batch) of each example.  rows: (batch, n), what the loss read of each.
    """

    target: Value
    losses: Value
    rows: Value
    mean: Value
    start: Value
    gradient: Value


@dataclass(frozen=True)
class LossOptions:
    """What the options say about the loss.  labels: of the classes; none where the model has none."""

    options: TrainingOptions = DEFAULT
    labels: Sequence[Any] = ()

    def check(self, loss: Loss) -> None:
        """Refuse what only cross entropy has for another loss."""
        if loss.kind == "categoricalCrossEntropyLossLayer":
            return
        for name, given in (
            ("class_weights", self.options.class_weights is not None),
            ("label_smoothing", self.options.label_smoothing > 0),
        ):
            if given:
                raise wrong_option(name, "a network with cross entropy", f"one with the {loss.kind} {loss.name!r}")

    def weights(self, classes: int) -> Floats | None:
        """One number per class.  Raises ParametersError for classes that do not exist."""
        given = self.options.class_weights
        if given is None:
            return None
        if not isinstance(given, Mapping):
            if len(given) != classes:
                raise wrong_option("class_weights", f"{classes} numbers, one per class", f"{len(given)}")
            found = np.array(list(given), np.float32)
        else:
            found = np.ones(classes, np.float32)
            for key, weight in given.items():
                found[self._number(key, classes)] = weight
        if not found.any():
            raise wrong_option("class_weights", "a weight above 0 for some class", "zeros only")
        return found

    def _number(self, key: Any, classes: int) -> int:
        """Of a class, by its label or, where no label is a whole number, by its number."""
        plain = key.item() if isinstance(key, np.generic) else key
        labels = list(self.labels)
        if not isinstance(plain, bool | float) and plain in labels:
            return labels.index(plain)
        by_number = not any(isinstance(label, int) for label in labels)
        if by_number and isinstance(plain, int) and not isinstance(plain, bool) and 0 <= plain < classes:
            return plain
        numbers = f"a class number from 0 to {classes - 1}" if by_number else ""
        known = f"one of the labels {listed(labels)}" if labels else ""
        raise wrong_option("class_weights", " or ".join(filter(None, [known, numbers])), repr(key))


def target_shape(loss: Loss, shape: Shape, batch: int) -> Shape:
    """Shape of the target of a mini-batch: class numbers, or arrays as long as the prediction `shape` of the batch."""
    if loss.kind == "categoricalCrossEntropyLossLayer":
        return (batch,)
    return batch, math.prod(shape) // batch


def add_loss(loss: Loss, y: Value, batch: int, chosen: LossOptions, b: TrainingBuilder) -> LossNodes:
    """Nodes for the loss of prediction `y` of `batch` examples.

    Raises SpecError when the loss does not fit it, ParametersError when the options do not.
    """
    chosen.check(loss)
    b.layer, b.kind = f"loss {loss.name!r}", ""
    target = Value(f"target:{loss.target}", DType.F32, target_shape(loss, y.shape, batch))
    rows = b.reshape(y, batch, math.prod(y.shape) // batch)
    if loss.kind == "categoricalCrossEntropyLossLayer":
        start = _before_softmax(y, rows.shape[1], b)
        weights = chosen.weights(rows.shape[1])
        more = () if weights is None else (b.constant(weights),)
        entropy = CrossEntropy(FLOOR, float(chosen.options.label_smoothing))
        gradient, losses = b.emit_many(entropy, (rows, target, *more), 2)
    else:
        start = y
        gradient, losses = b.emit_many(SquaredError(), (rows, target), 2)
    mean = b.emit(Reduce(ReduceKind.MEAN, (0,), True), losses)
    return LossNodes(target, losses, rows, mean, start, b.reshape(gradient, *start.shape))


def _before_softmax(y: Value, classes: int, b: TrainingBuilder) -> Value:
    """The value that the softmax reads: gradients start there, because those of both together are p - onehot."""
    maker: Node | None = next((node for node in b.nodes if node.outputs[0].name == y.name), None)
    if maker is None or not isinstance(maker.op, Softmax):
        raise SpecError(
            f"{b.layer}: cross entropy reads probabilities, so its input must be the output of a softmax layer"
        )
    if y.shape[maker.op.axis] != classes:
        raise SpecError(
            f"{b.layer}: cross entropy takes one set of probabilities per example, the softmax gives "
            f"{classes // max(1, y.shape[maker.op.axis])} of {y.shape[maker.op.axis]} each"
        )
    return maker.inputs[0]
