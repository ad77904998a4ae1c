"""Losses: a node that gives the loss of each example and the gradient of their mean."""

from __future__ import annotations

import math
from typing import NamedTuple

from pyruntime.errors import SpecError
from pyruntime.ir.graph import Node, Value
from pyruntime.ir.ops import CrossEntropy, Reduce, ReduceKind, Softmax, SquaredError
from pyruntime.ir.types import DType, Shape
from pyruntime.training.builder import TrainingBuilder
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


def target_shape(loss: Loss, shape: Shape, batch: int) -> Shape:
    """Shape of the target of a mini-batch: class numbers, or arrays as long as the prediction `shape` of the batch."""
    if loss.kind == "categoricalCrossEntropyLossLayer":
        return (batch,)
    return batch, math.prod(shape) // batch


def add_loss(loss: Loss, y: Value, batch: int, b: TrainingBuilder) -> LossNodes:
    """Nodes for the loss of prediction `y` of `batch` examples.  Raises SpecError when the loss does not fit it."""
    b.layer, b.kind = f"loss {loss.name!r}", ""
    target = Value(f"target:{loss.target}", DType.F32, target_shape(loss, y.shape, batch))
    rows = b.reshape(y, batch, math.prod(y.shape) // batch)
    if loss.kind == "categoricalCrossEntropyLossLayer":
        start = _before_softmax(y, rows.shape[1], b)
        gradient, losses = b.emit_many(CrossEntropy(FLOOR), (rows, target), 2)
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
