"""The part of NeuralNetworkBuilder that makes a network updatable: layers, loss, optimizer, training inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.datatypes import normalize_datatype
from pyruntime.models.interface import add_features, named_features
from pyruntime.models.neural_network.update_optimizer_utils import AdamParams, SgdParams, write_whole_number
from pyruntime.spec import messages
from pyruntime.spec.weights import weight_form, weights_of

TRAINABLE = ("innerProduct", "convolution")


class Training:
    """What a network needs to learn on the device."""

    spec: Any
    nn_spec: Any

    def make_updatable(self, trainables: Iterable[str], *, seed: int | None = None) -> None:
        """Let layers learn.

        trainables: names of layers of type innerProduct or convolution whose weights are float32.
        seed: of the shuffling of examples between epochs, which is on; drawn for every update when there is none.
        """
        self._require_model("make_updatable")
        names = [trainables] if isinstance(trainables, str) else list(trainables)
        self._refuse_half_floats()
        layers = [self._layer(name) for name in names]
        for layer in layers:
            kind = layer.WhichOneof("layer")
            if kind not in TRAINABLE:
                raise BuildError(
                    f"make_updatable: layer {layer.name!r} is {kind}, expected one of {', '.join(TRAINABLE)}"
                )
            _refuse_quantized(layer, kind)
        for layer in layers:
            params = getattr(layer, layer.WhichOneof("layer"))
            layer.isUpdatable = True
            params.weights.isUpdatable = params.bias.isUpdatable = True
        self.spec.isUpdatable = True
        self.spec.specificationVersion = max(self.spec.specificationVersion, 4)
        if names:
            self.set_shuffle(seed)

    def _require_model(self, method: str) -> None:
        if self.spec is None:
            raise BuildError(f"{method}: a network inside another one cannot learn by itself")

    def _layer(self, name: str) -> Any:
        """The layer of that name.  Raises BuildError."""
        found = [layer for layer in self.nn_spec.layers if layer.name == name]
        if len(found) != 1:
            names = ", ".join(layer.name for layer in self.nn_spec.layers) or "none"
            raise BuildError(
                f"{'no layer' if not found else 'several layers'} of the name {name!r}; layers are: {names}"
            )
        return found[0]

    def _refuse_half_floats(self) -> None:
        for layer in self.nn_spec.layers:
            for field, weight in weights_of(layer):
                if weight_form(weight) == "float16Value":
                    raise BuildError(
                        f"make_updatable: layer {layer.name!r}, {field}: the weights are float16; Core ML runs such a "
                        "network in half precision as a whole and does not train it.  Store float32, or put the layers "
                        "that learn into the last model of a pipeline"
                    )

    def set_categorical_cross_entropy_loss(self, name: str, input: str) -> None:
        """The loss of classes: -log of the score of the right one.

        name: of the loss, unlike every layer's.  input: the output of a softmax layer.
        The right class comes as the training input `<input>_true`, its index; or, for a classifier, as its label.
        """
        self._require_free_name("set_categorical_cross_entropy_loss", name)
        producer = self._producer(input)
        if producer is None or producer.WhichOneof("layer") != "softmax":
            got = "no layer's output" if producer is None else f"the output of a {producer.WhichOneof('layer')} layer"
            raise BuildError(f"loss {name!r}: expected the output of a softmax layer (add_softmax), {input!r} is {got}")
        loss = self.nn_spec.updateParams.lossLayers.add(name=name).categoricalCrossEntropyLossLayer
        loss.input, loss.target = input, f"{input}_true"
        self._add_training_inputs()
        label = self.spec.description.predictedFeatureName
        if label and self.spec.WhichOneof("Type") == "neuralNetworkClassifier":
            best = next(f for f in self.spec.description.output if f.name == label)
            self._add_training_input(label).CopyFrom(best.type)
        else:
            kind = self._add_training_input(loss.target)
            kind.multiArrayType.shape.append(1)
            kind.multiArrayType.dataType = messages.ArrayFeatureType.ArrayDataType.INT32

    def set_mean_squared_error_loss(self, name: str, input_feature: Any = None) -> None:
        """The loss of numbers: the mean of squared differences.

        input_feature: (name, type) of what a layer gives; the target is the training input `<name>_true` of that type.
        """
        self._require_free_name("set_mean_squared_error_loss", name)
        if not isinstance(input_feature, tuple) or len(input_feature) != 2:
            raise BuildError(f"loss {name!r}: input_feature: expected a pair (name, type), got {input_feature!r}")
        source, datatype = input_feature
        if self._producer(source) is None:
            raise BuildError(f"loss {name!r}: {source!r} is no layer's output")
        datatype = normalize_datatype(datatype)
        loss = self.nn_spec.updateParams.lossLayers.add(name=name).meanSquaredErrorLossLayer
        loss.input, loss.target = source, f"{source}_true"
        self._add_training_inputs()
        datatype.write(self._add_training_input(loss.target))

    def _require_free_name(self, method: str, name: str) -> None:
        self._require_model(method)
        losses = self.nn_spec.updateParams.lossLayers
        if len(losses):
            raise BuildError(
                f"{method}: the network has the loss {losses[0].name!r} already; Core ML takes exactly one"
            )
        if not name or name in [layer.name for layer in self.nn_spec.layers]:
            raise BuildError(f"{method}: expected a name that no layer has, got {name!r}")

    def _producer(self, blob: str) -> Any:
        """The last layer that gives a blob, or None."""
        return next((layer for layer in reversed(self.nn_spec.layers) if blob in layer.output), None)

    def _add_training_inputs(self) -> None:
        """Whatever the network needs to predict, it needs to learn."""
        for feature in self.spec.description.input:
            self._add_training_input(feature.name).CopyFrom(feature.type)

    def _add_training_input(self, name: str) -> Any:
        """The type of a training input of that name, made if there is none yet."""
        inputs = self.spec.description.trainingInput
        feature = next((f for f in inputs if f.name == name), None)
        feature = inputs.add(name=name) if feature is None else feature
        feature.type.Clear()
        return feature.type

    def set_training_input(self, training_input: Sequence[tuple[str, Any]]) -> None:
        """Replace the training inputs: pairs of a name and a type."""
        self._require_model("set_training_input")
        features = named_features(training_input)
        self.spec.description.ClearField("trainingInput")
        add_features(self.spec.description.trainingInput, features)

    def set_sgd_optimizer(self, sgd_params: SgdParams) -> None:
        """Learn by stochastic gradient descent; replaces the optimizer."""
        self._set_optimizer(sgd_params, SgdParams)

    def set_adam_optimizer(self, adam_params: AdamParams) -> None:
        """Learn by Adam; replaces the optimizer."""
        self._set_optimizer(adam_params, AdamParams)

    def _set_optimizer(self, params: Any, kind: Any) -> None:
        self._require_model("set_optimizer")
        if not isinstance(params, kind):
            raise BuildError(f"the optimizer: expected {kind.__name__}(…), got {type(params).__name__}")
        self.nn_spec.updateParams.optimizer.Clear()
        params.write(self.nn_spec.updateParams.optimizer)

    def set_epochs(self, epochs: int = 1, allowed_set: Iterable[int] | None = None) -> None:
        """How many times an update goes through its examples, and the numbers that callers may choose instead.

        allowed_set: only `epochs` by default.  A second call replaces the first.
        """
        self._require_model("set_epochs")
        allowed = sorted({int(n) for n in allowed_set}) if allowed_set is not None else [epochs]
        if epochs not in allowed or min(allowed) < 1:
            raise BuildError(f"set_epochs: expected at least 1 and one of the allowed {allowed}, got {epochs}")
        write_whole_number(self.nn_spec.updateParams.epochs, epochs, allowed)

    def set_shuffle(self, seed: int | None = None) -> None:
        """Take the examples of each epoch in another order.  seed: to take the same ones every time."""
        self._require_model("set_shuffle")
        self.nn_spec.updateParams.shuffle.defaultValue = True
        if seed is not None:
            self.nn_spec.updateParams.seed.defaultValue = seed


def _refuse_quantized(layer: Any, kind: str) -> None:
    for field in ("weights", "bias"):
        if weight_form(getattr(getattr(layer, kind), field)) in ("rawValue", "int8RawValue"):
            raise BuildError(
                f"make_updatable: layer {layer.name!r}, {field}: expected float32, quantized ones cannot learn"
            )
