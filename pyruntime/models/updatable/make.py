"""make_updatable: any model with a network, as one that learns on the device."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.updatable.candidates import LEARN, Candidate, candidates, default_layer
from pyruntime.models.updatable.chain import rewrite, walk
from pyruntime.models.updatable.channels import Blocked
from pyruntime.models.updatable.compressed import compressed, expand
from pyruntime.models.updatable.dense import simplify
from pyruntime.models.updatable.losses import Loss, choose_loss, loss_blob, write_loss
from pyruntime.models.updatable.network import Net
from pyruntime.models.updatable.options import Allowed, write_options
from pyruntime.spec import LeanModel, load_lean, load_lean_bytes, messages
from pyruntime.spec.legality import broken_rules
from pyruntime.spec.legality.rules import BEYOND, PIPELINES
from pyruntime.spec.weights import weight_form, weights_of

FIRST_VERSION = 4
"""specificationVersion that brought updates."""


def updatable(
    lean: LeanModel,
    layers: str | Iterable[str] | None = None,
    *,
    loss: str | None = None,
    output: str | None = None,
    optimizer: Any = "sgd",
    learning_rate: float | None = None,
    epochs: int | None = None,
    mini_batch_size: int | None = None,
    allowed: Allowed | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    dequantize: bool = False,
    add_softmax: bool = False,
    core_ml_only: bool = True,
    replace: bool = False,
) -> LeanModel:
    """Like make_updatable, in place: for a model that nobody else uses."""
    spec = lean.spec
    if spec.isUpdatable and not replace:
        raise BuildError(
            "the model is updatable already; replace=True makes it so anew, with another loss, optimizer and layers"
        )
    _clear(spec)
    network, where = last_network(spec)
    net = Net(network, lean.payloads, where)
    wanted = _names(layers)
    chosen = choose_loss(net, loss, output, add_softmax)
    learners = [net.find(name) for name in wanted] if wanted is not None else [default_layer(net, chosen.blob)]
    net.name_apart()
    _check_layers(net, learners, core_ml_only)
    kept = None if dequantize else compressed(net, learners)
    if kept is not None and core_ml_only:
        raise BuildError(kept.sentence)
    if dequantize:
        expand(net, learners)
    chosen = _rewritten(net, chosen, learners, core_ml_only)
    _mark(net, [layer.name for layer in learners])
    target = write_loss(net, chosen, "loss")
    values = {"epochs": epochs, "miniBatchSize": mini_batch_size, "learningRate": learning_rate}
    write_options(net.message.updateParams, optimizer, allowed, shuffle, seed, values)
    mark_models(spec, network, target)
    _judge(lean, core_ml_only, None if kept is None else kept.note)
    return lean


def update_candidates(model: Any, output: str | None = None) -> list[Candidate]:
    """The layers of a model that could learn, the last one first.

    model: an MLModel, a path or a Model message.  output: which one the loss would read, as for make_updatable.
    """
    lean = lean_of(model)
    network, where = last_network(lean.spec)
    net = Net(network, lean.payloads, where)
    try:
        end = loss_blob(net, output)
    except BuildError:
        end = ""
    return candidates(net, end)


def lean_of(model: Any) -> LeanModel:
    """An MLModel, a file or a Model message as messages that can be changed; large weights are shared, not copied."""
    from pyruntime.model import MLModel

    if isinstance(model, str | os.PathLike) and not os.path.isdir(model):
        return load_lean(model)
    opened = MLModel(model) if isinstance(model, str | os.PathLike) else model
    if isinstance(opened, MLModel):
        spec = messages.Model()
        spec.CopyFrom(opened._lean.spec)
        return LeanModel(spec, opened._lean.payloads.branch(), opened._lean.source)
    found = model.get_spec() if hasattr(model, "get_spec") else model
    if not hasattr(found, "SerializeToString"):
        raise BuildError(f"expected an MLModel, a path or a Model message, got a {type(model).__name__}")
    return load_lean_bytes(found.SerializeToString(), source="the model message")


def pipeline_of(spec: Any) -> Any:
    """The Pipeline message of one of the three types."""
    kind = spec.WhichOneof("Type")
    return spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline


def last_network(spec: Any, where: str = "") -> tuple[Any, str]:
    """The network of a model, or that at the end of a pipeline, and where it is.  Raises BuildError for others."""
    kind = spec.WhichOneof("Type")
    if kind in PIPELINES:
        models = pipeline_of(spec).models
        if not models:
            raise BuildError(f"{where}the pipeline has no models")
        names = pipeline_of(spec).names
        name = names[len(models) - 1] if len(names) == len(models) else f"model{len(models) - 1}"
        return last_network(models[-1], f"{where}model {name!r}, the last of the pipeline: ")
    if not kind or not kind.startswith("neuralNetwork"):
        hint = "; only the last model of a pipeline may learn" if where else ""
        raise BuildError(
            f"{where}it is of type {kind}, expected a neural network: only networks can be made updatable{hint}"
        )
    return spec, where


def _names(layers: Any) -> list[str] | None:
    if layers is None:
        return None
    names = [layers] if isinstance(layers, str) else list(layers)
    if not names:
        raise BuildError("layers is empty, expected names of layers, or None for the last one that can learn")
    return list(dict.fromkeys(names))


def _check_layers(net: Net, learners: list[Any], core_ml_only: bool) -> None:
    for layer in learners:
        kind = layer.WhichOneof("layer")
        has_weights = any(True for _, weight in weights_of(layer) if weight_form(weight))
        if not has_weights and not (kind == "batchedMatmul" and len(layer.input) == 2):
            raise BuildError(f"{net.where}layer {layer.name!r} ({kind}) has no weights, so there is nothing to learn")
        if core_ml_only and kind not in LEARN:
            raise BuildError(
                f"{net.where}layer {layer.name!r} is {kind}; Core ML trains {', '.join(LEARN[:2])} layers "
                "(batchedMatmul is rewritten as one).  core_ml_only=False lets it learn in this package alone"
            )


def _rewritten(net: Net, loss: Loss, learners: list[Any], core_ml_only: bool) -> Loss:
    """The loss after the layers before it were rewritten where that is needed."""
    from pyruntime.layers.network import is_legacy

    legacy = is_legacy(net.message)
    try:
        end = rewrite(net, walk(net, loss.blob, learners), whole=True)
    except Blocked as why:
        if core_ml_only:
            raise BuildError(
                f"{net.where}{why}.  Let layers behind it learn, split the model there (split_for_update), or give "
                "core_ml_only=False to train in this package alone"
            ) from None
        for layer in learners:
            simplify(net, layer)
        end = loss.blob
    net.commit()
    if not legacy and is_legacy(net.message):  # ranks stay those of the original
        net.message.arrayInputShapeMapping = messages.EXACT_ARRAY_MAPPING
    return Loss(loss.kind, end, loss.output)


def _mark(net: Net, names: list[str]) -> None:
    """Mark layers and their weights as learning; the statistics of a batch normalisation stay those of the file."""
    for layer in net.layers:
        if layer.name not in names:
            continue
        layer.isUpdatable = True
        for field, weight in weights_of(getattr(layer, layer.WhichOneof("layer"))):
            if weight_form(weight) and field not in ("mean", "variance"):
                weight.isUpdatable = True


def mark_models(spec: Any, network: Any, target: str) -> None:
    """Mark the model and the pipelines around its network; these learn from their own inputs and the target."""
    spec.isUpdatable = True
    spec.specificationVersion = max(spec.specificationVersion, FIRST_VERSION)
    if spec.WhichOneof("Type") not in PIPELINES:
        return
    mark_models(pipeline_of(spec).models[-1], network, target)
    described = next(f for f in network.description.trainingInput if f.name == target)
    spec.description.ClearField("trainingInput")
    for feature in spec.description.input:
        spec.description.trainingInput.add().CopyFrom(feature)
    if target in [feature.name for feature in spec.description.input]:
        raise BuildError(f"the pipeline has an input {target!r}, which is the name of the target; rename the input")
    spec.description.trainingInput.add().CopyFrom(described)


def _judge(lean: LeanModel, core_ml_only: bool, why: str | None) -> None:
    """Ask the rules of models that learn.  What only goes beyond Core ML is marked, with a warning.

    why: what is known to, already.
    """
    broken = broken_rules(lean.spec, lean.payloads)
    if broken and core_ml_only:
        raise BuildError(f"{broken[0].sentence} (the rule {broken[0].rule!r})")
    why = why or (broken[0].sentence if broken else None) or _refused_by_frameworks(last_network(lean.spec)[0])
    if why is None:
        return
    for part in _around(lean.spec):
        part.description.metadata.userDefined[BEYOND[0]] = BEYOND[1]
    left = broken_rules(lean.spec, lean.payloads)
    if left:
        raise BuildError(f"{left[0].sentence} (the rule {left[0].rule!r})")
    warnings.warn(f"only this package trains the model, Core ML does not: {why}", stacklevel=4)


def _refused_by_frameworks(network: Any) -> str | None:
    """What the rules let pass, and Core ML's frameworks do not train."""
    for layer in getattr(network, network.WhichOneof("Type")).layers:
        if layer.isUpdatable and layer.WhichOneof("layer") == "uniDirectionalLSTM":
            return f"layer {layer.name!r} is uniDirectionalLSTM, which its rules allow and its frameworks refuse"
    return None


def _around(spec: Any) -> list[Any]:
    """A model, and the last ones inside it."""
    models = pipeline_of(spec).models if spec.WhichOneof("Type") in PIPELINES else []
    inside = _around(models[-1]) if models else []
    return [spec, *inside]


def _clear(spec: Any) -> None:
    """Forget what a model says about learning."""
    for part in _around(spec):
        part.isUpdatable = False
        part.description.ClearField("trainingInput")
        if BEYOND[0] in part.description.metadata.userDefined:
            del part.description.metadata.userDefined[BEYOND[0]]
        kind = part.WhichOneof("Type")
        if kind.startswith("neuralNetwork"):
            message = getattr(part, kind)
            message.ClearField("updateParams")
            for layer in message.layers:
                layer.isUpdatable = False
                for _, weight in weights_of(layer):
                    weight.isUpdatable = False
