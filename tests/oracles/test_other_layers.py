"""The oracle's remaining layers against PyTorch, ONNX Runtime and NumPy formulas."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from coremltools.proto import NeuralNetwork_pb2 as nn

from . import onnx_node
from .torch_network import LAYERS

X = torch.randn(2, 1, 4, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
IMAGES = X[:, 0]  # (2, 4, 5, 6), the form of PyTorch
CHANNELS = [0.5, -1.0, 2.0, 0.25]
PER_CHANNEL = torch.tensor(CHANNELS, dtype=torch.float64)[:, None, None]


def run(name, params, *inputs):
    return LAYERS[name](params, *inputs)


ACTIVATIONS = [
    ({"linear": {"alpha": 0.0, "beta": 2.0}}, lambda x: 0 * x + 2),
    ({"ReLU": {}}, F.relu),
    ({"leakyReLU": {"alpha": 0.25}}, lambda x: F.leaky_relu(x, 0.25)),
    ({"thresholdedReLU": {"alpha": 0.5}}, lambda x: F.threshold(x, 0.5, 0)),
    (
        {"PReLU": {"alpha": {"floatValue": CHANNELS}}},
        lambda x: F.prelu(x[:, 0], PER_CHANNEL.ravel())[:, None],
    ),
    ({"tanh": {}}, torch.tanh),
    ({"scaledTanh": {"alpha": 1.5, "beta": 0.5}}, lambda x: 1.5 * torch.tanh(0.5 * x)),
    ({"sigmoid": {}}, torch.sigmoid),
    ({"sigmoidHard": {"alpha": 0.25, "beta": 0.5}}, lambda x: F.hardtanh(0.25 * x + 0.5, 0, 1)),
    ({"ELU": {"alpha": 0.75}}, lambda x: F.elu(x, 0.75)),
    ({"softsign": {}}, F.softsign),
    ({"softplus": {}}, F.softplus),
    (
        {"parametricSoftplus": {"alpha": {"floatValue": CHANNELS}, "beta": {"floatValue": [2.0]}}},
        lambda x: PER_CHANNEL * torch.log1p(torch.exp(2 * x)),
    ),
]


@pytest.mark.parametrize(("kind", "expected"), ACTIVATIONS, ids=[next(iter(kind)) for kind, _ in ACTIVATIONS])
def test_activation_agrees_with_pytorch(kind, expected):
    torch.testing.assert_close(run("activation", nn.ActivationParams(**kind), X), expected(X))


RSQRT, INVERSE, POWER = lambda v: (v + 1e-6) ** -0.5, lambda v: 1 / (v + 1e-6), lambda v: v**3
UNARY = [np.sqrt, RSQRT, INVERSE, POWER, np.exp, np.log, np.abs, lambda v: np.maximum(v, 3)]


@pytest.mark.parametrize("operation", range(8))
def test_unary_is_a_function_of_scale_times_x_plus_shift(operation):
    x = X.abs() + 0.5
    expected = UNARY[operation](2 * x.numpy() + 0.25)
    y = run("unary", nn.UnaryFunctionLayerParams(type=operation, alpha=3, scale=2, shift=0.25), x)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-9)


def test_normalisations_agree_with_pytorch():
    stats = {key: {"floatValue": CHANNELS} for key in ("gamma", "beta", "mean")}
    p = nn.BatchnormLayerParams(channels=4, epsilon=0.5, variance={"floatValue": [1, 2, 3, 4]}, **stats)
    c, variance = PER_CHANNEL.ravel(), torch.tensor([1.0, 2, 3, 4], dtype=torch.float64)
    torch.testing.assert_close(run("batchnorm", p, X)[:, 0], F.batch_norm(IMAGES, c, variance, c, c, eps=0.5))
    p.computeMeanVar = p.instanceNormalization = True
    expected = F.instance_norm(IMAGES, weight=c, bias=c, eps=0.5)
    torch.testing.assert_close(run("batchnorm", p, X)[:, 0], expected)
    mvn = nn.MeanVarianceNormalizeLayerParams(normalizeVariance=True, epsilon=0.5)
    torch.testing.assert_close(run("mvn", mvn, X)[:, 0], F.instance_norm(IMAGES, eps=0.5))
    mvn.acrossChannels = True
    torch.testing.assert_close(run("mvn", mvn, X)[:, 0], F.layer_norm(IMAGES, (4, 5, 6), eps=0.5))
    lrn = nn.LRNLayerParams(alpha=2, beta=0.75, localSize=3, k=2)
    torch.testing.assert_close(run("lrn", lrn, X)[:, 0], F.local_response_norm(IMAGES, 3, 2, 0.75, 2))
    norm = run("l2normalize", nn.L2NormalizeLayerParams(epsilon=0.5), X)
    torch.testing.assert_close(norm, X / ((X**2).sum((2, 3, 4), keepdim=True) + 0.5).sqrt())
    torch.testing.assert_close(run("softmax", None, X)[:, 0], F.softmax(IMAGES, 1))


def asymmetric(x, scales):
    """Linear resize from position i / scale: what Core ML's default upsampling and UPSAMPLE_MODE describe."""
    attributes = {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}
    scales = np.array([1, 1, *scales], np.float32)
    return onnx_node.run("Resize", [x.numpy().astype(np.float32), None, scales], **attributes)[0]


def test_bilinear_upsampling_agrees_with_pytorch_and_onnx_runtime():
    p = nn.UpsampleLayerParams(scalingFactor=(2, 3), mode=1)
    np.testing.assert_allclose(run("upsample", p, X)[:, 0], asymmetric(IMAGES, (2, 3)), atol=1e-5)
    for mode, align in ((1, True), (2, False)):
        p.linearUpsampleMode = mode
        expected = F.interpolate(IMAGES, scale_factor=(2, 3), mode="bilinear", align_corners=align)
        torch.testing.assert_close(run("upsample", p, X)[:, 0], expected)
    p = nn.UpsampleLayerParams(fractionalScalingFactor=(1.5, 2.5), mode=1, linearUpsampleMode=1)
    expected = F.interpolate(IMAGES, (7, 15), mode="bilinear", align_corners=True)
    torch.testing.assert_close(run("upsample", p, X)[:, 0], expected)


def test_nearest_upsampling_agrees_with_pytorch():
    y = run("upsample", nn.UpsampleLayerParams(scalingFactor=(2, 3)), X)
    torch.testing.assert_close(y[:, 0], F.interpolate(IMAGES, scale_factor=(2, 3)))


def resize(size, method, x=X):
    p = nn.ResizeBilinearLayerParams(targetSize=size, mode={"samplingMethod": method})
    return run("resizeBilinear", p, x)


def test_resize_bilinear_grids():
    expected = F.interpolate(IMAGES, (9, 4), mode="bilinear", align_corners=True)
    for method in (0, 1):
        torch.testing.assert_close(resize((9, 4), method)[:, 0], expected)
    np.testing.assert_allclose(resize((10, 12), 2)[:, 0], asymmetric(IMAGES, (2, 2)), atol=1e-5)
    ramp = torch.arange(4.0, dtype=torch.float64).reshape(1, 1, 1, 4)
    assert resize((1, 2), 3, ramp).tolist() == [[[[0.75, 2.25]]]]
    assert [resize((1, 1), method, ramp).item() for method in (0, 1)] == [0.0, 1.5]


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_reorganize_data_agrees_with_onnx_runtime(mode):
    x = np.arange(2 * 8 * 4 * 6, dtype=np.float32).reshape(2, 8, 4, 6)
    p = nn.ReorganizeDataLayerParams(mode=mode, blockSize=2)
    y = run("reorganizeData", p, torch.from_numpy(x[:, None]))
    if mode == 0:
        expected = onnx_node.run("SpaceToDepth", [x], blocksize=2)[0]
    else:
        expected = onnx_node.run("DepthToSpace", [x], blocksize=2, mode="DCR" if mode == 1 else "CRD")[0]
    np.testing.assert_array_equal(y[:, 0], expected)


def test_reshape_flatten_and_permute_follow_their_axis_orders():
    x = X.numpy()
    y = run("flatten", nn.FlattenLayerParams(mode=1), X)
    np.testing.assert_array_equal(y[:, 0, :, 0, 0], x[:, 0].transpose(0, 2, 3, 1).reshape(2, 120))
    y = run("reshape", nn.ReshapeLayerParams(targetShape=(6, 5, 4), mode=1), X)
    np.testing.assert_array_equal(y[1, 0], x[1, 0].transpose(1, 2, 0).reshape(5, 4, 6).transpose(2, 0, 1))
    y = run("reshape", nn.ReshapeLayerParams(targetShape=(4, 2, 5, 6)), X)
    np.testing.assert_array_equal(y[:, 0], x[:, 0].reshape(4, 2, 5, 6))
    y = run("permute", nn.PermuteLayerParams(axis=(2, 3, 0, 1)), X)  # Seq, C, H, W := H, W, Seq, C
    np.testing.assert_array_equal(y[:, 0], x[:, 0].transpose(2, 3, 0, 1))


REDUCTIONS = [
    np.sum,
    np.mean,
    np.prod,
    lambda x, axis, keepdims: np.log(x + 1e-6).sum(axis, keepdims=keepdims),
    lambda x, axis, keepdims: (x * x).sum(axis, keepdims=keepdims),
    lambda x, axis, keepdims: np.abs(x).sum(axis, keepdims=keepdims),
    lambda x, axis, keepdims: np.sqrt((x * x).sum(axis, keepdims=keepdims)),
    np.max,
    np.min,
]


@pytest.mark.parametrize("mode", range(9))
def test_reduce_agrees_with_numpy_over_every_group_of_axes(mode):
    x = X.abs() + 0.1
    for code, axes in enumerate([(-3, -2, -1), (-2, -1), (-3,), (-2,), (-1,)]):
        y = run("reduce", nn.ReduceLayerParams(mode=mode, axis=code), x)
        np.testing.assert_allclose(y, REDUCTIONS[mode](x.numpy(), axis=axes, keepdims=True), rtol=1e-9)


def test_argmax_gives_the_first_of_equal_values():
    x = torch.tensor([[1.0, 7, 7, 2], [5, 0, 5, 5]]).reshape(1, 1, 1, 2, 4)
    assert run("reduce", nn.ReduceLayerParams(mode=9, axis=4), x).flatten().tolist() == [1.0, 0.0]


def test_padding_and_slices_agree_with_numpy():
    rows, columns = {"startEdgeSize": 1, "endEdgeSize": 2}, {"startEdgeSize": 3, "endEdgeSize": 0}
    border = {"borderAmounts": [rows, columns]}
    widths = [(0, 0)] * 3 + [(1, 2), (3, 0)]
    for kind, mode in (("reflection", "reflect"), ("replication", "edge")):
        y = run("padding", nn.PaddingLayerParams(paddingAmounts=border, **{kind: {}}), X)
        np.testing.assert_array_equal(y, np.pad(X.numpy(), widths, mode))
    y = run("padding", nn.PaddingLayerParams(paddingAmounts=border, constant={"value": 2.5}), X)
    np.testing.assert_array_equal(y, np.pad(X.numpy(), widths, constant_values=2.5))
    y = run("crop", nn.CropLayerParams(cropAmounts=border), X)
    np.testing.assert_array_equal(y, X.numpy()[..., 1:-2, 3:])
    y = run("crop", nn.CropLayerParams(offset=(2, 1)), X, X[..., :2, :3])
    np.testing.assert_array_equal(y, X.numpy()[..., 2:4, 1:4])
    y = run("slice", nn.SliceLayerParams(startIndex=1, endIndex=-1, stride=2, axis=2), X)
    np.testing.assert_array_equal(y, X.numpy()[..., 1:-1:2])


def test_element_wise_layers_agree_with_numpy():
    a, b = X, X[:, :, :, :1, :1]
    x, y = a.numpy(), b.numpy()
    for name, params, expected in [
        ("add", nn.AddLayerParams(), x + y),
        ("multiply", nn.MultiplyLayerParams(), x * y),
        ("average", None, (x + y) / 2),
        ("max", None, np.maximum(x, y)),
        ("min", None, np.minimum(x, y)),
    ]:
        np.testing.assert_allclose(run(name, params, a, b), expected)
    np.testing.assert_array_equal(run("multiply", nn.MultiplyLayerParams(), a), 0 * x)
    scale = {"shapeScale": [4], "scale": {"floatValue": CHANNELS}, "hasBias": True, "shapeBias": [1, 5, 6]}
    offset = np.arange(30, dtype=np.float64).reshape(5, 6)
    y = run("scale", nn.ScaleLayerParams(bias={"floatValue": offset.ravel()}, **scale), a)
    np.testing.assert_allclose(y, x * PER_CHANNEL.numpy() + offset)
    y = run("bias", nn.BiasLayerParams(shape=[4], bias={"floatValue": CHANNELS}), a)
    np.testing.assert_allclose(y, x + PER_CHANNEL.numpy())
    u, v = X[..., :1, :1], X[..., 1:2, 1:2]
    dots = np.einsum("sbchw,sbchw->sb", u, v)
    np.testing.assert_allclose(run("dot", nn.DotProductLayerParams(), u, v)[..., 0, 0, 0], dots)
    cosine = dots / np.linalg.norm(u, axis=2)[..., 0, 0] / np.linalg.norm(v, axis=2)[..., 0, 0]
    y = run("dot", nn.DotProductLayerParams(cosineSimilarity=True), u, v)
    np.testing.assert_allclose(y[..., 0, 0, 0], cosine)


@pytest.mark.parametrize("shape", [(6,), (3, 6), (2, 3, 6), (2, 3, 1, 2), (2, 1, 3, 1, 2)])
def test_inner_product_flattens_three_axes_only_from_rank_4(shape):
    rng = np.random.default_rng(0)
    inputs = shape[-1] if len(shape) < 4 else int(np.prod(shape[-3:]))
    w, x = rng.integers(-3, 4, (5, inputs)), rng.integers(-3, 4, shape)
    p = nn.InnerProductLayerParams(inputChannels=inputs, outputChannels=5, weights={"floatValue": w.ravel()})
    expected = x @ w.T if len(shape) < 4 else (x.reshape(*shape[:-3], inputs) @ w.T)[..., None, None]
    np.testing.assert_array_equal(run("innerProduct", p, torch.from_numpy(x.astype(float))), expected)
