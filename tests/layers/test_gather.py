"""Values looked up by index, and indices of values, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import MLModelError

from .dynamic import check_both, constant, open_array
from .network import array, check, layer, model, numbers, refused, refused_at_predict, weights

TABLE = numbers(5, 7)
BIAS = numbers(5, seed=1)


def embedding(**change: Any) -> Any:
    fields: dict[str, Any] = {"inputDim": 7, "outputChannels": 5, "weights": weights(TABLE)} | change
    return layer("embedding", name="emb3", **fields)


BIASED = {"hasBias": True, "bias": weights(BIAS)}


@pytest.mark.parametrize("biased", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (6, 1, 1, 1), (4, 3, 1, 1, 1)], ids=str)
def test_an_index_becomes_a_column(shape: tuple[int, ...], biased: bool) -> None:
    x = np.random.default_rng(0).integers(0, 7, shape)
    expected = np.moveaxis(TABLE.T[x[..., 0, 0, 0]] + (BIAS if biased else 0), -1, -1)[..., None, None]
    check(model({"x": shape}, [embedding(**(BIASED if biased else {}))], exact=True), {"x": x}, expected)


@pytest.mark.parametrize("value", [3, 3.0, [3], np.array([3], np.int32), np.array([3.0])], ids=repr)
def test_one_index_in_legacy_ranks(value: Any) -> None:
    value = [value] if np.ndim(value) == 0 else value
    check(model({"x": (1,)}, [embedding(**BIASED)]), {"x": value}, (TABLE[:, 3] + BIAS)[:, None, None])


def test_a_sequence_of_indices_in_legacy_ranks() -> None:
    indices = np.array([6, 0, 3])
    spec = model([array("x", (1,))], [embedding()])
    check(spec, {"x": indices[:, None]}, TABLE.T[indices][:, None, :, None, None])


@pytest.mark.parametrize("index", [7, -1, 2**31, -(2**40), 1e30, float("inf")])
def test_an_index_outside_the_table_is_refused(index: float) -> None:
    spec = model({"x": (1,)}, [embedding()])
    refused_at_predict(spec, {"x": [index]}, "emb3", "rows 0 to 6", error=MLModelError)


def test_a_model_predicts_again_after_a_refused_index() -> None:
    from pyruntime.model import MLModel

    loaded = MLModel(model({"x": (1,)}, [embedding()]))
    before = loaded.predict({"x": [2]})["y"]
    with pytest.raises(MLModelError):
        loaded.predict({"x": [99]})
    np.testing.assert_array_equal(loaded.predict({"x": [2]})["y"], before)


BAD: dict[str, tuple[Any, tuple[int, ...], tuple[str, ...]]] = {
    "several numbers": (embedding(), (1, 2, 1, 1), ("emb3", "input", "one index", "[1, 2, 1, 1]")),
    "short table": (embedding(weights=weights(np.ones(34))), (1, 1, 1, 1), ("emb3", "weights", "35", "34")),
    "no table": (embedding(weights=weights(())), (1, 1, 1, 1), ("emb3", "weights", "none")),
    "table of no columns": (embedding(inputDim=0, weights=weights([1])), (1, 1, 1, 1), ("emb3", "0")),
    "short bias": (embedding(hasBias=True, bias=weights(np.ones(4))), (1, 1, 1, 1), ("emb3", "bias", "5", "4")),
    "vector": (embedding(), (1,), ("emb3", "rank 3", "rank 1")),
}


@pytest.mark.parametrize(("bad", "shape", "words"), BAD.values(), ids=BAD)
def test_bad_embeddings_are_refused(bad: Any, shape: tuple[int, ...], words: tuple[str, ...]) -> None:
    refused(model({"x": shape}, [bad], exact=True), *words)


@pytest.mark.parametrize("biased", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("shape", [(1, 1), (6, 1), (4, 3, 1), (2, 1, 3, 1), (1, 2, 1, 2, 1)], ids=str)
def test_embedding_nd(shape: tuple[int, ...], biased: bool) -> None:
    x = np.random.default_rng(0).integers(0, 7, shape)
    expected = TABLE.T[x[..., 0]] + (BIAS if biased else 0)
    fields = {"vocabSize": 7, "embeddingSize": 5, "weights": weights(TABLE)} | (BIASED if biased else {})
    check_both(layer("embeddingND", **fields), {"x": x}, expected, open_sizes="x")


SHAPES = [(5,), (4, 3), (2, 5, 3), (2, 3, 4, 2), (2, 1, 3, 2, 4)]


def indices(*shape: int, limit: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-limit, limit, shape).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gather(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    for axis in range(-len(shape), len(shape)):
        for own in [(1,), (6,), (2, 3), (2, 1, 2)]:
            index = indices(*own, limit=shape[axis])
            expected = np.take(x, index.astype(int), axis)
            varied = {"may_vary": "i", "open_sizes": "x i"} if own == (6,) else {}
            check_both(layer("gather", "x i", axis=axis), {"x": x, "i": index}, expected, **varied)


def test_gather_of_rows_of_every_width() -> None:
    for width in (1, 2, 3, 17, 64, 1000):
        x, index = numbers(50, width), indices(3000, limit=50)
        check_both(layer("gather", "x i"), {"x": x, "i": index}, x[index.astype(int)])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gather_nd(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    for depth in range(1, len(shape) + 1):
        for own in [(1,), (6,), (2, 3)]:
            index = np.stack([indices(*own, limit=n, seed=i) for i, n in enumerate(shape[:depth])], -1)
            expected = x[tuple(index[..., i].astype(int) for i in range(depth))]
            check_both(layer("gatherND", "x i"), {"x": x, "i": index}, expected, may_vary="i", open_sizes="x")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gather_along_axis(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    for axis in range(-len(shape), len(shape)):
        at = axis % len(shape)
        for own in {(*shape[:at], 4, *shape[at + 1 :]), (1,) * len(shape)}:
            index = indices(*own, limit=shape[axis])
            expected = np.take_along_axis(x, index.astype(int), axis)
            check_both(layer("gatherAlongAxis", "x i", axis=axis), {"x": x, "i": index}, expected, may_vary="i")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_where_non_zero(shape: tuple[int, ...]) -> None:
    x = np.round(numbers(*shape))
    check_both(layer("whereNonZero"), {"x": x}, np.argwhere(x), may_vary="x", open_sizes="x")


def test_where_nothing_and_where_everything() -> None:
    """The size of the result is another one in every prediction, and may be 0."""
    from pyruntime.model import MLModel

    loaded = MLModel(model({"x": (3, 4)}, [layer("whereNonZero")], exact=True))
    for x in (np.zeros((3, 4)), np.ones((3, 4)), np.eye(3, 4), np.zeros((3, 4))):
        np.testing.assert_array_equal(loaded.predict({"x": x})["y"], np.argwhere(x))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 3), (2, 3, 1, 2)], ids=str)
def test_one_hot(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(-1, 6, shape)
    for axis in range(-len(shape) - 1, len(shape) + 1):
        hot = np.where(x[..., None] == np.arange(5), 2.0, -0.5)
        expected = np.moveaxis(hot, -1, axis)
        params = {"axis": axis, "onValue": 2.0, "offValue": -0.5}
        check_both(layer("oneHot", oneHotVectorSize=5, **params), {"x": x}, expected, open_sizes="x")
        check_both(layer("oneHot", "x n", **params), {"x": x, "n": 5}, expected, may_vary="n", open_sizes="x")


BAD_ND: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "gather axis": ([layer("gather", "x i", name="m", axis=2)], ("m", "axis", "2")),
    "gather to nine axes": ([layer("gather", "x deep", name="m")], ("m", "the result", "rank 9")),
    "nd: deeper than x": ([layer("gatherND", "x i", name="m")], ("m", "last axis", "(5)", "(4, 3)")),
    "along: axis": ([layer("gatherAlongAxis", "x x", name="m", axis=-3)], ("m", "axis", "-3")),
    "along: rank": ([layer("gatherAlongAxis", "x i", name="m")], ("m", "the index", "rank 1")),
    "along: sizes": ([layer("gatherAlongAxis", "x x2", name="m")], ("m", "the index", "(4, 2)")),
    "one hot of nothing": ([layer("oneHot", "i", name="m")], ("m", "oneHotVectorSize", "0")),
    "one hot of two sizes": (
        [constant("n", [2, 3]), layer("oneHot", "i n", name="m")], ("m", "oneHotVectorSize", "[2, 3]")
    ),
    "one hot axis": ([layer("oneHot", "i", name="m", oneHotVectorSize=2, axis=2)], ("m", "axis", "-2 to 1", "2")),
    "one hot of very many": ([layer("oneHot", "i", name="m", oneHotVectorSize=2**40)], ("m", "32 bits")),
    "embedding of pairs": (
        [layer("embeddingND", "x", name="m", vocabSize=1, embeddingSize=1)], ("m", "(..., 1)", "[4, 3]")
    ),
    "embedding of a vector": (
        [layer("embeddingND", "one", name="m", vocabSize=1, embeddingSize=1)], ("m", "rank 2", "[1]")
    ),
    "embedding without weights": (
        [layer("embeddingND", "wide", name="m", vocabSize=2, embeddingSize=1)], ("m", "weights")
    ),
    "constant index outside": ([constant("c", [9]), layer("gatherND", "i c", name="m")], ("m", "9", "-5 to 4")),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "words"), BAD_ND.values(), ids=BAD_ND)
def test_bad_lookups_are_refused(layers: list[Any], words: tuple[str, ...]) -> None:
    shapes = {"x": (4, 3), "x2": (4, 2), "i": (5,), "deep": (1,) * 8, "one": (1,), "wide": (3, 1)}
    spec = model(shapes, layers, exact=True)
    if "outside" in layers[-1].name or "9" in words:
        refused_at_predict(spec, {n: np.zeros(s) for n, s in shapes.items()}, *words, error=MLModelError)
    else:
        refused(spec, *words)


@pytest.mark.parametrize("index", [4, -5, 1e30, float("inf"), float("-inf")])
@pytest.mark.parametrize("kind", ["gather", "gatherND", "gatherAlongAxis"])
def test_a_lookup_outside_is_refused(kind: str, index: float) -> None:
    shape = (1, 1) if kind == "gatherND" else (1,)
    spec = model({"x": (4,), "i": shape}, [layer(kind, "x i", name="m")], exact=True)
    refused_at_predict(spec, {"x": numbers(4), "i": np.full(shape, index)}, "m", "-4 to 3", error=MLModelError)


def test_tuples_of_unknown_length_are_refused() -> None:
    spec = model([array("x", (4, 3)), open_array("i", (2, 2))], [layer("gatherND", "x i", name="m")], exact=True)
    refused(spec, "m", "last axis")
