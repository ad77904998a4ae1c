"""Features in and out of networks: arrays, images, sizes that vary, labels, numbers, types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from pyruntime.config import MLModelConfiguration
from pyruntime.errors import FeatureTypeError, SpecError, UnsupportedError
from pyruntime.model import MLModel

from .network import (
    BGR,
    DOUBLE,
    FLOAT16,
    FLOAT32,
    GRAY,
    GRAY_FLOAT16,
    INT32,
    ONE_THREAD,
    RGB,
    array,
    ask_oracle,
    check,
    close,
    has_oracle,
    image,
    layer,
    messages,
    model,
    numbers,
    predict,
    refused,
    refused_at_predict,
    scalar,
    weights,
)  # fmt: skip

COPY = layer("activation", linear={"alpha": 1.0})
DOUBLED = layer("activation", linear={"alpha": 2.0})

# arrays


@pytest.mark.parametrize(
    "value",
    [[1, 2, 3], (1.0, 2.0, 3.0), np.array([1, 2, 3], np.int64), np.array([1, 2, 3], np.uint8),
     np.array([1, 2, 3], np.float64), np.array([1, 2, 3], np.float16), np.array([3, 2, 1], np.float32)[::-1],
     np.array([1, 0, 2, 0, 3, 0], np.float32)[::2]],
    ids=["list", "tuple", "int64", "uint8", "float64", "float16", "reversed", "strided"],
)  # fmt: skip
def test_an_array_may_be_anything_that_numpy_takes(value: Any) -> None:
    spec = model({"x": (3,)}, [DOUBLED], exact=True)
    np.testing.assert_array_equal(predict(spec, {"x": value})["y"], np.float32([2, 4, 6]))


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_does_not_matter(order: Any) -> None:
    x = np.array(numbers(2, 3, 4), order=order)
    np.testing.assert_array_equal(predict(model({"x": x.shape}, [DOUBLED], exact=True), {"x": x})["y"], 2 * x)


def test_the_callers_arrays_and_dictionary_are_not_changed() -> None:
    x = numbers(3, 4, 4)
    before, features = x.copy(), {"x": x}
    relu = layer("activation", "x", "y", ReLU={})
    predict(model({"x": x.shape}, [relu]), features)["y"][:] = 9
    np.testing.assert_array_equal(x, before)
    assert list(features) == ["x"]
    assert features["x"] is x


def test_an_input_as_output_is_a_copy() -> None:
    x = numbers(3, 4, 4)
    got = predict(model({"x": x.shape}, [COPY], ["y", "x"], exact=True), {"x": x})
    got["x"][:] = 9
    np.testing.assert_array_equal(got["y"], x)


@pytest.mark.parametrize(
    ("shape", "inside"),
    [((3, 4, 5), (1, 1, 3, 4, 5)), ((2, 3, 4, 5), (1, 2, 3, 4, 5)), ((6, 2, 3, 4, 5), (6, 2, 3, 4, 5))],
    ids=["one", "batch", "sequence and batch"],
)
def test_legacy_images_of_channels_take_batches_and_sequences(shape: Any, inside: Any) -> None:
    x = numbers(*shape)
    expected = 2 * x.reshape(inside)
    check(model({"x": (3, 4, 5)}, [DOUBLED]), {"x": x}, expected[0, 0] if inside[:2] == (1, 1) else expected)


@pytest.mark.parametrize(
    ("shape", "inside"),
    [((3,), (1, 1, 3, 1, 1)), ((6, 3), (6, 1, 3, 1, 1)), ((2, 3, 1, 1), (1, 2, 3, 1, 1)), ((6, 2, 3, 1, 1),) * 2],
    ids=["one", "sequence", "batch", "sequence and batch"],
)
def test_legacy_vectors_take_batches_and_sequences(shape: Any, inside: Any) -> None:
    x = numbers(*shape)
    expected = 2 * x.reshape(inside)
    check(model({"x": (3,)}, [DOUBLED]), {"x": x}, expected[0, 0] if inside[:2] == (1, 1) else expected)


def test_one_model_takes_batches_of_changing_size() -> None:
    w = numbers(4, 3, 3, 3)
    conv = layer("convolution", outputChannels=4, kernelChannels=3, weights=weights(w), same={})
    loaded = MLModel(model({"x": (3, 8, 8)}, [conv]), configuration=ONE_THREAD)
    x = numbers(5, 3, 8, 8)
    one_by_one = np.stack([loaded.predict({"x": image_})["y"] for image_ in x])
    for count in (5, 1, 3, 5):
        got = loaded.predict({"x": x[:count]})["y"].reshape(count, 4, 8, 8)
        close(got, one_by_one[:count], 1e-6)  # other tiles, other order of sums


# output types and shapes


@pytest.mark.parametrize(
    ("code", "dtype"), [(FLOAT32, np.float32), (DOUBLE, np.float64), (INT32, np.int32), (FLOAT16, np.float16)]
)
def test_outputs_have_the_declared_element_type(code: int, dtype: Any) -> None:
    x = np.float32([1, 2, 7])
    got = predict(model({"x": (3,)}, [DOUBLED], [array("y", (3,), code)], exact=True), {"x": x})["y"]
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, [2, 4, 14])


@pytest.mark.parametrize(
    ("declared", "delivered"),
    [((3, 4, 5), (3, 4, 5)), ((60,), (60,)), ((12, 5), (12, 5)), ((1, 3, 4, 5), (1, 3, 4, 5)), ((), (3, 4, 5)),
     ((7, 7), (3, 4, 5))],
    ids=str,
)  # fmt: skip
def test_legacy_outputs_have_the_declared_shape_when_it_fits(declared: Any, delivered: Any) -> None:
    x = numbers(3, 4, 5)
    spec = model({"x": x.shape}, [DOUBLED], [array("y", declared)])
    check(spec, {"x": x}, (2 * x).reshape(delivered))


def test_legacy_outputs_keep_a_single_channel() -> None:
    """The number of axes does not depend on whether one of them is 1."""
    x = numbers(1, 1, 5)
    check(model({"x": x.shape}, [DOUBLED]), {"x": x}, 2 * x)


def test_two_outputs_of_one_blob_and_an_output_in_between() -> None:
    x = numbers(3, 4, 5)
    layers = [layer("activation", "x", "a", ReLU={}), layer("activation", "a", "b", linear={"alpha": 1.0}),
              layer("activation", "b", "y", linear={"alpha": 2.0})]  # fmt: skip
    got = check(model({"x": x.shape}, layers, ["y", "a", "b"]), {"x": x})
    got["a"][:] = 7  # the three answers share no memory
    np.testing.assert_array_equal(got["b"], np.maximum(x, 0))
    np.testing.assert_array_equal(got["y"], 2 * np.maximum(x, 0))


def test_numbers_as_outputs() -> None:
    x = np.float32([1, 2, 4])
    total = layer("reduce", mode=0, axis=0)
    for kind, of in (("double", float), ("int64", int)):
        spec = model({"x": (3, 1, 1)}, [total], [scalar("y", kind)])
        got = predict(spec, {"x": x.reshape(3, 1, 1)})["y"]
        assert type(got) is of
        assert got == 7


def test_a_regressor_gives_its_value() -> None:
    spec = model(
        {"x": (3,)},
        [layer("innerProduct", inputChannels=3, outputChannels=1, weights=weights([1, 2, 3]))],
        [scalar("y", "double")],
        kind="neuralNetworkRegressor",
    )
    spec.description.predictedFeatureName = "y"
    assert predict(spec, {"x": [1, 1, 2]}) == {"y": 9.0}


# classifiers


def classifier(labels: list[Any], *, scores: str = "", probabilities: str = "p", extra: bool = False) -> Any:
    softmax = layer("softmax", "x", "s")
    outputs = [scalar("label", "int64" if isinstance(labels[0], int) else "string")]
    if probabilities:
        dictionary = scalar(probabilities, "dictionary")
        key = "int64KeyType" if isinstance(labels[0], int) else "stringKeyType"
        getattr(dictionary.type.dictionaryType, key).SetInParent()
        outputs.append(dictionary)
    if extra:
        outputs.append(array("s", (len(labels),)))
    field = "int64ClassLabels" if isinstance(labels[0], int) else "stringClassLabels"
    spec = model(
        {"x": (len(labels),)}, [softmax], outputs, kind="neuralNetworkClassifier",
        labelProbabilityLayerName=scores, **{field: {"vector": labels}},
    )  # fmt: skip
    spec.description.predictedFeatureName = "label"
    spec.description.predictedProbabilitiesName = probabilities
    return spec


@pytest.mark.parametrize("labels", [["cat", "dog", "no cat"], [7, -1, 2**40]], ids=["string", "int64"])
@pytest.mark.parametrize("scores", ["", "s"], ids=["last layer", "named layer"])
@pytest.mark.parametrize("extra", [False, True], ids=["", "with the blob"])
def test_a_classifier_gives_label_and_probabilities(labels: list[Any], scores: str, extra: bool) -> None:
    x = np.float32([0.5, 2, 1])
    powers = np.exp(x.astype(np.float64))
    got = predict(classifier(labels, scores=scores, extra=extra), {"x": x})
    assert got["label"] == labels[1]
    assert list(got["p"]) == labels
    np.testing.assert_allclose(list(got["p"].values()), powers / powers.sum(), rtol=1e-6)
    assert set(got) == {"label", "p", *(["s"] if extra else [])}
    if extra:
        np.testing.assert_allclose(got["s"], powers / powers.sum(), rtol=1e-6)


def test_a_classifier_without_probabilities_gives_the_label() -> None:
    assert predict(classifier(["a", "b"], probabilities=""), {"x": [0, 1]}) == {"label": "b"}


def test_the_first_of_equal_scores_wins() -> None:
    assert predict(classifier(["a", "b", "c"]), {"x": [0, 1, 1]})["label"] == "b"


def test_labels_and_scores_must_agree_in_number() -> None:
    spec = classifier(["a", "b", "c"])
    spec.neuralNetworkClassifier.stringClassLabels.vector.append("d")
    refused_at_predict(spec, {"x": [0, 1, 2]}, "3 scores", "4", error=SpecError)


def test_a_classifier_needs_labels_and_layers() -> None:
    spec = classifier(["a", "b"])
    spec.neuralNetworkClassifier.ClearField("stringClassLabels")
    refused(spec, "class labels")
    spec = classifier(["a", "b"])
    del spec.neuralNetworkClassifier.layers[:]
    refused(spec, "no layers")


# images


def picture(mode: str, width: int = 6, height: int = 5, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    if mode == "F":
        return Image.fromarray(rng.normal(size=(height, width)).astype(np.float32))
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    return Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))


SPACES = {"gray": (GRAY, "L"), "rgb": (RGB, "RGB"), "bgr": (BGR, "RGB"), "float gray": (GRAY_FLOAT16, "F")}
SCALER = {"channelScale": 0.5, "redBias": 1.0, "greenBias": -2.0, "blueBias": 3.0, "grayBias": 4.0}


def planes(pixels: Any, space: int, scaler: Any = None) -> np.ndarray:
    """(C, H, W) as the network sees it."""
    x = np.asarray(pixels, np.float64)
    x = x[None] if x.ndim == 2 else x.transpose(2, 0, 1)
    if scaler:
        biases = [scaler["grayBias"]] if len(x) == 1 else [scaler[f"{c}Bias"] for c in ("red", "green", "blue")]
        x = scaler["channelScale"] * x + np.array(biases)[:, None, None]
    return x[::-1] if space == BGR else x


@pytest.mark.parametrize("named", [False, True], ids=["for any image", "for this image"])
@pytest.mark.parametrize("scaler", [None, SCALER], ids=["plain", "scaler"])
@pytest.mark.parametrize("rank4", [False, True], ids=["rank5", "rank4"])
@pytest.mark.parametrize("case", SPACES)
def test_images_become_planes_in_the_networks_order(case: str, rank4: bool, scaler: Any, named: bool) -> None:
    space, mode = SPACES[case]
    steps = [{"featureName": "x" if named else "", "scaler": scaler}] if scaler else []
    spec = model([image("x", 6, 5, space)], [COPY], preprocessing=steps, imageInputShapeMapping=int(rank4), version=7)
    expected = planes(picture(mode), space, scaler)
    check(spec, {"x": picture(mode)}, expected[None] if rank4 else expected)


@pytest.mark.parametrize("case", ["gray", "rgb", "bgr"])
def test_arrays_of_bytes_are_images_too(case: str) -> None:
    space, mode = SPACES[case]
    spec = model([image("x", 6, 5, space)], [COPY])
    pixels = np.asarray(picture(mode))
    check(spec, {"x": pixels}, planes(pixels, space), oracle=False)
    check(spec, {"x": pixels.copy()[::-1][::-1]}, planes(pixels, space), oracle=False)


@pytest.mark.parametrize("scaled", [False, True], ids=["mean image", "scaler, then mean image"])
@pytest.mark.parametrize("case", ["gray", "rgb", "bgr"])
def test_a_mean_image_is_subtracted(case: str, scaled: bool) -> None:
    space, mode = SPACES[case]
    expected = planes(picture(mode), space, SCALER if scaled else None)
    mean = numbers(*expected.shape, seed=3)
    steps = [{"featureName": "x", "scaler": SCALER}] if scaled else []
    steps.append({"featureName": "x", "meanImage": {"meanImage": mean.ravel()}})
    check(model([image("x", 6, 5, space)], [COPY], preprocessing=steps), {"x": picture(mode)}, expected - mean)


def test_preprocessing_of_another_feature_is_left_out() -> None:
    steps = [{"featureName": "b", "scaler": {"channelScale": 2.0}}]
    layers = [layer("activation", n, f"y{n}", linear={"alpha": 1.0}) for n in "ab"]
    spec = model([image(n, 6, 5, GRAY) for n in "ab"], layers, ["ya", "yb"], preprocessing=steps)
    pixels = planes(picture("L"), GRAY)
    check(spec, {"a": picture("L"), "b": picture("L")}, {"ya": pixels, "yb": 2 * pixels})


@pytest.mark.parametrize("case", SPACES)
def test_image_outputs(case: str) -> None:
    """Rounded and clamped; R, G, B whatever the network's order; colour comes with an opaque alpha."""
    space, mode = SPACES[case]
    spec = model([image("x", 6, 5, space)], [layer("activation", linear={"alpha": 1.25, "beta": -20.0})],
                 [image("y", 6, 5, space)], version=7)  # fmt: skip
    got = predict(spec, {"x": picture(mode)})["y"]
    values = np.asarray(picture(mode), np.float32) * np.float32(1.25) - 20
    if mode == "F":
        assert got.mode == "F"
        np.testing.assert_allclose(np.asarray(got), values, rtol=1e-6)
        return
    assert got.mode == {"L": "L", "RGB": "RGBA"}[mode]
    assert got.size == (6, 5)
    wanted = np.clip(np.rint(values), 0, 255)
    pixels = np.asarray(got)
    np.testing.assert_array_equal(pixels[..., :3] if mode == "RGB" else pixels, wanted)
    if mode == "RGB":
        assert (pixels[..., 3] == 255).all()
    if has_oracle():
        theirs = ask_oracle(spec, {"x": picture(mode)})["y"]
        np.testing.assert_array_equal(np.asarray(theirs), wanted)


# sizes that vary


def average() -> Any:
    return layer("pooling", type=1, globalPooling=True, valid={})


@pytest.mark.parametrize("exact", [False, True], ids=["rank5", "exact"])
def test_enumerated_shapes_on_one_loaded_model(exact: bool) -> None:
    shapes = [(3, 8, 8), (3, 12, 6), (3, 5, 5)]
    conv = layer("convolution", "x", "c", outputChannels=4, kernelChannels=3,
                 weights=weights(numbers(4, 3, 3, 3)), valid={})  # fmt: skip
    up = layer("upsample", "c", "y", scalingFactor=(2, 2))
    spec = model([array("x", shapes[0], shapes=shapes)], [conv, up], exact=exact)
    loaded = MLModel(spec, configuration=ONE_THREAD)
    for shape in (*shapes, shapes[0], shapes[2]):
        x = numbers(*shape, seed=shape[1])
        alone = predict(model({"x": shape}, [conv, up], exact=exact), {"x": x})["y"]
        np.testing.assert_array_equal(loaded.predict({"x": x})["y"], alone)
    with pytest.raises(FeatureTypeError, match=r"'x'.*12 x 6.*3x9x9"):
        loaded.predict({"x": np.ones((3, 9, 9))})


@pytest.mark.parametrize("exact", [False, True], ids=["rank5", "exact"])
def test_ranges_of_shapes_on_one_loaded_model(exact: bool) -> None:
    described = array("x", (3, 8, 8), ranges=[(3, 3), (4, -1), (4, 16)])
    pad = layer("padding", "x", "p", reflection={}, paddingAmounts={"borderAmounts": [{"startEdgeSize": 2}, {}]})
    layers = [pad, average()]
    layers[1].input[0] = "p"
    loaded = MLModel(model([described], layers, exact=exact), configuration=ONE_THREAD)
    for shape in ((3, 8, 8), (3, 100, 4), (3, 4, 16), (3, 8, 8)):
        x = numbers(*shape)
        wanted = np.pad(x, [(0, 0), (2, 0), (0, 0)], mode="reflect").mean((-1, -2), keepdims=True)
        close(loaded.predict({"x": x})["y"], wanted, 1e-5)
    for bad in ((3, 3, 8), (3, 8, 17), (4, 8, 8), (8, 8)):
        with pytest.raises(FeatureTypeError, match=r"'x'.*4….*" + "x".join(map(str, bad))):
            loaded.predict({"x": np.ones(bad)})


def test_a_batch_of_a_size_that_is_not_the_default_one() -> None:
    spec = model([array("x", (3, 8, 8), ranges=[(3, 3), (4, 16), (4, 16)])], [average()])
    x = numbers(5, 3, 6, 7)
    check(spec, {"x": x}, x.mean((-1, -2), keepdims=True)[None])


def test_ranks_may_broadcast_when_sizes_are_open() -> None:
    """Two arrays of different rank and open sizes behind a convolution: the addition aligns them from the end."""
    conv = layer("convolution", "x", "c", outputChannels=3, kernelChannels=3, kernelSize=(1, 1),
                 weights=weights(np.eye(3)), valid={})  # fmt: skip
    spec = model(
        [array("x", (1, 3, 4, 4), ranges=[(1, 1), (3, 3), (2, 9), (2, 9)]),
         array("b", (3, 4, 4), ranges=[(3, 3), (2, 9), (2, 9)])],
        [conv, layer("add", "c b")], exact=True,
    )  # fmt: skip
    loaded = MLModel(spec, configuration=ONE_THREAD)
    for size in ((4, 4), (2, 9), (5, 3)):
        x, b = numbers(1, 3, *size), numbers(3, *size, seed=1)
        np.testing.assert_allclose(loaded.predict({"x": x, "b": b})["y"], x + b, rtol=1e-6)


def test_a_sum_with_another_batch_is_broadcast_behind_a_convolution() -> None:
    """Open sizes may turn out different: the addition must not be taken for one of equal shapes."""
    conv = layer("convolution", "x", "c", outputChannels=3, kernelChannels=3, kernelSize=(1, 1),
                 weights=weights(np.eye(3)), valid={})  # fmt: skip
    spec = model({"x": (3, 4, 4), "b": (3, 4, 4)}, [conv, layer("add", "c b")])
    loaded = MLModel(spec, configuration=ONE_THREAD)
    for counts in ((2, 1), (1, 2), (2, 2)):
        x, b = (numbers(count, 3, 4, 4, seed=count) for count in counts)
        np.testing.assert_allclose(loaded.predict({"x": x, "b": b})["y"][0], x + b, rtol=1e-6)


@pytest.mark.parametrize("space", [GRAY, RGB])
def test_image_sizes_that_vary(space: int) -> None:
    mode = "L" if space == GRAY else "RGB"
    enumerated = image("x", 6, 5, space, sizes=[(6, 5), (9, 4)])
    ranged = image("x", 6, 5, space, ranges=[(6, -1), (5, 7)])
    for described, good, bad in (
        (enumerated, [(6, 5), (9, 4), (6, 5)], [(4, 9), (5, 6)]),
        (ranged, [(6, 5), (50, 7), (6, 6)], [(5, 5), (6, 8), (6, 4)]),
    ):
        loaded = MLModel(model([described], [DOUBLED]), configuration=ONE_THREAD)
        for size in good:
            expected = 2 * planes(picture(mode, *size), space)
            np.testing.assert_array_equal(loaded.predict({"x": picture(mode, *size)})["y"], expected)
        for size in bad:
            with pytest.raises(FeatureTypeError, match=f"'x'.*{size[0]} x {size[1]}"):
                loaded.predict({"x": picture(mode, *size)})


def test_a_mean_image_fixes_the_size() -> None:
    steps = [{"featureName": "x", "meanImage": {"meanImage": np.ones(30)}}]
    spec = model([image("x", 6, 5, GRAY, sizes=[(6, 5), (7, 5)])], [COPY], preprocessing=steps)
    refused(spec, "'x'", "width", error=UnsupportedError)


# what is refused at predict


ARRAY = model({"x": (3, 4, 5)}, [COPY], exact=True)
GRAY_IMAGE = model([image("x", 6, 5, GRAY)], [COPY])
RGB_IMAGE = model([image("x", 6, 5, RGB)], [COPY])
FLOAT_IMAGE = model([image("x", 6, 5, GRAY_FLOAT16)], [COPY], version=7)
NAN = np.ones((3, 4, 5))
NAN[0, 0, 0] = np.nan
BAD_VALUES: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "missing": (ARRAY, {}, ("'x'", "missing", "nothing")),
    "none": (ARRAY, {"x": None}, ("'x'", "missing")),
    "other name": (ARRAY, {"X": NAN}, ("'X'", "none of the model's inputs", "x")),
    "NaN": (ARRAY, {"x": NAN}, ("'x'", "NaN", "1 of 60")),
    "shape": (ARRAY, {"x": np.ones((3, 5, 4))}, ("'x'", "3 x 4 x 5", "3x5x4")),
    "rank": (ARRAY, {"x": np.ones(60)}, ("'x'", "3 x 4 x 5", "60")),
    "scalar": (ARRAY, {"x": 1.0}, ("'x'", "3 x 4 x 5", "scalar")),
    "empty": (ARRAY, {"x": []}, ("'x'", "3 x 4 x 5", "0")),
    "text": (ARRAY, {"x": "abc"}, ("'x'", "numbers", "str")),
    "texts": (ARRAY, {"x": np.array(["a"])}, ("'x'", "numbers", "<U1")),
    "complex": (ARRAY, {"x": np.ones((3, 4, 5), complex)}, ("'x'", "numbers", "complex128")),
    "objects": (ARRAY, {"x": np.full((3, 4, 5), None)}, ("'x'", "numbers", "object")),
    "ragged": (ARRAY, {"x": [[1, 2], [3]]}, ("'x'", "no array")),
    "dictionary": (ARRAY, {"x": {"a": 1}}, ("'x'", "numbers", "dict")),
    "image for an array": (model({"x": (5, 6)}, [COPY], exact=True), {"x": picture("L", 7, 5)}, ("'x'", "5x7")),
    "image size": (GRAY_IMAGE, {"x": picture("L", 5, 6)}, ("'x'", "6 x 5", "5 x 6 pixels", "resize")),
    "gray for colour": (RGB_IMAGE, {"x": picture("L")}, ("'x'", "mode RGB", "mode L", "convert")),
    "colour for gray": (GRAY_IMAGE, {"x": picture("RGB")}, ("'x'", "mode L", "mode RGB", "convert")),
    "alpha": (RGB_IMAGE, {"x": picture("RGB").convert("RGBA")}, ("'x'", "mode RGB", "RGBA")),
    "bytes for float gray": (FLOAT_IMAGE, {"x": picture("L")}, ("'x'", "mode F", "mode L")),
    "float array for an image": (GRAY_IMAGE, {"x": np.ones((5, 6))}, ("'x'", "uint8", "float64")),
    "planes first": (RGB_IMAGE, {"x": np.ones((3, 5, 6), np.uint8)}, ("'x'", "uint8", "(3, 5, 6)")),
    "a line for an image": (GRAY_IMAGE, {"x": np.ones(30, np.uint8)}, ("'x'", "(30,)")),
    "an image as path": (GRAY_IMAGE, {"x": "cat.png"}, ("'x'", "image", "str")),
    "NaN in an image": (FLOAT_IMAGE, {"x": np.full((5, 6), np.nan, np.float32)}, ("'x'", "NaN")),
    "no features": (ARRAY, 7, ("dictionary", "int")),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "features", "words"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_bad_values_are_refused_by_their_feature(spec: Any, features: Any, words: tuple[str, ...]) -> None:
    refused_at_predict(spec, features, *words, error=FeatureTypeError)


def test_infinity_is_a_number() -> None:
    x = np.float32([np.inf, -np.inf, 1])
    check(model({"x": (3,)}, [DOUBLED], exact=True), {"x": x}, 2 * x)


def test_a_double_beyond_float_range_is_infinite_without_a_warning() -> None:
    got = predict(model({"x": (2,)}, [DOUBLED], exact=True), {"x": np.array([1e300, -1e300])})["y"]
    np.testing.assert_array_equal(got, [np.inf, -np.inf])


def test_a_refused_value_leaves_the_model_usable() -> None:
    loaded = MLModel(ARRAY, configuration=ONE_THREAD)
    with pytest.raises(FeatureTypeError):
        loaded.predict({"x": NAN})
    np.testing.assert_array_equal(loaded.predict({"x": np.ones((3, 4, 5))})["y"], np.ones((3, 4, 5)))


def test_a_list_of_inputs_gives_a_list_of_outputs() -> None:
    loaded = MLModel(ARRAY, configuration=ONE_THREAD)
    xs = [numbers(3, 4, 5, seed=s) for s in range(3)]
    got = loaded.predict([{"x": x} for x in xs])
    np.testing.assert_array_equal([g["y"] for g in got], xs)


# what is refused when the model is loaded


def edited(spec: Any, path: str, value: Any) -> Any:
    changed = messages.Model.FromString(spec.SerializeToString())
    owner = changed.description.input[0].type
    *names, last = path.split(".")
    for name in names:
        owner = getattr(owner, name)
    setattr(owner, last, value)
    return changed


BAD_MODELS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "string input": (model([scalar("x", "string")], [COPY]), ("'x'", "images and arrays", "String")),
    "number input": (model([scalar("x", "double")], [COPY]), ("'x'", "images and arrays", "Double")),
    "dictionary input": (model([scalar("x", "dictionary")], [COPY]), ("'x'", "images and arrays", "Dictionary")),
    "input without type": (model([messages.FeatureDescription(name="x")], [COPY]), ("input", "'x'", "no type")),
    "input without name": (model([array("", (3,))], [COPY]), ("input", "no name")),
    "two inputs of one name": (model([array("x", (3,)), array("x", (3,))], [COPY]), ("input", "same name", "'x'")),
    "two outputs of one name": (model({"x": (3,)}, [COPY], ["y", "y"]), ("output", "same name", "'y'")),
    "output that nobody makes": (model({"x": (3,)}, [COPY], ["z"]), ("'z'", "no layer")),
    "huge array": (model({"x": (2**41,)}, [COPY]), ("'x'", str(2**41))),
    "array of nine axes": (model({"x": (1,) * 9}, [COPY], exact=True), ("'x'", "[1, 1, 1, 1, 1, 1, 1, 1, 1]")),
    "negative size": (model({"x": (3, -2, 4)}, [COPY]), ("'x'", "-2")),
    "shapes of two ranks": (
        model([array("x", (3,), shapes=[(3,), (3, 1, 1)])], [COPY]), ("'x'", "rank"),
    ),
    "range upside down": (model([array("x", (3,), ranges=[(5, 2)])], [COPY], exact=True), ("'x'", "5", "2")),
    "huge image": (model([image("x", 2**30, 2**30, RGB)], [COPY]), ("'x'", str(2**30))),
    "image of no size": (model([image("x", 0, 0, RGB)], [COPY]), ("'x'", "0 x 0")),
    "image of no colour": (model([image("x", 6, 5, 0)], [COPY]), ("'x'", "colour space 0")),
    "short mean image": (
        model([image("x", 6, 5, GRAY)], [COPY], preprocessing=[{"meanImage": {"meanImage": np.ones(29)}}]),
        ("'x'", "mean image", "30", "29"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "words"), BAD_MODELS.values(), ids=BAD_MODELS)
def test_bad_descriptions_are_refused(spec: Any, words: tuple[str, ...]) -> None:
    refused(spec, *words)


def test_legacy_arrays_of_other_ranks_are_named_as_unsupported() -> None:
    refused(model({"x": (3, 4)}, [COPY]), "'x'", "rank 2", error=UnsupportedError)


def test_a_missing_optional_array_is_its_default() -> None:
    described = [array("x", (3,)), array("b", (3,), optional=True, default=2.5)]
    spec = model(described, [layer("add", "x b")], exact=True, version=5)
    check(spec, {"x": [1, 2, 3]}, np.float32([3.5, 4.5, 5.5]))
    check(spec, {"x": [1, 2, 3], "b": [1, 1, 1]}, np.float32([2, 3, 4]))


@pytest.mark.parametrize("value", [0.0, -1.0], ids=["infinity", "NaN"])
def test_whole_number_that_the_network_does_not_give(value: float):
    spec = model(
        {"x": (1,)}, [layer("unary", type=messages.UnaryFunctionLayerParams.LOG)], [scalar("y", "int64")], exact=True
    )
    refused_at_predict(spec, {"x": [value]}, "y", "whole number", error=FeatureTypeError)


def test_default_that_no_memory_holds():
    big = array("o", (2**31 - 1,), optional=True, default=1.0)
    spec = model([array("x", (2,)), big], [layer("copy", "x", "y")], exact=True)
    loaded = MLModel(spec, configuration=MLModelConfiguration(threads=1, memory_limit=1 << 20))
    with pytest.raises(FeatureTypeError, match="memory_limit"):
        loaded.predict({"x": [1, 2]})


def test_a_result_declared_without_the_axis_of_an_image_has_the_declared_shape() -> None:
    spec = model(
        [image("x", 4, 2, RGB)], [layer("activation", linear={"alpha": 2.0})], [array("y", (3, 2, 4))], exact=True
    )
    spec.neuralNetwork.imageInputShapeMapping = 1
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    y = MLModel(spec).predict({"x": Image.fromarray(pixels)})["y"]
    np.testing.assert_array_equal(y, 2.0 * pixels.transpose(2, 0, 1))


def test_one_number_without_a_declared_shape_keeps_the_shape_of_its_array() -> None:
    for shape in ((1,), (1, 1), (1, 1, 1)):
        y = MLModel(model({"x": shape}, [layer("sin")], exact=True)).predict({"x": np.zeros(shape)})["y"]
        assert y.shape == shape


def test_a_transpose_of_three_axes_moves_the_last_three_of_an_image() -> None:
    transpose = layer("transpose", axes=[1, 2, 0])
    spec = model([image("x", 4, 2, RGB)], [transpose], [array("y", (2, 4, 3))], exact=True)
    spec.neuralNetwork.imageInputShapeMapping = 1
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(MLModel(spec).predict({"x": Image.fromarray(pixels)})["y"], pixels)
