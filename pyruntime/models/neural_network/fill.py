"""Layers of the first Core ML that take more than copying arguments into fields; others have files of their own."""

from __future__ import annotations

from typing import Any

from pyruntime.models.neural_network.rows import Call, choices_of
from pyruntime.models.neural_network.weight_params import as_numbers, quantization_of, write_weight
from pyruntime.spec import messages

_ACTIVATIONS = {
    "RELU": ("ReLU", ()), "LEAKYRELU": ("leakyReLU", (0.3,)), "TANH": ("tanh", ()), "SIGMOID": ("sigmoid", ()),
    "SCALED_TANH": ("scaledTanh", (0.0, 0.0)), "LINEAR": ("linear", (1.0, 0.0)), "SOFTPLUS": ("softplus", ()),
    "SIGMOID_HARD": ("sigmoidHard", (0.2, 0.5)), "ELU": ("ELU", (None,)), "SOFTSIGN": ("softsign", ()),
    "THRESHOLDEDRELU": ("thresholdedReLU", (1.0,)), "PRELU": ("PReLU", (None,)),
    "PARAMETRICSOFTPLUS": ("parametricSoftplus", (None, None)),
}  # fmt: skip
"""Member of ActivationParams, and what alpha and beta are without params; None: they must be given."""


def activation(call: Call) -> None:
    """non_linearity and its params: a number, or a list of alpha and beta."""
    kind, defaults = _ACTIVATIONS[call.choice("non_linearity", list(_ACTIVATIONS))]
    params, message = call["params"], getattr(call.params, kind)
    message.SetInParent()
    per_channel = kind in ("PReLU", "parametricSoftplus")
    if params is None:
        values = list(defaults)
    elif kind == "PReLU":
        values = [params]
    else:
        values = list(params) if hasattr(params, "__len__") else [params]
    if len(values) < len(defaults) or None in [v if v is None else 0 for v in values]:
        what = "arrays of one number per channel" if per_channel else "numbers"
        call.refuse("params", f"{len(defaults)} {what} ({', '.join(('alpha', 'beta')[: len(defaults)])})", params)
    for name, value, _ in zip(("alpha", "beta"), values, defaults, strict=False):
        if per_channel:
            array = as_numbers(call, "params", value)
            write_weight(getattr(message, name), call, "params", array, array.shape)
        else:
            setattr(message, name, float(value or 0))
    for end in ("input", "output"):
        add_tensor(getattr(call.layer, f"{end}Tensor"), call[f"{end}_rank"], call[f"{end}_shape"])


def add_tensor(target: Any, rank: int | None, shape: Any) -> None:
    """Say what is known of an input or output: its rank, its shape."""
    if rank is not None or shape is not None:
        tensor = target.add(rank=len(shape) if rank is None else rank)
        tensor.dimValue.extend([] if shape is None else list(shape))


_ELEMENTWISE = {
    "CONCAT": "concat", "SEQUENCE_CONCAT": "concat", "ADD": "add", "MULTIPLY": "multiply", "DOT": "dot", "COS": "dot",
    "MAX": "max", "MIN": "min", "AVE": "average",
}  # fmt: skip


def elementwise(call: Call) -> None:
    """The mode is the layer."""
    mode = call.choice("mode", list(_ELEMENTWISE))
    kind = _ELEMENTWISE[mode]
    call.choose_layer(kind)
    call.params.SetInParent()
    alone = len(call.layer.input) == 1
    if mode in ("ADD", "MULTIPLY"):
        if alone and call["alpha"] is None:
            call.refuse("alpha", f"a number, with one input and mode {mode}", None)
        if call["alpha"] is not None and alone:
            call.params.alpha = call["alpha"]
    elif mode == "SEQUENCE_CONCAT":
        call.params.sequenceConcat = True
    elif mode == "COS":
        call.params.cosineSimilarity = True


def inner_product(call: Call) -> None:
    _dense(call, "W", "b", (call["output_channels"], call["input_channels"]))
    if call["int_8_dynamic_quantize"]:
        call.params.int8DynamicQuantize = True


def embedding(call: Call) -> None:
    _dense(call, "W", "b", (call["output_channels"], call["input_dim"]))


def embedding_nd(call: Call) -> None:
    call.params.hasBias = call["b"] is not None
    _dense(call, "W", "b", (call["embedding_size"], call["vocab_size"]))


def _dense(call: Call, weight: str, bias: str, shape: tuple[int, int]) -> None:
    """A matrix (output, input), floats or quantized, and a bias (output) if the layer has one."""
    quantization = quantization_of(call, shape[0])
    write_weight(call.params.weights, call, weight, call[weight], shape, quantization=quantization)
    if call.get("has_bias", call[bias] is not None):
        write_weight(call.params.bias, call, bias, call[bias], shape[:1])


def batched_mat_mul(call: Call) -> None:
    """W goes as (columns, rows)."""
    rows, columns = call["weight_matrix_rows"], call["weight_matrix_columns"]
    weight = call["W"]
    if (weight is None) != (len(call.layer.input) == 2):
        call.refuse("input_names", "two names, or one and W", f"{len(call.layer.input)} and W={type(weight).__name__}")
    if weight is None:
        return
    params = call.params
    params.weightMatrixFirstDimension, params.weightMatrixSecondDimension = rows, columns
    quantization = quantization_of(call, columns)
    write_weight(params.weights, call, "W", weight, (rows, columns), transpose=(1, 0), quantization=quantization)
    if call["bias"] is not None:
        params.hasBias = True
        write_weight(params.bias, call, "bias", call["bias"], (columns,))
    if call["int_8_dynamic_quantize"]:
        params.int8DynamicQuantize = True


def scale(call: Call) -> None:
    call.params.hasBias = bool(call["has_bias"])
    _shaped(call, "W", "shape_scale", call.params.shapeScale, call.params.scale)
    if call["has_bias"]:
        _shaped(call, "b", "shape_bias", call.params.shapeBias, call.params.bias)


def bias(call: Call) -> None:
    _shaped(call, "b", "shape_bias", call.params.shape, call.params.bias)


def _shaped(call: Call, name: str, shape_name: str, shape: Any, target: Any) -> None:
    """A weight whose shape is in the file: [1] unless the caller gives another."""
    sizes = [1] if call[shape_name] is None else list(call[shape_name])
    shape.extend(sizes)
    write_weight(target, call, name, call[name], sizes)


def batchnorm(call: Call) -> None:
    if call["compute_mean_var"] != call["instance_normalization"]:
        call.refuse("compute_mean_var", "the same as instance_normalization", call["compute_mean_var"])
    names = ["gamma", "beta", *(() if call["compute_mean_var"] else ("mean", "variance"))]
    for name in names:
        write_weight(getattr(call.params, name), call, name, call[name], (call["channels"],))


def layer_normalization(call: Call) -> None:
    shape = list(call["normalized_shape"])
    for name in ("gamma", "beta"):
        write_weight(getattr(call.params, name), call, name, call[name], shape)


def load_constant(call: Call) -> None:
    array = as_numbers(call, "constant_value", call["constant_value"])
    write_weight(call.params.data, call, "constant_value", array.ravel(), list(call["shape"]))
    if call.row.method == "load_constant" and len(call["shape"]) not in (3, 5):
        call.refuse("shape", "3 or 5 sizes", list(call["shape"]))


def upsample(call: Call) -> None:
    """Fractional factors and the ways to align corners came with version 5."""
    sizes = [call["scaling_factor_h"], call["scaling_factor_w"]]
    fractional = any(size != int(size) for size in sizes)
    how = call.choice(
        "linear_upsample_mode", list(choices_of(messages.UpsampleLayerParams.LinearUpsampleMode.DESCRIPTOR))
    )
    if how != "DEFAULT":
        call.needs(5)
        if str(call["mode"]).upper() != "BILINEAR":
            call.refuse("linear_upsample_mode", "DEFAULT unless mode is BILINEAR", how)
    call.params.linearUpsampleMode = messages.UpsampleLayerParams.LinearUpsampleMode.Value(how)
    if fractional and how == "DEFAULT":
        call.refuse("linear_upsample_mode", "ALIGN_CORNERS_TRUE or ALIGN_CORNERS_FALSE with fractional factors", how)
    target = call.params.fractionalScalingFactor if fractional else call.params.scalingFactor
    target.extend(float(size) if fractional else int(size) for size in sizes)


def add_border(target: Any, *pairs: tuple[int, int]) -> None:
    """BorderAmounts: start and end per axis, height before width."""
    for start, end in pairs:
        target.borderAmounts.add(startEdgeSize=start, endEdgeSize=end)


def padding(call: Call) -> None:
    """What is at the edges: a number, or the image again."""
    kind = call.choice("padding_type", ["constant", "reflection", "replication"])
    getattr(call.params, kind).SetInParent()
    if kind == "constant":
        call.params.constant.value = call["value"]
    add_border(call.params.paddingAmounts, (call["top"], call["bottom"]), (call["left"], call["right"]))


def crop(call: Call) -> None:
    add_border(call.params.cropAmounts, (call["top"], call["bottom"]), (call["left"], call["right"]))
    call.params.offset.extend([0, 0] if len(call.layer.input) == 1 else list(call["offset"]))


def reorganize(call: Call) -> None:
    if str(call["mode"]).upper() == "PIXEL_SHUFFLE":
        call.needs(5)
    if call["block_size"] < 2:
        call.refuse("block_size", "at least 2", call["block_size"])


def unary(call: Call) -> None:
    defaults = {"inverse": 1e-4, "rsqrt": 1e-4, "log": 1e-45}
    epsilon = call["epsilon"]
    call.params.epsilon = defaults.get(str(call["mode"]).lower(), 1e-6) if epsilon is None else epsilon


def split(call: Call) -> None:
    call.params.nOutputs = len(call.layer.output)


def custom(call: Call) -> None:
    call.needs(2)
    call.params.SetInParent()
    if call["custom_proto_spec"] is not None:
        call.params.MergeFromString(call["custom_proto_spec"].SerializeToString())


def resize_bilinear(call: Call) -> None:
    call.params.targetSize.extend([call["target_height"], call["target_width"]])
    _sampling(call)


def crop_resize(call: Call) -> None:
    """The size of the results, and what four numbers of a box are."""
    resize_bilinear(call)
    enum = messages.BoxCoordinatesMode.Coordinates
    mode = call.choice("box_indices_mode", list(choices_of(enum.DESCRIPTOR)))
    call.params.boxIndicesMode.SetInParent()
    call.params.boxIndicesMode.boxMode = enum.Value(mode)


def _sampling(call: Call) -> None:
    enum = messages.SamplingMode.Method
    call.params.mode.SetInParent()
    call.params.mode.samplingMethod = enum.Value(call.choice("mode", list(choices_of(enum.DESCRIPTOR))))
