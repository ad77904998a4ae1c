"""What a prediction takes on this machine."""

from __future__ import annotations

from pyruntime.card.data import MemoryCard, RunCard
from pyruntime.engines.walk import networks_with_inputs
from pyruntime.errors import MLModelError
from pyruntime.model import MLModel
from pyruntime.samples import sample_features


def run_card(model: MLModel) -> RunCard:
    """Units, and memory of each network for one prediction at the default sizes."""
    context = model.configuration.context()
    return RunCard(runs=True, units="CPU", level=context.level, threads=context.threads, memory=memory(model))


def cannot_run(error: MLModelError) -> RunCard:
    return RunCard(runs=False, reason=str(error))


def memory(model: MLModel) -> tuple[MemoryCard, ...]:
    """Memory of each network, for inputs of the default sizes."""
    cards = []
    for name, engine, features in networks_with_inputs(model.engine, sample_features(model.engine.part.spec)):
        session = engine.session()
        try:
            session.bind(engine.arrays(features), len(engine.program.outputs))
            arena, peak = session.memory()
            cards.append(MemoryCard(name, session.steps, arena, peak, engine.program.weights.nbytes))
        finally:
            engine.release(session)
    return tuple(cards)
