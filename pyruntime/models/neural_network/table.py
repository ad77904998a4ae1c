"""The table of layers: one row per method of NeuralNetworkBuilder that adds one.

The methods themselves are written from it by tools/make_builder.py, so that editors and help() show them.
"""

from __future__ import annotations

from pyruntime.models.neural_network import fill, fill_conv, fill_exact, fill_rnn
from pyruntime.models.neural_network.rows import Row

X = "input_name, output_name"
XX = "input_names, output_name"
QUANTIZED = (
    "is_quantized_weight=False, quantization_type='linear', nbits=8, quant_scale=None, quant_bias=None, quant_lut=None"
)
QUANTIZED_BY_HAND = "is_quantized_weight quantization_type nbits quant_scale quant_bias quant_lut"
PADS = "padding_top=0, padding_bottom=0, padding_left=0, padding_right=0"
SAME = "same_padding_asymmetry_mode='BOTTOM_RIGHT_HEAVY'"
ACTIVATIONS_OF_LSTM = "inner_activation='SIGMOID', cell_state_update_activation='TANH', output_activation='TANH'"


def _elementwise() -> list[Row]:
    """Layers of one or two inputs without parameters."""
    one = {
        "erf": "erf(x)", "sin": "sin(x)", "cos": "cos(x)", "tan": "tan(x)", "asin": "arcsin(x)", "acos": "arccos(x)",
        "atan": "arctan(x)", "sinh": "sinh(x)", "cosh": "cosh(x)", "tanh": "tanh(x)", "asinh": "arsinh(x)",
        "acosh": "arcosh(x)", "atanh": "artanh(x)", "exp2": "2 to the power of x", "ceil": "x rounded up",
        "floor": "x rounded down", "round": "x rounded to the nearest whole number, ties to even",
        "sign": "-1, 0 or 1", "copy": "The input under a name, which may exist already",
        "get_shape": "The sizes of the input, as numbers", "where_nonzero": "Indices of what is not 0: (n, rank)",
        "softmax": "Softmax along the channel axis, -3",
    }  # fmt: skip
    two = {
        "add": "a + b", "multiply": "a * b", "divide": "a / b", "subtract": "a - b", "max": "The larger of a and b",
        "min": "The smaller of a and b", "floor_div": "a / b rounded down", "mod": "The rest of a / b, with b's sign",
        "pow": "a to the power of b",
    }  # fmt: skip
    like = {
        "broadcast_to_like": "The first input in the shape of the second, by NumPy's rules of broadcasting",
        "broadcast_to_dynamic": "The first input in the shape that the second holds, by NumPy's rules of broadcasting",
        "reshape_like": "The numbers of the first input in the shape of the second",
        "reshape_dynamic": "The numbers of the first input in the shape that the second holds; 0 keeps, -1 follows",
        "gather_nd": "Slices of the first input at the index tuples in the last axis of the second",
    }
    broadcast = [Row(f"{name}_broadcastable", XX, f"{text}, broadcast", inputs=(2, 2)) for name, text in two.items()]
    return [
        *(Row(name, X, text) for name, text in one.items()),
        *broadcast,
        *(Row(name, XX, text, inputs=(2, 2)) for name, text in like.items()),
        Row("where_broadcastable", XX, "The second input where the first is not 0, else the third", inputs=(3, 3)),
    ]


def _reductions() -> list[Row]:
    what = {
        "sum": "Sum", "prod": "Product", "mean": "Mean", "max": "Largest number", "min": "Smallest number",
        "l2": "Root of the sum of squares", "l1": "Sum of absolute values", "sumsquare": "Sum of squares",
        "logsum": "Logarithm of the sum", "logsumexp": "Logarithm of the sum of exponentials",
    }  # fmt: skip
    options = f"{X}, axes=None, keepdims=True, reduce_all=False"
    text = "{} along some axes; without axes, of all numbers"
    return [
        Row(f"reduce_{name}", options, text.format(w), special=fill_exact.reduce_axes, by_hand="reduce_all")
        for name, w in what.items()
    ]


def _random() -> list[Row]:
    kinds = {
        "normal": ("mean=0.0, stddev=0.0", "normally distributed"),
        "uniform": ("minval=0.0, maxval=1.0", "evenly distributed"),
        "bernoulli": ("prob=0.5", "that are 1 with a probability, else 0"),
    }
    shapes = {
        "like": (X, "in the shape of the input"),
        "static": ("output_name, output_shape", "in a given shape"),
        "dynamic": (XX, "in the shape that the input holds"),
    }
    seed = "seed=-1"
    return [
        Row(f"random_{kind}_{where}", f"{names}, {options}, {seed}", f"Random numbers {how}, {shape}")
        for kind, (options, how) in kinds.items()
        for where, (names, shape) in shapes.items()
    ]


_WITH_WEIGHTS = [
    Row("inner_product",
        f"W, b, input_channels, output_channels, has_bias, {X}, int_8_dynamic_quantize=False, {QUANTIZED}",
        "W x + b, W: (output_channels, input_channels), b: (output_channels)",
        by_hand=f"W b int_8_dynamic_quantize {QUANTIZED_BY_HAND}", special=fill.inner_product),
    Row("embedding", f"W, b, input_dim, output_channels, has_bias, {X}, {QUANTIZED}",
        "Columns of W by index, W: (output_channels, input_dim), b: (output_channels)",
        by_hand=f"W b {QUANTIZED_BY_HAND}", special=fill.embedding),
    Row("embedding_nd", f"{X}, vocab_size, embedding_size, W, b=None, {QUANTIZED}",
        "Columns of W by the indices in the last axis, W: (embedding_size, vocab_size), b: (embedding_size)",
        by_hand=f"W b {QUANTIZED_BY_HAND}", special=fill.embedding_nd),
    Row("batched_mat_mul",
        f"{XX}, transpose_a=False, transpose_b=False, weight_matrix_rows=0, weight_matrix_columns=0, "
        f"W=None, bias=None, int_8_dynamic_quantize=False, {QUANTIZED}",
        "Matrix product of two inputs, or of one with W: (weight_matrix_rows, weight_matrix_columns)",
        by_hand=f"W bias weight_matrix_rows weight_matrix_columns int_8_dynamic_quantize {QUANTIZED_BY_HAND}",
        special=fill.batched_mat_mul, inputs=(1, 2)),
    Row("scale", f"W, b, has_bias, {X}, shape_scale=None, shape_bias=None",
        "W x + b; W and b have shape [1], [C], [1, H, W] or [C, H, W]",
        by_hand="W b has_bias shape_scale shape_bias", special=fill.scale),
    Row("bias", f"b, {X}, shape_bias=None", "x + b; b has shape [1], [C], [1, H, W] or [C, H, W]",
        by_hand="b shape_bias", special=fill.bias),
    Row("batchnorm", "channels, gamma, beta, mean=None, variance=None, input_name='data', output_name='out', "
        "compute_mean_var=False, instance_normalization=False, epsilon=1e-05",
        "gamma (x - mean) / sqrt(variance + epsilon) + beta per channel; each of the four: (channels)",
        by_hand="gamma beta mean variance", special=fill.batchnorm),
    Row("layer_normalization", f"{X}, normalized_shape, gamma, beta, eps=1e-05",
        "gamma (x - mean) / sqrt(variance + eps) + beta over the last axes; gamma, beta: normalized_shape",
        by_hand="gamma beta", special=fill.layer_normalization),
    Row("load_constant", "output_name, constant_value, shape", "A constant of rank 3, or of rank 5 with Core ML 3",
        by_hand="constant_value", special=fill.load_constant),
    Row("load_constant_nd", "output_name, constant_value, shape", "A constant of any rank",
        by_hand="constant_value", special=fill.load_constant),
    Row("convolution", "kernel_channels, output_channels, height, width, stride_height, stride_width, border_mode, "
        "groups, W, b, has_bias, is_deconv=False, output_shape=None, input_name='data', output_name='out', "
        f"dilation_factors=[1, 1], {PADS}, {SAME}, **kwargs",
        "Convolution of images, W: (height, width, kernel_channels, output_channels), b: (output_channels); with "
        "is_deconv its transpose, W: (height, width, kernel_channels, output_channels / groups).  kwargs: those of "
        "quantized weights, see add_inner_product",
        by_hand="W b kernel_channels height width stride_height stride_width border_mode dilation_factors "
        "padding_top padding_bottom padding_left padding_right same_padding_asymmetry_mode kwargs output_shape",
        rename={"groups": "nGroups", "is_deconv": "isDeconvolution"}, special=fill_conv.convolution, inputs=(1, 2)),
    Row("convolution3d", "input_channels, output_channels, depth, height, width, W, b, has_bias, groups=1, "
        "stride_depth=1, stride_height=1, stride_width=1, dilation_width=1, dilation_height=1, dilation_depth=1, "
        "is_deconv=False, output_shape=None, padding_mode='valid', padding_front=0, padding_back=0, padding_top=0, "
        "padding_bottom=0, padding_left=0, padding_right=0, input_name='data', output_name='out'",
        "Convolution of volumes, W: (output_channels, input_channels / groups, depth, height, width), or with "
        "is_deconv (output_channels / groups, input_channels, depth, height, width)",
        by_hand="W b", special=fill_conv.convolution3d,
        rename={"depth": "kernelDepth", "height": "kernelHeight", "width": "kernelWidth", "groups": "nGroups",
                "is_deconv": "isDeconvolution", "padding_mode": "paddingType",
                **{f"padding_{side}": f"customPadding{side.title()}"
                   for side in ("front", "back", "top", "bottom", "left", "right")}}),
]  # fmt: skip

_RECURRENT = [
    Row("simple_rnn", "W_h, W_x, b, hidden_size, input_size, activation, input_names, output_names, output_all=False, "
        "reverse_input=False",
        "h = f(W_x x + W_h h + b), W_h: (hidden_size, hidden_size), W_x: (hidden_size, input_size), b: (hidden_size)",
        layer="simpleRecurrent", special=fill_rnn.simple_rnn, by_hand="W_h W_x b activation",
        rename={"hidden_size": "outputVectorSize", "input_size": "inputVectorSize", "output_all": "sequenceOutput"}),
    Row("gru", "W_h, W_x, b, hidden_size, input_size, input_names, output_names, activation='TANH', "
        "inner_activation='SIGMOID_HARD', output_all=False, reverse_input=False",
        "Gated recurrent unit; W_h, W_x and b are lists for the update gate, the reset gate and the output",
        special=fill_rnn.gru, by_hand="W_h W_x b activation inner_activation",
        rename={"hidden_size": "outputVectorSize", "input_size": "inputVectorSize", "output_all": "sequenceOutput"}),
    Row("unilstm",
        f"W_h, W_x, b, hidden_size, input_size, input_names, output_names, {ACTIVATIONS_OF_LSTM}, peep=None, "
        "output_all=False, forget_bias=False, coupled_input_forget_gate=False, cell_clip_threshold=50000.0, "
        "reverse_input=False",
        "LSTM; W_h, W_x and b are lists for input, forget and output gate and block input, peep for the first three",
        layer="uniDirectionalLSTM", special=fill_rnn.unilstm,
        by_hand="W_h W_x b inner_activation cell_state_update_activation output_activation peep output_all forget_bias "
        "coupled_input_forget_gate cell_clip_threshold",
        rename={"hidden_size": "outputVectorSize", "input_size": "inputVectorSize"}),
    Row("bidirlstm", "W_h, W_x, b, W_h_back, W_x_back, b_back, hidden_size, input_size, input_names, output_names, "
        f"{ACTIVATIONS_OF_LSTM}, peep=None, peep_back=None, output_all=False, forget_bias=False, "
        "coupled_input_forget_gate=False, cell_clip_threshold=50000.0",
        "Two LSTMs, forwards and backwards; lists of weights as in add_unilstm",
        layer="biDirectionalLSTM", special=fill_rnn.bidirlstm,
        by_hand="W_h W_x b W_h_back W_x_back b_back inner_activation cell_state_update_activation output_activation "
        "peep peep_back output_all forget_bias coupled_input_forget_gate cell_clip_threshold",
        rename={"hidden_size": "outputVectorSize", "input_size": "inputVectorSize"}),
]  # fmt: skip

_CORE_ML_2 = [
    Row("activation", f"non_linearity, {X}, params=None, input_rank=None, input_shape=None, output_rank=None, "
        "output_shape=None",
        "A function of one number", special=fill.activation,
        by_hand="non_linearity params input_rank input_shape output_rank output_shape"),
    Row("elementwise", f"{XX}, mode, alpha=None",
        "CONCAT, SEQUENCE_CONCAT, ADD, MULTIPLY, DOT, COS, MAX, MIN or AVE of inputs; ADD and MULTIPLY of one input "
        "take alpha", layer="", by_hand="mode alpha", special=fill.elementwise),
    Row("upsample", f"scaling_factor_h, scaling_factor_w, {X}, mode='NN', linear_upsample_mode='DEFAULT'",
        "A larger image, by nearest neighbours (NN) or BILINEAR; linear_upsample_mode: DEFAULT, ALIGN_CORNERS_TRUE, "
        "ALIGN_CORNERS_FALSE", by_hand="scaling_factor_h scaling_factor_w linear_upsample_mode", special=fill.upsample),
    Row("sequence_repeat", f"nrep, {X}", "The sequence several times, one after the other",
        rename={"nrep": "nRepetitions"}),
    Row("pooling", f"height, width, stride_height, stride_width, layer_type, padding_type, {X}, exclude_pad_area=True, "
        f"is_global=False, {PADS}, {SAME}", "Pooling of images; padding_type: VALID, SAME or INCLUDE_LAST_PIXEL",
        by_hand="height width stride_height stride_width padding_type padding_top padding_bottom padding_left "
        "padding_right same_padding_asymmetry_mode", special=fill_conv.pooling,
        rename={"layer_type": "type", "exclude_pad_area": "avgPoolExcludePadding", "is_global": "globalPooling"}),
    Row("pooling3d", f"{X}, pooling_type, kernel_depth, kernel_height, kernel_width, stride_depth, stride_height, "
        "stride_width, padding_mode='valid', custom_padding_front=0, custom_padding_back=0, custom_padding_top=0, "
        "custom_padding_bottom=0, custom_padding_left=0, custom_padding_right=0, "
        "average_pooling_count_excludes_padding=False", "Pooling of volumes",
        rename={"pooling_type": "type", "padding_mode": "paddingType",
                "average_pooling_count_excludes_padding": "countExcludePadding"}),
    Row("global_pooling3d", f"{X}, pooling_type", "Pooling of whole volumes", rename={"pooling_type": "type"}),
    Row("padding", "left=0, right=0, top=0, bottom=0, value=0, input_name='data', output_name='out', "
        "padding_type='constant'", "Wider edges of an image; padding_type: constant, reflection or replication",
        by_hand="left right top bottom value padding_type", special=fill.padding),
    Row("crop", f"left, right, top, bottom, offset, {XX}",
        "An image without edges; with two inputs in the size of the second, from offset on",
        by_hand="left right top bottom offset", special=fill.crop, inputs=(1, 2)),
    Row("flatten", f"mode, {X}", "All numbers as channels; mode 0: as they lie, 1: channels last"),
    Row("slice", f"{X}, axis, start_index=0, end_index=-1, stride=1", "A part of one axis: channel, height or width"),
    Row("slice_by_size", f"{XX}, axis, size", "`size` numbers of an axis, from the index that the second input holds",
        inputs=(2, 2)),
    Row("reorganize_data", f"{X}, mode='SPACE_TO_DEPTH', block_size=2", "Blocks of pixels to channels, or back",
        special=fill.reorganize),
    Row("permute", f"dim, {X}", "Axes of (Seq, C, H, W) in another order", rename={"dim": "axis"}),
    Row("reshape", f"{X}, target_shape, mode", "Another shape of 3 or 4 sizes; mode 0: as they lie, 1: channels last"),
    Row("reduce", f"{X}, axis, mode, epsilon=1e-06", "Reduction of C, H, W, HW or CHW"),
    Row("lrn", f"{X}, alpha, beta, local_size, k=1.0", "Local response normalisation over channels"),
    Row("mvn", f"{X}, across_channels=True, normalize_variance=True, epsilon=1e-05",
        "x minus its mean, over its deviation"),
    Row("l2_normalize", f"{X}, epsilon=1e-05", "x over the root of its sum of squares"),
    Row("unary", f"{X}, mode, alpha=1.0, shift=0, scale=1.0, epsilon=None", "A function of scale * x + shift",
        rename={"mode": "type"}, by_hand="epsilon", special=fill.unary),
    Row("split", "input_name, output_names", "Equal parts of the channels", special=fill.split),
    Row("custom", "input_names, output_names, custom_proto_spec=None",
        "A layer of the user's; custom_proto_spec: a CustomLayerParams message", by_hand="custom_proto_spec",
        special=fill.custom, inputs=(0, None)),
    Row("resize_bilinear", f"{X}, target_height=1, target_width=1, mode='ALIGN_ENDPOINTS_MODE'",
        "An image in another size",
        by_hand="target_height target_width mode", special=fill.resize_bilinear),
    Row("crop_resize",
        f"{XX}, target_height=1, target_width=1, mode='STRICT_ALIGN_ENDPOINTS_MODE', normalized_roi=False, "
        "box_indices_mode='CORNERS_HEIGHT_FIRST', spatial_scale=1.0", "Boxes of an image, each in one size",
        by_hand="target_height target_width mode box_indices_mode", rename={"normalized_roi": "normalizedCoordinates"},
        special=fill.crop_resize, inputs=(2, 2)),
]  # fmt: skip

_CORE_ML_3 = [
    Row("transpose", f"axes, {X}", "Axes in another order", special=fill_exact.positive_axes),
    Row("softmax_nd", f"{X}, axis", "Softmax along one axis"),
    Row("concat_nd", f"{XX}, axis, interleave=False", "Inputs one after the other along an axis",
        special=fill_exact.concat_nd),
    Row("gelu", f"{X}, mode='EXACT'", "x times the normal distribution function of x, exactly or approximately"),
    Row("stack", f"{XX}, axis=0", "Inputs of one shape along an axis of its own"),
    Row("clip", f"{X}, min_value=0.0, max_value=1.0", "x, at least and at most a number",
        rename={"min_value": "minVal", "max_value": "maxVal"}),
    Row("split_nd", "input_name, output_names, axis, num_splits=2, split_sizes=None", "Parts along an axis",
        special=fill_exact.split_nd, by_hand="num_splits"),
    Row("slice_static", f"{X}, begin_ids, end_ids, strides, begin_masks, end_masks, squeeze_masks=None",
        "x[begin:end:stride] in each axis; a mask says that its index does not count", special=fill_exact.slice_static),
    Row("slice_dynamic", f"{XX}, end_ids=None, strides=None, begin_masks=None, end_masks=None, squeeze_masks=None",
        "As slice_static, with numbers from inputs: x, begin, end, strides, begin masks, end masks, squeeze masks",
        by_hand="end_ids strides begin_masks end_masks squeeze_masks", special=fill_exact.slice_dynamic, inputs=(2, 7)),
    Row("tile", f"{X}, reps=[]", "x several times along each axis", special=fill_exact.tile),
    Row("range_static", "output_name, input_names=None, end=1, start=0, step=1", "Numbers from start to end, by step",
        rename={"end": "endValue", "start": "startValue", "step": "stepSizeValue"}, inputs=(0, None)),
    Row("range_dynamic", f"{XX}, start=0, step=1", "As range_static, from inputs: end, start, step",
        rename={"start": "startValue", "step": "stepSizeValue"}, inputs=(1, 3), special=fill_exact.range_dynamic),
    Row("branch", "input_name, if_branch=None, else_branch=None",
        "One network where the input is not 0, the other one where it is",
        by_hand="if_branch else_branch", special=fill_exact.branch),
    Row("loop", "body_network=None, input_name=None, condition=None, condition_network=None, max_iterations=None",
        "A network again and again: while `condition` is not 0, and at most max_iterations times",
        by_hand="body_network condition condition_network max_iterations", special=fill_exact.loop),
    Row("loop_break", "", "The end of the loop around this network"),
    Row("loop_continue", "", "The next turn of the loop around this network"),
    Row("greater_than", f"{XX}, use_greater_than_equal=False, alpha=0.0", "a > b, or x > alpha: 1 or 0",
        layer="", by_hand="use_greater_than_equal alpha", special=fill_exact.comparison, inputs=(1, 2)),
    Row("less_than", f"{XX}, use_less_than_equal=False, alpha=0.0", "a < b, or x < alpha: 1 or 0",
        layer="", by_hand="use_less_than_equal alpha", special=fill_exact.comparison, inputs=(1, 2)),
    Row("equal", f"{XX}, alpha=0.0", "a = b, or x = alpha: 1 or 0", by_hand="alpha", special=fill_exact.comparison,
        inputs=(1, 2)),
    Row("not_equal", f"{XX}, alpha=0.0", "a differs from b, or x from alpha: 1 or 0",
        by_hand="alpha", special=fill_exact.comparison, inputs=(1, 2)),
    Row("logical", f"{XX}, mode", "AND, OR, XOR of two inputs, NOT of one", layer="", by_hand="mode",
        special=fill_exact.logical,
        inputs=(1, 2)),
    Row("sliding_windows", f"{X}, axis, window_size, step=1", "Windows of an axis, along an axis of their own"),
    Row("reverse", f"{X}, reverse_dim=None", "Some axes backwards; reverse_dim: a boolean per axis",
        by_hand="reverse_dim", special=fill_exact.reverse),
    Row("reverse_sequence", f"{XX}, batch_axis=0, seq_axis=-1", "The first so many of a sequence backwards",
        layer="reverseSeq",
        rename={"seq_axis": "sequenceAxis"}, inputs=(2, 2)),
    Row("gather", f"{XX}, axis=0", "Entries of an axis by index", inputs=(2, 2)),
    Row("gather_along_axis", f"{XX}, axis=0", "x at an index per entry along an axis", inputs=(2, 2)),
    Row("scatter", f"{XX}, axis=0, mode='UPDATE'", "Entries of an axis replaced or changed: x, indices, updates",
        inputs=(3, 3)),
    Row("scatter_along_axis", f"{XX}, axis=0, mode='UPDATE'", "x changed at an index per entry: x, indices, updates",
        inputs=(3, 3)),
    Row("scatter_nd", f"{XX}, mode='UPDATE'", "x changed at index tuples: x, indices, updates", inputs=(3, 3)),
    Row("topk", "input_names, output_names, k=0, axis=0, use_bottom_k=False",
        "The k largest along an axis, and their indices",
        inputs=(1, 2)),
    Row("argmax", f"{X}, axis, keepdims=True", "Index of the largest along an axis", by_hand="keepdims",
        special=fill_exact.remove_dim),
    Row("argmin", f"{X}, axis, keepdims=True", "Index of the smallest along an axis", by_hand="keepdims",
        special=fill_exact.remove_dim),
    Row("argsort", f"{X}, axis=0, descending=False", "Indices that sort along an axis"),
    Row("constant_pad", f"{XX}, value=0.0, pad_to_given_output_size_mode=False, pad_amounts=[]",
        "Wider edges; pad_amounts: two numbers per axis, before and after", inputs=(1, 2)),
    Row("nms",
        "input_names, output_names, iou_threshold=0.5, score_threshold=0.0, max_boxes=1, per_class_suppression=False",
        "Boxes that do not overlap better ones: boxes, scores, and the three numbers if they come at run time",
        layer="NonMaximumSuppression", inputs=(2, 5)),
    Row("fill_like", f"{X}, value=0.0", "One number in the shape of the input"),
    Row("fill_static", "output_name, output_shape, value=0.0", "One number in a given shape",
        rename={"output_shape": "targetShape"}),
    Row("fill_dynamic", f"{X}, value=0.0", "One number in the shape that the input holds"),
    Row("broadcast_to_static", f"{X}, output_shape", "The input in a shape, by NumPy's rules of broadcasting",
        rename={"output_shape": "targetShape"}),
    Row("expand_dims", f"{X}, axes", "New axes of size 1"),
    Row("squeeze", f"{X}, axes=None, squeeze_all=False", "Without some axes of size 1, or without all of them"),
    Row("flatten_to_2d", f"{X}, axis=1", "Axes before `axis` as one, the others as another"),
    Row("reshape_static", f"{X}, output_shape", "Another shape; -1 follows from the rest",
        rename={"output_shape": "targetShape"}),
    Row("rank_preserving_reshape", f"{X}, output_shape",
        "Another shape of the same rank; 0 keeps, -1 follows from the rest",
        rename={"output_shape": "targetShape"}, special=fill_exact.rank_preserving_reshape),
    Row("categorical_distribution", f"{X}, num_samples, is_logits=True, eps=1e-10, temperature=1.0, seed=-1",
        "Random classes by their probabilities, or by logits"),
    Row("matrix_band_part", f"{X}, num_lower=-1, num_upper=-1", "Matrices with zeros outside a band"),
    Row("lower_triangular", f"{X}, k=0", "Matrices with zeros above a diagonal"),
    Row("upper_triangular", f"{X}, k=0", "Matrices with zeros below a diagonal"),
    Row("one_hot", f"{XX}, one_hot_vector_size=None, axis=-1, on_value=1.0, off_value=0.0",
        "A number where the index is, another one elsewhere", inputs=(1, 2)),
    Row("cumsum", f"{XX}, axis=-1, reverse=False, exclusive=False", "Sums so far along an axis", inputs=(1, 2),
        rename={"exclusive": "excludeFinalSum"}),
    Row("clamped_relu", f"{X}, alpha=0.0, beta=6.0", "min(x, beta) from 0 on, min(alpha x, beta) below"),
]  # fmt: skip

ROWS = (*_WITH_WEIGHTS, *_RECURRENT, *_CORE_ML_2, *_elementwise(), *_reductions(), *_random(), *_CORE_ML_3)
TABLE = {row.method: row for row in ROWS}
