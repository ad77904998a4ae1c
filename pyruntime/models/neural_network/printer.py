"""Networks as text."""

from __future__ import annotations

from typing import Any

from pyruntime.models.neural_network.inspection import describe_parameters

_NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")


def print_network_spec(mlmodel_spec: Any, interface_only: bool = False, style: str = "") -> None:
    """Print inputs and outputs of a model, and the layers of a network.

    mlmodel_spec: a Model message or an MLModel.  interface_only: without the layers.
    style: "coding" for one line per layer, as an assignment; otherwise each layer with its parameters.
    """
    spec = mlmodel_spec.get_spec() if hasattr(mlmodel_spec, "get_spec") else mlmodel_spec
    for side in ("input", "output"):
        print(f"{side.title()}s:")
        for feature in getattr(spec.description, side):
            optional = ", optional" if feature.type.isOptional else ""
            print(f"  {feature.name}: {' '.join(str(feature.type).split())}{optional}")
    kind = spec.WhichOneof("Type")
    if interface_only or kind not in _NETWORKS:
        return
    print("Layers:")
    _print_layers(getattr(spec, kind), style == "coding", "  ")


def _print_layers(network: Any, coding: bool, indent: str) -> None:
    for number, layer in enumerate(network.layers):
        kind = layer.WhichOneof("layer")
        inputs, outputs, parameters = ", ".join(layer.input), ", ".join(layer.output), describe_parameters(layer)
        if coding:
            print(
                f"{indent}{f'{outputs} = ' if outputs else ''}{kind}({', '.join(filter(None, [inputs, *parameters]))})"
            )
        else:
            print(f"{indent}[{number}] {layer.name} ({kind}): {inputs} -> {outputs}")
            for line in parameters:
                print(f"{indent}    {line}")
        for inner in {"branch": ("ifBranch", "elseBranch"), "loop": ("conditionNetwork", "bodyNetwork")}.get(kind, ()):
            print(f"{indent}  {inner}:")
            _print_layers(getattr(getattr(layer, kind), inner), coding, indent + "    ")
