"""Examples of one label that are equal, or nearly so."""

from __future__ import annotations

import numpy as np

from pyruntime.native.knn import NeighborIndex
from pyruntime.native.lib import Context
from pyruntime.neighbors.samples import Array, Samples
from pyruntime.neighbors.store import ExampleStore

_TOGETHER = 256


def duplicates(store: ExampleStore, within: float, context: Context) -> Array:
    """Which examples are superfluous, bool (count): an older one of their label that is not is at most `within`
    away."""
    gone = np.zeros(len(store), bool)
    order = np.argsort(store.codes, kind="stable")
    bounds = np.cumsum(np.bincount(store.codes, minlength=len(store.table)))
    for places in np.split(order, bounds[:-1]) if len(order) else []:
        if len(places) > 1:
            vectors = store.floats(places)
            gone[places] = _equal(vectors) if within == 0 else _near(vectors, within, context)
    return gone


def _equal(vectors: Array) -> Array:
    """Which rows have an equal one before them; 0 and -0 are equal."""
    rows = np.ascontiguousarray(vectors + np.float32(0)).view(np.dtype((np.void, 4 * vectors.shape[1]))).reshape(-1)
    _, first = np.unique(rows, return_index=True)
    repeated = np.ones(len(rows), bool)
    repeated[first] = False
    return repeated


def _near(vectors: Array, within: float, context: Context) -> Array:
    """Which rows have one before them, itself left, within a distance.

    Some rows at a time: against all that are left before them by a search, then against each other.
    """
    limit = np.float64(within) ** 2
    gone = np.zeros(len(vectors), bool)
    left: list[Samples] = []
    for begin in range(0, len(vectors), _TOGETHER):
        rows = np.ascontiguousarray(vectors[begin : begin + _TOGETHER])
        far = np.ones(len(rows), bool)
        if left:
            squares, _ = NeighborIndex(context, left).search(rows, 1)
            far = squares[:, 0] > limit
        candidates = np.flatnonzero(far)
        keep = _first_of_each(rows[candidates], limit, context)
        gone[begin : begin + len(rows)] = True
        gone[begin + candidates[keep]] = False
        if keep.any():
            left = _extended(left, rows[candidates[keep]])
    return gone


def _extended(pieces: list[Samples], rows: Array) -> list[Samples]:
    """Pieces with more rows; a short last one is joined with them, so that pieces stay few."""
    if pieces and pieces[-1].shape[0] < 16 * _TOGETHER:
        last = pieces[-1].floats
        assert last is not None, "pieces of floats"
        return [*pieces[:-1], Samples(np.concatenate([last, rows]), checked=True)]
    return [*pieces, Samples(rows, checked=True)]


def _first_of_each(rows: Array, limit: float, context: Context) -> Array:
    """Of a few rows those that are farther than the limit from each one before them that is kept."""
    keep = np.ones(len(rows), bool)
    if len(rows) < 2:
        return keep
    squares, others = NeighborIndex(context, rows).search(rows, len(rows))
    near = np.zeros((len(rows), len(rows)), bool)
    np.put_along_axis(near, others, squares <= limit, axis=1)
    for row in range(1, len(rows)):
        keep[row] = not (near[row, :row] & keep[:row]).any()
    return keep
