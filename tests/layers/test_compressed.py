"""Weights that stay compressed give the very floats that expanded ones give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyruntime.config import MLModelConfiguration
from pyruntime.model import MLModel

from .network import layer, messages, model, numbers, weights

FORMS = ["half", "int8", *(f"{kind} {bits}" for bits in range(1, 9) for kind in ("linear", "channels", "table"))]


def pack_bits(codes: np.ndarray, bits: int) -> bytes:
    """Most significant bit first, one stream."""
    places = (codes.reshape(-1, 1) >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(places.astype(np.uint8).reshape(-1)).tobytes()


def small(form: str, shape: tuple[int, ...]) -> tuple[Any, np.ndarray]:
    """A WeightParams message, and what it means."""
    rng = np.random.default_rng(1)
    if form == "half":
        half = rng.normal(size=shape).astype("<f2")
        half.flat[:2] = [6e-8, -0.0]  # the smallest subnormal number, and a signed zero
        return messages.WeightParams(float16Value=half.tobytes()), half.astype(np.float32)
    if form == "int8":
        q = rng.integers(-128, 128, shape).astype(np.int8)
        params = messages.WeightParams(int8RawValue=q.tobytes())
        params.quantization.numberOfBits = 8
        params.quantization.linearQuantization.scale.append(0.037)
        return params, q * np.float32(0.037)
    kind, bits = form.split()[0], int(form.split()[1])
    q = rng.integers(0, 1 << bits, shape).astype(np.uint8)
    params = messages.WeightParams(rawValue=pack_bits(q, bits))
    params.quantization.numberOfBits = bits
    if kind == "table":
        table = numbers(1 << bits, seed=3)
        params.quantization.lookupTableQuantization.floatValue.extend(table)
        return params, table[q]
    scale, bias = (numbers(shape[0] if kind == "channels" else 1, seed=s) for s in (4, 5))
    params.quantization.linearQuantization.scale.extend(scale)
    params.quantization.linearQuantization.bias.extend(bias)
    along = (-1, *[1] * (len(shape) - 1))
    return params, q.astype(np.float32) * scale.reshape(along) + bias.reshape(along)


def both(spec: Any, x: np.ndarray, **more: Any) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Answers and bytes of weights: expanded, compressed."""
    answers, sizes = [], []
    for kind in ("expanded", "compressed"):
        loaded = MLModel(spec, configuration=MLModelConfiguration(weights=kind, cache_folder=None, **more))
        answers.append(loaded.predict({"x": x})["y"])
        sizes.append(loaded.engine.program.weights.nbytes)
    return answers[0], answers[1], sizes[0], sizes[1]


def expected_bits(form: str) -> int:
    if form in ("half", "int8"):
        return {"half": 16, "int8": 8}[form]
    bits = int(form.split()[1])
    return 2 if bits <= 2 else 4 if bits <= 4 else 8


@pytest.mark.parametrize("levels", [1, 0xFFFFFFFF], ids=["reference", "fastest"])
@pytest.mark.parametrize("rows", [1, 3, 70])
@pytest.mark.parametrize("form", FORMS)
def test_dense_layers(form: str, rows: int, levels: int) -> None:
    params, w = small(form, (50, 200))
    x = numbers(rows, 200, seed=9)
    dense = layer(
        "innerProduct", outputChannels=50, inputChannels=200, weights=params, hasBias=True, bias=weights(numbers(50))
    )
    spec = model({"x": x.shape}, [dense], exact=True)
    wide, narrow, wide_bytes, narrow_bytes = both(spec, x, threads=2, levels=levels)
    np.testing.assert_array_equal(narrow, wide)
    np.testing.assert_allclose(narrow, x.astype(np.float64) @ w.T + numbers(50), rtol=1e-4, atol=1e-3)
    assert narrow_bytes < wide_bytes * expected_bits(form) / 32 + 3000  # tables, scales, bias


@pytest.mark.parametrize("form", ["half", "channels 8", "linear 4", "table 2", "table 6"])
@pytest.mark.parametrize("fields", [
    {"kernelSize": (1, 1)}, {"kernelSize": (5, 3), "stride": (2, 1)}, {"kernelSize": (2, 2), "same": {}, "valid": None},
    {"kernelSize": (3, 3), "dilationFactor": (2, 2)},
], ids=str)  # fmt: skip
def test_convolutions(form: str, fields: dict[str, Any]) -> None:
    params, _ = small(form, (24, 20, *fields["kernelSize"]))
    x = numbers(2, 20, 12, 13, seed=9)
    given = {"outputChannels": 24, "kernelChannels": 20, "weights": params, "valid": {}} | fields
    conv = layer("convolution", **{k: v for k, v in given.items() if v is not None})
    wide, narrow, wide_bytes, narrow_bytes = both(model({"x": x.shape}, [conv], exact=True), x, threads=2)
    np.testing.assert_array_equal(narrow, wide)
    assert narrow_bytes < wide_bytes


def test_a_3x3_convolution_keeps_its_sum_where_expanded_ones_take_winograds() -> None:
    params, _ = small("channels 8", (32, 32, 3, 3))
    x = numbers(1, 32, 20, 20, seed=9)
    conv = layer("convolution", outputChannels=32, kernelChannels=32, weights=params, same={})
    wide, narrow, wide_bytes, narrow_bytes = both(model({"x": x.shape}, [conv], exact=True), x)
    np.testing.assert_allclose(narrow, wide, rtol=1e-4, atol=1e-3 * np.abs(wide).max())
    assert narrow_bytes * 3 < wide_bytes


@pytest.mark.parametrize("fields", [{"nGroups": 2, "kernelChannels": 10}, {"isDeconvolution": True}], ids=str)
def test_what_cannot_stay_small_is_expanded(fields: dict[str, Any]) -> None:
    shape = (20, 24, 2, 2) if "isDeconvolution" in fields else (24, 10, 2, 2)
    params, _ = small("table 8", shape)
    x = numbers(1, 20, 6, 6, seed=9)
    given: dict[str, Any] = {
        "outputChannels": 24,
        "kernelChannels": 20,
        "kernelSize": (2, 2),
        "weights": params,
        "valid": {},
    }
    wide, narrow, *_ = both(model({"x": x.shape}, [layer("convolution", **given | fields)], exact=True), x)
    np.testing.assert_array_equal(narrow, wide)


def test_infinite_half_floats_are_expanded() -> None:
    w = np.ones((4, 8), "<f2")
    w[1, 2] = np.inf
    dense = layer(
        "innerProduct", outputChannels=4, inputChannels=8, weights=messages.WeightParams(float16Value=w.tobytes())
    )
    x = np.ones((1, 8), np.float32)
    wide, narrow, *_ = both(model({"x": x.shape}, [dense], exact=True), x)
    np.testing.assert_array_equal(narrow, wide)


def test_other_words_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'small'.*compressed"):
        MLModelConfiguration(weights="small")


def test_the_card_says_what_both_choices_take() -> None:
    from pyruntime.card.running import memory

    params, _ = small("channels 8", (64, 256))
    for weight, counted in ((params, True), (weights(numbers(64, 256)), False)):
        dense = layer("innerProduct", outputChannels=64, inputChannels=256, weights=weight)
        loaded = MLModel(model({"x": (1, 256)}, [dense], exact=True), configuration=MLModelConfiguration(threads=1))
        (card,) = memory(loaded)
        assert (card.expanded is not None) == counted
        if counted:
            assert card.expanded == card.weights
            assert card.compressed is not None
            assert card.compressed < card.weights / 3
