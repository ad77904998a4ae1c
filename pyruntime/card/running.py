"""What a prediction takes on this machine."""

from __future__ import annotations

from dataclasses import replace

from pyruntime.card.data import MemoryCard, RunCard, TrainingCard
from pyruntime.card.networks import networks
from pyruntime.engines.neural_network import NeuralNetworkEngine, compile_network
from pyruntime.engines.walk import networks_with_inputs
from pyruntime.errors import MLModelError
from pyruntime.model import MLModel
from pyruntime.native.lib import Context
from pyruntime.samples import sample_features


def run_card(model: MLModel) -> RunCard:
    """Units, and memory of each network for one prediction at the default sizes."""
    context = model.configuration.context()
    card = RunCard(runs=True, units="CPU", level=context.level, threads=context.threads, memory=memory(model))
    try:
        return replace(card, training=training(model))
    except MLModelError as error:
        return replace(card, no_training=str(error))


def training(model: MLModel) -> TrainingCard | None:
    """Memory of an update with the model's parameters; None for what is no updatable network.

    Raises MLModelError when the network cannot learn.
    """
    from pyruntime.parameters import describe_parameters
    from pyruntime.update.learner import make_learner
    from pyruntime.update.networks import NetworkLearner

    if not model.is_updatable:
        return None
    lean = model._lean
    learner = make_learner(model, lean, {key: model.parameter_value(key) for key in describe_parameters(lean.spec)})
    if not isinstance(learner, NetworkLearner):
        return None
    found = learner.memory()
    return TrainingCard(found.batch, found.segments, found.values, found.parameters, found.states)


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
            weights = engine.program.weights.nbytes
            cards.append(MemoryCard(name, session.steps, arena, peak, weights, *_choices(engine)))
        finally:
            engine.release(session)
    return tuple(cards)


def _choices(engine: NeuralNetworkEngine) -> tuple[int, int] | tuple[()]:
    """Bytes of packed weights, expanded and compressed; nothing where the file has float32 only."""
    part = engine.part
    if {weight.form for card in networks(part.spec, part.payloads) for weight in card.weights} <= {"float32"}:
        return ()
    sizes = []
    for choice in ("expanded", "compressed"):
        context = Context(threads=1, weights=choice)
        sizes.append(compile_network(replace(part, context=context), engine.program.outputs).weights.nbytes)
    return sizes[0], sizes[1]
