"""The part of NeuralNetworkBuilder that prints what is in a network."""

from __future__ import annotations

from typing import Any

from pyruntime.errors import BuildError
from pyruntime.spec.weights import stored_weight

_INDENT = " " * 10


class Inspection:
    """Text for people, on standard output."""

    spec: Any
    nn_spec: Any

    def _layer(self, name: str) -> Any:
        raise NotImplementedError

    def inspect_layers(self, last: int = -1, verbose: bool = False) -> None:
        """Print the layers, the last one first.  last: how many, -1 for all.  verbose: their parameters, too."""
        layers = list(enumerate(self.nn_spec.layers))
        for number, layer in reversed(layers if last < 0 else layers[max(0, len(layers) - last) :]):
            print(f"[Id: {number}], Name: {layer.name} (Type: {layer.WhichOneof('layer')})")
            print(f"{_INDENT}Updatable: {layer.isUpdatable}")
            _print_blobs(layer)
            lines = describe_parameters(layer) if verbose else []
            if lines:
                print(f"{_INDENT}Parameters: ")
                for line in lines:
                    print(f"{_INDENT}    {line}")

    def inspect_loss_layers(self) -> None:
        """Print the loss."""
        losses = self.nn_spec.updateParams.lossLayers
        if not len(losses):
            print("no loss layer detected.")
        for number, loss in enumerate(losses):
            kind = loss.WhichOneof("LossLayerType")
            print(f"[Id: {number}], Name: {loss.name} (Type: {kind})")
            print(f"{_INDENT}Loss Input: {getattr(loss, kind).input}")
            print(f"{_INDENT}Loss Target: {getattr(loss, kind).target}")

    def inspect_optimizer(self) -> None:
        """Print the optimizer, its parameters and what they may be."""
        optimizer = self.nn_spec.updateParams.optimizer
        kind = optimizer.WhichOneof("OptimizerType")
        print(f"Optimizer Type: {kind}")
        if kind is None:
            return
        short = {"learningRate": "lr", "miniBatchSize": "batch"}
        for field, value in getattr(optimizer, kind).ListFields():
            print(f"{short.get(field.name, field.name)}: {value.defaultValue}, {_allowed(value)}")

    def inspect_updatable_layers(self) -> None:
        """Print the layers that learn."""
        for layer in self.nn_spec.layers:
            if layer.isUpdatable:
                print(f"Name: {layer.name} (Type: {layer.WhichOneof('layer')})")
                _print_blobs(layer)

    def inspect_input_features(self) -> None:
        """Print the inputs of the model."""
        _print_features(self.spec.description.input)

    def inspect_output_features(self) -> None:
        """Print the outputs of the model."""
        _print_features(self.spec.description.output)

    def inspect_conv_channels(self, layer_name: str) -> None:
        """Print the numbers of channels of a convolution."""
        self._print_channels(layer_name, "convolution", ("outputChannels", "kernelChannels"))

    def inspect_innerproduct_channels(self, layer_name: str) -> None:
        """Print the numbers of channels of an inner product."""
        self._print_channels(layer_name, "innerProduct", ("inputChannels", "outputChannels"))

    def _print_channels(self, name: str, kind: str, fields: tuple[str, ...]) -> None:
        layer = self._layer(name)
        if layer.WhichOneof("layer") != kind:
            raise BuildError(f"layer {name!r} is {layer.WhichOneof('layer')}, expected {kind}")
        for field in fields:
            print(f"{field}: {getattr(getattr(layer, kind), field)}")


def _print_blobs(layer: Any) -> None:
    print(f"{_INDENT}Input blobs: {list(layer.input)}")
    print(f"{_INDENT}Output blobs: {list(layer.output)}")


def _print_features(features: Any) -> None:
    for number, feature in enumerate(features):
        print(f"[Id: {number}] Name: {feature.name}")
        print(f"{_INDENT}Type: {feature.type}")


def _allowed(parameter: Any) -> str:
    kind = parameter.WhichOneof("AllowedValues")
    if kind == "set":
        return f"allowed_set: {list(parameter.set.values)}"
    return f"min: {parameter.range.minValue}, max: {parameter.range.maxValue}" if kind == "range" else "any value"


def describe_parameters(layer: Any) -> list[str]:
    """`field = value` for each parameter of a layer; weights by their number and form."""
    lines = []
    for field, value in getattr(layer, layer.WhichOneof("layer")).ListFields():
        if field.message_type is not None and field.message_type.name == "WeightParams":
            stored = stored_weight(value)
            lines.append(f"{field.name} = {'none' if stored is None else f'{stored[1]} numbers, {stored[0]}'}")
        elif field.message_type is not None and field.message_type.name.startswith("NeuralNetwork"):
            lines.append(f"{field.name} = {len(value.layers)} layers")
        else:
            lines.append(f"{field.name} = {' '.join(str(value).split()) or 'set'}")
    return lines
