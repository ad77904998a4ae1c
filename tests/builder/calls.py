"""Calls of every method that adds a layer: what both builders are given.

`calls()` yields (method, arguments).  A row of `_rows` is one method with its fixed arguments; arguments given as
`Each(…)` take each of their values in turn, in all combinations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

X = {"input_name": "data", "output_name": "out"}
"""A layer with one input (3, 4, 5) and one output."""
XX = {"input_names": ["data", "data2"], "output_name": "out"}
"""A layer with two such inputs."""


class Each:
    """Every one of some values in turn."""

    def __init__(self, *values: Any) -> None:
        self.values = values


BOTH = Each(False, True)


def w(*shape: int) -> np.ndarray:
    """Weights that halves hold exactly."""
    return (np.arange(math.prod(shape)).reshape(shape) % 13 - 5).astype(np.float32) / 4


def q(*shape: int, bits: int = 8) -> bytes:
    """Packed numbers for quantized weights of that shape."""
    return (np.arange(-(-math.prod(shape) * bits // 8)) % 256).astype(np.uint8).tobytes()


ONE_TO_ONE = [
    "softmax", "erf", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "exp2", "ceil", "floor", "round", "sign", "copy", "get_shape", "where_nonzero",
]  # fmt: skip
TWO_TO_ONE = [
    *(f"{name}_broadcastable" for name in ("add", "multiply", "divide", "subtract", "max", "min", "floor_div", "mod")),
    "pow_broadcastable", "broadcast_to_like", "broadcast_to_dynamic", "reshape_like", "reshape_dynamic", "gather_nd",
]  # fmt: skip
REDUCTIONS = ["sum", "prod", "mean", "max", "min", "l2", "l1", "sumsquare", "logsum", "logsumexp"]
SCATTER_MODES = Each("UPDATE", "ADD", "SUB", "MUL", "DIV", "MAX", "MIN", "add")

ACTIVATIONS = {
    "RELU": [None], "SIGMOID": [None], "TANH": [None], "SOFTPLUS": [None], "SOFTSIGN": [None],
    "LEAKYRELU": [None, [0.5]], "SCALED_TANH": [None, [2.0, 3.0]], "LINEAR": [None, [2.0, 3.0]],
    "SIGMOID_HARD": [None, [0.25, 0.75]], "ELU": [0.5], "THRESHOLDEDRELU": [None, 0.5],
    "PRELU": [w(3)], "PARAMETRICSOFTPLUS": [[w(3), w(3) + 1]],
    "relu": [None], "LeakyReLU": [[0.25]],
}  # fmt: skip

QUANTIZED = [
    {"is_quantized_weight": True, "quantization_type": "linear", "nbits": 8, "quant_scale": [0.5], "quant_bias": [1.0]},
    {"is_quantized_weight": True, "quantization_type": "linear", "nbits": 8, "quant_scale": w(4), "quant_bias": w(4)},
    {"is_quantized_weight": True, "quantization_type": "lut", "nbits": 8, "quant_lut": w(256)},
    {"is_quantized_weight": True, "quantization_type": "lut", "nbits": 2, "quant_lut": w(4)},
    {"is_quantized_weight": True, "quantization_type": "linear", "nbits": 4, "quant_scale": [0.5], "quant_bias": [0.0]},
]


def _rows() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in ONE_TO_ONE:
        yield name, {**X}
    for name in TWO_TO_ONE:
        yield name, {**XX}
    yield "where_broadcastable", {"input_names": ["data", "data2", "data3"], "output_name": "out"}
    for name in REDUCTIONS:
        options = {"axes": Each(None, [0], [1, 2], [-1]), "keepdims": Each(True, False), "reduce_all": BOTH}
        yield f"reduce_{name}", {**X, **options}
        yield f"reduce_{name}", {"input_name": "unknown", "output_name": "out", **options}
    for kind, choices in ACTIVATIONS.items():
        for params in choices:
            yield "activation", {**X, "non_linearity": kind, "params": params}
    ranks = {"input_rank": 3, "input_shape": [3, 4, 5], "output_rank": 3, "output_shape": [3, 4, 5]}
    yield "activation", {**X, "non_linearity": "RELU", **ranks}
    yield "activation", {**X, "non_linearity": "RELU", "input_rank": 2}
    yield from _core_ml_2()
    yield from _weighted()
    yield from _recurrent()
    yield from _exact()
    yield from _shapes()
    yield from _random()


def _core_ml_2() -> Iterator[tuple[str, dict[str, Any]]]:
    for mode in ("CONCAT", "SEQUENCE_CONCAT", "ADD", "MULTIPLY", "DOT", "COS", "MAX", "AVE", "MIN"):
        yield "elementwise", {**XX, "mode": mode}
    yield "elementwise", {"input_names": ["data"], "output_name": "out", "mode": Each("ADD", "MULTIPLY"), "alpha": 2.5}
    yield "elementwise", {"input_names": "data", "output_name": "out", "mode": "ADD", "alpha": Each(0, 1)}
    size = {"scaling_factor_h": Each(2, 3), "scaling_factor_w": 2}
    yield "upsample", {**X, **size, "mode": Each("NN", "BILINEAR", "nn")}
    linear = Each("DEFAULT", "ALIGN_CORNERS_TRUE", "ALIGN_CORNERS_FALSE", "align_corners_true")
    yield "upsample", {**X, **size, "mode": "BILINEAR", "linear_upsample_mode": linear}
    yield "upsample", {**X, "scaling_factor_h": 1.5, "scaling_factor_w": Each(2.5, 0.5), "mode": "BILINEAR",
                       "linear_upsample_mode": Each("ALIGN_CORNERS_TRUE", "ALIGN_CORNERS_FALSE")}  # fmt: skip
    yield "sequence_repeat", {**X, "nrep": 3}
    pool = {"height": 3, "width": 2, "stride_height": 2, "stride_width": 1}
    yield "pooling", {**X, **pool, "layer_type": Each("MAX", "AVERAGE", "L2"),
                      "padding_type": Each("VALID", "SAME", "INCLUDE_LAST_PIXEL"), "exclude_pad_area": BOTH,
                      "is_global": BOTH}  # fmt: skip
    pads = {"padding_top": 1, "padding_bottom": 1, "padding_left": 2, "padding_right": 2}
    yield "pooling", {**X, **pool, "layer_type": "MAX", "padding_type": Each("VALID", "INCLUDE_LAST_PIXEL"), **pads}
    yield "pooling", {**X, **pool, "layer_type": "MAX", "padding_type": "SAME",
                      "same_padding_asymmetry_mode": Each("BOTTOM_RIGHT_HEAVY", "TOP_LEFT_HEAVY")}  # fmt: skip
    yield "padding", {**X, "left": 1, "right": 2, "top": 3, "bottom": 4, "value": Each(0, 2.5),
                      "padding_type": Each("constant", "reflection", "replication")}  # fmt: skip
    yield "padding", {}
    edges = {"left": 1, "right": 2, "top": 3, "bottom": 4, "offset": [5, 6]}
    yield "crop", {**XX, **edges}
    yield "crop", {"input_names": ["data"], "output_name": "out", **edges}
    yield "flatten", {**X, "mode": Each(0, 1)}
    yield "slice", {**X, "axis": Each("channel", "height", "width")}
    yield "slice", {**X, "axis": "height", "start_index": 1, "end_index": Each(3, -2), "stride": 2}
    yield "slice_by_size", {**XX, "axis": Each(0, -1), "size": 2}
    yield "reorganize_data", {**X, "mode": Each("SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "PIXEL_SHUFFLE", "depth_to_space"),
                              "block_size": Each(2, 3)}  # fmt: skip
    yield "permute", {**X, "dim": Each([0, 1, 2, 3], [0, 2, 1, 3], (3, 0, 1, 2))}
    yield "reshape", {**X, "target_shape": Each((60, 1, 1), (1, 5, 4, 3)), "mode": Each(0, 1)}
    yield "reduce", {**X, "axis": Each("CHW", "HW", "C", "H", "W"),
                     "mode": Each("sum", "avg", "prod", "logsum", "sumsquare", "L1", "L2", "max", "min",
                                  "argmax")}  # fmt: skip
    yield "reduce", {**X, "axis": "C", "mode": "logsum", "epsilon": 1e-3}
    yield "lrn", {**X, "alpha": 0.5, "beta": 0.75, "local_size": 5, "k": Each(1.0, 2.0)}
    yield "mvn", {**X, "across_channels": BOTH, "normalize_variance": BOTH, "epsilon": Each(1e-5, 1e-3)}
    yield "l2_normalize", {**X, "epsilon": Each(1e-5, 1e-3)}
    unary = Each("sqrt", "rsqrt", "inverse", "power", "exp", "log", "abs", "threshold", "SQRT")
    yield "unary", {**X, "mode": unary}
    yield "unary", {**X, "mode": unary, "alpha": 2.0, "shift": 0.5, "scale": 3.0, "epsilon": Each(None, 0.25)}
    yield "split", {"input_name": "data", "output_names": ["out", "out2", "out3"]}
    yield "load_constant", {"output_name": "out", "constant_value": w(2, 3, 4), "shape": Each([2, 3, 4], (24, 1, 1))}
    yield "resize_bilinear", {**X, "target_height": 7, "target_width": 9,
                              "mode": Each("ALIGN_ENDPOINTS_MODE", "STRICT_ALIGN_ENDPOINTS_MODE", "UPSAMPLE_MODE",
                                           "ROI_ALIGN_MODE")}  # fmt: skip
    yield "resize_bilinear", {**X}
    yield "crop_resize", {**XX}
    corners = Each("CORNERS_HEIGHT_FIRST", "CORNERS_WIDTH_FIRST", "CENTER_SIZE_HEIGHT_FIRST", "CENTER_SIZE_WIDTH_FIRST")
    yield "crop_resize", {**XX, "target_height": 3, "target_width": 2, "mode": "ROI_ALIGN_MODE",
                          "normalized_roi": BOTH, "box_indices_mode": corners, "spatial_scale": 0.5}  # fmt: skip
    yield "custom", {"input_names": ["data"], "output_names": ["out", "out2"], "custom_proto_spec": None}


def _weighted() -> Iterator[tuple[str, dict[str, Any]]]:
    half = np.float16
    for kind in (np.float32, half, np.float64):
        yield "inner_product", {**X, "W": w(4, 5).astype(kind), "b": w(4).astype(kind), "input_channels": 5,
                                "output_channels": 4, "has_bias": True}  # fmt: skip
        yield "embedding", {**X, "W": w(4, 7).astype(kind), "b": w(4).astype(kind), "input_dim": 7,
                            "output_channels": 4, "has_bias": BOTH}  # fmt: skip
        yield "embedding_nd", {**X, "W": w(4, 7).astype(kind), "b": w(4).astype(kind), "vocab_size": 7,
                               "embedding_size": 4}  # fmt: skip
        yield "batched_mat_mul", {"input_names": ["data"], "output_name": "out", "weight_matrix_rows": 5,
                                  "weight_matrix_columns": 4, "W": w(5, 4).astype(kind),
                                  "bias": w(4).astype(kind)}  # fmt: skip
        yield "convolution", {**X, **CONV, "W": w(3, 3, 3, 4).astype(kind), "b": w(4).astype(kind), "has_bias": True,
                              "border_mode": "valid"}  # fmt: skip
    yield "inner_product", {**X, "W": w(4, 5), "b": None, "input_channels": 5, "output_channels": 4, "has_bias": False}
    yield "embedding_nd", {**X, "W": w(4, 7), "vocab_size": 7, "embedding_size": 4}
    yield "batched_mat_mul", {**XX, "transpose_a": BOTH, "transpose_b": BOTH}
    yield "batched_mat_mul", {"input_names": ["data"], "output_name": "out", "weight_matrix_rows": 5,
                              "weight_matrix_columns": 4, "W": w(5, 4)}  # fmt: skip
    for how in QUANTIZED:
        bits = how["nbits"]
        yield "inner_product", {**X, "W": q(4, 16, bits=bits), "b": w(4), "input_channels": 16, "output_channels": 4,
                                "has_bias": True, **how}  # fmt: skip
        yield "embedding", {**X, "W": q(4, 16, bits=bits), "b": w(4), "input_dim": 16, "output_channels": 4,
                            "has_bias": True, **how}  # fmt: skip
        yield "embedding_nd", {**X, "W": q(4, 16, bits=bits), "b": None, "vocab_size": 16, "embedding_size": 4, **how}
        yield "batched_mat_mul", {"input_names": ["data"], "output_name": "out", "weight_matrix_rows": 16,
                                  "weight_matrix_columns": 4, "W": q(16, 4, bits=bits), "bias": w(4),
                                  **how}  # fmt: skip
        yield "convolution", {**X, **CONV, "W": q(3, 3, 3, 4, bits=bits), "b": w(4), "has_bias": True,
                              "border_mode": "valid", **how}  # fmt: skip
        silent = {name: value for name, value in how.items() if name != "is_quantized_weight"}
        yield "convolution", {**X, **CONV, "W": q(3, 3, 3, 4, bits=bits), "b": w(4), "has_bias": True,
                              "border_mode": "valid", **silent}  # fmt: skip
    dynamic = {"int_8_dynamic_quantize": True, "is_quantized_weight": True, "quantization_type": "linear", "nbits": 8,
               "quant_scale": np.array([0.5], np.float32)}  # fmt: skip
    yield "inner_product", {**X, "W": q(4, 16), "b": w(4), "input_channels": 16, "output_channels": 4,
                            "has_bias": BOTH, **dynamic}  # fmt: skip
    yield "batched_mat_mul", {"input_names": ["data"], "output_name": "out", "weight_matrix_rows": 16,
                              "weight_matrix_columns": 4, "W": q(16, 4), **dynamic}  # fmt: skip
    yield "scale", {**X, "W": 2, "b": None, "has_bias": False}
    yield "scale", {**X, "W": w(3), "b": w(3), "has_bias": True, "shape_scale": [3], "shape_bias": [3]}
    yield "scale", {**X, "W": w(3, 4, 5), "b": w(1), "has_bias": True, "shape_scale": [3, 4, 5], "shape_bias": [1]}
    yield (
        "scale",
        {**X, "W": w(3, 4, 5), "b": 1, "has_bias": True, "shape_scale": [3, 4, 5], "shape_bias": Each(None, [1])},
    )
    yield "bias", {**X, "b": w(3), "shape_bias": [3]}
    yield "bias", {**X, "b": 1}
    yield "bias", {**X, "b": w(1, 4, 5), "shape_bias": [1, 4, 5]}
    yield "batchnorm", {"channels": 3, "gamma": w(3), "beta": w(3) + 1, "mean": w(3) + 2, "variance": w(3) + 3, **X}
    yield "batchnorm", {"channels": 3, "gamma": w(3), "beta": w(3) + 1, "mean": w(3), "variance": w(3), "epsilon": 0.5}
    yield "batchnorm", {"channels": 3, "gamma": w(3), "beta": w(3) + 1, "compute_mean_var": True,
                        "instance_normalization": True}  # fmt: skip
    yield (
        "layer_normalization",
        {**X, "normalized_shape": [4, 5], "gamma": w(4, 5), "beta": w(4, 5) + 1, "eps": Each(1e-5, 0.5)},
    )
    yield from _convolutions()


CONV = {"kernel_channels": 3, "output_channels": 4, "height": 3, "width": 3, "stride_height": 2, "stride_width": 1,
        "groups": 1}  # fmt: skip
CONV3D = {"input_channels": 2, "output_channels": 4, "depth": 3, "height": 2, "width": 1, "W": w(4, 2, 3, 2, 1)}


def _convolutions() -> Iterator[tuple[str, dict[str, Any]]]:
    plain = {**X, **CONV, "W": w(3, 3, 3, 4), "b": w(4)}
    yield "convolution", {**plain, "has_bias": BOTH, "border_mode": Each("valid", "same")}
    yield "convolution", {**plain, "has_bias": False, "border_mode": "same",
                          "same_padding_asymmetry_mode": Each("BOTTOM_RIGHT_HEAVY", "TOP_LEFT_HEAVY")}  # fmt: skip
    yield "convolution", {**plain, "has_bias": False, "border_mode": "valid", "dilation_factors": [2, 3],
                          "padding_top": 1, "padding_bottom": 2, "padding_left": 3, "padding_right": 4}  # fmt: skip
    yield "convolution", {**plain, "has_bias": False, "border_mode": "valid", "is_deconv": True,
                          "W": w(3, 3, 3, 4), "output_shape": Each(None, (9, 9))}  # fmt: skip
    grouped = {**plain, "groups": 2, "kernel_channels": 3, "W": w(3, 3, 3, 4), "border_mode": "valid"}
    yield "convolution", {**grouped, "has_bias": True}
    yield "convolution", {**grouped, "has_bias": False, "is_deconv": True, "kernel_channels": 4, "W": w(3, 3, 4, 2)}
    two = {"input_name": ["data", "data2"], "output_name": "out"}
    yield "convolution", {**plain, **two, "W": None, "b": None, "has_bias": False, "border_mode": "valid"}
    solid = {**X, **CONV3D}
    yield "convolution3d", {**solid, "b": None, "has_bias": False}
    yield "convolution3d", {**solid, "b": w(4), "has_bias": True, "stride_depth": 2, "stride_height": 3,
                            "stride_width": 4, "dilation_width": 5, "dilation_height": 6, "dilation_depth": 7,
                            "padding_mode": Each("valid", "same", "VALID")}  # fmt: skip
    yield "convolution3d", {**solid, "b": None, "has_bias": False, "padding_mode": "custom", "padding_front": 1,
                            "padding_back": 2, "padding_top": 3, "padding_bottom": 4, "padding_left": 5,
                            "padding_right": 6}  # fmt: skip
    yield "convolution3d", {**solid, "W": w(4, 2, 3, 2, 1), "b": w(4), "has_bias": True, "is_deconv": True,
                            "output_shape": Each(None, (7, 8, 9))}  # fmt: skip
    yield "convolution3d", {**solid, "input_channels": 4, "groups": 2, "b": None, "has_bias": False}
    pool = {"pooling_type": Each("max", "average", "MAX"), "kernel_depth": 2, "kernel_height": 3, "kernel_width": 4,
            "stride_depth": 1, "stride_height": 2, "stride_width": 3}  # fmt: skip
    yield (
        "pooling3d",
        {**X, **pool, "padding_mode": Each("valid", "same"), "average_pooling_count_excludes_padding": BOTH},
    )
    yield "pooling3d", {**X, **pool, "padding_mode": "custom", "custom_padding_front": 1, "custom_padding_back": 2,
                        "custom_padding_top": 3, "custom_padding_bottom": 4, "custom_padding_left": 5,
                        "custom_padding_right": 6}  # fmt: skip
    yield "global_pooling3d", {**X, "pooling_type": Each("max", "average", "Average")}


def _gates(count: int, *shape: int) -> list[np.ndarray]:
    return [w(*shape) + i for i in range(count)]


def _recurrent() -> Iterator[tuple[str, dict[str, Any]]]:
    hidden, size = 3, 2
    base = {"hidden_size": hidden, "input_size": size}
    names = {"input_names": ["data", "h"], "output_names": ["out", "h2"]}
    acts = Each("RELU", "TANH", "SIGMOID", "SIGMOID_HARD", "SCALED_TANH", "LINEAR")
    yield "simple_rnn", {**base, **names, "W_h": w(3, 3), "W_x": w(3, 2), "b": Each(None, w(3)), "activation": acts,
                         "output_all": BOTH, "reverse_input": BOTH}  # fmt: skip
    gru = {**base, **names, "W_h": _gates(3, 3, 3), "W_x": _gates(3, 3, 2)}
    yield "gru", {**gru, "b": Each(None, _gates(3, 3))}
    yield (
        "gru",
        {**gru, "b": None, "activation": acts, "inner_activation": acts, "output_all": True, "reverse_input": True},
    )
    names = {"input_names": ["data", "h", "c"], "output_names": ["out", "h2", "c2"]}
    lstm = {**base, "W_h": _gates(4, 3, 3), "W_x": _gates(4, 3, 2)}
    bias, peep = Each(None, _gates(4, 3)), Each(None, _gates(3, 3))
    options = {
        "output_all": BOTH,
        "forget_bias": BOTH,
        "coupled_input_forget_gate": BOTH,
        "cell_clip_threshold": Each(50000.0, 3.0),
    }
    yield "unilstm", {**lstm, **names, "b": bias, "peep": peep, **options, "reverse_input": BOTH}
    kinds = {"inner_activation": acts, "cell_state_update_activation": acts, "output_activation": "LINEAR"}
    yield "unilstm", {**lstm, **names, "b": None, **kinds}
    five = {"input_names": ["data", "h", "c", "hb", "cb"], "output_names": ["out", "h2", "c2", "hb2", "cb2"]}
    both = {**lstm, "W_h_back": _gates(4, 3, 3), "W_x_back": _gates(4, 3, 2)}
    for b in bias.values:
        for p in peep.values:
            yield "bidirlstm", {**both, **five, "b": b, "b_back": b, "peep": p, "peep_back": p, **options}
    yield "bidirlstm", {**both, **five, "b": None, "b_back": None, **kinds}


def _exact() -> Iterator[tuple[str, dict[str, Any]]]:
    axis = Each(0, 1, -1)
    yield "transpose", {**X, "axes": Each([2, 0, 1], (-1, -2, -3))}
    yield "softmax_nd", {**X, "axis": axis}
    yield "concat_nd", {**XX, "axis": axis, "interleave": BOTH}
    yield "gelu", {**X, "mode": Each("EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION")}
    yield "stack", {**XX, "axis": axis}
    yield "clip", {**X}
    yield "clip", {**X, "min_value": -2.0, "max_value": 3.0}
    yield "split_nd", {"input_name": "data", "output_names": ["out", "out2"], "axis": axis, "num_splits": 2}
    yield "split_nd", {"input_name": "data", "output_names": ["out", "out2"], "axis": 1, "split_sizes": [1, 3]}
    yield "tile", {**X, "reps": Each([1, 2, 3], [2])}
    yield "tile", {"input_name": ["data", "vector"], "output_name": "out"}
    names = Each(["data", "data2"], ["data"])
    for kind in ("greater", "less"):
        for alpha in (0.0, 2.5):
            yield (
                f"{kind}_than",
                {"input_names": names, "output_name": "out", "alpha": alpha, f"use_{kind}_than_equal": BOTH},
            )
    yield "equal", {"input_names": names, "output_name": "out", "alpha": Each(0.0, 2.5)}
    yield "not_equal", {"input_names": names, "output_name": "out", "alpha": Each(0.0, 2.5)}
    yield "logical", {**XX, "mode": Each("AND", "OR", "XOR")}
    yield "logical", {"input_names": ["data"], "output_name": "out", "mode": "NOT"}
    yield "sliding_windows", {**X, "axis": axis, "window_size": 2, "step": Each(1, 2)}
    yield "reverse", {**X, "reverse_dim": Each(None, [True, False, True])}
    yield "reverse_sequence", {**XX}
    yield "reverse_sequence", {**XX, "batch_axis": 1, "seq_axis": 0}
    yield "gather", {**XX, "axis": axis}
    yield "gather", {"input_names": ["data", "vector"], "output_name": "out"}
    yield "gather_along_axis", {**XX, "axis": axis}
    three = {"input_names": ["data", "data2", "data3"], "output_name": "out"}
    yield "scatter", {**three, "axis": axis, "mode": SCATTER_MODES}
    yield "scatter_along_axis", {**three, "axis": axis, "mode": SCATTER_MODES}
    yield "scatter_nd", {**three, "mode": SCATTER_MODES}
    pair = {"output_names": ["out", "out2"]}
    yield (
        "topk",
        {
            "input_names": Each(["data"], ["data", "vector"]),
            **pair,
            "k": Each(0, 2),
            "axis": axis,
            "use_bottom_k": BOTH,
        },
    )
    for name in ("argmax", "argmin"):
        yield name, {**X, "axis": axis, "keepdims": BOTH}
    yield "argsort", {**X, "axis": Each(0, 1, -1), "descending": BOTH}
    yield "constant_pad", {"input_names": ["data"], "output_name": "out", "value": Each(0.0, 2.5),
                           "pad_to_given_output_size_mode": BOTH, "pad_amounts": [0, 1, 2, 3, 4, 5]}  # fmt: skip
    yield "constant_pad", {"input_names": ["data", "vector"], "output_name": "out"}
    four = {"output_names": ["out", "out2", "out3", "out4"]}
    yield "nms", {"input_names": ["data", "data2"], **four}
    yield "nms", {"input_names": ["data", "data2", "x3", "x4", "x5"], **four, "iou_threshold": 0.25,
                  "score_threshold": 0.75, "max_boxes": 7, "per_class_suppression": True}  # fmt: skip
    yield "matrix_band_part", {**X, "num_lower": Each(-1, 2), "num_upper": Each(-1, 3)}
    yield "lower_triangular", {**X, "k": Each(0, -1, 2)}
    yield "upper_triangular", {**X, "k": Each(0, -1, 2)}
    yield "one_hot", {"input_names": ["data"], "output_name": "out", "one_hot_vector_size": 6, "axis": axis}
    yield "one_hot", {"input_names": ["data", "vector"], "output_name": "out", "on_value": 2.0, "off_value": 1.0}
    yield "cumsum", {"input_names": ["data"], "output_name": "out", "axis": axis, "reverse": BOTH, "exclusive": BOTH}
    yield "cumsum", {**XX}
    yield "clamped_relu", {**X}
    yield "clamped_relu", {**X, "alpha": 0.5, "beta": 4.0}


def _shapes() -> Iterator[tuple[str, dict[str, Any]]]:
    masks = {"begin_masks": [True, False, False], "end_masks": [False, True, False]}
    ids = {"begin_ids": [0, 1, 2], "end_ids": [2, -1, 4], "strides": [1, 1, 2]}
    yield "slice_static", {**X, **ids, **masks, "squeeze_masks": Each(None, [False, True, False])}
    names = Each(["data", "b"], ["data", "b", "e"], ["data", "b", "e", "s"], ["data", "b", "e", "s", "bm"],
                 ["data", "b", "e", "s", "bm", "em"], ["data", "b", "e", "s", "bm", "em", "sq"])  # fmt: skip
    yield "slice_dynamic", {"input_names": names, "output_name": "out"}
    yield "slice_dynamic", {"input_names": ["data", "b"], "output_name": "out", "end_ids": [2, 3, 4],
                            "strides": [1, 2, 1], **masks,
                            "squeeze_masks": Each(None, [True, False, False])}  # fmt: skip
    yield "range_static", {"output_name": "out"}
    yield "range_static", {"output_name": "out", "input_names": ["data"], "end": 9.5, "start": 2, "step": 0.5}
    span = Each(["a"], ["a", "b"], ["a", "b", "c"])
    yield "range_dynamic", {"input_names": span, "output_name": "out", "start": 2, "step": 3}
    yield "branch", {"input_name": "vector"}
    yield (
        "loop",
        {"input_name": Each(None, "vector"), "max_iterations": Each(None, 5), "condition": Each(None, "vector")},
    )
    yield "loop_break", {}
    yield "loop_continue", {}
    yield "load_constant_nd", {"output_name": "out", "constant_value": w(2, 3), "shape": Each((2, 3), [6])}
    yield "fill_like", {**X, "value": Each(0.0, 2.5)}
    yield "fill_static", {"output_name": "out", "output_shape": Each((2, 3), [4]), "value": 2.5}
    yield "fill_dynamic", {**X, "value": Each(0.0, 2.5)}
    yield "broadcast_to_static", {**X, "output_shape": (2, 3, 4, 5)}
    yield "expand_dims", {**X, "axes": Each([0], (0, -1))}
    yield "squeeze", {**X, "axes": Each([0], (0, -1))}
    yield "squeeze", {**X, "squeeze_all": True}
    yield "flatten_to_2d", {**X, "axis": Each(0, 1, -1)}
    yield "reshape_static", {**X, "output_shape": Each([60], (5, -1))}
    yield "rank_preserving_reshape", {**X, "output_shape": Each([5, 4, 3], (0, -1, 2))}


def _random() -> Iterator[tuple[str, dict[str, Any]]]:
    kinds = {
        "normal": {"mean": 1.0, "stddev": 2.0}, "uniform": {"minval": -1.0, "maxval": 2.0}, "bernoulli": {"prob": 0.25},
    }  # fmt: skip
    for kind, numbers in kinds.items():
        for how in ({}, {**numbers, "seed": 7}):
            yield f"random_{kind}_like", {**X, **how}
            yield f"random_{kind}_static", {"output_name": "out", "output_shape": (2, 3), **how}
            yield f"random_{kind}_dynamic", {"input_names": ["vector"], "output_name": "out", **how}
    yield "categorical_distribution", {**X, "num_samples": 5}
    yield (
        "categorical_distribution",
        {**X, "num_samples": 5, "is_logits": BOTH, "eps": 0.5, "temperature": 2.0, "seed": 3},
    )


def calls() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every call: (method without add_, arguments without the layer's name)."""
    for method, arguments in _rows():
        names = list(arguments)
        options = [value.values if isinstance(value, Each) else (value,) for value in arguments.values()]
        for values in product(*options):
            yield method, dict(zip(names, values, strict=True))
