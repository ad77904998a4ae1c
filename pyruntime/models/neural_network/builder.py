"""NeuralNetworkBuilder: neural networks layer by layer, with coremltools' names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.datatypes import Array
from pyruntime.models.interface import Feature, add_features, named_features, set_features, write_labels
from pyruntime.models.neural_network.images import Preprocessing
from pyruntime.models.neural_network.inspection import Inspection
from pyruntime.models.neural_network.layer_methods import Layer, LayerMethods
from pyruntime.models.neural_network.rows import Call, as_list
from pyruntime.models.neural_network.table import TABLE
from pyruntime.models.neural_network.training import Training
from pyruntime.spec import messages

_KINDS = {None: "neuralNetwork", "classifier": "neuralNetworkClassifier", "regressor": "neuralNetworkRegressor"}


class NeuralNetworkBuilder(LayerMethods, Training, Preprocessing, Inspection):
    """Build a neural network, or change one.

    builder = NeuralNetworkBuilder([("x", Array(3))], [("y", Array(2))], disable_rank5_shape_mapping=True)
    builder.add_inner_product("dense", W, b, 3, 2, True, "x", "y")
    model = pyruntime.MLModel(builder.spec)

    input_features, output_features, training_features: pairs of a name and a type from `models.datatypes`; the type of
        an output may be None, which leaves its shape open.
    mode: None, "classifier" or "regressor".
    spec: a model to change instead of a new one; coremltools' messages are taken as a copy.
    nn_spec: only the network, as in the branches and loops of another one; there is no `spec` then.
    disable_rank5_shape_mapping: layers see arrays in the shapes that callers give, as Core ML 3 can; without, they see
        five axes (sequence, batch, channel, height, width), as those before did.
    use_float_arraytype: arrays are float32, not double.
    """

    def __init__(
        self,
        input_features: Any = None,
        output_features: Any = None,
        mode: str | None = None,
        spec: Any = None,
        nn_spec: Any = None,
        disable_rank5_shape_mapping: bool = False,
        training_features: Any = None,
        use_float_arraytype: bool = False,
    ) -> None:
        self._array_type = "FLOAT32" if use_float_arraytype else "DOUBLE"
        self.spec: Any = None
        if spec is not None:
            self.spec = (
                spec if isinstance(spec, messages.Model) else messages.Model.FromString(spec.SerializeToString())
            )
            self.nn_spec = _network_of(self.spec)
        elif nn_spec is not None:
            self.nn_spec = nn_spec
        else:
            self._start(input_features, output_features, mode, training_features, disable_rank5_shape_mapping)

    def _start(self, inputs: Any, outputs: Any, mode: str | None, training: Any, exact: bool) -> None:
        if inputs is None or outputs is None:
            raise BuildError("NeuralNetworkBuilder: expected input_features and output_features, or spec, or nn_spec")
        if mode not in _KINDS:
            raise BuildError(f"NeuralNetworkBuilder: mode is {mode!r}, expected None, 'classifier' or 'regressor'")
        self.spec = messages.Model(specificationVersion=4 if exact else 1)
        self.set_interface(named_features(inputs), named_features(outputs), training)
        self.nn_spec = getattr(self.spec, _KINDS[mode])
        if exact:
            self.nn_spec.arrayInputShapeMapping = messages.EXACT_ARRAY_MAPPING
            self.nn_spec.imageInputShapeMapping = messages.RANK4_IMAGE_MAPPING
        self.nn_spec.SetInParent()

    def set_interface(self, inputs: Sequence[Feature], outputs: Sequence[Feature], training: Any = None) -> None:
        """Replace inputs, outputs, and training inputs if given.  Inputs of networks are arrays."""
        for name, datatype in inputs:
            if not isinstance(datatype, Array):
                raise BuildError(f"input {name!r} is {datatype!r}; inputs of a neural network are Array(sizes…)")
        for what, features in (("input", inputs), ("output", outputs)):
            names = [name for name, _ in features]
            if len(set(names)) != len(names):
                raise BuildError(f"{what}s {names} are not all of different names")
        training = named_features(training) if training is not None else None
        set_features(self.spec, inputs, outputs, training, array_type=self._array_type)

    def _add(self, method: str, arguments: Mapping[str, Any]) -> Layer:
        row = TABLE[method]
        given = {name: value for name, value in arguments.items() if name not in ("self", "__class__")}
        layer = self.nn_spec.layers.add(name=_text(row.method, "name", given["name"]))
        try:
            for side, target in (("input", layer.input), ("output", layer.output)):
                names = given.get(f"{side}_name", given.get(f"{side}_names"))
                for name in as_list(names) if names is not None else ():
                    target.append(_text(row.method, f"{side}_names", name))
            self._check_inputs(row, layer, given)
            call = Call(row, layer, given)
            call.write()
        except BaseException:
            del self.nn_spec.layers[-1]
            raise
        self._needs(call.version)
        return layer

    def _check_inputs(self, row: Any, layer: Any, given: Mapping[str, Any]) -> None:
        least, most = row.inputs
        count = len(layer.input)
        if "input_names" in given and not (least <= count and (most is None or count <= most)):
            wanted = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
            raise BuildError(f"add_{row.method}: layer {layer.name!r}: expected {wanted} input names, got {count}")

    def _needs(self, version: int) -> None:
        """Raise the model's specification version if it has to be."""
        if self.spec is not None:
            self.spec.specificationVersion = max(self.spec.specificationVersion, version)

    def _described(self) -> Any:
        """The description of the model.  Raises BuildError inside a network of another one."""
        if self.spec is None:
            raise BuildError("this builder makes a network inside another one, which has no interface of its own")
        return self.spec.description

    def set_input(self, input_names: Sequence[str], input_dims: Sequence[Sequence[int]]) -> None:
        """Replace the inputs of the model.  input_dims: a shape per name."""
        self._set_arrays("input", input_names, input_dims)

    def set_output(self, output_names: Sequence[str], output_dims: Sequence[Sequence[int]]) -> None:
        """Replace the outputs of the model.  output_dims: a shape per name."""
        self._set_arrays("output", output_names, output_dims)

    def _set_arrays(self, side: str, names: Sequence[str], shapes: Sequence[Sequence[int]]) -> None:
        if len(names) != len(shapes):
            raise BuildError(f"set_{side}: {len(names)} names and {len(shapes)} shapes, expected as many")
        self._described().ClearField(side)
        features = [(name, Array(*shape)) for name, shape in zip(names, shapes, strict=True)]
        add_features(getattr(self.spec.description, side), features, array_type=self._array_type)

    def set_class_labels(
        self, class_labels: Sequence[Any], predicted_feature_name: str = "classLabel", prediction_blob: str = ""
    ) -> None:
        """Make the model a classifier.

        class_labels: all texts or all whole numbers, in the order of the scores.
        predicted_feature_name: name of the output for the best label.
        prediction_blob: name of the scores, by default the output of the last layer; they become a dictionary.
        """
        description = self._described()
        if self.spec.WhichOneof("Type") != "neuralNetworkClassifier":
            raise BuildError("set_class_labels: this network is no classifier; give mode='classifier' to the builder")
        network = self.spec.neuralNetworkClassifier
        write_labels(network, class_labels)
        kind = network.WhichOneof("ClassLabels")
        key, label = ("stringKeyType", "stringType") if kind == "stringClassLabels" else ("int64KeyType", "int64Type")
        if not prediction_blob and not network.layers:
            raise BuildError("set_class_labels: give prediction_blob, or add the layers first")
        scores = prediction_blob or network.layers[-1].output[0]
        feature = next((f for f in description.output if f.name == scores), None)
        if feature is None:
            names = [f.name for f in description.output]
            raise BuildError(f"set_class_labels: {scores!r} is none of the outputs {names}; give prediction_blob")
        feature.type.Clear()
        getattr(feature.type.dictionaryType, key).SetInParent()
        best = next((f for f in description.output if f.name == predicted_feature_name), None)
        best = description.output.add(name=predicted_feature_name) if best is None else best
        best.type.Clear()
        getattr(best.type, label).SetInParent()
        description.predictedFeatureName = predicted_feature_name
        description.predictedProbabilitiesName = scores
        network.labelProbabilityLayerName = scores

    def set_optional_input(self, input_idx: int, value: float | None = None, format: str = "float") -> None:
        """Let callers leave out an input.  value: what it is then, in every place; format: float or double."""
        feature = self._described().input[input_idx]
        fields = {"float": "floatDefaultValue", "double": "doubleDefaultValue"}
        if format not in fields:
            raise BuildError(f"set_optional_input: format is {format!r}, expected float or double")
        feature.type.isOptional = True
        if value is not None:
            setattr(feature.type.multiArrayType, fields[format], value)
            if value != 0:
                self._needs(5)

    def add_optionals(self, optionals_in: Sequence[tuple[str, int]], optionals_out: Sequence[tuple[str, int]]) -> None:
        """Add vectors (name, size) that callers may leave out, and outputs: states of recurrent layers."""
        description = self._described()
        for target, vectors, optional in (
            (description.input, optionals_in, True), (description.output, optionals_out, False),
        ):  # fmt: skip
            known = [(name, Array(size)) for name, size in vectors or ()]
            add_features(target, known, array_type=self._array_type, optional=optional)


def _network_of(spec: Any) -> Any:
    kind = spec.WhichOneof("Type")
    if kind not in _KINDS.values():
        raise BuildError(
            f"NeuralNetworkBuilder: the model is of type {kind}, expected one of {', '.join(_KINDS.values())}"
        )
    return getattr(spec, kind)


def _text(method: str, parameter: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BuildError(f"add_{method}: {parameter}: expected a name, got {value!r}")
    return value
