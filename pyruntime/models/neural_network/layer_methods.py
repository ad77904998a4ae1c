"""Methods that add layers.  Written from table.py by tools/make_builder.py; do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Names = str | Sequence[str]
"""One name, or several."""
Numbers = Any
"""An array, or what NumPy makes one of; packed integers are bytes."""
Sizes = Sequence[int]
Layer = Any
"""The NeuralNetworkLayer message that was added."""


class LayerMethods:
    """One method per kind of layer; each gives the message of the layer that it adds.

    Arguments that make no valid layer are refused with BuildError, and nothing is added then.
    """

    def _add(self, method: str, arguments: Mapping[str, Any]) -> Layer:
        raise NotImplementedError

    # fmt: off
    def add_acos(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """arccos(x).

        Writes the layer `acos`.
        """
        return self._add("acos", locals())

    def add_acosh(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """arcosh(x).

        Writes the layer `acosh`.
        """
        return self._add("acosh", locals())

    def add_activation(
        self, name: str, non_linearity: str, input_name: Names, output_name: Names, params: Any = None,
        input_rank: int | None = None, input_shape: Sizes | None = None, output_rank: int | None = None,
        output_shape: Sizes | None = None,
    ) -> Layer:
        """A function of one number.

        Writes the layer `activation`.
        """
        return self._add("activation", locals())

    def add_add_broadcastable(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """a + b, broadcast.

        Writes the layer `addBroadcastable`.
        """
        return self._add("add_broadcastable", locals())

    def add_argmax(self, name: str, input_name: Names, output_name: Names, axis: int, keepdims: bool = True) -> Layer:
        """Index of the largest along an axis.

        Writes the layer `argMax`.
        """
        return self._add("argmax", locals())

    def add_argmin(self, name: str, input_name: Names, output_name: Names, axis: int, keepdims: bool = True) -> Layer:
        """Index of the smallest along an axis.

        Writes the layer `argMin`.
        """
        return self._add("argmin", locals())

    def add_argsort(
        self, name: str, input_name: Names, output_name: Names, axis: int = 0, descending: bool = False,
    ) -> Layer:
        """Indices that sort along an axis.

        Writes the layer `argSort`.
        """
        return self._add("argsort", locals())

    def add_asin(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """arcsin(x).

        Writes the layer `asin`.
        """
        return self._add("asin", locals())

    def add_asinh(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """arsinh(x).

        Writes the layer `asinh`.
        """
        return self._add("asinh", locals())

    def add_atan(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """arctan(x).

        Writes the layer `atan`.
        """
        return self._add("atan", locals())

    def add_atanh(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """artanh(x).

        Writes the layer `atanh`.
        """
        return self._add("atanh", locals())

    def add_batched_mat_mul(
        self, name: str, input_names: Names, output_name: Names, transpose_a: bool = False, transpose_b: bool = False,
        weight_matrix_rows: int = 0, weight_matrix_columns: int = 0, W: Numbers = None, bias: Numbers = None,
        int_8_dynamic_quantize: bool = False, is_quantized_weight: bool = False, quantization_type: str = "linear",
        nbits: int = 8, quant_scale: Numbers = None, quant_bias: Numbers = None, quant_lut: Numbers = None,
    ) -> Layer:
        """Matrix product of two inputs, or of one with W: (weight_matrix_rows, weight_matrix_columns).

        Writes the layer `batchedMatmul`.
        """
        return self._add("batched_mat_mul", locals())

    def add_batchnorm(
        self, name: str, channels: int, gamma: Numbers, beta: Numbers, mean: Numbers = None, variance: Numbers = None,
        input_name: Names = "data", output_name: Names = "out", compute_mean_var: bool = False,
        instance_normalization: bool = False, epsilon: float = 1e-05,
    ) -> Layer:
        """gamma (x - mean) / sqrt(variance + epsilon) + beta per channel; each of the four: (channels).

        Writes the layer `batchnorm`.
        """
        return self._add("batchnorm", locals())

    def add_bias(
        self, name: str, b: Numbers, input_name: Names, output_name: Names, shape_bias: Sizes | None = None,
    ) -> Layer:
        """x + b; b has shape [1], [C], [1, H, W] or [C, H, W].

        Writes the layer `bias`.
        """
        return self._add("bias", locals())

    def add_bidirlstm(
        self, name: str, W_h: Numbers, W_x: Numbers, b: Numbers, W_h_back: Numbers, W_x_back: Numbers, b_back: Numbers,
        hidden_size: int, input_size: int, input_names: Names, output_names: Names, inner_activation: str = "SIGMOID",
        cell_state_update_activation: str = "TANH", output_activation: str = "TANH", peep: Numbers = None,
        peep_back: Numbers = None, output_all: bool = False, forget_bias: bool = False,
        coupled_input_forget_gate: bool = False, cell_clip_threshold: float = 50000.0,
    ) -> Layer:
        """Two LSTMs, forwards and backwards; lists of weights as in add_unilstm.

        Writes the layer `biDirectionalLSTM`.
        """
        return self._add("bidirlstm", locals())

    def add_branch(self, name: str, input_name: Names, if_branch: Any = None, else_branch: Any = None) -> Layer:
        """One network where the input is not 0, the other one where it is.

        Writes the layer `branch`.
        """
        return self._add("branch", locals())

    def add_broadcast_to_dynamic(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """The first input in the shape that the second holds, by NumPy's rules of broadcasting.

        Writes the layer `broadcastToDynamic`.
        """
        return self._add("broadcast_to_dynamic", locals())

    def add_broadcast_to_like(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """The first input in the shape of the second, by NumPy's rules of broadcasting.

        Writes the layer `broadcastToLike`.
        """
        return self._add("broadcast_to_like", locals())

    def add_broadcast_to_static(self, name: str, input_name: Names, output_name: Names, output_shape: Sizes) -> Layer:
        """The input in a shape, by NumPy's rules of broadcasting.

        Writes the layer `broadcastToStatic`.
        """
        return self._add("broadcast_to_static", locals())

    def add_categorical_distribution(
        self, name: str, input_name: Names, output_name: Names, num_samples: int, is_logits: bool = True,
        eps: float = 1e-10, temperature: float = 1.0, seed: int = -1,
    ) -> Layer:
        """Random classes by their probabilities, or by logits.

        Writes the layer `categoricalDistribution`.
        """
        return self._add("categorical_distribution", locals())

    def add_ceil(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """x rounded up.

        Writes the layer `ceil`.
        """
        return self._add("ceil", locals())

    def add_clamped_relu(
        self, name: str, input_name: Names, output_name: Names, alpha: float = 0.0, beta: float = 6.0,
    ) -> Layer:
        """min(x, beta) from 0 on, min(alpha x, beta) below.

        Writes the layer `clampedReLU`.
        """
        return self._add("clamped_relu", locals())

    def add_clip(
        self, name: str, input_name: Names, output_name: Names, min_value: float = 0.0, max_value: float = 1.0,
    ) -> Layer:
        """x, at least and at most a number.

        Writes the layer `clip`.
        """
        return self._add("clip", locals())

    def add_concat_nd(
        self, name: str, input_names: Names, output_name: Names, axis: int, interleave: bool = False,
    ) -> Layer:
        """Inputs one after the other along an axis.

        Writes the layer `concatND`.
        """
        return self._add("concat_nd", locals())

    def add_constant_pad(
        self, name: str, input_names: Names, output_name: Names, value: float = 0.0,
        pad_to_given_output_size_mode: bool = False, pad_amounts: Sizes = [],
    ) -> Layer:
        """Wider edges; pad_amounts: two numbers per axis, before and after.

        Writes the layer `constantPad`.
        """
        return self._add("constant_pad", locals())

    def add_convolution(
        self, name: str, kernel_channels: int, output_channels: int, height: int, width: int, stride_height: int,
        stride_width: int, border_mode: str, groups: int, W: Numbers, b: Numbers, has_bias: bool,
        is_deconv: bool = False, output_shape: Sizes | None = None, input_name: Names = "data",
        output_name: Names = "out", dilation_factors: Sizes = [1, 1], padding_top: int = 0, padding_bottom: int = 0,
        padding_left: int = 0, padding_right: int = 0, same_padding_asymmetry_mode: str = "BOTTOM_RIGHT_HEAVY",
        **kwargs: Any,
    ) -> Layer:
        """Convolution of images, W: (height, width, kernel_channels, output_channels), b: (output_channels); with
        is_deconv its transpose, W: (height, width, kernel_channels, output_channels / groups).  kwargs: those of
        quantized weights, see add_inner_product.

        Writes the layer `convolution`.
        """
        return self._add("convolution", locals())

    def add_convolution3d(
        self, name: str, input_channels: int, output_channels: int, depth: int, height: int, width: int, W: Numbers,
        b: Numbers, has_bias: bool, groups: int = 1, stride_depth: int = 1, stride_height: int = 1,
        stride_width: int = 1, dilation_width: int = 1, dilation_height: int = 1, dilation_depth: int = 1,
        is_deconv: bool = False, output_shape: Sizes | None = None, padding_mode: str = "valid", padding_front: int = 0,
        padding_back: int = 0, padding_top: int = 0, padding_bottom: int = 0, padding_left: int = 0,
        padding_right: int = 0, input_name: Names = "data", output_name: Names = "out",
    ) -> Layer:
        """Convolution of volumes, W: (output_channels, input_channels / groups, depth, height, width), or with
        is_deconv (output_channels / groups, input_channels, depth, height, width).

        Writes the layer `convolution3d`.
        padding_mode: CUSTOM, VALID, SAME.
        """
        return self._add("convolution3d", locals())

    def add_copy(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """The input under a name, which may exist already.

        Writes the layer `copy`.
        """
        return self._add("copy", locals())

    def add_cos(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """cos(x).

        Writes the layer `cos`.
        """
        return self._add("cos", locals())

    def add_cosh(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """cosh(x).

        Writes the layer `cosh`.
        """
        return self._add("cosh", locals())

    def add_crop(
        self, name: str, left: int, right: int, top: int, bottom: int, offset: Sizes, input_names: Names,
        output_name: Names,
    ) -> Layer:
        """An image without edges; with two inputs in the size of the second, from offset on.

        Writes the layer `crop`.
        """
        return self._add("crop", locals())

    def add_crop_resize(
        self, name: str, input_names: Names, output_name: Names, target_height: int = 1, target_width: int = 1,
        mode: str = "STRICT_ALIGN_ENDPOINTS_MODE", normalized_roi: bool = False,
        box_indices_mode: str = "CORNERS_HEIGHT_FIRST", spatial_scale: float = 1.0,
    ) -> Layer:
        """Boxes of an image, each in one size.

        Writes the layer `cropResize`.
        """
        return self._add("crop_resize", locals())

    def add_cumsum(
        self, name: str, input_names: Names, output_name: Names, axis: int = -1, reverse: bool = False,
        exclusive: bool = False,
    ) -> Layer:
        """Sums so far along an axis.

        Writes the layer `cumSum`.
        """
        return self._add("cumsum", locals())

    def add_custom(self, name: str, input_names: Names, output_names: Names, custom_proto_spec: Any = None) -> Layer:
        """A layer of the user's; custom_proto_spec: a CustomLayerParams message.

        Writes the layer `custom`.
        """
        return self._add("custom", locals())

    def add_divide_broadcastable(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """a / b, broadcast.

        Writes the layer `divideBroadcastable`.
        """
        return self._add("divide_broadcastable", locals())

    def add_elementwise(
        self, name: str, input_names: Names, output_name: Names, mode: str, alpha: float | None = None,
    ) -> Layer:
        """CONCAT, SEQUENCE_CONCAT, ADD, MULTIPLY, DOT, COS, MAX, MIN or AVE of inputs; ADD and MULTIPLY of one input
        take alpha.
        """
        return self._add("elementwise", locals())

    def add_embedding(
        self, name: str, W: Numbers, b: Numbers, input_dim: int, output_channels: int, has_bias: bool,
        input_name: Names, output_name: Names, is_quantized_weight: bool = False, quantization_type: str = "linear",
        nbits: int = 8, quant_scale: Numbers = None, quant_bias: Numbers = None, quant_lut: Numbers = None,
    ) -> Layer:
        """Columns of W by index, W: (output_channels, input_dim), b: (output_channels).

        Writes the layer `embedding`.
        """
        return self._add("embedding", locals())

    def add_embedding_nd(
        self, name: str, input_name: Names, output_name: Names, vocab_size: int, embedding_size: int, W: Numbers,
        b: Numbers = None, is_quantized_weight: bool = False, quantization_type: str = "linear", nbits: int = 8,
        quant_scale: Numbers = None, quant_bias: Numbers = None, quant_lut: Numbers = None,
    ) -> Layer:
        """Columns of W by the indices in the last axis, W: (embedding_size, vocab_size), b: (embedding_size).

        Writes the layer `embeddingND`.
        """
        return self._add("embedding_nd", locals())

    def add_equal(self, name: str, input_names: Names, output_name: Names, alpha: float = 0.0) -> Layer:
        """a = b, or x = alpha: 1 or 0.

        Writes the layer `equal`.
        """
        return self._add("equal", locals())

    def add_erf(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """erf(x).

        Writes the layer `erf`.
        """
        return self._add("erf", locals())

    def add_exp2(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """2 to the power of x.

        Writes the layer `exp2`.
        """
        return self._add("exp2", locals())

    def add_expand_dims(self, name: str, input_name: Names, output_name: Names, axes: Sizes) -> Layer:
        """New axes of size 1.

        Writes the layer `expandDims`.
        """
        return self._add("expand_dims", locals())

    def add_fill_dynamic(self, name: str, input_name: Names, output_name: Names, value: float = 0.0) -> Layer:
        """One number in the shape that the input holds.

        Writes the layer `fillDynamic`.
        """
        return self._add("fill_dynamic", locals())

    def add_fill_like(self, name: str, input_name: Names, output_name: Names, value: float = 0.0) -> Layer:
        """One number in the shape of the input.

        Writes the layer `fillLike`.
        """
        return self._add("fill_like", locals())

    def add_fill_static(self, name: str, output_name: Names, output_shape: Sizes, value: float = 0.0) -> Layer:
        """One number in a given shape.

        Writes the layer `fillStatic`.
        """
        return self._add("fill_static", locals())

    def add_flatten(self, name: str, mode: int, input_name: Names, output_name: Names) -> Layer:
        """All numbers as channels; mode 0: as they lie, 1: channels last.

        Writes the layer `flatten`.
        mode: CHANNEL_FIRST, CHANNEL_LAST.
        """
        return self._add("flatten", locals())

    def add_flatten_to_2d(self, name: str, input_name: Names, output_name: Names, axis: int = 1) -> Layer:
        """Axes before `axis` as one, the others as another.

        Writes the layer `flattenTo2D`.
        """
        return self._add("flatten_to_2d", locals())

    def add_floor(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """x rounded down.

        Writes the layer `floor`.
        """
        return self._add("floor", locals())

    def add_floor_div_broadcastable(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """a / b rounded down, broadcast.

        Writes the layer `floorDivBroadcastable`.
        """
        return self._add("floor_div_broadcastable", locals())

    def add_gather(self, name: str, input_names: Names, output_name: Names, axis: int = 0) -> Layer:
        """Entries of an axis by index.

        Writes the layer `gather`.
        """
        return self._add("gather", locals())

    def add_gather_along_axis(self, name: str, input_names: Names, output_name: Names, axis: int = 0) -> Layer:
        """x at an index per entry along an axis.

        Writes the layer `gatherAlongAxis`.
        """
        return self._add("gather_along_axis", locals())

    def add_gather_nd(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """Slices of the first input at the index tuples in the last axis of the second.

        Writes the layer `gatherND`.
        """
        return self._add("gather_nd", locals())

    def add_gelu(self, name: str, input_name: Names, output_name: Names, mode: str = "EXACT") -> Layer:
        """x times the normal distribution function of x, exactly or approximately.

        Writes the layer `gelu`.
        mode: EXACT, TANH_APPROXIMATION, SIGMOID_APPROXIMATION.
        """
        return self._add("gelu", locals())

    def add_get_shape(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """The sizes of the input, as numbers.

        Writes the layer `getShape`.
        """
        return self._add("get_shape", locals())

    def add_global_pooling3d(self, name: str, input_name: Names, output_name: Names, pooling_type: str) -> Layer:
        """Pooling of whole volumes.

        Writes the layer `globalPooling3d`.
        pooling_type: MAX, AVERAGE.
        """
        return self._add("global_pooling3d", locals())

    def add_greater_than(
        self, name: str, input_names: Names, output_name: Names, use_greater_than_equal: bool = False,
        alpha: float = 0.0,
    ) -> Layer:
        """a > b, or x > alpha: 1 or 0."""
        return self._add("greater_than", locals())

    def add_gru(
        self, name: str, W_h: Numbers, W_x: Numbers, b: Numbers, hidden_size: int, input_size: int, input_names: Names,
        output_names: Names, activation: str = "TANH", inner_activation: str = "SIGMOID_HARD", output_all: bool = False,
        reverse_input: bool = False,
    ) -> Layer:
        """Gated recurrent unit; W_h, W_x and b are lists for the update gate, the reset gate and the output.

        Writes the layer `gru`.
        """
        return self._add("gru", locals())

    def add_inner_product(
        self, name: str, W: Numbers, b: Numbers, input_channels: int, output_channels: int, has_bias: bool,
        input_name: Names, output_name: Names, int_8_dynamic_quantize: bool = False, is_quantized_weight: bool = False,
        quantization_type: str = "linear", nbits: int = 8, quant_scale: Numbers = None, quant_bias: Numbers = None,
        quant_lut: Numbers = None,
    ) -> Layer:
        """W x + b, W: (output_channels, input_channels), b: (output_channels).

        Writes the layer `innerProduct`.
        """
        return self._add("inner_product", locals())

    def add_l2_normalize(self, name: str, input_name: Names, output_name: Names, epsilon: float = 1e-05) -> Layer:
        """x over the root of its sum of squares.

        Writes the layer `l2normalize`.
        """
        return self._add("l2_normalize", locals())

    def add_layer_normalization(
        self, name: str, input_name: Names, output_name: Names, normalized_shape: Sizes, gamma: Numbers, beta: Numbers,
        eps: float = 1e-05,
    ) -> Layer:
        """gamma (x - mean) / sqrt(variance + eps) + beta over the last axes; gamma, beta: normalized_shape.

        Writes the layer `layerNormalization`.
        """
        return self._add("layer_normalization", locals())

    def add_less_than(
        self, name: str, input_names: Names, output_name: Names, use_less_than_equal: bool = False, alpha: float = 0.0,
    ) -> Layer:
        """a < b, or x < alpha: 1 or 0."""
        return self._add("less_than", locals())

    def add_load_constant(self, name: str, output_name: Names, constant_value: Numbers, shape: Sizes) -> Layer:
        """A constant of rank 3, or of rank 5 with Core ML 3.

        Writes the layer `loadConstant`.
        """
        return self._add("load_constant", locals())

    def add_load_constant_nd(self, name: str, output_name: Names, constant_value: Numbers, shape: Sizes) -> Layer:
        """A constant of any rank.

        Writes the layer `loadConstantND`.
        """
        return self._add("load_constant_nd", locals())

    def add_logical(self, name: str, input_names: Names, output_name: Names, mode: str) -> Layer:
        """AND, OR, XOR of two inputs, NOT of one."""
        return self._add("logical", locals())

    def add_loop(
        self, name: str, body_network: Any = None, input_name: Names | None = None, condition: str | None = None,
        condition_network: Any = None, max_iterations: int | None = None,
    ) -> Layer:
        """A network again and again: while `condition` is not 0, and at most max_iterations times.

        Writes the layer `loop`.
        """
        return self._add("loop", locals())

    def add_loop_break(self, name: str) -> Layer:
        """The end of the loop around this network.

        Writes the layer `loopBreak`.
        """
        return self._add("loop_break", locals())

    def add_loop_continue(self, name: str) -> Layer:
        """The next turn of the loop around this network.

        Writes the layer `loopContinue`.
        """
        return self._add("loop_continue", locals())

    def add_lower_triangular(self, name: str, input_name: Names, output_name: Names, k: int = 0) -> Layer:
        """Matrices with zeros above a diagonal.

        Writes the layer `lowerTriangular`.
        """
        return self._add("lower_triangular", locals())

    def add_lrn(
        self, name: str, input_name: Names, output_name: Names, alpha: float, beta: float, local_size: int,
        k: float = 1.0,
    ) -> Layer:
        """Local response normalisation over channels.

        Writes the layer `lrn`.
        """
        return self._add("lrn", locals())

    def add_matrix_band_part(
        self, name: str, input_name: Names, output_name: Names, num_lower: int = -1, num_upper: int = -1,
    ) -> Layer:
        """Matrices with zeros outside a band.

        Writes the layer `matrixBandPart`.
        """
        return self._add("matrix_band_part", locals())

    def add_max_broadcastable(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """The larger of a and b, broadcast.

        Writes the layer `maxBroadcastable`.
        """
        return self._add("max_broadcastable", locals())

    def add_min_broadcastable(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """The smaller of a and b, broadcast.

        Writes the layer `minBroadcastable`.
        """
        return self._add("min_broadcastable", locals())

    def add_mod_broadcastable(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """The rest of a / b, with b's sign, broadcast.

        Writes the layer `modBroadcastable`.
        """
        return self._add("mod_broadcastable", locals())

    def add_multiply_broadcastable(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """a * b, broadcast.

        Writes the layer `multiplyBroadcastable`.
        """
        return self._add("multiply_broadcastable", locals())

    def add_mvn(
        self, name: str, input_name: Names, output_name: Names, across_channels: bool = True,
        normalize_variance: bool = True, epsilon: float = 1e-05,
    ) -> Layer:
        """x minus its mean, over its deviation.

        Writes the layer `mvn`.
        """
        return self._add("mvn", locals())

    def add_nms(
        self, name: str, input_names: Names, output_names: Names, iou_threshold: float = 0.5,
        score_threshold: float = 0.0, max_boxes: int = 1, per_class_suppression: bool = False,
    ) -> Layer:
        """Boxes that do not overlap better ones: boxes, scores, and the three numbers if they come at run time.

        Writes the layer `NonMaximumSuppression`.
        """
        return self._add("nms", locals())

    def add_not_equal(self, name: str, input_names: Names, output_name: Names, alpha: float = 0.0) -> Layer:
        """a differs from b, or x from alpha: 1 or 0.

        Writes the layer `notEqual`.
        """
        return self._add("not_equal", locals())

    def add_one_hot(
        self, name: str, input_names: Names, output_name: Names, one_hot_vector_size: int | None = None, axis: int = -1,
        on_value: float = 1.0, off_value: float = 0.0,
    ) -> Layer:
        """A number where the index is, another one elsewhere.

        Writes the layer `oneHot`.
        """
        return self._add("one_hot", locals())

    def add_padding(
        self, name: str, left: int = 0, right: int = 0, top: int = 0, bottom: int = 0, value: float = 0,
        input_name: Names = "data", output_name: Names = "out", padding_type: str = "constant",
    ) -> Layer:
        """Wider edges of an image; padding_type: constant, reflection or replication.

        Writes the layer `padding`.
        """
        return self._add("padding", locals())

    def add_permute(self, name: str, dim: Sizes, input_name: Names, output_name: Names) -> Layer:
        """Axes of (Seq, C, H, W) in another order.

        Writes the layer `permute`.
        """
        return self._add("permute", locals())

    def add_pooling(
        self, name: str, height: int, width: int, stride_height: int, stride_width: int, layer_type: str,
        padding_type: str, input_name: Names, output_name: Names, exclude_pad_area: bool = True,
        is_global: bool = False, padding_top: int = 0, padding_bottom: int = 0, padding_left: int = 0,
        padding_right: int = 0, same_padding_asymmetry_mode: str = "BOTTOM_RIGHT_HEAVY",
    ) -> Layer:
        """Pooling of images; padding_type: VALID, SAME or INCLUDE_LAST_PIXEL.

        Writes the layer `pooling`.
        layer_type: MAX, AVERAGE, L2.
        """
        return self._add("pooling", locals())

    def add_pooling3d(
        self, name: str, input_name: Names, output_name: Names, pooling_type: str, kernel_depth: int,
        kernel_height: int, kernel_width: int, stride_depth: int, stride_height: int, stride_width: int,
        padding_mode: str = "valid", custom_padding_front: int = 0, custom_padding_back: int = 0,
        custom_padding_top: int = 0, custom_padding_bottom: int = 0, custom_padding_left: int = 0,
        custom_padding_right: int = 0, average_pooling_count_excludes_padding: bool = False,
    ) -> Layer:
        """Pooling of volumes.

        Writes the layer `pooling3d`.
        pooling_type: MAX, AVERAGE.
        padding_mode: CUSTOM, VALID, SAME.
        """
        return self._add("pooling3d", locals())

    def add_pow_broadcastable(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """a to the power of b, broadcast.

        Writes the layer `powBroadcastable`.
        """
        return self._add("pow_broadcastable", locals())

    def add_random_bernoulli_dynamic(
        self, name: str, input_names: Names, output_name: Names, prob: float = 0.5, seed: int = -1,
    ) -> Layer:
        """Random numbers that are 1 with a probability, else 0, in the shape that the input holds.

        Writes the layer `randomBernoulliDynamic`.
        """
        return self._add("random_bernoulli_dynamic", locals())

    def add_random_bernoulli_like(
        self, name: str, input_name: Names, output_name: Names, prob: float = 0.5, seed: int = -1,
    ) -> Layer:
        """Random numbers that are 1 with a probability, else 0, in the shape of the input.

        Writes the layer `randomBernoulliLike`.
        """
        return self._add("random_bernoulli_like", locals())

    def add_random_bernoulli_static(
        self, name: str, output_name: Names, output_shape: Sizes, prob: float = 0.5, seed: int = -1,
    ) -> Layer:
        """Random numbers that are 1 with a probability, else 0, in a given shape.

        Writes the layer `randomBernoulliStatic`.
        """
        return self._add("random_bernoulli_static", locals())

    def add_random_normal_dynamic(
        self, name: str, input_names: Names, output_name: Names, mean: float = 0.0, stddev: float = 0.0, seed: int = -1,
    ) -> Layer:
        """Random numbers normally distributed, in the shape that the input holds.

        Writes the layer `randomNormalDynamic`.
        """
        return self._add("random_normal_dynamic", locals())

    def add_random_normal_like(
        self, name: str, input_name: Names, output_name: Names, mean: float = 0.0, stddev: float = 0.0, seed: int = -1,
    ) -> Layer:
        """Random numbers normally distributed, in the shape of the input.

        Writes the layer `randomNormalLike`.
        """
        return self._add("random_normal_like", locals())

    def add_random_normal_static(
        self, name: str, output_name: Names, output_shape: Sizes, mean: float = 0.0, stddev: float = 0.0,
        seed: int = -1,
    ) -> Layer:
        """Random numbers normally distributed, in a given shape.

        Writes the layer `randomNormalStatic`.
        """
        return self._add("random_normal_static", locals())

    def add_random_uniform_dynamic(
        self, name: str, input_names: Names, output_name: Names, minval: float = 0.0, maxval: float = 1.0,
        seed: int = -1,
    ) -> Layer:
        """Random numbers evenly distributed, in the shape that the input holds.

        Writes the layer `randomUniformDynamic`.
        """
        return self._add("random_uniform_dynamic", locals())

    def add_random_uniform_like(
        self, name: str, input_name: Names, output_name: Names, minval: float = 0.0, maxval: float = 1.0,
        seed: int = -1,
    ) -> Layer:
        """Random numbers evenly distributed, in the shape of the input.

        Writes the layer `randomUniformLike`.
        """
        return self._add("random_uniform_like", locals())

    def add_random_uniform_static(
        self, name: str, output_name: Names, output_shape: Sizes, minval: float = 0.0, maxval: float = 1.0,
        seed: int = -1,
    ) -> Layer:
        """Random numbers evenly distributed, in a given shape.

        Writes the layer `randomUniformStatic`.
        """
        return self._add("random_uniform_static", locals())

    def add_range_dynamic(
        self, name: str, input_names: Names, output_name: Names, start: float = 0, step: float = 1,
    ) -> Layer:
        """As range_static, from inputs: end, start, step.

        Writes the layer `rangeDynamic`.
        """
        return self._add("range_dynamic", locals())

    def add_range_static(
        self, name: str, output_name: Names, input_names: Names | None = None, end: float = 1, start: float = 0,
        step: float = 1,
    ) -> Layer:
        """Numbers from start to end, by step.

        Writes the layer `rangeStatic`.
        """
        return self._add("range_static", locals())

    def add_rank_preserving_reshape(
        self, name: str, input_name: Names, output_name: Names, output_shape: Sizes,
    ) -> Layer:
        """Another shape of the same rank; 0 keeps, -1 follows from the rest.

        Writes the layer `rankPreservingReshape`.
        """
        return self._add("rank_preserving_reshape", locals())

    def add_reduce(
        self, name: str, input_name: Names, output_name: Names, axis: str, mode: str, epsilon: float = 1e-06,
    ) -> Layer:
        """Reduction of C, H, W, HW or CHW.

        Writes the layer `reduce`.
        axis: CHW, HW, C, H, W.
        mode: SUM, AVG, PROD, LOGSUM, SUMSQUARE, L1, L2, MAX, MIN, ARGMAX.
        """
        return self._add("reduce", locals())

    def add_reduce_l1(
        self, name: str, input_name: Names, output_name: Names, axes: Sizes | None = None, keepdims: bool = True,
        reduce_all: bool = False,
    ) -> Layer:
        """Sum of absolute values along some axes; without axes, of all numbers.

        Writes the layer `reduceL1`.
        """
        return self._add("reduce_l1", locals())

    def add_reduce_l2(
        self, name: str, input_name: Names, output_name: Names, axes: Sizes | None = None, keepdims: bool = True,
        reduce_all: bool = False,
    ) -> Layer:
        """Root of the sum of squares along some axes; without axes, of all numbers.

        Writes the layer `reduceL2`.
        """
        return self._add("reduce_l2", locals())

    def add_reduce_logsum(
        self, name: str, input_name: Names, output_name: Names, axes: Sizes | None = None, keepdims: bool = True,
        reduce_all: bool = False,
    ) -> Layer:
        """Logarithm of the sum along some axes; without axes, of all numbers.

        Writes the layer `reduceLogSum`.
        """
        return self._add("reduce_logsum", locals())

    def add_reduce_logsumexp(
        self, name: str, input_name: Names, output_name: Names, axes: Sizes | None = None, keepdims: bool = True,
        reduce_all: bool = False,
    ) -> Layer:
        """Logarithm of the sum of exponentials along some axes; without axes, of all numbers.

        Writes the layer `reduceLogSumExp`.
        """
        return self._add("reduce_logsumexp", locals())

    def add_reduce_max(
        self, name: str, input_name: Names, output_name: Names, axes: Sizes | None = None, keepdims: bool = True,
        reduce_all: bool = False,
    ) -> Layer:
        """Largest number along some axes; without axes, of all numbers.

        Writes the layer `reduceMax`.
        """
        return self._add("reduce_max", locals())

    def add_reduce_mean(
        self, name: str, input_name: Names, output_name: Names, axes: Sizes | None = None, keepdims: bool = True,
        reduce_all: bool = False,
    ) -> Layer:
        """Mean along some axes; without axes, of all numbers.

        Writes the layer `reduceMean`.
        """
        return self._add("reduce_mean", locals())

    def add_reduce_min(
        self, name: str, input_name: Names, output_name: Names, axes: Sizes | None = None, keepdims: bool = True,
        reduce_all: bool = False,
    ) -> Layer:
        """Smallest number along some axes; without axes, of all numbers.

        Writes the layer `reduceMin`.
        """
        return self._add("reduce_min", locals())

    def add_reduce_prod(
        self, name: str, input_name: Names, output_name: Names, axes: Sizes | None = None, keepdims: bool = True,
        reduce_all: bool = False,
    ) -> Layer:
        """Product along some axes; without axes, of all numbers.

        Writes the layer `reduceProd`.
        """
        return self._add("reduce_prod", locals())

    def add_reduce_sum(
        self, name: str, input_name: Names, output_name: Names, axes: Sizes | None = None, keepdims: bool = True,
        reduce_all: bool = False,
    ) -> Layer:
        """Sum along some axes; without axes, of all numbers.

        Writes the layer `reduceSum`.
        """
        return self._add("reduce_sum", locals())

    def add_reduce_sumsquare(
        self, name: str, input_name: Names, output_name: Names, axes: Sizes | None = None, keepdims: bool = True,
        reduce_all: bool = False,
    ) -> Layer:
        """Sum of squares along some axes; without axes, of all numbers.

        Writes the layer `reduceSumSquare`.
        """
        return self._add("reduce_sumsquare", locals())

    def add_reorganize_data(
        self, name: str, input_name: Names, output_name: Names, mode: str = "SPACE_TO_DEPTH", block_size: int = 2,
    ) -> Layer:
        """Blocks of pixels to channels, or back.

        Writes the layer `reorganizeData`.
        mode: SPACE_TO_DEPTH, DEPTH_TO_SPACE, PIXEL_SHUFFLE.
        """
        return self._add("reorganize_data", locals())

    def add_reshape(self, name: str, input_name: Names, output_name: Names, target_shape: Sizes, mode: int) -> Layer:
        """Another shape of 3 or 4 sizes; mode 0: as they lie, 1: channels last.

        Writes the layer `reshape`.
        mode: CHANNEL_FIRST, CHANNEL_LAST.
        """
        return self._add("reshape", locals())

    def add_reshape_dynamic(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """The numbers of the first input in the shape that the second holds; 0 keeps, -1 follows.

        Writes the layer `reshapeDynamic`.
        """
        return self._add("reshape_dynamic", locals())

    def add_reshape_like(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """The numbers of the first input in the shape of the second.

        Writes the layer `reshapeLike`.
        """
        return self._add("reshape_like", locals())

    def add_reshape_static(self, name: str, input_name: Names, output_name: Names, output_shape: Sizes) -> Layer:
        """Another shape; -1 follows from the rest.

        Writes the layer `reshapeStatic`.
        """
        return self._add("reshape_static", locals())

    def add_resize_bilinear(
        self, name: str, input_name: Names, output_name: Names, target_height: int = 1, target_width: int = 1,
        mode: str = "ALIGN_ENDPOINTS_MODE",
    ) -> Layer:
        """An image in another size.

        Writes the layer `resizeBilinear`.
        """
        return self._add("resize_bilinear", locals())

    def add_reverse(
        self, name: str, input_name: Names, output_name: Names, reverse_dim: Sequence[bool] | None = None,
    ) -> Layer:
        """Some axes backwards; reverse_dim: a boolean per axis.

        Writes the layer `reverse`.
        """
        return self._add("reverse", locals())

    def add_reverse_sequence(
        self, name: str, input_names: Names, output_name: Names, batch_axis: int = 0, seq_axis: int = -1,
    ) -> Layer:
        """The first so many of a sequence backwards.

        Writes the layer `reverseSeq`.
        """
        return self._add("reverse_sequence", locals())

    def add_round(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """x rounded to the nearest whole number, ties to even.

        Writes the layer `round`.
        """
        return self._add("round", locals())

    def add_scale(
        self, name: str, W: Numbers, b: Numbers, has_bias: bool, input_name: Names, output_name: Names,
        shape_scale: Sizes | None = None, shape_bias: Sizes | None = None,
    ) -> Layer:
        """W x + b; W and b have shape [1], [C], [1, H, W] or [C, H, W].

        Writes the layer `scale`.
        """
        return self._add("scale", locals())

    def add_scatter(
        self, name: str, input_names: Names, output_name: Names, axis: int = 0, mode: str = "UPDATE",
    ) -> Layer:
        """Entries of an axis replaced or changed: x, indices, updates.

        Writes the layer `scatter`.
        mode: UPDATE, ADD, SUB, MUL, DIV, MAX, MIN.
        """
        return self._add("scatter", locals())

    def add_scatter_along_axis(
        self, name: str, input_names: Names, output_name: Names, axis: int = 0, mode: str = "UPDATE",
    ) -> Layer:
        """x changed at an index per entry: x, indices, updates.

        Writes the layer `scatterAlongAxis`.
        mode: UPDATE, ADD, SUB, MUL, DIV, MAX, MIN.
        """
        return self._add("scatter_along_axis", locals())

    def add_scatter_nd(self, name: str, input_names: Names, output_name: Names, mode: str = "UPDATE") -> Layer:
        """x changed at index tuples: x, indices, updates.

        Writes the layer `scatterND`.
        mode: UPDATE, ADD, SUB, MUL, DIV, MAX, MIN.
        """
        return self._add("scatter_nd", locals())

    def add_sequence_repeat(self, name: str, nrep: int, input_name: Names, output_name: Names) -> Layer:
        """The sequence several times, one after the other.

        Writes the layer `sequenceRepeat`.
        """
        return self._add("sequence_repeat", locals())

    def add_sign(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """-1, 0 or 1.

        Writes the layer `sign`.
        """
        return self._add("sign", locals())

    def add_simple_rnn(
        self, name: str, W_h: Numbers, W_x: Numbers, b: Numbers, hidden_size: int, input_size: int, activation: str,
        input_names: Names, output_names: Names, output_all: bool = False, reverse_input: bool = False,
    ) -> Layer:
        """h = f(W_x x + W_h h + b), W_h: (hidden_size, hidden_size), W_x: (hidden_size, input_size), b: (hidden_size).

        Writes the layer `simpleRecurrent`.
        """
        return self._add("simple_rnn", locals())

    def add_sin(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """sin(x).

        Writes the layer `sin`.
        """
        return self._add("sin", locals())

    def add_sinh(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """sinh(x).

        Writes the layer `sinh`.
        """
        return self._add("sinh", locals())

    def add_slice(
        self, name: str, input_name: Names, output_name: Names, axis: str, start_index: int = 0, end_index: int = -1,
        stride: int = 1,
    ) -> Layer:
        """A part of one axis: channel, height or width.

        Writes the layer `slice`.
        axis: CHANNEL, HEIGHT, WIDTH.
        """
        return self._add("slice", locals())

    def add_slice_by_size(self, name: str, input_names: Names, output_name: Names, axis: int, size: int) -> Layer:
        """`size` numbers of an axis, from the index that the second input holds.

        Writes the layer `sliceBySize`.
        """
        return self._add("slice_by_size", locals())

    def add_slice_dynamic(
        self, name: str, input_names: Names, output_name: Names, end_ids: Sizes | None = None,
        strides: Sizes | None = None, begin_masks: Sequence[bool] | None = None,
        end_masks: Sequence[bool] | None = None, squeeze_masks: Sequence[bool] | None = None,
    ) -> Layer:
        """As slice_static, with numbers from inputs: x, begin, end, strides, begin masks, end masks, squeeze masks.

        Writes the layer `sliceDynamic`.
        """
        return self._add("slice_dynamic", locals())

    def add_slice_static(
        self, name: str, input_name: Names, output_name: Names, begin_ids: Sizes, end_ids: Sizes, strides: Sizes,
        begin_masks: Sequence[bool], end_masks: Sequence[bool], squeeze_masks: Sequence[bool] | None = None,
    ) -> Layer:
        """x[begin:end:stride] in each axis; a mask says that its index does not count.

        Writes the layer `sliceStatic`.
        """
        return self._add("slice_static", locals())

    def add_sliding_windows(
        self, name: str, input_name: Names, output_name: Names, axis: int, window_size: int, step: int = 1,
    ) -> Layer:
        """Windows of an axis, along an axis of their own.

        Writes the layer `slidingWindows`.
        """
        return self._add("sliding_windows", locals())

    def add_softmax(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """Softmax along the channel axis, -3.

        Writes the layer `softmax`.
        """
        return self._add("softmax", locals())

    def add_softmax_nd(self, name: str, input_name: Names, output_name: Names, axis: int) -> Layer:
        """Softmax along one axis.

        Writes the layer `softmaxND`.
        """
        return self._add("softmax_nd", locals())

    def add_split(self, name: str, input_name: Names, output_names: Names) -> Layer:
        """Equal parts of the channels.

        Writes the layer `split`.
        """
        return self._add("split", locals())

    def add_split_nd(
        self, name: str, input_name: Names, output_names: Names, axis: int, num_splits: int = 2,
        split_sizes: Sizes | None = None,
    ) -> Layer:
        """Parts along an axis.

        Writes the layer `splitND`.
        """
        return self._add("split_nd", locals())

    def add_squeeze(
        self, name: str, input_name: Names, output_name: Names, axes: Sizes | None = None, squeeze_all: bool = False,
    ) -> Layer:
        """Without some axes of size 1, or without all of them.

        Writes the layer `squeeze`.
        """
        return self._add("squeeze", locals())

    def add_stack(self, name: str, input_names: Names, output_name: Names, axis: int = 0) -> Layer:
        """Inputs of one shape along an axis of its own.

        Writes the layer `stack`.
        """
        return self._add("stack", locals())

    def add_subtract_broadcastable(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """a - b, broadcast.

        Writes the layer `subtractBroadcastable`.
        """
        return self._add("subtract_broadcastable", locals())

    def add_tan(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """tan(x).

        Writes the layer `tan`.
        """
        return self._add("tan", locals())

    def add_tanh(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """tanh(x).

        Writes the layer `tanh`.
        """
        return self._add("tanh", locals())

    def add_tile(self, name: str, input_name: Names, output_name: Names, reps: Sizes = []) -> Layer:
        """x several times along each axis.

        Writes the layer `tile`.
        """
        return self._add("tile", locals())

    def add_topk(
        self, name: str, input_names: Names, output_names: Names, k: int = 0, axis: int = 0, use_bottom_k: bool = False,
    ) -> Layer:
        """The k largest along an axis, and their indices.

        Writes the layer `topK`.
        """
        return self._add("topk", locals())

    def add_transpose(self, name: str, axes: Sizes, input_name: Names, output_name: Names) -> Layer:
        """Axes in another order.

        Writes the layer `transpose`.
        """
        return self._add("transpose", locals())

    def add_unary(
        self, name: str, input_name: Names, output_name: Names, mode: str, alpha: float = 1.0, shift: int = 0,
        scale: float = 1.0, epsilon: float | None = None,
    ) -> Layer:
        """A function of scale * x + shift.

        Writes the layer `unary`.
        mode: SQRT, RSQRT, INVERSE, POWER, EXP, LOG, ABS, THRESHOLD.
        """
        return self._add("unary", locals())

    def add_unilstm(
        self, name: str, W_h: Numbers, W_x: Numbers, b: Numbers, hidden_size: int, input_size: int, input_names: Names,
        output_names: Names, inner_activation: str = "SIGMOID", cell_state_update_activation: str = "TANH",
        output_activation: str = "TANH", peep: Numbers = None, output_all: bool = False, forget_bias: bool = False,
        coupled_input_forget_gate: bool = False, cell_clip_threshold: float = 50000.0, reverse_input: bool = False,
    ) -> Layer:
        """LSTM; W_h, W_x and b are lists for input, forget and output gate and block input, peep for the first three.

        Writes the layer `uniDirectionalLSTM`.
        """
        return self._add("unilstm", locals())

    def add_upper_triangular(self, name: str, input_name: Names, output_name: Names, k: int = 0) -> Layer:
        """Matrices with zeros below a diagonal.

        Writes the layer `upperTriangular`.
        """
        return self._add("upper_triangular", locals())

    def add_upsample(
        self, name: str, scaling_factor_h: float, scaling_factor_w: float, input_name: Names, output_name: Names,
        mode: str = "NN", linear_upsample_mode: str = "DEFAULT",
    ) -> Layer:
        """A larger image, by nearest neighbours (NN) or BILINEAR; linear_upsample_mode: DEFAULT, ALIGN_CORNERS_TRUE,
        ALIGN_CORNERS_FALSE.

        Writes the layer `upsample`.
        mode: NN, BILINEAR.
        """
        return self._add("upsample", locals())

    def add_where_broadcastable(self, name: str, input_names: Names, output_name: Names) -> Layer:
        """The second input where the first is not 0, else the third.

        Writes the layer `whereBroadcastable`.
        """
        return self._add("where_broadcastable", locals())

    def add_where_nonzero(self, name: str, input_name: Names, output_name: Names) -> Layer:
        """Indices of what is not 0: (n, rank).

        Writes the layer `whereNonZero`.
        """
        return self._add("where_nonzero", locals())
