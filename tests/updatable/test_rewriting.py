"""Rewritten networks give the same numbers: here, in PyTorch, on random networks and on files that others made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime import MLModel
from pyruntime.errors import BuildError
from pyruntime.models.neural_network import NeuralNetworkBuilder
from pyruntime.models.utils import rewrite_for_update
from pyruntime.samples import sample_features
from pyruntime.spec import load_spec

from ..layers.network import ONE_THREAD, ask_oracle, has_oracle, layer, model, weights
from ..training.networks import convolution
from .nets import Net, converted, kinds, layers_of, random_network, values

COUNT = int(os.environ.get("PYRUNTIME_REWRITES", "20"))
"""How many random networks."""


def same(spec: Any, rewritten: Any, features: dict[str, Any], tolerance: float = 2e-6) -> None:
    """Both give the same, in the same shapes; the new one in PyTorch, too."""
    before = MLModel(spec, configuration=ONE_THREAD).predict(features)
    after = MLModel(rewritten, configuration=ONE_THREAD).predict(features)
    assert list(before) == list(after)
    for name, wanted in before.items():
        assert np.shape(after[name]) == np.shape(wanted)
        if isinstance(wanted, np.ndarray):
            np.testing.assert_allclose(after[name], wanted, rtol=0, atol=tolerance * max(1, np.abs(wanted).max()))
    if has_oracle():
        for name, wanted in ask_oracle(spec, features).items():
            there = ask_oracle(rewritten, features)[name]
            np.testing.assert_allclose(np.ravel(there), np.ravel(wanted), rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_matrix_products_become_inner_products_and_softmax_moves_to_the_channels() -> None:
    spec = converted()
    assert kinds(spec) == [
        "batchedMatmul", "activation", "loadConstantND", "batchedMatmul", "loadConstantND", "addBroadcastable",
        "softmaxND",
    ]  # fmt: skip
    rewritten = rewrite_for_update(spec)
    assert kinds(rewritten) == ["expandDims", "innerProduct", "activation", "innerProduct", "softmax", "squeeze"]
    same(spec, rewritten, {"x": values(1, 6)})


def test_a_rewritten_network_is_left_as_it_is() -> None:
    once = rewrite_for_update(converted())
    assert rewrite_for_update(once) == once


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("shape", [(3,), (1, 3), (1,), (1, 1)])
def test_a_constant_behind_a_matrix_product_is_its_bias(shape: tuple[int, ...], first: bool) -> None:
    spec = Net(2, 6).matmul(3, bias=first).plus(*shape, first=first).end()
    rewritten = rewrite_for_update(spec)
    assert kinds(rewritten) == ["innerProduct"]
    same(spec, rewritten, {"x": values(2, 6)})


@pytest.mark.parametrize("shape", [(2, 1), (2, 3), (1, 1, 3)])
def test_a_constant_that_is_no_bias_stays(shape: tuple[int, ...]) -> None:
    spec = Net(2, 6).matmul(3).plus(*shape).end()
    rewritten = rewrite_for_update(spec) if shape != (2, 3) else spec
    assert "addBroadcastable" in kinds(rewritten)


def test_a_product_that_others_read_keeps_its_sum() -> None:
    net = Net(1, 6).matmul(3)
    first = net.blob
    spec = net.plus(3).add("add_broadcastable", sources=[net.blob, first]).end()
    assert kinds(rewrite_for_update(spec)) == kinds(spec)


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("shape", [(2, 6), (1, 2, 6)])
def test_products_with_a_constant(shape: tuple[int, ...], transposed: bool) -> None:
    spec = Net(*shape).matmul_of_constant(4, transposed).end()
    rewritten = rewrite_for_update(spec)
    assert kinds(rewritten) == ["innerProduct"]
    same(spec, rewritten, {"x": values(*shape)})


@pytest.mark.parametrize("kind", ["bias", "add", "alpha", "broadcast"])
@pytest.mark.parametrize("exact", [False, True], ids=["rank5", "exact"])
def test_sums_behind_a_convolution_become_its_bias(kind: str, exact: bool) -> None:
    c = values(3, seed=9)
    sums = {
        "bias": [layer("bias", "a", "b", "sum", shape=[3], bias=weights(c))],
        "add": [layer("loadConstant", "", "c", "c", shape=[3, 1, 1], data=weights(c)), layer("add", "a c", "b", "sum")],
        "alpha": [layer("add", "a", "b", "sum", alpha=0.5)],
        "broadcast": [layer("loadConstantND", "", "c", "c", shape=[1, 3, 1, 1], data=weights(c)),
                      layer("addBroadcastable", "c a", "b", "sum")],
    }  # fmt: skip
    if kind == "broadcast" and not exact:
        pytest.skip("networks of five axes have no such layer")
    shape = (1, 2, 6, 6) if exact else (2, 6, 6)
    layers = [convolution("conv", "x", "a", 2, 3, learns=False), *sums[kind], layer("softmax", "b", "y", "softmax")]
    spec = model({"x": shape}, layers, ["y"], exact=exact)
    rewritten = rewrite_for_update(spec)
    if kind == "add" and exact:  # such a constant has five axes, and so has the sum
        assert kinds(rewritten)[:3] == ["convolution", "loadConstant", "add"]
    else:
        assert kinds(rewritten) == ["convolution", "softmax"]
    same(spec, rewritten, {"x": values(*shape)})


def test_a_product_of_four_axes_has_no_inner_product() -> None:
    spec = Net(1, 2, 3, 6).matmul(4).end()
    assert kinds(rewrite_for_update(spec)) == ["batchedMatmul"]


@pytest.mark.parametrize(
    ("shape", "axis", "is_channel"),
    [((1, 5), -1, True), ((1, 5), 1, True), ((3, 5), -1, True), ((5,), 0, True), ((1, 1, 5), 2, True),
     ((1, 5), 0, False), ((4, 5), 0, False), ((2, 3, 5), 1, False)],
)  # fmt: skip
def test_softmax_over_the_last_axis(shape: tuple[int, ...], axis: int, is_channel: bool) -> None:
    spec = Net(*shape).dense(5).softmax(axis).end()
    rewritten = rewrite_for_update(spec)
    assert ("softmax" in kinds(rewritten)) == is_channel
    same(spec, rewritten, {"x": values(*shape)})


def test_softmax_of_an_image_needs_no_other_shape() -> None:
    spec = Net(1, 2, 6, 6).conv(4).softmax(1).end()
    assert kinds(rewrite_for_update(spec)) == ["convolution", "softmax"]
    same(spec, rewrite_for_update(spec), {"x": values(1, 2, 6, 6)})


@pytest.mark.parametrize("move", ["reshape_static", "flatten_to_2d", "rows"])
def test_a_reshape_between_convolution_and_dense_layer_becomes_flatten(move: str) -> None:
    net = Net(1, 2, 8, 8).conv(3).relu().pool()
    if move == "reshape_static":
        net.reshape(1, 27)
    elif move == "rows":
        net.reshape(27)
    else:
        net.add("flatten_to_2d", axis=1, shape=(1, 27))
    spec = net.dense(8).relu("TANH").dense(3).softmax().end()
    rewritten = rewrite_for_update(spec)
    assert kinds(rewritten) == [
        "convolution", "activation", "pooling", "flatten", "innerProduct", "activation", "innerProduct", "softmax",
        "squeeze",
    ]  # fmt: skip
    same(spec, rewritten, {"x": values(1, 2, 8, 8)})


def test_channels_behind_the_pixels_are_flattened_in_that_order() -> None:
    net = Net(1, 2, 8, 8).conv(3).add("transpose", axes=(0, 2, 3, 1), shape=(1, 6, 6, 3)).relu().reshape(1, 108)
    spec = net.dense(4).softmax().end()
    rewritten = rewrite_for_update(spec)
    assert kinds(rewritten)[:4] == ["convolution", "activation", "flatten", "innerProduct"]
    same(spec, rewritten, {"x": values(1, 2, 8, 8)})


@pytest.mark.parametrize("keep", [True, False])
def test_the_mean_over_pixels_becomes_a_pooling(keep: bool) -> None:
    shape = (1, 3, 1, 1) if keep else (1, 3)
    net = Net(1, 2, 8, 8).conv(3).add("reduce_mean", axes=(2, -1), keepdims=keep, reduce_all=False, shape=shape)
    spec = (net.reshape(1, 3) if keep else net).dense(4).softmax().end()
    rewritten = rewrite_for_update(spec)
    assert kinds(rewritten) == ["convolution", "pooling", "innerProduct", "softmax", "squeeze"]
    same(spec, rewritten, {"x": values(1, 2, 8, 8)})


def test_blobs_inside_that_others_read_keep_their_shape() -> None:
    """The features before the last layer are an output, too."""
    net = Net(1, 6).matmul(8).relu()
    features = net.blob
    spec = net.matmul(3).softmax().end()
    spec.description.output.add(name=features).type.multiArrayType.dataType = 65568
    rewritten = rewrite_for_update(spec, "scores")
    same(spec, rewritten, {"x": values(1, 6)})
    assert kinds(rewritten).count("squeeze") == 2


def test_ranks_stay_where_only_old_layers_are_left() -> None:
    """An image enters with five axes; without softmaxND the network would be one of Core ML 2."""
    from pyruntime.models import datatypes
    from pyruntime.models.neural_network import NeuralNetworkBuilder

    b = NeuralNetworkBuilder([("x", datatypes.Array(1, 4, 4))], [("scores", None)])
    b.add_convolution(
        "c", 1, 3, 4, 4, 1, 1, "valid", 1, values(4, 4, 1, 3), None, False, input_name="x", output_name="c"
    )
    b.add_softmax_nd("s", "c", "scores", axis=-3)
    b.spec.description.input[0].type.imageType.width = b.spec.description.input[0].type.imageType.height = 4
    b.spec.description.input[0].type.imageType.colorSpace = 10
    rewritten = rewrite_for_update(b.spec)
    assert kinds(rewritten) == ["convolution", "softmax"]
    picture = np.arange(16, dtype=np.uint8).reshape(4, 4)
    before, after = (MLModel(one).predict({"x": picture})["scores"] for one in (b.spec, rewritten))
    assert before.shape == after.shape
    np.testing.assert_array_equal(before, after)


def test_a_name_that_a_branch_makes_again_is_not_passed_by() -> None:
    net = Net(1, 6).matmul(3)
    made = net.blob
    branch = net.b.add_branch("branch", net.constant(np.ones(1, np.float32))).branch
    inner = NeuralNetworkBuilder(nn_spec=branch.ifBranch, disable_rank5_shape_mapping=True)
    inner.add_activation("tanh", "TANH", made, "t")
    inner.add_copy("again", "t", made)
    spec = net.softmax().end()
    with pytest.raises(BuildError, match="all give 'b1'"):
        rewrite_for_update(spec)


@pytest.mark.parametrize("seed", range(COUNT))
def test_random_networks(seed: int) -> None:
    spec, shape = random_network(seed)
    rewritten = rewrite_for_update(spec)
    assert kinds(rewritten).count("batchedMatmul") == 0
    same(spec, rewritten, {"x": values(*shape, seed=seed)})


# files that others made


@pytest.mark.parametrize("name", ["MNISTClassifier", "GestureLSTMClassifier", "HandGestureSqueezeNet", "PoseHourglass"])
def test_third_party_models(models_dir: Path, name: str) -> None:
    path = models_dir / f"{name}.mlmodel"
    spec = load_spec(path)
    output = spec.description.output[0].name if spec.WhichOneof("Type") == "neuralNetwork" else None
    rewritten = rewrite_for_update(spec, output)
    features = sample_features(spec)
    before, after = (MLModel(one).predict(features) for one in (spec, rewritten))
    for key, wanted in before.items():
        if isinstance(wanted, np.ndarray):
            np.testing.assert_allclose(after[key], wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())
        elif isinstance(wanted, dict):
            assert after[key] == pytest.approx(wanted, rel=1e-5, abs=1e-6)
        else:
            assert after[key] == wanted
    assert len(layers_of(rewritten)) >= 1


def test_it_is_reachable_where_coremltools_has_such_functions() -> None:
    assert pyruntime.utils.rewrite_for_update is rewrite_for_update
