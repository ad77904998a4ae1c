"""split_for_update: a network as a pipeline of a frozen extractor and a head that learns."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.updatable.candidates import can_learn, default_layer, follow
from pyruntime.models.updatable.cutting import Cut, add_array, blobs_at, cut, feature_shape
from pyruntime.models.updatable.losses import loss_blob
from pyruntime.models.updatable.make import last_network, mark_models, pipeline_of, updatable
from pyruntime.models.updatable.network import Net
from pyruntime.spec import LeanModel, messages
from pyruntime.spec.legality import check_spec
from pyruntime.spec.legality.rules import PIPELINES

_PIPELINE_OF = {
    "neuralNetwork": "pipeline", "neuralNetworkClassifier": "pipelineClassifier",
    "neuralNetworkRegressor": "pipelineRegressor",
}  # fmt: skip


def split(
    lean: LeanModel, at: str | Iterable[str] | None = None, *, head: str = "network", **options: Any
) -> LeanModel:
    """Like split_for_update, with messages."""
    if head not in ("network", "knn"):
        raise BuildError(f"head is {head!r}, expected 'network' or 'knn'")
    original = lean.spec
    if original.isUpdatable:
        raise BuildError("the model is updatable already, and has its head; split the one that it was made from")
    network, where = last_network(original)
    net = Net(network, lean.payloads, where)
    blobs = _default(net) if at is None else blobs_at(net, at)
    if head == "knn":
        parts, kind = _with_neighbors(net, blobs, options), "pipelineClassifier"
    else:
        parts, kind = _with_network(net, blobs, options), _PIPELINE_OF[net.kind]
    result = _pipeline(original, network, parts, kind)
    check_spec(result, lean.payloads)
    return LeanModel(result, lean.payloads, lean.source)


def _default(net: Net) -> tuple[str, ...]:
    """What the last layer that can learn reads."""
    layer = default_layer(net, loss_blob(net, None))
    if layer.input[0] in net.inputs:
        raise BuildError(
            f"{net.where}the last layer that can learn, {layer.name!r}, reads an input of the model: there is nothing "
            "to leave frozen; make_updatable lets the whole network learn"
        )
    return (layer.input[0],)


def _with_network(net: Net, blobs: tuple[str, ...], options: dict[str, Any]) -> list[tuple[str, Any]]:
    from pyruntime.layers.network import is_legacy

    legacy = is_legacy(net.message)
    parts = cut(net, blobs)
    shapes = {blob: feature_shape(net, blob, legacy) for blob in blobs}
    extractor = _extractor(net, parts, legacy)
    for blob, shape in shapes.items():
        add_array(extractor.description.output, blob, shape)
    end = messages.Model(specificationVersion=net.spec.specificationVersion)
    for blob, shape in shapes.items():
        add_array(end.description.input, blob, shape)
    _copy_outputs(net, end, parts.back_results)
    message = getattr(end, net.kind)
    message.CopyFrom(net.message)
    message.ClearField("preprocessing")
    _replace_layers(message, parts.back)
    if not legacy:
        message.arrayInputShapeMapping = messages.EXACT_ARRAY_MAPPING
    layers = options.pop("layers", None)
    if layers is None:
        layers = _learners(Net(end, net.payloads), options)
    head = updatable(LeanModel(end, net.payloads, ""), layers, **options)
    return [("extractor", extractor), ("head", head.spec)]


def _learners(net: Net, options: dict[str, Any]) -> list[str] | None:
    """All layers of a head that can learn."""
    found = [layer.name for layer in follow(net, loss_blob(net, options.get("output"))) if can_learn(net, layer)]
    return found or None


def _extractor(net: Net, parts: Cut, legacy: bool) -> Any:
    """The part that stays as it is, without the blobs that it hands over among its outputs."""
    from pyruntime.layers.network import is_legacy

    spec = messages.Model(specificationVersion=net.spec.specificationVersion)
    spec.description.input.extend(net.spec.description.input)
    spec.description.output.extend(f for f in net.spec.description.output if f.name in parts.front_results)
    source, network = net.message, spec.neuralNetwork
    network.preprocessing.extend(source.preprocessing)
    network.arrayInputShapeMapping = source.arrayInputShapeMapping
    network.imageInputShapeMapping = source.imageInputShapeMapping
    _replace_layers(network, parts.front)
    if not legacy and is_legacy(network):  # ranks stay those of the original
        network.arrayInputShapeMapping = messages.EXACT_ARRAY_MAPPING
    return spec


def _replace_layers(network: Any, layers: Iterable[Any]) -> None:
    del network.layers[:]
    network.layers.extend(layers)


def _copy_outputs(net: Net, spec: Any, results: tuple[str, ...]) -> None:
    """The outputs that the head gives, with what names a classifier's."""
    description = net.spec.description
    special = {description.predictedFeatureName, description.predictedProbabilitiesName} if net.scores else set()
    spec.description.output.extend(f for f in description.output if f.name in special or f.name in results)
    spec.description.predictedFeatureName = description.predictedFeatureName
    spec.description.predictedProbabilitiesName = description.predictedProbabilitiesName


def _with_neighbors(net: Net, blobs: tuple[str, ...], options: dict[str, Any]) -> list[tuple[str, Any]]:
    """The extractor, and an empty k-NN that compares what it makes."""
    from pyruntime.layers.network import is_legacy
    from pyruntime.models.nearest_neighbors.builder import KNearestNeighborsClassifierBuilder

    if len(blobs) != 1:
        raise BuildError(f"a k-NN compares one array, but {len(blobs)} blobs are given: {', '.join(blobs)}")
    legacy = is_legacy(net.message)
    shape = feature_shape(net, blobs[0], legacy)
    if -1 in shape:
        raise BuildError(
            f"{net.where}the shape of {blobs[0]!r} is open, {list(shape)}, but a k-NN compares arrays of one size; "
            "give the model inputs of fixed sizes first"
        )
    extractor = _extractor(net, cut(net, blobs, without_results=True), legacy)
    width, feature = math.prod(shape), blobs[0]
    if not legacy and len(shape) != 1:
        feature = net.fresh(f"{blobs[0]}_features")
        flat = extractor.neuralNetwork.layers.add(name=feature, input=[blobs[0]], output=[feature])
        flat.reshapeStatic.targetShape.append(width)
        extractor.neuralNetwork.arrayInputShapeMapping = messages.EXACT_ARRAY_MAPPING
    add_array(extractor.description.output, feature, (width,))
    label = options.pop("label", "label")
    if label in net.inputs or f"{label}Probs" in net.inputs:
        raise BuildError(f"label is {label!r}, but the model has an input of that name; give another one")
    settings = {"weighting_scheme": "inverse_distance", **options}
    default = settings.pop("default_class_label", "unknown")
    allowed = ("number_of_neighbors", "weighting_scheme", "index_type", "leaf_size")
    unknown = sorted(set(settings) - set(allowed))
    if unknown:
        raise BuildError(
            f"{unknown[0]!r} is no option of a k-NN head; these are: default_class_label, label, {allowed}"
        )
    neighbors = KNearestNeighborsClassifierBuilder(feature, label, width, default, **settings)
    return [("extractor", extractor), ("neighbors", neighbors.spec)]


def _pipeline(original: Any, network: Any, parts: list[tuple[str, Any]], kind: str) -> Any:
    """One model: those before the network in a pipeline, then the parts."""
    result = messages.Model(specificationVersion=max(4, original.specificationVersion))
    getattr(result, kind).SetInParent()
    pipeline = pipeline_of(result)
    for name, model in (*_others(original), *parts):
        pipeline.models.add().CopyFrom(model)
        pipeline.names.append(_unlike(name, pipeline.names))
    description, last = result.description, parts[-1][1]
    description.metadata.CopyFrom(original.description.metadata)
    description.input.extend(original.description.input)
    if last.WhichOneof("Type") == "kNearestNeighborsClassifier":
        description.output.extend(last.description.output)
    else:
        description.output.extend(original.description.output)
    description.predictedFeatureName = last.description.predictedFeatureName
    description.predictedProbabilitiesName = last.description.predictedProbabilitiesName
    known = {f.name for f in (*last.description.input, *network.description.input)}
    target = next(f.name for f in last.description.trainingInput if f.name not in known)
    mark_models(result, pipeline.models[-1], target)
    return result


def _others(spec: Any) -> list[tuple[str, Any]]:
    """Models before the last one, those of inner pipelines too; with their names."""
    if spec.WhichOneof("Type") not in PIPELINES:
        return []
    message = pipeline_of(spec)
    models, names = list(message.models), list(message.names)
    named = [(names[i] if i < len(names) else f"model{i}", model) for i, model in enumerate(models)]
    return [*named[:-1], *_others(models[-1])]


def _unlike(name: str, names: Iterable[str]) -> str:
    """A name that is none of these."""
    taken, found, count = set(names), name, 1
    while found in taken:
        count += 1
        found = f"{name}{count}"
    return found
