"""The oracle's weight decoding and interface rules, on files written by coremltools."""

import numpy as np
import pytest
from coremltools.models import MLModel, datatypes
from coremltools.models.nearest_neighbors import KNearestNeighborsClassifierBuilder
from coremltools.models.neural_network import NeuralNetworkBuilder, quantization_utils
from coremltools.models.utils import load_spec, save_spec
from coremltools.proto import FeatureTypes_pb2
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from . import knn, torch_network, weights


def convolution_spec(w, deconvolution=False):
    """w in coremltools' order: (kH, kW, kC, O)."""
    builder = NeuralNetworkBuilder([("x", datatypes.Array(3, 4, 4))], [("y", None)])
    sizes = (3, 5, 2, 2, 1, 1)  # channels in and out, kernel, stride
    names = {"input_name": "x", "output_name": "y"}
    builder.add_convolution("c", *sizes, "valid", 1, w, None, False, deconvolution, **names)
    return builder.spec


def quantized(spec, bits, mode):
    """The convolution's weights after coremltools' own utility has treated the model."""
    result = quantization_utils.quantize_weights(MLModel(spec, skip_model_load=True), bits, mode)
    result = result.get_spec() if isinstance(result, MLModel) else result
    return result.neuralNetwork.layers[0].convolution.weights


@pytest.mark.parametrize("deconvolution", [False, True])
@pytest.mark.parametrize("bits", [8, 5, 3, 1])
def test_linear_weights_come_back_within_half_a_step_of_the_original(bits, deconvolution):
    w = np.random.default_rng(0).normal(size=(2, 2, 3, 5)).astype(np.float32)
    w *= np.array([1, 10, 100, 1000, 10000], np.float32)  # a step of the wrong channel would show
    stored = w.transpose(2, 3, 0, 1) if deconvolution else w.transpose(3, 2, 0, 1)
    p = quantized(convolution_spec(w, deconvolution), bits, "linear")
    axis = 1 if deconvolution else 0
    step = np.array(p.quantization.linearQuantization.scale)
    assert p.quantization.numberOfBits == bits
    assert len(step) == 5
    got = weights.tensor(p, stored.shape, axis=axis).numpy()
    along = [-1 if i == axis else 1 for i in range(4)]
    assert (np.abs(got - stored) <= 0.5001 * step.reshape(along)).all()


def test_look_up_table_weights_come_back_exactly_when_the_table_has_them():
    values = np.array([-3.0, -1.0, 1.0, 3.0], np.float32)
    w = values[np.random.default_rng(0).integers(0, 4, (2, 2, 3, 5))]
    p = quantized(convolution_spec(w), 2, "linear_lut")
    assert p.rawValue
    np.testing.assert_allclose(weights.tensor(p, (5, 3, 2, 2)), w.transpose(3, 2, 0, 1), atol=1e-5)


def test_half_precision_weights_are_rounded_to_half():
    w = np.random.default_rng(0).normal(size=(2, 2, 3, 5)).astype(np.float32)
    p = quantized(convolution_spec(w), 16, "linear")
    assert p.float16Value
    np.testing.assert_array_equal(weights.tensor(p, (5, 3, 2, 2)), w.transpose(3, 2, 0, 1).astype(np.float16))


@pytest.mark.parametrize(("space", "order"), [("RGB", [0, 1, 2]), ("BGR", [2, 1, 0])])
def test_a_colour_bias_follows_its_colour_and_is_not_scaled(space, order):
    builder = NeuralNetworkBuilder([("image", datatypes.Array(3, 2, 4))], [("y", datatypes.Array(3, 2, 4))])
    builder.add_activation("same", "LINEAR", "image", "y", params=[1.0, 0.0])
    biases = {"red_bias": -5, "green_bias": -6, "blue_bias": -2.5}
    builder.set_pre_processing_parameters(["image"], is_bgr=space == "BGR", image_scale=10, **biases)
    pixel = Image.new("RGB", (4, 2), (4, 2, 5))
    y = torch_network.predict(builder.spec, {"image": pixel})["y"]
    assert y.shape == (3, 2, 4)
    assert y[:, 1, 3].tolist() == [[35.0, 14.0, 47.5][i] for i in order]


def test_a_mean_image_is_subtracted_per_pixel():
    builder = NeuralNetworkBuilder([("image", datatypes.Array(1, 2, 3))], [("y", datatypes.Array(1, 2, 3))])
    builder.add_activation("same", "LINEAR", "image", "y", params=[1.0, 0.0])
    spec = builder.spec
    feature = spec.description.input[0].type.imageType
    feature.width, feature.height, feature.colorSpace = 3, 2, FeatureTypes_pb2.ImageFeatureType.GRAYSCALE
    spec.neuralNetwork.preprocessing.add().meanImage.meanImage.extend(range(6))
    y = torch_network.predict(spec, {"image": Image.new("L", (3, 2), 10)})["y"]
    assert y.ravel().tolist() == [10.0, 9, 8, 7, 6, 5]


def test_exact_mapping_keeps_the_rank_that_it_is_given():
    features = [("x", datatypes.Array(2, 3))], [("y", None)]
    builder = NeuralNetworkBuilder(*features, disable_rank5_shape_mapping=True)
    builder.add_inner_product("d", np.ones((5, 3)), None, 3, 5, False, "x", "y")
    y = torch_network.predict(builder.spec, {"x": np.array([[1, 2, 3], [4, 5, 6]])})["y"]
    np.testing.assert_array_equal(y, [[6] * 5, [15] * 5])


def knn_spec(path, weighting, k, dims, default="nothing"):
    options = {"number_of_neighbors": k, "weighting_scheme": weighting}
    builder = KNearestNeighborsClassifierBuilder("x", "label", dims, default, **options)
    save_spec(builder.spec, str(path))  # through a file: what others will read
    return load_spec(str(path))


@pytest.mark.parametrize(("ours", "theirs"), [("inverse_distance", "distance"), ("uniform", "uniform")])
def test_nearest_neighbours_agree_with_scikit_learn(tmp_path, ours, theirs):
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(60, 4)).astype(np.float32)
    labels = rng.choice(["a", "b", "c"], 60).tolist()
    spec = knn_spec(tmp_path / "m.mlmodel", ours, 5, 4)
    assert torch_network.predict(spec, {"x": samples[0]})["label"] == "nothing"
    knn.append(spec.kNearestNeighborsClassifier, samples, labels)
    other = KNeighborsClassifier(5, weights=theirs, algorithm="brute").fit(samples, labels)
    points = np.concatenate([rng.normal(size=(40, 4)), samples[:5]])  # the last ones are exact hits
    for point, shares in zip(points, other.predict_proba(points), strict=True):
        got = torch_network.predict(spec, {"x": point})
        assert set(got["labelProbs"]) == {"a", "b", "c"}
        np.testing.assert_allclose([got["labelProbs"][c] for c in "abc"], shares, atol=1e-6)
        assert shares["abc".index(got["label"])] == shares.max()


def test_of_equal_votes_the_nearer_label_wins(tmp_path):
    spec = knn_spec(tmp_path / "m.mlmodel", "uniform", 4, 1)
    knn.append(spec.kNearestNeighborsClassifier, [[3.0], [-1.0], [2.0], [-4.0]], ["far", "near", "near", "far"])
    got = torch_network.predict(spec, {"x": np.zeros(1)})
    assert got == {"label": "near", "labelProbs": {"far": 0.5, "near": 0.5}}
