"""One layer with its later inputs as constants of the file, and as inputs of a prediction."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from .network import array, check, layer, model, weights


def constant(name: str, values: Any) -> Any:
    """A loadConstantND layer; a single number has shape (1,)."""
    data = np.atleast_1d(np.asarray(values, np.float32))
    return layer("loadConstantND", "", name, f"const {name}", shape=data.shape, data=weights(data))


def open_array(name: str, shape: tuple[int, ...]) -> Any:
    """An array whose every dimension is open."""
    return array(name, shape, ranges=[(1, 64)] * len(shape)) if shape else array(name, shape)


def check_both(
    the_layer: Any,
    features: Mapping[str, Any],
    expected: Any,
    *,
    may_vary: str = "",
    open_sizes: str = "",
    oracle: bool = True,
) -> None:
    """Check `the_layer` with each input in `may_vary` as a constant and as an input, in every mixture.

    open_sizes: inputs that are also given with every dimension open.
    """
    arrays = {name: np.atleast_1d(np.asarray(value, np.float32)) for name, value in features.items()}
    for fixed in product([False, True], repeat=len(may_vary.split())):
        constants = [name for name, is_fixed in zip(may_vary.split(), fixed, strict=True) if is_fixed]
        given = {name: value for name, value in arrays.items() if name not in constants} or {"unused": np.zeros(1)}
        for is_open in (False, True) if set(open_sizes.split()) & set(given) else (False,):
            described = [
                open_array(n, v.shape) if is_open and n in open_sizes.split() else array(n, v.shape)
                for n, v in given.items()
            ]
            layers = [*(constant(name, arrays[name]) for name in constants), the_layer]
            outputs = list(the_layer.output)
            check(model(described, layers, outputs, exact=True), given, expected, tolerance=1e-6, oracle=oracle)
