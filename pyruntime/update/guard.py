"""UpdateGuard: a model that became worse is not taken."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyruntime.description import FeatureDescription
from pyruntime.errors import MLModelError, UpdateError, UpdateRefused
from pyruntime.update.examples import Examples
from pyruntime.update.scores import Scorer

if TYPE_CHECKING:
    from pyruntime.model import MLModel

Check = Callable[[], None]


@dataclass(frozen=True)
class UpdateGuard:
    """Scores examples that are held out of the training, before and after it, and refuses a worse model.

    data: like training data, with the same features; not learned from.
    metric: "accuracy" (the share of right answers), "loss" (mean cross entropy or squared error), or a function of a
        model and `data` that gives a number.
    tolerance: by how much the score may become worse, in its own unit.
    lower_is_better: for a function; of the two others it is known.

    A score that is no number is worse than every other.  A k-NN without examples has none, so that anything is better.
    """

    data: Any
    metric: str | Callable[[MLModel, Any], float] = "accuracy"
    tolerance: float = 0.0
    lower_is_better: bool = False

    def __post_init__(self) -> None:
        if not callable(self.metric) and self.metric not in ("accuracy", "loss"):
            raise ValueError(f'UpdateGuard: metric is {self.metric!r}, expected "accuracy", "loss" or a function')
        if not 0 <= self.tolerance < math.inf:
            raise ValueError(f"UpdateGuard: tolerance is {self.tolerance!r}, expected a number from 0")

    def begin(self, model: MLModel, features: tuple[FeatureDescription, ...]) -> Guarded:
        """For one update.  Raises UpdateError when the data is empty or the metric does not fit the model."""
        return Guarded(self, model, features)


class Guarded:
    """One update under guard."""

    def __init__(self, guard: UpdateGuard, model: MLModel, features: tuple[FeatureDescription, ...]) -> None:
        self._guard, self._model = guard, model
        try:
            self._examples = Examples(guard.data, features, "held-out")
        except UpdateError as error:
            raise UpdateError(f"UpdateGuard: {error}") from None
        if not callable(guard.metric):
            Scorer(model)
        self._before: float | None = None

    @property
    def name(self) -> str:
        metric = self._guard.metric
        return metric if isinstance(metric, str) else getattr(metric, "__name__", "score")

    def before(self, check: Check) -> None:
        """Score the model as it is.  check: called for each example; raises to stop.  Raises UpdateError."""
        self._before = None if _is_empty(self._model) else self._score(self._model, check)

    def after(self, candidate: MLModel, check: Check) -> Mapping[str, Any]:
        """Score what was learned: what provenance keeps of it.  Raises UpdateRefused when it is worse."""
        after, before, guard = self._score(candidate, check), self._before, self._guard
        lower = guard.metric == "loss" if isinstance(guard.metric, str) else guard.lower_is_better
        worse = 0.0 if before is None else (after - before if lower else before - after)
        if math.isnan(after) or (before is not None and not math.isnan(before) and not worse <= guard.tolerance):
            raise UpdateRefused(
                f"refused: {self.name} on {len(self._examples)} examples that were held out was "
                f"{'unknown' if before is None else f'{before:.6g}'} before and is {after:.6g} after (tolerance "
                f"{guard.tolerance:g}); the model is unchanged, the error's `candidate` is what was learned",
                math.nan if before is None else before, after, candidate,
            )  # fmt: skip
        return {
            "metric": self.name, "before": before, "after": after, "tolerance": guard.tolerance,
            "examples": len(self._examples),
        }  # fmt: skip

    def _score(self, model: MLModel, check: Check) -> float:
        metric = self._guard.metric
        try:
            if callable(metric):
                return float(metric(model, self._guard.data))
            scorer = Scorer(model)
            return (scorer.accuracy if metric == "accuracy" else scorer.loss)(self._checked(check))
        except UpdateError as error:
            raise type(error)(f"UpdateGuard: {error}") if type(error) is UpdateError else error from None
        except MLModelError as error:
            raise type(error)(f"UpdateGuard: {error}") from error
        except Exception as error:
            raise UpdateError(f"UpdateGuard: its metric raised {type(error).__name__}: {error}") from error

    def _checked(self, check: Check) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for numbered in self._examples:
            check()
            yield numbered


def _is_empty(model: MLModel) -> bool:
    """Whether it is, or ends in, a k-NN without examples."""
    from pyruntime.engines.nearest_neighbors import NearestNeighborsEngine
    from pyruntime.engines.pipeline import PipelineEngine

    engine = model.engine
    while isinstance(engine, PipelineEngine):
        engine = engine.engines[-1]
    return isinstance(engine, NearestNeighborsEngine) and not len(engine.neighbors.store)
