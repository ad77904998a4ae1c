"""Embeddings: columns of a matrix looked up by index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import MLModelError

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
