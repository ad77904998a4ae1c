"""Numbers that are not finite, in weights and in inputs: answers may be NaN, but nothing is read by such an index."""

from __future__ import annotations

import numpy as np
import pytest

from pyruntime.errors import MLModelError
from pyruntime.ir.graph import Value
from pyruntime.ir.ops import GatherRows
from pyruntime.ir.types import UNKNOWN
from pyruntime.native import lib

from .networks import NETWORKS, encoded, run, sample_inputs

STRANGE = (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45)
LEVELS = lib.cpu_levels()


@pytest.fixture(scope="module", params=range(len(LEVELS)), ids=LEVELS)
def context(request: pytest.FixtureRequest) -> lib.Context:
    return lib.Context(threads=2, levels=(1 << (request.param + 1)) - 1)


@pytest.mark.parametrize("packed", [True, False], ids=["compiled", "plain"])
@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_weights(context: lib.Context, network: str, packed: bool) -> None:
    graph = NETWORKS[network]()
    plan, weights = encoded(graph, context, packed=packed)
    rng = np.random.default_rng(5)
    for share in (1.0, 0.1, 0.01):
        for value in STRANGE:
            floats = weights.view(np.float32)
            kept = floats.copy()
            floats[rng.random(floats.size) < share] = value
            try:
                results = run(context, plan, weights, sample_inputs(graph), len(graph.outputs))
            except MLModelError as error:
                assert network in NUMBERS_ARE_SIZES, error
            else:
                assert all(map(fits, results, graph.outputs))
            floats[:] = kept


NUMBERS_ARE_SIZES = {"open", "control"}
"""Networks that may say no to a number: it was to be a size."""


def fits(result: np.ndarray, value: Value) -> bool:
    return result.ndim == value.rank and all(d in (UNKNOWN, n) for n, d in zip(result.shape, value.shape, strict=True))


@pytest.mark.parametrize("value", STRANGE)
def test_inputs(context: lib.Context, value: float) -> None:
    graph = NETWORKS["sequence"]()
    plan, weights = encoded(graph, context, packed=True)
    x = sample_inputs(graph)[0]
    for share in (1.0, 0.3):
        x[np.random.default_rng(6).random(x.shape) < share] = value
        results = run(context, plan, weights, [x], len(graph.outputs))
        assert [r.shape for r in results] == [v.shape for v in graph.outputs]


@pytest.mark.parametrize("index", [np.nan, np.inf, -np.inf, 3e38, -3e38, 2.0**63, -(2.0**63), 2.0**31, -1.0, 5.0])
def test_index_outside_a_table(context: lib.Context, index: float) -> None:
    indices = np.array([0, 4, index, 1], np.float32)
    with pytest.raises(MLModelError, match=r"index .* at position 2, the table has rows 0 to 4"):
        lib.run_once(GatherRows(), "layer", [indices, np.zeros((5, 3), np.float32)], 1, context)
