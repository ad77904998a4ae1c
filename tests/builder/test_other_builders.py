"""Builders of k-NN classifiers and pipelines, flexible shapes, interfaces: against coremltools; what they refuse."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

import pyruntime
from pyruntime.errors import BuildError
from tests.builder.test_layers import as_bytes


class Side:
    """One of the two implementations: the modules under the same names."""

    def __init__(self, root: str) -> None:
        from importlib import import_module

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in ("datatypes", "pipeline", "nearest_neighbors", "neural_network", "utils"):
                setattr(self, name, import_module(f"{root}.models.{name}"))
        self.flexible = import_module(f"{root}.models.neural_network.flexible_shape_utils")


@pytest.fixture(scope="module")
def sides() -> tuple[Any, Any]:
    pytest.importorskip("coremltools", reason="coremltools, the oracle here, is not installed")
    return Side("coremltools"), Side("pyruntime")


def same(sides: tuple[Any, Any], build: Any) -> None:
    theirs, ours = (build(side) for side in sides)
    assert str(ours) == str(theirs)
    assert as_bytes(ours) == as_bytes(theirs)


KNN = [
    {},
    {"number_of_neighbors": 7, "weighting_scheme": "inverse_distance"},
    {"index_type": "kd_tree", "leaf_size": 12},
    {"index_type": "kd_tree"},
]


@pytest.mark.parametrize("options", KNN, ids=str)
@pytest.mark.parametrize(("default", "labels"), [("none", ["a", "b"]), (0, [1, 2])])
def test_knn_is_coremltools(sides, options, default, labels):
    def build(side: Any) -> Any:
        builder = side.nearest_neighbors.KNearestNeighborsClassifierBuilder("x", "label", 4, default, **options)
        builder.add_samples(np.arange(8.0).reshape(2, 4), labels)
        builder.author, builder.license, builder.description = "me", "free", "stickers"
        return builder.spec

    same(sides, build)


@pytest.mark.parametrize(
    "bounds", [{"allowed_range": (1, 9)}, {"allowed_set": {1, 3, 5}}, {"allowed_range": (3, 3)}], ids=str
)
def test_knn_bounds_are_coremltools(sides, bounds):
    def build(side: Any) -> Any:
        builder = side.nearest_neighbors.KNearestNeighborsClassifierBuilder("x", "label", 4, "none")
        builder.set_number_of_neighbors_with_bounds(3, **bounds)
        assert builder.number_of_neighbors == 3
        assert builder.number_of_neighbors_allowed_range() == bounds.get("allowed_range")
        assert builder.number_of_neighbors_allowed_set() == bounds.get("allowed_set")
        builder.set_index_type("kd_tree", 5)
        builder.weighting_scheme = "Inverse_Distance"
        builder.is_updatable = False
        assert (builder.leaf_size, builder.index_type, builder.weighting_scheme) == (5, "kd_tree", "inverse_distance")
        return builder.spec

    same(sides, build)


def knn(**options: Any) -> Any:
    from pyruntime.models.nearest_neighbors import KNearestNeighborsClassifierBuilder

    return KNearestNeighborsClassifierBuilder("x", "label", 4, "none", **options)


def test_knn_refuses_what_coremltools_ignores():
    with pytest.raises(TypeError, match="'k'"):
        knn(k=3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: knn(number_of_neighbors=0), "number_of_neighbors is 0"),
        (lambda: knn(weighting_scheme="loud"), "uniform, inverse_distance"),
        (lambda: knn(index_type="tree"), "linear, kd_tree"),
        (lambda: knn(index_type="kd_tree", leaf_size=0), "leaf_size is 0"),
        (lambda: knn().add_samples(np.ones((2, 3)), ["a", "b"]), r"\(examples, 4\), got \(2, 3\)"),
        (lambda: knn().add_samples(np.ones((2, 4)), ["a"]), "2 examples and 1 labels"),
        (lambda: knn().add_samples(np.ones((1, 4)), [1]), "labels are Int64"),
        (lambda: knn().set_number_of_neighbors_with_bounds(3), "exactly one"),
        (lambda: knn().set_number_of_neighbors_with_bounds(3, (4, 9)), "expected 4 to 9"),
        (lambda: knn().set_number_of_neighbors_with_bounds(3, allowed_set={4}), r"one of \[4\]"),
    ],
)
def test_knn_refuses(call, words):
    with pytest.raises(BuildError, match=words):
        call()


def test_knn_predicts_with_what_was_added():
    builder = knn(number_of_neighbors=1)
    builder.add_samples([[0, 0, 0, 0], [1, 1, 1, 1]], ["low", "high"])
    model = pyruntime.MLModel(builder.spec)
    assert model.predict({"x": np.full(4, 0.9, np.float32)})["label"] == "high"


def network(side: Any, source: str, size: int, result: str, width: int, updatable: bool = False) -> Any:
    types = side.datatypes
    builder = side.neural_network.NeuralNetworkBuilder(
        [(source, types.Array(size))], [(result, types.Array(width))], disable_rank5_shape_mapping=True
    )
    w = np.arange(size * width, dtype=np.float32).reshape(width, size) / 8
    builder.add_inner_product("dense", w, np.ones(width, np.float32), size, width, True, source, result)
    builder.spec.isUpdatable = updatable
    return builder.spec


@pytest.mark.parametrize("kind", ["Pipeline", "PipelineRegressor", "PipelineClassifier"])
@pytest.mark.parametrize("updatable", [False, True])
def test_pipeline_is_coremltools(sides, kind, updatable):
    def build(side: Any) -> Any:
        types = side.datatypes
        inputs, training = [("x", types.Array(3))], [("x", types.Array(3)), ("t", types.Int64())]
        if kind == "PipelineClassifier":
            pipeline = side.pipeline.PipelineClassifier(inputs, ["a", "b"], ["best", "all"])
        else:
            pipeline = getattr(side.pipeline, kind)(inputs, ["y"])
        pipeline.add_model(network(side, "x", 3, "h", 4))
        pipeline.add_model(network(side, "h", 4, "y", 2, updatable))
        if updatable:
            pipeline.make_updatable()
            pipeline.set_training_input(training)
        pipeline.spec.specificationVersion = 4  # coremltools leaves 1, which an updatable model may not have
        return pipeline.spec

    same(sides, build)


def test_pipeline_has_the_version_of_its_parts(sides):
    types = sides[1].datatypes
    pipeline = sides[1].pipeline.Pipeline([("x", types.Array(3))], [("y", types.Array(2))])
    pipeline.add_model(network(sides[1], "x", 3, "y", 2))
    assert pipeline.spec.specificationVersion == 4
    x = np.arange(3, dtype=np.float32)
    y = pyruntime.MLModel(pipeline.spec).predict({"x": x})["y"]
    assert np.allclose(y, np.arange(6).reshape(2, 3) / 8 @ x + 1)


@pytest.mark.parametrize(
    "arguments", [(["x", "z"], ["a", "b"]), ([("x", float)], [1, 2]), (["x"], ["a"], "lab")], ids=str
)
def test_classifier_interfaces_are_coremltools(sides, arguments):
    same(sides, lambda side: side.pipeline.PipelineClassifier(*arguments).spec.description)


def test_regressor_interface_is_coremltools(sides):
    same(sides, lambda side: side.pipeline.PipelineRegressor(["x", "z"], "y").spec.description)


def test_pipeline_refuses_two_models_that_learn(sides):
    ours = sides[1]
    types = ours.datatypes
    pipeline = ours.pipeline.Pipeline([("x", types.Array(3))], [("y", types.Array(2))])
    with pytest.raises(BuildError, match="no models"):
        pipeline.make_updatable()
    pipeline.add_model(network(ours, "x", 3, "h", 4, updatable=True))
    pipeline.add_model(network(ours, "h", 4, "y", 2))
    with pytest.raises(BuildError, match="model 0 is updatable"):
        pipeline.make_updatable()


def flexible(side: Any, image: bool, exact: bool) -> Any:
    types = side.datatypes
    builder = side.neural_network.NeuralNetworkBuilder(
        [("x", types.Array(3, 8, 9))], [("y", types.Array(3, 8, 9))], disable_rank5_shape_mapping=exact
    )
    builder.add_activation("relu", "RELU", "x", "y")
    if image:
        builder.set_pre_processing_parameters(image_input_names=["x"])
    return builder.spec


def _sizes(side: Any, spec: Any) -> None:
    size = side.flexible.NeuralNetworkImageSize
    other = size(1, 1)
    other.set_height(30)
    other.set_width(40)
    side.flexible.add_enumerated_image_sizes(spec, "x", [size(10, 20), other])


def _size_range(side: Any, spec: Any) -> None:
    wanted = side.flexible.NeuralNetworkImageSizeRange(height_range=(4, 16))
    wanted.add_width_range((5, -1))
    side.flexible.update_image_size_range(spec, "x", wanted)


def _shapes(side: Any, spec: Any) -> None:
    shape = side.flexible.NeuralNetworkMultiArrayShape
    other = shape(channel=3)
    other.set_height_shape(11)
    other.set_width_shape(22)
    side.flexible.add_enumerated_multiarray_shapes(spec, "x", [shape(3, 10, 20), other])


def _shape_range(side: Any, spec: Any) -> None:
    wanted = side.flexible.NeuralNetworkMultiArrayShapeRange()
    wanted.add_channel_range((3, 3))
    wanted.add_height_range((4, 16))
    wanted.add_width_range((5, -1))
    assert wanted.isFlexible()
    side.flexible.update_multiarray_shape_range(spec, "x", wanted)


FLEXIBLE = {
    "image sizes": (_sizes, True),
    "image range": (_size_range, True),
    "range, then sizes": (lambda side, spec: (_size_range(side, spec), _sizes(side, spec)), True),
    "shapes": (_shapes, False),
    "shape range": (_shape_range, False),
    "nd shapes": (
        lambda side, spec: side.flexible.add_multiarray_ndshape_enumeration(spec, "x", [(3, 8, 9), (4, 4, 4), (1, 2)]),
        False,
    ),
    "nd range": (
        lambda side, spec: side.flexible.set_multiarray_ndshape_range(spec, "x", [1, 2, 3], [4, -1, 9]),
        False,
    ),
    "nd range of an output": (
        lambda side, spec: side.flexible.set_multiarray_ndshape_range(spec, "y", [3, 1, 1], [3, 9, 9]),
        False,
    ),
}


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "rank5"])
@pytest.mark.parametrize("case", FLEXIBLE)
def test_flexible_shapes_are_coremltools(sides, case, exact):
    change, image = FLEXIBLE[case]

    def build(side: Any) -> Any:
        spec = flexible(side, image, exact)
        change(side, spec)
        return spec

    same(sides, build)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda f, s: f.set_multiarray_ndshape_range(s, "x", [5, 2, 1], [9, 9, 9]), "default size of axis 0 is 3"),
        (lambda f, s: f.set_multiarray_ndshape_range(s, "x", [1], [2]), "expected 3 ranges, got 1"),
        (lambda f, s: f.set_multiarray_ndshape_range(s, "q", [1], [2]), "'q' is no feature"),
        (lambda f, s: f.set_multiarray_ndshape_range(s, "x", [1, 9, 1], [4, 8, 9]), "9 to 8"),
        (lambda f, s: f.add_multiarray_ndshape_enumeration(s, "x", []), "at least one"),
        (lambda f, s: f.add_enumerated_image_sizes(s, "x", []), "expected an image"),
        (lambda f, s: f.NeuralNetworkImageSize(0, 4), "a size is 0"),
        (lambda f, s: f.NeuralNetworkMultiArrayShapeRange({"Q": (1, 2)}), "Q"),
        (lambda f, s: f.update_multiarray_shape_range(s, "x", f.NeuralNetworkMultiArrayShapeRange()), "C alone"),
    ],
)
def test_flexible_shapes_refuse(sides, call, words):
    with pytest.raises(BuildError, match=words):
        call(sides[1].flexible, flexible(sides[1], False, True))


def test_sizes_that_are_there_already_are_not_repeated(sides):
    spec = flexible(sides[1], True, True)
    _sizes(sides[1], spec)
    _sizes(sides[1], spec)
    assert len(spec.description.input[0].type.imageType.enumeratedSizes.sizes) == 3


def test_datatypes_are_coremltools(sides):
    theirs, ours = (side.datatypes for side in sides)
    for make in (
        lambda d: d.Int64(), lambda d: d.Double(), lambda d: d.String(), lambda d: d.Array(2, 3),
        lambda d: d.Dictionary(d.String), lambda d: d.Dictionary(str), lambda d: d.Dictionary(int),
    ):  # fmt: skip
        assert repr(make(ours)) == repr(make(theirs))
        assert make(ours).num_elements == make(theirs).num_elements
        assert make(ours) == make(ours)
    assert ours.Array(2) != ours.Array(3)


def test_signatures_are_coremltools(sides):
    theirs, ours = sides
    pairs = [
        (getattr(ours.pipeline, name), getattr(theirs.pipeline, name))
        for name in ("Pipeline", "PipelineClassifier", "PipelineRegressor")
    ]
    pairs += [
        (getattr(ours.flexible, name), value)
        for name, value in vars(theirs.flexible).items()
        if callable(value) and getattr(value, "__module__", "") == theirs.flexible.__name__ and name[0] != "_"
    ]
    for mine, other in pairs:
        assert parameters(mine) == parameters(other), mine


def parameters(function: Any) -> list[tuple[str, Any]]:
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]
