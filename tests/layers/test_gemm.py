"""Dense layers: y = W x + b, and which axes x has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.errors import FeatureTypeError

from .network import check, layer, messages, model, numbers, refused, refused_at_predict, weights


def dense(w: np.ndarray, b: np.ndarray | None = None, **more: Any) -> Any:
    fields: dict[str, Any] = {"outputChannels": w.shape[0], "inputChannels": w.shape[1], "weights": weights(w)}
    if b is not None:
        fields |= {"hasBias": True, "bias": weights(b)}
    return layer("innerProduct", name="fc2", **fields | more)


@pytest.mark.parametrize("biased", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("outputs", [1, 5, 64])
@pytest.mark.parametrize("shape", [(12,), (3, 12), (2, 3, 12)], ids=str)
def test_up_to_rank_3_the_last_axis_is_folded(shape: tuple[int, ...], outputs: int, biased: bool) -> None:
    x, w, b = numbers(*shape), numbers(outputs, 12, seed=1), numbers(outputs, seed=2)
    expected = x.astype(np.float64) @ w.T + (b if biased else 0)
    check(model({"x": shape}, [dense(w, b if biased else None)], exact=True), {"x": x}, expected)


@pytest.mark.parametrize("shape", [(2, 2, 2, 3), (3, 2, 2, 2, 3), (1, 4, 12, 1, 1)], ids=str)
def test_from_rank_4_channels_height_and_width_are_folded(shape: tuple[int, ...]) -> None:
    x, w, b = numbers(*shape), numbers(5, 12, seed=1), numbers(5, seed=2)
    expected = (x.reshape(*shape[:-3], 12).astype(np.float64) @ w.T + b)[..., None, None]
    check(model({"x": shape}, [dense(w, b)], exact=True), {"x": x}, expected)


@pytest.mark.parametrize("shape", [(12,), (12, 1, 1)], ids=str)
def test_a_vector_in_legacy_ranks(shape: tuple[int, ...]) -> None:
    x, w, b = numbers(*shape), numbers(5, 12, seed=1), numbers(5, seed=2)
    check(model({"x": shape}, [dense(w, b)]), {"x": x}, (w.astype(np.float64) @ x.ravel() + b)[:, None, None])


def test_signed_bytes_with_one_scale() -> None:
    """int8DynamicQuantize: w = q * scale."""
    x, q = numbers(3, 12), np.random.default_rng(1).integers(-128, 128, (5, 12)).astype(np.int8)
    params = messages.WeightParams(int8RawValue=q.tobytes())
    params.quantization.numberOfBits = 8
    params.quantization.linearQuantization.scale.append(0.03125)
    fields = {"outputChannels": 5, "inputChannels": 12, "weights": params, "int8DynamicQuantize": True}
    spec = model({"x": x.shape}, [layer("innerProduct", **fields)], exact=True)
    check(spec, {"x": x}, x.astype(np.float64) @ q.T * 0.03125)


W = np.ones((5, 12), np.float32)
BAD: dict[str, tuple[Any, tuple[int, ...], tuple[str, ...]]] = {
    "other inputs": (dense(W), (3, 11), ("fc2", "inputChannels", "11", "12")),
    "other inputs, flattened": (dense(W), (1, 2, 2, 2), ("fc2", "inputChannels", "8", "12")),
    "no inputs": (dense(W, inputChannels=0), (12,), ("fc2", "inputChannels", "0")),
    "no outputs": (dense(W, outputChannels=0), (12,), ("fc2", "outputChannels", "0")),
    "huge inputs": (dense(W, inputChannels=2**63), (12,), ("fc2", "inputChannels", str(2**63))),
    "huge outputs": (dense(W, outputChannels=2**63), (12,), ("fc2", "weights", "60")),
    "short weights": (dense(W, weights=weights(np.ones(59))), (12,), ("fc2", "weights", "60", "59")),
    "no weights": (dense(W, weights=weights(())), (12,), ("fc2", "weights", "none")),
    "short bias": (dense(W, np.ones(4)), (12,), ("fc2", "bias", "5", "4")),
    "no bias": (dense(W, hasBias=True), (12,), ("fc2", "bias", "none")),
}


@pytest.mark.parametrize(("bad", "shape", "words"), BAD.values(), ids=BAD)
def test_bad_dense_layers_are_refused(bad: Any, shape: tuple[int, ...], words: tuple[str, ...]) -> None:
    refused(model({"x": shape}, [bad], exact=True), *words)


def test_two_inputs_are_refused() -> None:
    bad = dense(W)
    bad.input.append("x")
    refused(model({"x": (12,)}, [bad], exact=True), "fc2", "1 name", "2")


def test_an_array_of_another_size_is_refused_by_its_feature() -> None:
    spec = model({"x": (12,)}, [dense(W)])
    refused_at_predict(spec, {"x": np.ones(11)}, "'x'", "12", "11", error=FeatureTypeError)
