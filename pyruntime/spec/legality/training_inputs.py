"""Rules of the interface of a network's update: what it learns from."""

from __future__ import annotations

from collections.abc import Iterator

from pyruntime.spec.legality.networks import loss_of
from pyruntime.spec.legality.rules import NETWORKS, Part, rule, text


@rule(*NETWORKS, updatable=True)
def two_training_inputs(part: Part) -> Iterator[str]:
    inputs = part.spec.description.trainingInput
    if len(inputs) < 2:
        yield f"the training inputs are {text(f.name for f in inputs)}, expected at least an input and the target"


@rule(*NETWORKS, updatable=True)
def a_training_input_is_an_input(part: Part) -> Iterator[str]:
    inputs = {f.name for f in part.spec.description.input}
    training = [f.name for f in part.spec.description.trainingInput]
    if not inputs.intersection(training):
        yield f"none of the training inputs {text(training)} is an input of the model ({text(sorted(inputs))})"


@rule(*NETWORKS, updatable=True)
def the_target_is_a_training_input(part: Part) -> Iterator[str]:
    """The loss's own target; for a classifier, the label instead if the model has it as an output."""
    loss = loss_of(part)
    if loss is None:
        return
    names = {f.name for f in part.spec.description.trainingInput}
    wanted = [loss[2].target]
    if part.kind == "neuralNetworkClassifier":
        wanted.append(part.spec.description.predictedFeatureName)
    if not names.intersection(wanted):
        targets = text(filter(None, wanted))
        yield f"none of the training inputs {text(sorted(names))} is the target of the loss: {targets}"


@rule("neuralNetworkClassifier", updatable=True)
def the_label_to_learn_has_the_labels_type(part: Part) -> Iterator[str]:
    """A text or a whole number, as the output."""
    description = part.spec.description
    name = description.predictedFeatureName
    given = next((f for f in description.trainingInput if f.name == name), None)
    output = next((f for f in description.output if f.name == name), None)
    if given is None or output is None:
        return
    kinds = given.type.WhichOneof("Type"), output.type.WhichOneof("Type")
    if kinds[0] != kinds[1] or kinds[0] not in ("stringType", "int64Type"):
        yield f"training input {name!r} is {kinds[0]}, the output is {kinds[1]}; expected both texts or both numbers"
