"""Where the time of a prediction goes: every step, beside what the machine could do at most."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyruntime.engines.walk import networks_with_inputs
from pyruntime.model import MLModel
from pyruntime.plan.steps import step_names


@dataclass(frozen=True)
class StepTime:
    """A step of a network.  seconds: per prediction.  share: of all steps of the model.

    operations: floating-point operations of one run, a multiply-add being two, counted as the layer is defined: an
    algorithm that needs fewer, such as Winograd's, may be above the machine's peak.  bytes: of operands and results,
    each counted once, wherever they lie.  Both are 0 for steps whose sizes hang on numbers.
    """

    network: str
    layer: str
    operator: str
    seconds: float
    share: float
    operations: float
    bytes: float

    @property
    def name(self) -> str:
        return f"{self.network}/{self.layer}" if self.network else self.layer


def profile_steps(model: MLModel, features: Mapping[str, Any], runs: int) -> tuple[StepTime, ...]:
    """Mean time of every step of every network over `runs` predictions, in running order."""
    rows: list[tuple[str, str, str, float, float, float]] = []
    for name, engine, table in networks_with_inputs(model.engine, features):
        session = engine.session()
        try:
            times = session.profile(engine.arrays(table), len(engine.program.outputs), runs)
            work = session.work()
        finally:
            engine.release(session)
        names = step_names(engine.program.plan)
        for (operator, layer), nanoseconds, amounts in zip(names, times.tolist(), work.tolist(), strict=True):
            rows.append((name, layer, operator, nanoseconds / runs / 1e9, *amounts))
    total = sum(row[3] for row in rows) or 1.0
    return tuple(StepTime(*row[:4], row[3] / total, *row[4:]) for row in rows)


def trace(steps: Sequence[StepTime], model: str) -> str:
    """One prediction made of these mean times, for chrome://tracing and https://ui.perfetto.dev: Trace Event Format.

    Steps stand one after the other, as they run; networks of a pipeline are lanes.
    """
    lanes = {name: i for i, name in enumerate(dict.fromkeys(step.network for step in steps))}
    events: list[dict[str, Any]] = [{"name": "process_name", "ph": "M", "pid": 0, "args": {"name": model}}]
    for name, lane in lanes.items():
        events.append({"name": "thread_name", "ph": "M", "pid": 0, "tid": lane, "args": {"name": name or "network"}})
    at = 0.0
    for step in steps:
        events.append({
            "name": step.layer, "cat": step.operator, "ph": "X", "pid": 0, "tid": lanes[step.network],
            "ts": at * 1e6, "dur": step.seconds * 1e6,
            "args": {"share": step.share, "operations": step.operations, "bytes": step.bytes},
        })  # fmt: skip
        at += step.seconds
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}, indent=1)
