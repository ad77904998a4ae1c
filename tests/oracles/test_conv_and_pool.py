"""The oracle's convolution and pooling against loops, PyTorch's own layers and ONNX Runtime."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from coremltools.proto import NeuralNetwork_pb2 as nn

from . import onnx_node
from .torch_network import LAYERS

SIDES = [(0, "SAME_UPPER"), (1, "SAME_LOWER")]


def borders(pads):
    return nn.BorderAmounts(borderAmounts=[{"startEdgeSize": a, "endEdgeSize": b} for a, b in pads])


def convolution(w, x, **fields):
    p = nn.ConvolutionLayerParams(kernelSize=w.shape[2:], **fields)
    p.weights.floatValue.extend(w.ravel().tolist())
    return LAYERS["convolution"](p, torch.from_numpy(x.astype(np.float64))).numpy()


def integers(shape, seed=0):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


def test_convolution_is_the_sum_of_its_definition():
    x, w = integers((1, 1, 4, 7, 8)), integers((6, 2, 3, 2), 1)
    stride, dilation, pads = (2, 1), (1, 3), ((1, 2), (0, 1))
    y = convolution(
        w,
        x,
        outputChannels=6,
        kernelChannels=2,
        nGroups=2,
        stride=stride,
        dilationFactor=dilation,
        valid={"paddingAmounts": borders(pads)},
    )
    assert y.shape == (1, 1, 6, 4, 6)
    for o, i, j in np.ndindex(6, 4, 6):
        total = 0.0
        for c, a, b in np.ndindex(2, 3, 2):
            row, column = i * 2 + a - 1, j + b * 3
            if 0 <= row < 7 and 0 <= column < 8:
                total += w[o, c, a, b] * x[0, 0, (o // 3) * 2 + c, row, column]
        assert y[0, 0, o, i, j] == total


@pytest.mark.parametrize(("side", "auto_pad"), SIDES)
def test_same_convolution_pads_the_heavy_side(side, auto_pad):
    x, w = integers((2, 3, 8, 9)), integers((5, 3, 3, 4), 1)
    y = convolution(w, x, outputChannels=5, kernelChannels=3, stride=(2, 3), same={"asymmetryMode": side})
    (expected,) = onnx_node.run("Conv", [x, w], auto_pad=auto_pad, strides=[2, 3])
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(("groups", "stride"), [(1, (2, 3)), (2, (1, 2)), (4, (4, 5))])
def test_deconvolution_spreads_each_pixel_and_crops_the_padding(groups, stride):
    x, w = integers((1, 4, 3, 5)), integers((4, 6 // groups if groups != 4 else 2, 3, 3), 1)
    outputs = w.shape[1] * groups
    y = convolution(
        w,
        x,
        outputChannels=outputs,
        kernelChannels=4,
        nGroups=groups,
        stride=stride,
        isDeconvolution=True,
        valid={"paddingAmounts": borders(((1, 0), (0, 1)))},
    )
    full = np.zeros((outputs, (3 - 1) * stride[0] + 3, (5 - 1) * stride[1] + 3))
    per_group = 4 // groups
    for c, h, j, k in np.ndindex(4, 3, 5, w.shape[1]):
        o = (c // per_group) * w.shape[1] + k
        top, left = h * stride[0], j * stride[1]
        full[o, top : top + 3, left : left + 3] += x[0, c, h, j] * w[c, k]
    np.testing.assert_array_equal(y[0], full[:, 1:, :-1])


@pytest.mark.parametrize(("side", "auto_pad"), SIDES)
def test_same_deconvolution_multiplies_the_size_by_the_stride(side, auto_pad):
    x, w = integers((1, 2, 4, 5)), integers((2, 3, 3, 4), 1)
    same = {"asymmetryMode": side}
    y = convolution(w, x, outputChannels=3, kernelChannels=2, stride=(2, 1), isDeconvolution=True, same=same)
    (expected,) = onnx_node.run("ConvTranspose", [x, w], auto_pad=auto_pad, strides=[2, 1])
    assert y.shape == (1, 3, 8, 5)
    np.testing.assert_array_equal(y, expected)


def test_deconvolution_output_shape_acts_like_pytorchs_output_padding():
    x, w = integers((1, 2, 4, 4)), integers((2, 3, 3, 3), 1)
    y = convolution(
        w,
        x,
        outputChannels=3,
        kernelChannels=2,
        stride=(2, 2),
        isDeconvolution=True,
        outputShape=(8, 8),
        valid={"paddingAmounts": borders(((1, 1), (1, 1)))},
    )
    x, w = torch.from_numpy(x), torch.from_numpy(w)
    expected = F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1)
    np.testing.assert_array_equal(y, expected.numpy())


def pooling(x, **fields):
    return LAYERS["pooling"](nn.PoolingLayerParams(**fields), torch.from_numpy(x)).numpy()


@pytest.mark.parametrize(("side", "auto_pad"), SIDES)
@pytest.mark.parametrize("exclude", [True, False])
def test_same_pooling_agrees_with_onnx_runtime(side, auto_pad, exclude):
    x = integers((2, 3, 7, 10)) - 5  # all negative: a padding zero would win the maximum
    common = {"kernelSize": (2, 4), "stride": (2, 3), "same": {"asymmetryMode": side}}
    onnx = {"kernel_shape": [2, 4], "strides": [2, 3], "auto_pad": auto_pad}
    np.testing.assert_array_equal(pooling(x, type=0, **common), onnx_node.run("MaxPool", [x], **onnx)[0])
    averaged = onnx_node.run("AveragePool", [x], count_include_pad=int(not exclude), **onnx)[0]
    got = pooling(x, type=1, avgPoolExcludePadding=exclude, **common)
    np.testing.assert_allclose(got, averaged, rtol=1e-5)


CEIL_CASES = [(7, 3, 2, 0), (6, 3, 2, 1), (8, 2, 3, 1), (10, 3, 4, 1)]


@pytest.mark.parametrize(("size", "kernel", "stride", "pad"), CEIL_CASES)
def test_include_last_pixel_is_pytorchs_ceil_mode(size, kernel, stride, pad):
    x = integers((1, 2, size, size)) - 5
    fields = {
        "kernelSize": (kernel, kernel),
        "stride": (stride, stride),
        "includeLastPixel": {"paddingAmounts": (pad, pad)},
    }
    t = torch.from_numpy(x)
    expected = F.max_pool2d(t, kernel, stride, pad, ceil_mode=True).numpy()
    np.testing.assert_array_equal(pooling(x, type=0, **fields), expected)
    for exclude in (True, False):
        averaged = F.avg_pool2d(t, kernel, stride, pad, ceil_mode=True, count_include_pad=not exclude).numpy()
        got = pooling(x, type=1, avgPoolExcludePadding=exclude, **fields)
        np.testing.assert_allclose(got, averaged, rtol=1e-6)


def test_include_last_pixel_without_padding_keeps_a_window_past_the_end():
    """Kernel 1, stride 4, 5 pixels: ceil(4/4) + 1 windows; 6 pixels: one more, past the end."""
    fields = {"kernelSize": (1, 1), "stride": (1, 4), "includeLastPixel": {"paddingAmounts": (0, 0)}}
    widths = [pooling(np.ones((1, 1, 1, 1, n)), type=1, **fields).shape[-1] for n in (5, 6)]
    assert widths == [2, 3]


def test_l2_pooling_is_the_root_of_a_sum():
    x = np.array([[3.0, 4.0], [12.0, 84.0]]).reshape(1, 1, 2, 2)
    assert pooling(x, type=2, kernelSize=(1, 2), stride=(1, 2), valid={}).ravel().tolist() == [5.0, 7200**0.5]


@pytest.mark.parametrize(("kind", "expected"), [(0, 5.0), (1, 2.5), (2, 55**0.5)])
def test_global_pooling_takes_the_whole_plane(kind, expected):
    x = np.arange(6, dtype=np.float64).reshape(1, 1, 1, 2, 3)
    y = pooling(x, type=kind, globalPooling=True, valid={}, kernelSize=(1, 1), stride=(9, 9))
    assert y.shape == (1, 1, 1, 1, 1)
    assert y.item() == pytest.approx(expected)
