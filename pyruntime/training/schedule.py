"""How the learning rate changes while an update runs: a factor for each step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pyruntime.training.checks import at_least, between, chosen, whole

KINDS = ("constant", "step", "cosine", "linear")


@dataclass(frozen=True)
class LearningRateSchedule:
    """The rate of a step is the parameter learningRate, as it is then, times `factor`.  Ours, not Core ML's.

    kind: what follows the warm-up.  "constant"; "step": times `gamma` every `every` steps; "cosine" and "linear": from
    1 down to `end` at the last step, `end` from there on.
    warmup: steps in which the factor grows in equal parts from `warmup_start` to 1.
    steps: where the decay has arrived at `end`, counted from the start of the update; None: its last step.
    per_epoch: all counts are epochs, and the factor is the same for a whole epoch.

    The factors are those of PyTorch's LinearLR, StepLR and CosineAnnealingLR behind one another (SequentialLR).
    Raises ParametersError for a number that is not allowed.
    """

    kind: str = "constant"
    warmup: int = 0
    warmup_start: float = 0.1
    every: int = 1
    gamma: float = 0.1
    end: float = 0.0
    steps: int | None = None
    per_epoch: bool = False

    def __post_init__(self) -> None:
        chosen("schedule", self.kind, KINDS)
        whole("schedule.warmup", self.warmup, 0)
        between("schedule.warmup_start", self.warmup_start, 0, 1)
        whole("schedule.every", self.every, 1)
        at_least("schedule.gamma", self.gamma, 0)
        between("schedule.end", self.end, 0, 1)
        if self.steps is not None:
            whole("schedule.steps", self.steps, self.warmup + 1)

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Of a step, counted from 0, in an update of `epochs` times `steps_per_epoch` steps."""
        if self.per_epoch:
            return self._at(step // steps_per_epoch, epochs)
        return self._at(step, steps_per_epoch * epochs)

    def _at(self, at: int, total: int) -> float:
        if at < self.warmup:
            return self.warmup_start + (1 - self.warmup_start) * at / self.warmup
        at -= self.warmup
        if self.kind == "step":
            return float(self.gamma ** (at // self.every))
        if self.kind == "constant":
            return 1.0
        length = (total if self.steps is None else self.steps) - self.warmup
        done = min(1.0, at / length) if length > 0 else 1.0
        left = (1 + math.cos(math.pi * done)) / 2 if self.kind == "cosine" else 1 - done
        return self.end + (1 - self.end) * left
