"""Runs of a step: buffers that parameters and states move between, so that a step copies none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.native import lib
from pyruntime.training.program import StepProgram

Floats = NDArray[np.float32]
LIVES, STATES = 3, 2
"""Buffers of parameters: read by a step, written by it, and those of which the loss is known to be finite."""


def room(shape: Sequence[int]) -> Floats:
    """Zeros, aligned for the kernels."""
    size = int(np.prod(shape, dtype=np.int64))
    return lib.aligned(4 * size).view(np.float32).reshape(shape)


class Weights:
    """Parameters and optimizer state, in as many buffers as steps need."""

    def __init__(self, start: Sequence[NDArray[np.float32]], states: Sequence[tuple[int, ...]]) -> None:
        self.parameters = [[room(array.shape) for array in start] for _ in range(LIVES)]
        self.states = [[room(shape) for shape in states] for _ in range(STATES)]
        self.at = 0
        """Steps made; which buffers are in turn follows from it."""
        for room_, array in zip(self.parameters[0], start, strict=True):
            room_[...] = array

    def now(self, back: int = 0) -> list[Floats]:
        """Copies of the parameters as they were `back` (0 to 2) steps ago, or at the start."""
        return [array.copy() for array in self.parameters[(self.at - min(back, self.at)) % LIVES]]

    def states_now(self) -> list[Floats]:
        """Copies of the optimizer's state."""
        return [array.copy() for array in self.states[self.at % STATES]]

    def restore(self, at: int, parameters: Sequence[NDArray[Any]], states: Sequence[NDArray[Any]]) -> None:
        """As after `at` steps.  What was before counts as the same."""
        self.at = at
        for buffers, values in ((self.parameters, parameters), (self.states, states)):
            for buffer in buffers:
                for array, value in zip(buffer, values, strict=True):
                    array[...] = value


class StepRunner:
    """A step program with buffers for its mini-batch.  One run per call, nothing is allocated."""

    def __init__(self, context: lib.Context, program: StepProgram, weights: Weights, hyper: Floats, limit: int) -> None:
        values = program.step.graph.inputs
        count = len(values) - 1 - len(program.step.parameters) - len(program.step.states)
        more = len(program.step.graph.outputs) - 1 - len(program.step.parameters) - len(program.step.states)
        self.features = [room(value.shape) for value in values[: count - 1]]
        self.target = room(program.step.target)
        self._loss = np.zeros(1, np.float32)
        self._right = [np.zeros(1, np.float32) for _ in range(more)]
        """Of a step that counts right answers: see evaluation.measured."""
        self._weights, self.program = weights, program
        session = lib.Session(context, program.plan, program.weights, limit)
        self._turns = []
        for turn in range(LIVES * STATES):
            read = (*weights.parameters[turn % LIVES], *weights.states[turn % STATES])
            written = (*weights.parameters[(turn + 1) % LIVES], *weights.states[(turn + 1) % STATES])
            inputs = [*self.features, self.target, *read, hyper]
            self._turns.append(lib.Call(session, inputs, [self._loss, *written, *self._right]))

    def run(self) -> float:
        """One step on what lies in `features` and `target`.  The mean loss of the mini-batch, before the step."""
        self._turns[self._weights.at % len(self._turns)]()
        self._weights.at += 1
        return float(self._loss[0])

    @property
    def right(self) -> float:
        """How many of the mini-batch the last step found right, in a step that counts them; else 0."""
        return float(self._right[0][0]) if self._right else 0.0
