"""The place where coremltools has these: files, names of features, evaluation, pipelines of models."""

from __future__ import annotations

import os
from typing import Any

from pyruntime.config import ComputeUnit
from pyruntime.errors import BuildError
from pyruntime.model import MLModel, compile_model
from pyruntime.models.evaluation import (
    evaluate_classifier,
    evaluate_classifier_with_probabilities,
    evaluate_regressor,
    evaluate_transformer,
)
from pyruntime.models.updatable import rewrite_for_update
from pyruntime.spec import load_spec, messages
from pyruntime.spec import save_spec as write_spec
from pyruntime.spec.legality import broken_rules, check_spec
from pyruntime.spec.versions import needed_version

__all__ = [
    "broken_rules",
    "check_spec",
    "compile_model",
    "convert_double_to_float_multiarray_type",
    "evaluate_classifier",
    "evaluate_classifier_with_probabilities",
    "evaluate_regressor",
    "evaluate_transformer",
    "load_spec",
    "make_pipeline",
    "rename_feature",
    "rewrite_for_update",
    "save_spec",
]

_NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
_PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")


def save_spec(
    spec: Any,
    filename: str | os.PathLike[str],
    auto_set_specification_version: bool = False,
    weights_dir: str | None = None,
) -> None:
    """Write a Model message as a .mlmodel file, after checking that it is legal.

    filename: without an ending, .mlmodel is added.
    auto_set_specification_version: write the lowest version that has everything in the model, and set it in `spec`.
    weights_dir: there is no such thing in a .mlmodel file; only None is taken.
    """
    if weights_dir is not None:
        raise BuildError(
            "save_spec: weights_dir belongs to .mlpackage folders, which this package reads but does not write"
        )
    path = os.fspath(filename)
    ending = os.path.splitext(path)[1]
    if ending and ending != ".mlmodel":
        raise BuildError(f"save_spec: {path!r} ends in {ending}, expected .mlmodel")
    message = ours(spec)
    if auto_set_specification_version:
        spec.specificationVersion = message.specificationVersion = needed_version(message)
    write_spec(message, path if ending else f"{path}.mlmodel")


def ours(spec: Any) -> Any:
    """A Model message of this package: itself, or a copy of another library's."""
    if isinstance(spec, messages.Model):
        return spec
    if not hasattr(spec, "SerializeToString"):
        raise BuildError(f"expected a Model message, got {type(spec).__name__}")
    return messages.Model.FromString(spec.SerializeToString())


def rename_feature(
    spec: Any, current_name: str, new_name: str, rename_inputs: bool = True, rename_outputs: bool = True
) -> None:
    """Give a feature of a model another name: in its interface, and wherever the model itself uses the name.

    rename_inputs, rename_outputs: which of them to look at.  Nothing happens where there is no feature of that name.
    Raises BuildError when the new name is taken.
    """
    if current_name == new_name:
        return
    description = spec.description
    inputs = [f for f in description.input if f.name == current_name] if rename_inputs else []
    outputs = [f for f in description.output if f.name == current_name] if rename_outputs else []
    if not inputs and not outputs:
        return
    taken = {f.name for f in [*description.input, *description.output]} | _blobs(spec)
    if new_name in taken:
        raise BuildError(f"rename_feature: the model has a feature or a value of the name {new_name!r} already")
    for feature in [*inputs, *outputs]:
        feature.name = new_name
    if inputs:
        for feature in description.trainingInput:
            feature.name = new_name if feature.name == current_name else feature.name
    if outputs:
        for field in ("predictedFeatureName", "predictedProbabilitiesName"):
            if getattr(description, field) == current_name:
                setattr(description, field, new_name)
        for feature in description.trainingInput:
            feature.name = new_name if feature.name == current_name else feature.name
    _rename_inside(spec, current_name, new_name, bool(inputs), bool(outputs))


def _blobs(spec: Any) -> set[str]:
    """Names of what layers give, in networks."""
    from pyruntime.models.neural_network.weighted_layers import layers_of, networks_of  # not before it is needed

    return {name for network in networks_of(spec) for layer in layers_of(network) for name in layer.output}


def _rename_inside(spec: Any, old: str, new: str, inputs: bool, outputs: bool) -> None:
    kind = spec.WhichOneof("Type")
    if kind in _NETWORKS:
        network = getattr(spec, kind)
        _rename_blobs(network, old, new)
        for preprocessing in network.preprocessing:
            preprocessing.featureName = new if preprocessing.featureName == old else preprocessing.featureName
        if kind == "neuralNetworkClassifier" and network.labelProbabilityLayerName == old:
            network.labelProbabilityLayerName = new
    elif kind in _PIPELINES:
        models = (spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline).models
        for model in models:
            rename_feature(model, old, new, True, True)


def _rename_blobs(network: Any, old: str, new: str) -> None:
    """A blob's name in all layers; those of branches and loops see the same blobs."""
    for layer in network.layers:
        for names in (layer.input, layer.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
        kind = layer.WhichOneof("layer")
        if kind == "branch":
            _rename_blobs(layer.branch.ifBranch, old, new)
            _rename_blobs(layer.branch.elseBranch, old, new)
        elif kind == "loop":
            _rename_blobs(layer.loop.conditionNetwork, old, new)
            _rename_blobs(layer.loop.bodyNetwork, old, new)
            layer.loop.conditionVar = new if layer.loop.conditionVar == old else layer.loop.conditionVar
    for loss in getattr(network, "updateParams", messages.NetworkUpdateParameters()).lossLayers:
        message = getattr(loss, loss.WhichOneof("LossLayerType"))
        message.input = new if message.input == old else message.input


def convert_double_to_float_multiarray_type(spec: Any) -> None:
    """Let arrays of doubles travel as float32: inputs, outputs, training inputs, those of models in pipelines too."""
    kinds = messages.ArrayFeatureType.ArrayDataType
    double, single = kinds.DOUBLE, kinds.FLOAT32
    description = spec.description
    for feature in (*description.input, *description.output, *description.trainingInput):
        if feature.type.WhichOneof("Type") == "multiArrayType" and feature.type.multiArrayType.dataType == double:
            feature.type.multiArrayType.dataType = single
    kind = spec.WhichOneof("Type")
    if kind in _PIPELINES:
        for model in (spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline).models:
            convert_double_to_float_multiarray_type(model)


def make_pipeline(*models: MLModel, compute_units: ComputeUnit | None = None) -> MLModel:
    """One model of several: each reads inputs of the whole, or outputs of those before it, by name.

    Its inputs are those that no model before gives; its outputs those that no model after reads, and all of the last.
    """
    if not models:
        raise BuildError("make_pipeline: expected at least one model")
    units = {model.compute_unit for model in models}
    if compute_units is None and len(units) > 1:
        raise BuildError("make_pipeline: the models differ in compute_units; give the pipeline's")
    spec = messages.Model()
    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    parts = [model.get_spec() for model in models]
    for part in parts:
        spec.pipeline.models.add().CopyFrom(part)
        spec.specificationVersion = max(spec.specificationVersion, part.specificationVersion)
        for feature in part.description.input:
            if outputs.pop(feature.name, None) is None:
                inputs.setdefault(feature.name, feature)
        outputs.update((feature.name, feature) for feature in part.description.output)
    spec.description.input.extend(inputs.values())
    spec.description.output.extend(outputs.values())
    return MLModel(spec, compute_units if compute_units is not None else models[0].compute_unit)
