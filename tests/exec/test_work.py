"""Operations and bytes of steps, against counts made by hand."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest

from pyruntime.model import MLModel
from pyruntime.profile import profile_steps
from tests.layers.network import layer, model, numbers, weights


def operations(spec: Any, features: dict[str, np.ndarray], operator: str) -> float:
    """Of all steps with this operator."""
    steps = profile_steps(MLModel(spec), features, 1)
    return sum(step.operations for step in steps if step.operator == operator)


def conv(inputs: int, outputs: int, kernel: tuple[int, int], groups: int = 1, **more: Any) -> Any:
    read = inputs // groups
    shape = (inputs, outputs, *kernel) if more.get("isDeconvolution") else (outputs, read, *kernel)
    return layer(
        "convolution", outputChannels=outputs, kernelChannels=read, nGroups=groups, kernelSize=kernel, valid={},
        weights=weights(numbers(*shape)), **more,
    )  # fmt: skip


CONVOLUTIONS: dict[str, tuple[Any, float]] = {
    "plain": (conv(6, 8, (3, 3)), 2 * 8 * 10 * 10 * 6 * 9),
    "grouped": (conv(6, 8, (3, 3), 2), 2 * 8 * 10 * 10 * 3 * 9),
    "strided": (conv(6, 8, (2, 2), stride=(2, 2)), 2 * 8 * 6 * 6 * 6 * 4),
    "transposed": (conv(6, 8, (3, 3), isDeconvolution=True), 2 * 12 * 12 * 6 * 8 * 9),
}


@pytest.mark.parametrize(("made", "wanted"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolutions_count_two_for_every_weight_that_meets_a_number(made: Any, wanted: float) -> None:
    assert operations(model({"x": (6, 12, 12)}, [made], exact=False), {"x": numbers(6, 12, 12)}, "conv") == wanted


def test_dense_layers_and_products() -> None:
    dense = layer("innerProduct", inputChannels=7, outputChannels=5, weights=weights(numbers(5, 7)))
    assert operations(model({"x": (3, 7)}, [dense], exact=True), {"x": numbers(3, 7)}, "gemm") == 2 * 3 * 7 * 5
    product = model({"a": (2, 3, 7), "b": (2, 7, 4)}, [layer("batchedMatmul", "a b")], exact=True)
    features = {"a": numbers(2, 3, 7), "b": numbers(2, 7, 4)}
    assert operations(product, features, "matmul") == 2 * 2 * 3 * 7 * 4


def test_other_steps_count_their_results_and_all_count_their_bytes() -> None:
    spec = model({"x": (4, 5)}, [layer("tanh", "x", "y")], exact=True)
    (step,) = [s for s in profile_steps(MLModel(spec), {"x": numbers(4, 5)}, 1) if s.operator == "unary"]
    assert (step.operations, step.bytes) == (20, 2 * 4 * prod((4, 5)))
