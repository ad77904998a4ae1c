"""How long predictions take: load, first prediction, then many, and where the time goes.

Models that are compared run turn by turn in one process: a machine that grows warm or busy slows all of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np

from pyruntime.config import MLModelConfiguration
from pyruntime.engines.walk import networks_with_inputs
from pyruntime.model import MLModel
from pyruntime.native.peak import Peak, measure_peak
from pyruntime.profile import StepTime, profile_steps
from pyruntime.samples import sample_features
from pyruntime.spec import messages

MIN_RUNS = 3
Report = Callable[[float], None]


@dataclass(frozen=True)
class Timing:
    """Seconds of single predictions, after the warm-up."""

    runs: int
    minimum: float
    median: float
    p90: float
    mean: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        values = np.asarray(seconds, np.float64)
        return cls(
            len(values),
            float(values.min()),
            float(np.median(values)),
            float(np.quantile(values, 0.9)),
            float(values.mean()),
        )


@dataclass(frozen=True)
class Measurement:
    """One model.  load: to open and compile, first: the first prediction, in seconds; arena, peak: bytes.

    machine: what steps are compared with; measured with a profile only.
    """

    model: str
    load: float
    first: float
    timing: Timing
    threads: int
    level: str
    steps: int
    arena: int
    peak: int
    weights: int
    profile: tuple[StepTime, ...] = field(default=())
    machine: Peak | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Entrant:
    """A model in the race, and what is known about it so far."""

    path: str
    model: MLModel
    features: Mapping[str, Any]
    load: float
    first: float
    seconds: list[float] = field(default_factory=list)


def benchmark(
    paths: Sequence[str | os.PathLike[str]],
    *,
    inputs: Callable[[MLModel], Mapping[str, Any]] | None = None,
    configuration: MLModelConfiguration | None = None,
    seconds: float = 3.0,
    runs: int | None = None,
    warm_up: int = 3,
    profile: bool = False,
    report: Report | None = None,
) -> list[Measurement]:
    """Measure models turn by turn.

    inputs: the features for a model; seeded random ones when not given.
    seconds: time for all predictions of all models together; runs: predictions per model instead.
    warm_up: predictions before the clock starts, after the first.
    report: told the share of the work that is done, 0 to 1.
    """
    (configuration or MLModelConfiguration()).context()  # and the format's classes: paid once, by no model
    messages.message("CoreML.Specification.Model")
    choose = inputs or (lambda model: sample_features(model.engine.part.spec))
    entrants = [_enter(os.fspath(path), choose, configuration) for path in paths]
    calls = [partial(entrant.model.predict, entrant.features) for entrant in entrants]
    for _ in range(warm_up):
        for call in calls:
            call()
    for entrant, times in zip(entrants, in_turns(calls, seconds=seconds, runs=runs, report=report), strict=True):
        entrant.seconds = times
    return [_measured(entrant, profile) for entrant in entrants]


def in_turns(
    calls: Sequence[Callable[[], Any]],
    *,
    seconds: float,
    runs: int | None = None,
    report: Report | None = None,
) -> list[list[float]]:
    """Seconds of each call of each function, called in turns until the time is over or after `runs` rounds.

    At least MIN_RUNS rounds are made when only the time is given.
    """
    times: list[list[float]] = [[] for _ in calls]
    start, rounds = time.perf_counter(), 0
    while rounds < (runs if runs is not None else MIN_RUNS) or (runs is None and time.perf_counter() - start < seconds):
        for call, seen in zip(calls, times, strict=True):
            before = time.perf_counter()
            call()
            seen.append(time.perf_counter() - before)
        rounds += 1
        if report:
            report(min(rounds / runs if runs else (time.perf_counter() - start) / max(seconds, 1e-9), 1.0))
    return times


def _enter(
    path: str, choose: Callable[[MLModel], Mapping[str, Any]], configuration: MLModelConfiguration | None
) -> _Entrant:
    start = time.perf_counter()
    model = MLModel(path, configuration=configuration)
    loaded = time.perf_counter()
    features = choose(model)
    before = time.perf_counter()
    model.predict(features)
    return _Entrant(path, model, features, loaded - start, time.perf_counter() - before)


def _measured(entrant: _Entrant, profile: bool) -> Measurement:
    model, context = entrant.model, entrant.model.configuration.context()
    arena = peak = steps = weights = 0
    for _, engine, features in networks_with_inputs(model.engine, entrant.features):
        session = engine.session()
        try:
            session.bind(engine.arrays(features), len(engine.program.outputs))
            sizes = session.memory()
            arena, peak = arena + sizes[0], max(peak, sizes[1])
            steps, weights = steps + session.steps, weights + engine.program.weights.nbytes
        finally:
            engine.release(session)
    return Measurement(
        model=entrant.path,
        load=entrant.load,
        first=entrant.first,
        timing=Timing.of(entrant.seconds),
        threads=context.threads,
        level=context.level,
        steps=steps,
        arena=arena,
        peak=peak,
        weights=weights,
        profile=profile_steps(model, entrant.features, max(MIN_RUNS, len(entrant.seconds) // 2)) if profile else (),
        machine=measure_peak(context) if profile else None,
    )
