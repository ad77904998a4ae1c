"""Batched matrix products against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime.errors import FeatureTypeError
from pyruntime.ir.ops import Matmul
from pyruntime.native import lib

from .network import array, check, layer, messages, model, numbers, refused, refused_at_predict, weights

SHAPES = [
    ((3, 4), (4, 5)),
    ((1, 4), (4, 5)),
    ((2, 3, 4), (4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (6, 4, 5)),
    ((2, 1, 20, 33), (1, 3, 33, 17)),
    ((3, 4), (2, 1, 4, 5)),
    ((2, 1, 2, 3, 4), (3, 1, 4, 2)),
    ((64, 70), (70, 65)),
]


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.matmul(a.astype(np.float64), b)


def turned(x: np.ndarray, flag: bool) -> np.ndarray:
    return np.ascontiguousarray(x.swapaxes(-1, -2)) if flag else x


@pytest.mark.parametrize("second", ["computed", "constant"])
@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True), (True, True)], ids=str)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_leading_axes_broadcast(shapes: Any, transposed: tuple[bool, bool], second: str) -> None:
    a, b = numbers(*shapes[0]), numbers(*shapes[1], seed=1)
    left, right = turned(a, transposed[0]), turned(b, transposed[1])
    matmul = layer("batchedMatmul", inputs="x w", transposeA=transposed[0], transposeB=transposed[1])
    if second == "computed":
        check(
            model({"x": left.shape, "w": right.shape}, [matmul], exact=True),
            {"x": left, "w": right},
            product(a, b),
            oracle=False,
        )
    else:
        load = layer("loadConstantND", inputs="", outputs="w", shape=right.shape, data=weights(right))
        check(model({"x": left.shape}, [load, matmul], exact=True), {"x": left}, product(a, b), oracle=False)


@pytest.mark.parametrize(("shapes", "expected"), [
    (((10,), (10,)), (1, 1)), (((10,), (10, 3)), (1, 3)), (((3, 10), (10,)), (3, 1)), (((10,), (2, 10, 3)), (2, 1, 3)),
    (((2, 4, 10), (10,)), (2, 4, 1)),
], ids=str)  # fmt: skip
def test_the_ones_that_vectors_get_stay(shapes: Any, expected: tuple[int, ...]) -> None:
    a, b = numbers(*shapes[0]), numbers(*shapes[1], seed=1)
    wanted = product(a, b).reshape(expected)
    spec = model({"x": a.shape, "w": b.shape}, [layer("batchedMatmul", inputs="x w")], exact=True)
    check(spec, {"x": a, "w": b}, wanted, oracle=False)


@pytest.mark.parametrize("biased", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("shape", [(12,), (3, 12), (2, 3, 12), (2, 1, 3, 12), (1, 2, 1, 3, 12)], ids=str)
def test_one_input_times_a_weight_that_is_stored_transposed(shape: tuple[int, ...], biased: bool) -> None:
    x, w, b = numbers(*shape), numbers(12, 7, seed=1), numbers(7, seed=2)
    fields: dict[str, Any] = {
        "weightMatrixFirstDimension": 12,
        "weightMatrixSecondDimension": 7,
        "weights": weights(w.T),
    }
    if biased:
        fields |= {"hasBias": True, "bias": weights(b)}
    spec = model({"x": shape}, [layer("batchedMatmul", transposeA=True, transposeB=True, **fields)], exact=True)
    check(spec, {"x": x}, product(x, w) + (b if biased else 0), oracle=False)


@pytest.mark.parametrize("biased", [False, True], ids=["no bias", "bias"])
def test_signed_bytes_with_one_scale(biased: bool) -> None:
    """int8DynamicQuantize: w = q * scale, computed in float here; the format forbids a bias, files have one."""
    x, q, b = numbers(3, 12), np.random.default_rng(1).integers(-128, 128, (7, 12)).astype(np.int8), numbers(7, seed=2)
    params = messages.WeightParams(int8RawValue=q.tobytes())
    params.quantization.numberOfBits = 8
    params.quantization.linearQuantization.scale.append(0.03125)
    fields: dict[str, Any] = {"hasBias": True, "bias": weights(b)} if biased else {}
    matmul = layer("batchedMatmul", weightMatrixFirstDimension=12, weightMatrixSecondDimension=7, weights=params,
                   int8DynamicQuantize=True, **fields)  # fmt: skip
    expected = product(x, q.T * 0.03125) + (b if biased else 0)
    check(model({"x": x.shape}, [matmul], exact=True), {"x": x}, expected, oracle=False)


@pytest.mark.parametrize("linear", [True, False], ids=["linear", "table"])
def test_quantized_weights_have_a_scale_per_output(linear: bool) -> None:
    x, q = numbers(3, 8), np.random.default_rng(1).integers(0, 16, (4, 8)).astype(np.uint8)
    params = messages.WeightParams(rawValue=(q.ravel()[::2] << 4 | q.ravel()[1::2]).tobytes())
    params.quantization.numberOfBits = 4
    if linear:
        scale, bias = numbers(4, seed=4), numbers(4, seed=5)
        params.quantization.linearQuantization.scale.extend(scale)
        params.quantization.linearQuantization.bias.extend(bias)
        w = q * scale[:, None] + bias[:, None]
    else:
        table = numbers(16, seed=6)
        params.quantization.lookupTableQuantization.floatValue.extend(table)
        w = table[q]
    matmul = layer("batchedMatmul", weightMatrixFirstDimension=8, weightMatrixSecondDimension=4, weights=params)
    check(model({"x": x.shape}, [matmul], exact=True), {"x": x}, product(x, w.T), oracle=False)


def test_flexible_shapes() -> None:
    matmul = layer("batchedMatmul", inputs="x w", transposeB=True)
    inputs = [
        array("x", (1, 4, 8), ranges=[(1, 3), (1, 9), (8, 8)]),
        array("w", (1, 4, 8), ranges=[(1, 3), (1, 9), (8, 8)]),
    ]
    spec = model(inputs, [matmul], exact=True)
    for left, right in (((1, 4, 8), (1, 4, 8)), ((3, 9, 8), (1, 2, 8)), ((3, 1, 8), (3, 9, 8))):
        a, b = numbers(*left), numbers(*right, seed=1)
        check(spec, {"x": a, "w": b}, product(a, b.swapaxes(-1, -2)), oracle=False)
    wrong = {"x": numbers(2, 4, 8), "w": numbers(3, 4, 8)}
    refused_at_predict(spec, wrong, "the batchedMatmul", "(2, 4, 8)", "(3, 4, 8)", error=FeatureTypeError)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whole_numbers_are_exact_for_any_threads(data: Any) -> None:
    """Any sizes, also 0; every thread count gives the sum of the definition."""
    rows, inner, columns = (data.draw(st.integers(0, 40), name) for name in ("M", "K", "N"))
    lead = data.draw(st.lists(st.integers(0, 3), max_size=3))
    cut = data.draw(st.integers(0, len(lead)))
    own = [tuple(data.draw(st.sampled_from([n, 1])) for n in some) for some in (lead, lead[cut:])]
    transposed = data.draw(st.tuples(st.booleans(), st.booleans()))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    a = rng.integers(-4, 5, (*own[0], rows, inner)).astype(np.float32)
    b = rng.integers(-4, 5, (*own[1], inner, columns)).astype(np.float32)
    operands = [turned(a, transposed[0]), turned(b, transposed[1])]
    for context in (lib.Context(threads=1), lib.Context(threads=3)):
        (got,) = lib.run_once(Matmul(*transposed), "product", operands, 1, context)
        np.testing.assert_array_equal(got, np.matmul(a, b))


WEIGHT = weights(np.ones((5, 12)))
BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "other columns": ({"weightMatrixFirstDimension": 11}, ("mm", "weightMatrixFirstDimension", "12", "11")),
    "no columns": ({"weightMatrixSecondDimension": 0}, ("mm", "dimensions", "0")),
    "huge": ({"weightMatrixSecondDimension": 2**62}, ("mm", "weights")),
    "short weights": ({"weights": weights(np.ones(59))}, ("mm", "weights", "60", "59")),
    "no bias": ({"hasBias": True}, ("mm", "bias", "none")),
}


@pytest.mark.parametrize(("change", "words"), BAD.values(), ids=BAD)
def test_bad_weights_are_refused(change: dict[str, Any], words: tuple[str, ...]) -> None:
    fields: dict[str, Any] = {
        "weightMatrixFirstDimension": 12,
        "weightMatrixSecondDimension": 5,
        "weights": WEIGHT,
    } | change
    refused(model({"x": (3, 12)}, [layer("batchedMatmul", name="mm", **fields)], exact=True), *words)


@pytest.mark.parametrize(("shapes", "fields", "words"), [
    (((3, 4), (5, 6)), {}, ("mm", "(3, 4)", "(5, 6)", "4", "5")),
    (((3, 4), (4, 6)), {"transposeB": True}, ("mm", "transposed")),
    (((2, 3, 4), (3, 4, 6)), {}, ("mm", "broadcast", "(2, 3, 4)", "(3, 4, 6)")),
    (((3, 4), (4, 6)), {"hasBias": True}, ("mm", "hasBias")),
], ids=str)  # fmt: skip
def test_matrices_that_do_not_fit_are_refused(shapes: Any, fields: dict[str, Any], words: tuple[str, ...]) -> None:
    spec = model(
        {"x": shapes[0], "w": shapes[1]}, [layer("batchedMatmul", inputs="x w", name="mm", **fields)], exact=True
    )
    refused(spec, *words)
