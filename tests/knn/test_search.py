"""The C search, against sorting all distances with NumPy and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from pyruntime.errors import MLModelError
from pyruntime.native.knn import NeighborIndex
from pyruntime.native.lib import Context, cpu_levels, levels

CONTEXT = Context(threads=2)
LEVELS = [i for i, level in enumerate(levels()) if level in cpu_levels()]


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 300), dimensions=st.integers(1, 20), leaf_size=st.integers(0, 12), seed=st.integers(0, 999),
    distinct=st.integers(1, 5), many=st.sampled_from([1, 3, 4, 5, 16, 17, 40]),
)  # fmt: skip
def test_whole_numbers_give_the_stable_order_of_all_distances(
    count: int, dimensions: int, leaf_size: int, seed: int, distinct: int, many: int
) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, distinct, (count, dimensions)).astype(np.float32)
    queries = rng.integers(0, distinct, (many, dimensions)).astype(np.float32)
    k = int(rng.integers(1, count + 1))
    squares = ((samples[None] - queries[:, None]) ** 2).sum(-1)  # exact: small whole numbers
    expected = np.argsort(squares, axis=1, kind="stable")[:, :k]
    distances, neighbors = NeighborIndex(CONTEXT, samples, leaf_size).search(queries, k)
    np.testing.assert_array_equal(neighbors, expected)
    np.testing.assert_array_equal(distances, np.take_along_axis(squares, expected, 1))


@pytest.mark.parametrize(("count", "dimensions"), [(2000, 3), (500, 128), (20000, 40)])
def test_search_finds_what_scikit_learn_finds(count: int, dimensions: int) -> None:
    rng = np.random.default_rng(count)
    samples = rng.standard_normal((count, dimensions)).astype(np.float32)
    queries = rng.standard_normal((20, dimensions)).astype(np.float32)
    oracle = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(samples.astype(np.float64))
    expected_distances, expected = oracle.kneighbors(queries.astype(np.float64))
    distances, neighbors = NeighborIndex(CONTEXT, samples).search(queries, 7)
    np.testing.assert_array_equal(neighbors, expected)
    np.testing.assert_allclose(np.sqrt(distances), expected_distances, rtol=1e-5)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("scale", [1, 1e-22, 1e18], ids=["ordinary", "underflow", "overflow"])
def test_tree_and_scan_agree_to_the_last_bit_at_any_number_of_threads(level: int, scale: float) -> None:
    rng = np.random.default_rng(level)
    samples = (rng.standard_normal((20000, 17)) * scale).astype(np.float32)
    samples[4000:4500] = samples[:500]  # equal samples: ties
    queries = np.concatenate([samples[::1500], (rng.standard_normal((6, 17)) * scale).astype(np.float32)])
    answers = [
        NeighborIndex(Context(threads=threads, levels=1 << level), samples, leaf_size).search(queries, 9)
        for threads, leaf_size in [(1, 0), (2, 0), (3, 0), (1, 1), (1, 30), (3, 200)]
    ]
    for distances, neighbors in answers[1:]:
        np.testing.assert_array_equal(neighbors, answers[0][1])
        np.testing.assert_array_equal(distances, answers[0][0])


@pytest.mark.parametrize("leaf_size", [0, 4])
def test_numbers_that_are_not_finite_are_refused(leaf_size: int) -> None:
    samples = np.ones((5, 3), np.float32)
    index = NeighborIndex(CONTEXT, samples, leaf_size)
    with pytest.raises(MLModelError, match=r"query 1 .* number 2 is nan"):
        index.search(np.array([[1, 1, 1], [1, 1, np.nan]]), 1)
    samples = samples.copy()
    samples[3, 1] = np.inf
    with pytest.raises(MLModelError, match=r"sample 3 .* number 1 is inf"):
        NeighborIndex(CONTEXT, samples, leaf_size)


def test_more_neighbours_than_samples_are_refused() -> None:
    with pytest.raises(MLModelError, match=r"6 nearest of 5 samples"):
        NeighborIndex(CONTEXT, np.ones((5, 3), np.float32)).search(np.ones((1, 3)), 6)
