"""Many queries together, and vectors as 8-bit codes: the same bits as one query against floats, or a stated recall."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from pyruntime.errors import MLModelError
from pyruntime.native.knn import NeighborIndex
from pyruntime.native.lib import Context, cpu_levels, levels
from pyruntime.neighbors.samples import Samples
from pyruntime.neighbors.segments import BOTH, CODES, encoded

LEVELS = [i for i, level in enumerate(levels()) if level in cpu_levels()]
CONTEXT = Context(threads=2)
KINDS = ["ordinary", "underflow", "overflow", "far", "long samples", "long queries", "clusters", "equal"]


def data(kind: str, count: int, dimensions: int) -> tuple[Any, Any]:
    """Samples and 21 queries, some of them samples."""
    rng = np.random.default_rng(dimensions)
    samples = rng.standard_normal((count, dimensions))
    if kind == "far":  # norms hide the distances: nothing can be ruled out by them
        samples += 1e4
    if kind == "clusters":
        samples = samples * 1e-3 + rng.standard_normal((7, dimensions))[rng.integers(0, 7, count)]
    if kind == "equal":
        samples = rng.integers(0, 2, (count, dimensions)).astype(float)
    samples *= {"underflow": 1e-22, "overflow": 1e18}.get(kind, 1)
    queries = np.concatenate([samples[:5], samples[-8:] + samples[:8].std() * 0.1, samples[20:28] * 1.01])
    if kind.startswith("long"):  # the squares of one side add up to infinity, those of the differences do not
        unit = np.sqrt(np.finfo(np.float32).max / dimensions)
        factors = (1.15, 0.86) if kind == "long samples" else (0.5, 1.1)
        samples, queries = (samples * 1e-3 + factors[0]) * unit, (queries * 1e-3 + factors[1]) * unit
    return samples.astype(np.float32), queries.astype(np.float32)


def same(one: Any, other: Any) -> None:
    for got, expected in zip(one, other, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("count", "dimensions"), [(3000, 7), (900, 300)])
def test_a_batch_gives_the_bits_of_single_queries(level: int, kind: str, count: int, dimensions: int) -> None:
    samples, queries = data(kind, count, dimensions)
    alone = NeighborIndex(Context(threads=1, levels=1 << level), samples)
    expected = [np.concatenate(rows) for rows in zip(*(alone.search(query[None], 9) for query in queries), strict=True)]
    cut = [Samples(samples[:100]), Samples(samples[100:101]), Samples(samples[101:])]
    for threads, pieces in ((1, [Samples(samples)]), (3, cut)):
        same(NeighborIndex(Context(threads=threads, levels=1 << level), pieces).search(queries, 9), expected)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", KINDS)
def test_codes_beside_floats_change_no_bit(level: int, kind: str) -> None:
    samples, queries = data(kind, 2500, 40)
    context = Context(threads=2, levels=1 << level)
    expected = NeighborIndex(context, samples).search(queries, 9)
    index = NeighborIndex(context, [encoded(samples[:1000], BOTH), encoded(samples[1000:], BOTH)])
    same(index.search(queries, 9), expected)
    same([np.concatenate(rows) for rows in zip(*(index.search(q[None], 9) for q in queries), strict=True)], expected)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", ["ordinary", "clusters", "equal"])
def test_codes_alone_are_searched_exactly(level: int, kind: str) -> None:
    samples, queries = data(kind, 1200, 33)
    pieces = encoded(samples, CODES)
    assert pieces.codes is not None
    assert pieces.scales is not None
    decoded = pieces.codes * pieces.scales[:, None].astype(np.float64)
    index = NeighborIndex(Context(threads=2, levels=1 << level), [pieces])
    squares, found = index.search(queries, 6)
    exact = ((decoded[None] - queries[:, None].astype(np.float64)) ** 2).sum(-1)
    np.testing.assert_allclose(squares, np.take_along_axis(exact, found, 1), rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(squares, np.sort(exact, axis=1)[:, :6], rtol=1e-4, atol=1e-9)
    same([np.concatenate(rows) for rows in zip(*(index.search(q[None], 6) for q in queries), strict=True)],
         (squares, found))  # fmt: skip


def test_codes_find_most_of_the_neighbours_of_floats() -> None:
    rng = np.random.default_rng(1)
    samples = rng.standard_normal((4000, 64), dtype=np.float32)
    queries = rng.standard_normal((60, 64), dtype=np.float32)
    expected = NeighborIndex(CONTEXT, samples).search(queries, 10)[1]
    found = NeighborIndex(CONTEXT, [encoded(samples, CODES)]).search(queries, 10)[1]
    recall = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(found, expected, strict=True)])
    assert recall > 0.95  # docs/nearest-neighbors.md: 96 to 99 %


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(1, 200), dimensions=st.integers(1, 40), seed=st.integers(0, 999),
    scale=st.sampled_from([1, 50, 0]), many=st.integers(1, 40),
    kinds=st.lists(st.sampled_from(["float32", "int8+float32"]), min_size=1, max_size=4),
)  # fmt: skip
def test_whole_numbers_in_any_pieces_give_the_stable_order(
    count: int, dimensions: int, seed: int, scale: int, many: int, kinds: list[str]
) -> None:
    rng = np.random.default_rng(seed)
    samples = (rng.integers(-3, 4, (count, dimensions)) * scale).astype(np.float32)
    queries = (rng.integers(-3, 4, (many, dimensions)) * scale).astype(np.float32)
    k = int(rng.integers(1, count + 1))
    squares = ((samples[None] - queries[:, None]) ** 2).sum(-1)
    expected = np.argsort(squares, axis=1, kind="stable")[:, :k]
    cuts = np.sort(rng.integers(0, count + 1, len(kinds) - 1))
    pieces = [encoded(part, kind) for part, kind in zip(np.split(samples, cuts), kinds, strict=True)]
    got, found = NeighborIndex(CONTEXT, pieces).search(queries, k)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(got, np.take_along_axis(squares, expected, 1))


@pytest.mark.parametrize("k", [1, 5, 40])
@pytest.mark.parametrize("dimensions", [2, 64, 700])
def test_a_batch_finds_what_scikit_learn_finds(dimensions: int, k: int) -> None:
    rng = np.random.default_rng(k)
    samples = rng.standard_normal((1500, dimensions)).astype(np.float32)
    queries = rng.standard_normal((300, dimensions)).astype(np.float32)  # more than one pass
    oracle = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(samples.astype(np.float64))
    expected_distances, expected = oracle.kneighbors(queries.astype(np.float64))
    distances, neighbors = NeighborIndex(CONTEXT, samples).search(queries, k)
    np.testing.assert_array_equal(neighbors, expected)
    np.testing.assert_allclose(np.sqrt(distances), expected_distances, rtol=1e-5)


def test_a_tree_that_is_made_late_or_given_up_changes_no_bit() -> None:
    rng = np.random.default_rng(4)
    for dimensions in (2, 30):  # where it pays, and where it does not
        samples = rng.standard_normal((6000, dimensions)).astype(np.float32)
        queries = rng.standard_normal((60, dimensions)).astype(np.float32)
        expected = NeighborIndex(CONTEXT, samples).search(queries, 4)
        late = NeighborIndex(CONTEXT, samples, leaf_size=20, patience=10)
        same([np.concatenate(rows) for rows in zip(*(late.search(q[None], 4) for q in queries), strict=True)], expected)
        same(late.search(queries, 4), expected)


def test_numbers_that_are_not_finite_are_found_out_though_nobody_checked() -> None:
    samples = np.ones((3, 4), np.float32)
    samples[1, 2] = np.nan
    index = NeighborIndex(CONTEXT, [Samples(samples, checked=True)])
    assert index.search(np.ones((1, 4)), 2)[1].tolist() == [[0, 2]]
    for many in (1, 5):
        with pytest.raises(MLModelError, match=r"stored samples .* not finite"):
            index.search(np.ones((many, 4)), 3)


def test_unfit_pieces_are_refused() -> None:
    codes = np.zeros((2, 3), np.int8)
    with pytest.raises(MLModelError, match="cannot be searched"):
        NeighborIndex(CONTEXT, [Samples(None, codes)])
    scales = np.ones(2, np.float32)
    with pytest.raises(MLModelError, match="cannot be searched"):
        NeighborIndex(CONTEXT, [Samples(np.zeros((2, 3), np.float32), codes, scales)])
    scales[1] = np.inf
    with pytest.raises(MLModelError, match="scale of sample 1"):
        NeighborIndex(CONTEXT, [Samples(None, codes, scales)])
