"""Runs neural networks, k-NN classifiers and pipelines of them, layer by layer, with PyTorch in float64.

An oracle: written from the description of the format, to be read.  README.md lists its choices.

    predict("MNISTClassifier.mlmodel", {"image": picture})  -> {"classLabel": 3, "labelProbabilities": {..}}
    blobs("MNISTClassifier.mlmodel", {"image": picture})    -> {"image": array (1, 1, 1, 28, 28), ..}
"""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from coremltools.proto import Model_pb2

from . import (  # noqa: F401  (the files of layers fill LAYERS)
    features,
    knn,
    layers_axes,
    layers_conv,
    layers_elementwise,
    layers_index,
    layers_math,
    layers_move,
    layers_norm,
    layers_pool,
    layers_recurrent,
    layers_resize,
    layers_shapes,
    layers_slices,
)
from .registry import LAYERS

Features = dict[str, Any]
Blobs = dict[str, torch.Tensor]
NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")


def load(model: "str | PathLike[str] | Model_pb2.Model") -> Any:
    """The specification of a .mlmodel file; one that is already loaded comes back as it is."""
    if isinstance(model, Model_pb2.Model):
        return model
    spec = Model_pb2.Model()
    spec.ParseFromString(Path(model).read_bytes())
    return spec


def predict(model: Any, inputs: dict[str, Any], dtype: torch.dtype = torch.float64) -> dict[str, Any]:
    """Outputs by name, as the model's description has them.

    model: path or Model message.  inputs: PIL images and arrays; optional ones may be left out.
    dtype: in which everything is computed, torch.float64 or torch.float32.
    """
    return _run_model(load(model), inputs, dtype, None, "")


def blobs(model: Any, inputs: dict[str, Any], dtype: torch.dtype = torch.float64) -> dict[str, np.ndarray]:
    """Every value of the network by name, in its inner rank; in a pipeline named "<model>/<value>"."""
    trace: Blobs = {}
    _run_model(load(model), inputs, dtype, trace, "")
    return {name: value.numpy() for name, value in trace.items()}


def _run_model(spec: Any, given: Features, dtype: torch.dtype, trace: Blobs | None, scope: str) -> Features:
    kind = spec.WhichOneof("Type")
    if kind in NETWORKS:
        return _run_network(spec, getattr(spec, kind), given, dtype, trace, scope)
    if kind == "kNearestNeighborsClassifier":
        label, shares = knn.classify(spec.kNearestNeighborsClassifier, given[spec.description.input[0].name])
        return _classification(spec.description, label, shares)
    if kind.startswith("pipeline"):
        return _run_pipeline(spec, given, dtype, trace, scope)
    raise NotImplementedError(f"the oracle does not run {kind}")


def submodels(spec: Any) -> list[Any]:
    """The models of a pipeline, in order."""
    member = getattr(spec, spec.WhichOneof("Type"))
    return list((member.pipeline if hasattr(member, "pipeline") else member).models)


def _run_pipeline(spec: Any, given: Features, dtype: torch.dtype, trace: Blobs | None, scope: str) -> Features:
    table = dict(given)
    member = getattr(spec, spec.WhichOneof("Type"))
    names = getattr(member, "pipeline", member).names
    for i, model in enumerate(submodels(spec)):
        name = names[i] if i < len(names) else f"model{i}"
        table |= _run_model(model, table, dtype, trace, f"{scope}{name}/")
    return {feature.name: table[feature.name] for feature in spec.description.output}


def _run_network(
    spec: Any, network: Any, given: Features, dtype: torch.dtype, trace: Blobs | None, scope: str
) -> Features:
    scene: Blobs = {}
    results = {f.name for f in spec.description.output} | {_score_name(network)}
    for feature in spec.description.input:
        blob = features.to_blob(feature, given.get(feature.name), network)
        scene[feature.name] = torch.from_numpy(np.ascontiguousarray(blob)).to(dtype)
    last_reader = {name: i for i, layer in enumerate(network.layers) for name in layer.input}
    for i, layer in enumerate(network.layers):
        _run_layer(layer, scene, dtype)
        if trace is None:  # nobody asked for the values in between: keep the memory low
            for name in {name for name in layer.input if last_reader[name] == i} - results:
                del scene[name]
    if trace is not None:
        trace |= {scope + name: value for name, value in scene.items()}
    outputs = {}
    if spec.WhichOneof("Type") == "neuralNetworkClassifier":
        outputs = _classification(spec.description, *_label(network, scene))
    legacy = is_legacy(network)
    for feature in spec.description.output:
        if feature.name not in outputs:
            outputs[feature.name] = features.from_blob(feature, scene[feature.name], legacy)
    return outputs


def _run_layer(layer: Any, scene: Blobs, dtype: torch.dtype) -> None:
    """Compute one layer and file its outputs in the scene; an error says which layer it is."""
    kind = layer.WhichOneof("layer")
    if kind not in LAYERS:
        raise NotImplementedError(f"layer {layer.name}: the oracle has no {kind}")
    try:
        result = LAYERS[kind](getattr(layer, kind), *[scene[name] for name in layer.input])
    except Exception as error:
        error.add_note(f"in layer {layer.name} ({kind})") if hasattr(error, "add_note") else None
        raise
    values = result if isinstance(result, tuple) else (result,)
    scene.update({name: value.to(dtype) for name, value in zip(layer.output, values, strict=True)})


def is_legacy(network: Any) -> bool:
    """True if the network is read in rank 5: both mappings 0 and only layer types that Core ML 2 had."""
    newest = max((network_layer_number(layer) for layer in network.layers), default=0)
    return not network.arrayInputShapeMapping and not network.imageInputShapeMapping and newest < 600


def network_layer_number(layer: Any) -> int:
    """Field number of the layer's type; those of Core ML 3 and later start at 600."""
    return int(layer.DESCRIPTOR.fields_by_name[layer.WhichOneof("layer")].number)


def _score_name(network: Any) -> str:
    """Of the value that a classifier takes its scores from."""
    return getattr(network, "labelProbabilityLayerName", "") or network.layers[-1].output[0]


def _label(network: Any, scene: Blobs) -> tuple[Any, dict[Any, float]]:
    """Label of the largest score, and all scores, as the network made them."""
    scores = scene[_score_name(network)].flatten().tolist()
    labels = list(getattr(network, network.WhichOneof("ClassLabels")).vector)
    return labels[int(np.argmax(scores))], dict(zip(labels, scores, strict=True))


def _classification(description: Any, label: Any, scores: dict[Any, float]) -> dict[str, Any]:
    outputs = {description.predictedFeatureName: label}
    if description.predictedProbabilitiesName:
        outputs[description.predictedProbabilitiesName] = scores
    return outputs
