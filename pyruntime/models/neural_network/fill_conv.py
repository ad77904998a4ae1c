"""Convolution and pooling: borders, and weights in the file's order."""

from __future__ import annotations

from pyruntime.models.neural_network.fill import add_border
from pyruntime.models.neural_network.rows import Call
from pyruntime.models.neural_network.weight_params import QUANTIZATION, quantization_of, write_weight
from pyruntime.spec import messages


def convolution(call: Call) -> None:
    """W comes as (height, width, kernel, output) and goes as (output, kernel, height, width).

    A transposed convolution's goes as (kernel, output / groups, height, width).
    """
    unknown = sorted(set(call["kwargs"] or ()) - set(QUANTIZATION))
    if unknown:
        call.refuse(unknown[0], f"keywords {', '.join(QUANTIZATION)}", "a keyword that nothing reads")
    params = call.params
    params.kernelChannels = call["kernel_channels"]
    params.kernelSize.extend([call["height"], call["width"]])
    params.stride.extend([call["stride_height"], call["stride_width"]])
    params.dilationFactor.extend(call["dilation_factors"])
    _borders(call, call.choice("border_mode", ["valid", "same"]))
    if call["is_deconv"] and call["output_shape"] is not None:
        params.outputShape.extend(call["output_shape"])
    if len(call.layer.input) == 2:
        return
    _check_groups(call, call["kernel_channels"] if call["is_deconv"] else call["output_channels"])
    kernel, output, image = call["kernel_channels"], call["output_channels"], (call["height"], call["width"])
    deconv = call["is_deconv"]
    shape = (*image, kernel, output // call["groups"] if deconv else output)
    quantization = quantization_of(call, output)
    order = (2, 3, 0, 1) if deconv else (3, 2, 0, 1)
    write_weight(params.weights, call, "W", call["W"], shape, transpose=order, quantization=quantization)
    if call["has_bias"]:
        write_weight(params.bias, call, "b", call["b"], (output,))


def _check_groups(call: Call, channels: int) -> None:
    groups = call["groups"]
    if groups < 1 or channels % groups or call["output_channels"] % groups:
        call.refuse("groups", f"a divisor of the numbers of channels, {channels} and {call['output_channels']}", groups)


def _borders(call: Call, mode: str) -> None:
    """Amounts at the edges, or an output of the input's size."""
    if mode == "valid":
        add_border(
            call.params.valid.paddingAmounts,
            (call["padding_top"], call["padding_bottom"]),
            (call["padding_left"], call["padding_right"]),
        )
        return
    call.params.same.SetInParent()
    enum = messages.SamePadding.SamePaddingMode
    call.params.same.asymmetryMode = enum.Value(call.choice("same_padding_asymmetry_mode", enum.keys()))


def convolution3d(call: Call) -> None:
    """W comes as (output, input / groups, ...) and stays; a transposed one's as (output / groups, input, ...)."""
    groups, kernel = call["groups"], (call["depth"], call["height"], call["width"])
    sizes = (call["output_channels"], call["input_channels"])
    if groups < 1 or any(size % groups for size in sizes):
        call.refuse("groups", f"a divisor of the numbers of channels, {sizes[0]} and {sizes[1]}", groups)
    if call["is_deconv"]:
        shape, order = (sizes[0] // groups, sizes[1], *kernel), (1, 0, 2, 3, 4)
        write_weight(call.params.weights, call, "W", call["W"], shape, transpose=order)
    else:
        write_weight(call.params.weights, call, "W", call["W"], (sizes[0], sizes[1] // groups, *kernel))
    if call["has_bias"]:
        write_weight(call.params.bias, call, "b", call["b"], sizes[:1])


def pooling(call: Call) -> None:
    """Sizes, and how edges are treated."""
    params = call.params
    params.kernelSize.extend([call["height"], call["width"]])
    params.stride.extend([call["stride_height"], call["stride_width"]])
    kind = call.choice("padding_type", ["VALID", "SAME", "INCLUDE_LAST_PIXEL"])
    if kind != "INCLUDE_LAST_PIXEL":
        _borders(call, kind.lower())
        return
    for first, second in (("padding_top", "padding_bottom"), ("padding_left", "padding_right")):
        if call[first] != call[second]:
            call.refuse(first, f"the same as {second} with INCLUDE_LAST_PIXEL", f"{call[first]} and {call[second]}")
    params.includeLastPixel.paddingAmounts.extend([call["padding_top"], call["padding_left"]])
