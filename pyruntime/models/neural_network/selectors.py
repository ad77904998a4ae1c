"""Which layers to quantize: base class and two ready-made choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.neural_network.weighted_layers import CONTROL_FLOW, QUANTIZABLE
from pyruntime.spec.weights import stored_weight

_DEPTHWISE = "depthwiseConv"


class QuantizedLayerSelector:
    """All layers that have weights.  A subclass overrides `do_quantize` to leave some out."""

    def do_quantize(self, layer: Any, **kwargs: Any) -> bool:
        """Whether to quantize.  weight_param: "weights" or "bias", the part of the layer that is asked about."""
        return layer.WhichOneof("layer") in (*QUANTIZABLE, *CONTROL_FLOW)


class AdvancedQuantizedLayerSelector(QuantizedLayerSelector):
    """All layers but some.

    skip_layer_types: names of layers in the format, or depthwiseConv; "bias" means biases of all layers, too.
    minimum_conv_kernel_channels, minimum_conv_weight_count: weights of smaller convolutions stay floats.
    """

    def __init__(
        self,
        skip_layer_types: Sequence[str] = (),
        minimum_conv_kernel_channels: int = 4,
        minimum_conv_weight_count: int = 4096,
    ) -> None:
        known = (*QUANTIZABLE, *CONTROL_FLOW, _DEPTHWISE)
        unknown = [kind for kind in skip_layer_types if kind not in known]
        if unknown:
            raise BuildError(f"skip_layer_types has {', '.join(unknown)}; expected some of {', '.join(sorted(known))}")
        self.skip_layer_types = list(skip_layer_types)
        self.minimum_conv_kernel_channels = minimum_conv_kernel_channels
        self.minimum_conv_weight_count = minimum_conv_weight_count

    def do_quantize(self, layer: Any, weight_param: str | None = None, **kwargs: Any) -> bool:
        """As the constructor's arguments say."""
        kind = layer.WhichOneof("layer")
        if not super().do_quantize(layer) or kind in self.skip_layer_types:
            return False
        if weight_param == "bias":
            return "bias" not in self.skip_layer_types
        return kind != "convolution" or self._large(layer.convolution)

    def _large(self, conv: Any) -> bool:
        depthwise = conv.kernelChannels == 1 and conv.nGroups > 1
        if depthwise and _DEPTHWISE in self.skip_layer_types:
            return False
        stored = stored_weight(conv.weights)
        count = stored[1] if stored is not None else 0
        return bool(
            conv.kernelChannels >= self.minimum_conv_kernel_channels and count >= self.minimum_conv_weight_count
        )


class MatrixMultiplyLayerSelector(QuantizedLayerSelector):
    """Inner products, and batched matrix products with one stored matrix, of some sizes.

    The numbers are bounds of their weights and channels, both ends included; include_layers_with_names: only these.
    """

    def __init__(
        self,
        minimum_weight_count: int = 1,
        minimum_input_channels: int = 1,
        minimum_output_channels: int = 1,
        maximum_input_channels: int | None = None,
        maximum_output_channels: int | None = None,
        include_layers_with_names: Sequence[str] | None = None,
    ) -> None:
        if isinstance(include_layers_with_names, str):
            raise BuildError("include_layers_with_names: expected a list of names, got one text")
        self.minimum_weight_count = minimum_weight_count
        self._inputs = (minimum_input_channels, maximum_input_channels)
        self._outputs = (minimum_output_channels, maximum_output_channels)
        for least, most in (self._inputs, self._outputs):
            if most is not None and least > most:
                raise BuildError(f"channels: the minimum {least} is larger than the maximum {most}")
        self.include_layers_with_names = include_layers_with_names

    def do_quantize(self, layer: Any, weight_param: str | None = None, **kwargs: Any) -> bool:
        """As the constructor's arguments say; only the matrix is asked about, not a bias."""
        sizes = matrix_sizes(layer)
        if sizes is None:
            return False
        names = self.include_layers_with_names
        if names is not None and layer.name not in names:
            return False
        fits = all(
            size >= least and (most is None or size <= most)
            for size, (least, most) in zip(sizes, (self._inputs, self._outputs), strict=True)
        )
        return fits and sizes[0] * sizes[1] >= self.minimum_weight_count


def matrix_sizes(layer: Any) -> tuple[int, int] | None:
    """(inputs, outputs) of a layer that multiplies with one stored matrix, else None."""
    if layer.WhichOneof("layer") == "innerProduct":
        return int(layer.innerProduct.inputChannels), int(layer.innerProduct.outputChannels)
    if layer.WhichOneof("layer") == "batchedMatmul" and len(layer.input) == 1:
        params = layer.batchedMatmul
        return int(params.weightMatrixFirstDimension), int(params.weightMatrixSecondDimension)
    return None
