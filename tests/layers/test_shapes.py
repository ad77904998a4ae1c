"""Shapes as numbers, and numbers as shapes, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from .network import array, check, layer, model, numbers


@pytest.mark.parametrize("shape", [(1,), (4,), (3, 1), (2, 3, 4), (1, 2, 3, 4, 5)], ids=str)
def test_get_shape(shape: tuple[int, ...]) -> None:
    check(model({"x": shape}, [layer("getShape")], exact=True), {"x": numbers(*shape)}, np.array(shape), tolerance=0)


def test_get_shape_of_what_only_a_prediction_knows() -> None:
    spec = model([array("x", (2, 3), ranges=[(1, 9), (3, 3)])], [layer("getShape")], exact=True)
    for rows in (1, 2, 9):
        check(spec, {"x": numbers(rows, 3)}, np.array([rows, 3]), tolerance=0)
