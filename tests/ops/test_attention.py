"""Attention against its formula in double precision: orders of axes, parts of larger values, masks, a past."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyruntime.errors import MLModelError
from pyruntime.ir.ops import Attention, MaskKind
from pyruntime.native import lib

F32 = np.float32
Run = Callable[..., list[np.ndarray]]


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def formula(op: Attention, q: np.ndarray, k: np.ndarray, v: np.ndarray, *rest: np.ndarray) -> np.ndarray:
    """For operands (B, H, T, D) of `op.heads` heads."""
    q, k, v, *rest = (x.astype(np.float64) for x in (q, k, v, *rest))
    if op.has_past:
        starts = op.past_k_batch, op.past_v_batch
        past_k, past_v = (x[at : at + len(q)] for x, at in zip(rest[-2:], starts, strict=True))
        k, v = np.concatenate([past_k, k], -2), np.concatenate([past_v, v], -2)
    scores = op.scale * (q @ k.swapaxes(-1, -2))
    if op.mask is MaskKind.ADD:
        scores = scores + rest[0]
    elif op.mask is not MaskKind.NONE:
        scores = np.where((rest[0] != 0) == (op.mask is MaskKind.KEEP), scores, op.fill)
    return softmax(scores) @ v


def turned(x: np.ndarray, inside: bool) -> np.ndarray:
    return np.ascontiguousarray(x.swapaxes(-2, -3)) if inside else x


def check(run: Run, op: Attention, *arrays: np.ndarray, error: float = 2e-6) -> None:
    """`arrays` as (B, H, T, D); the operator gets them in its own order of axes."""
    inside = [op.q_inside, op.k_inside, op.v_inside] + [False] * (op.mask > 0) + [op.past_inside] * 2 * op.has_past
    (got,) = run(op, *(turned(x, turn) for x, turn in zip(arrays, inside, strict=True)))
    expected = formula(op, *arrays)
    np.testing.assert_allclose(
        turned(got, op.y_inside), expected, rtol=0, atol=error * max(1.0, np.abs(expected).max())
    )


def some(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(F32)


@pytest.mark.parametrize("width", [1, 7, 8, 32, 40])
@pytest.mark.parametrize("keys", [1, 5, 16, 33, 128])
@pytest.mark.parametrize("queries", [1, 2, 6, 7, 31, 128])
def test_sizes(run: Run, rng: np.random.Generator, queries: int, keys: int, width: int) -> None:
    q, k, v = some(rng, 1, 3, queries, width), some(rng, 1, 3, keys, width), some(rng, 1, 3, keys, width + 3)
    check(run, Attention(3, width**-0.5), q, k, v)


@pytest.mark.parametrize("order", list(itertools.product([False, True], repeat=4)))
@pytest.mark.parametrize("queries", [2, 19])
def test_orders_of_axes(run: Run, rng: np.random.Generator, queries: int, order: tuple[bool, ...]) -> None:
    q, k, v = some(rng, 2, 5, queries, 12), some(rng, 2, 5, 21, 12), some(rng, 2, 5, 21, 9)
    op = Attention(5, 0.3, q_inside=order[0], k_inside=order[1], v_inside=order[2], y_inside=order[3])
    check(run, op, q, k, v)
    check(run, op, q[0], k[0], v[0])


def test_many_keys(run: Run, rng: np.random.Generator) -> None:
    check(run, Attention(1, 0.2), some(rng, 1, 1, 50, 24), some(rng, 1, 1, 7001, 24), some(rng, 1, 1, 7001, 24))


@pytest.mark.parametrize("queries", [1, 40])
def test_heads_of_a_larger_value(run: Run, rng: np.random.Generator, queries: int) -> None:
    """Queries, keys and values side by side, as one product leaves them: (B, T, 3 H, D)."""
    x = some(rng, 2, queries, 12, 16)
    op = Attention(4, 0.25, True, True, True, False, True, 0, 4, 8)
    (got,) = run(op, x, x, x)
    parts = (np.ascontiguousarray(x[:, :, at : at + 4].swapaxes(1, 2)) for at in (0, 4, 8))
    np.testing.assert_allclose(got.swapaxes(1, 2), formula(op, *parts), rtol=0, atol=3e-6)


MASKS = [(2, 3, 9, 20), (2, 1, 9, 20), (1, 3, 1, 20), (9, 20), (1, 20), (2, 1, 1, 1), (3, 9, 1), ()]


@pytest.mark.parametrize("kind", [MaskKind.ADD, MaskKind.KEEP, MaskKind.DROP])
@pytest.mark.parametrize("shape", MASKS)
@pytest.mark.parametrize("queries", [9, 2])
def test_masks(run: Run, rng: np.random.Generator, queries: int, shape: tuple[int, ...], kind: MaskKind) -> None:
    shape = tuple(queries if size == 9 else size for size in shape)
    mask = some(rng, *shape) if kind is MaskKind.ADD else (some(rng, *shape) > 0).astype(F32)
    q, k, v = some(rng, 2, 3, queries, 8), some(rng, 2, 3, 20, 8), some(rng, 2, 3, 20, 8)
    check(run, Attention(3, 0.5, y_inside=True, mask=kind, fill=-1e4), q, k, v, np.asarray(mask, F32))


@pytest.mark.parametrize("scale", [-0.4, 0.0, 1.0])
def test_scales(run: Run, rng: np.random.Generator, scale: float) -> None:
    check(run, Attention(2, scale), some(rng, 2, 11, 8), some(rng, 2, 17, 8), some(rng, 2, 17, 8))


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("queries", "new", "before"), [(1, 1, 127), (1, 1, 0), (1, 0, 9), (5, 5, 12), (30, 30, 70), (30, 0, 70)]
)
def test_a_past(run: Run, rng: np.random.Generator, queries: int, new: int, before: int, inside: bool) -> None:
    q, k, v = some(rng, 1, 4, queries, 16), some(rng, 1, 4, new, 16), some(rng, 1, 4, new, 24)
    past = some(rng, 6, 4, before, 16), some(rng, 6, 4, before, 24)
    check(run, Attention(4, 0.25, past_inside=inside, has_past=True, past_k_batch=5), q, k, v, *past)
    mask = some(rng, queries, new + before)
    op = Attention(4, 0.25, past_inside=inside, has_past=True, past_v_batch=2, mask=MaskKind.ADD)
    check(run, op, q, k, v, mask, *past)


def test_no_keys_give_zeros(run: Run) -> None:
    (got,) = run(Attention(2, 1.0), np.ones((2, 3, 4), F32), np.ones((2, 0, 4), F32), np.ones((2, 0, 5), F32))
    assert got.shape == (2, 3, 5)
    assert not got.any()


@pytest.mark.parametrize("queries", [1, 20])
def test_large_scores_survive(run: Run, rng: np.random.Generator, queries: int) -> None:
    q, k, v = some(rng, 1, queries, 8) * F32(1e4), some(rng, 1, 30, 8) * F32(1e4), some(rng, 1, 30, 8)
    (got,) = run(Attention(1, 1.0), q, k, v)
    assert np.isfinite(got).all()
    assert np.abs(got).max() <= np.abs(v).max() * F32(1.00001)


@pytest.mark.parametrize("queries", [1, 20])
def test_a_row_without_any_key_is_no_number(run: Run, rng: np.random.Generator, queries: int) -> None:
    """As softmax of nothing but -inf."""
    mask = np.zeros((queries, 30), F32)
    mask[0] = -np.inf
    (got,) = run(Attention(1, 1.0, mask=MaskKind.ADD), *(some(rng, 1, n, 8) for n in (queries, 30, 30)), mask)
    assert np.isnan(got[0, 0]).all()
    assert np.isfinite(got[0, 1:]).all()


def test_answers_do_not_depend_on_threads(rng: np.random.Generator) -> None:
    arrays = some(rng, 1, 2, 500, 32), some(rng, 1, 2, 300, 32), some(rng, 1, 2, 300, 32)
    answers = [lib.run_once(Attention(2, 0.2), "l", arrays, 1, lib.Context(threads=n))[0] for n in (1, 2, 3)]
    assert all((answers[0] == other).all() for other in answers[1:])


Q, K, V = (1, 4, 5, 8), (1, 4, 6, 8), (1, 4, 6, 7)
BAD: list[tuple[dict[str, Any], tuple[tuple[int, ...], ...], str]] = [
    ({"heads": 0}, (Q, K, V), "0 heads"),
    ({"heads": 5}, (Q, K, V), "heads of the queries"),
    ({"q_head": 1}, (Q, K, V), "heads of the queries"),
    ({"k_head": -1}, (Q, K, V), "heads of the keys"),
    ({"v_head": 2**31 - 1}, (Q, K, V), "heads of the values"),
    ({}, (Q, (1, 4, 6, 9), V), "widths"),
    ({}, (Q, K, (1, 4, 5, 7)), "keys and values"),
    ({}, (Q, (2, 4, 6, 8), V), "entries"),
    ({}, (Q, K[1:], V), "rank"),
    ({}, (Q[2:], K[2:], V[2:]), "rank"),
    ({}, (Q, K), "inputs"),
    ({"mask": 9}, (Q, K, V, (1,)), "kind of mask"),
    ({"mask": MaskKind.ADD}, (Q, K, V, (5, 5)), "mask"),
    ({"mask": MaskKind.ADD}, (Q, K, V, (1, 1, 1, 1, 6)), "mask"),
    ({"has_past": True}, (Q, K, V, (1, 4, 6, 8), (1, 4, 5, 7)), "past keys and values"),
    ({"has_past": True}, (Q, K, V, (1, 3, 6, 8), (1, 4, 6, 7)), "past keys"),
    ({"has_past": True, "past_k_batch": 1}, (Q, K, V, (1, 4, 6, 8), (1, 4, 6, 7)), "past keys"),
    ({"has_past": True, "past_v_batch": -1}, (Q, K, V, (1, 4, 6, 8), (1, 4, 6, 7)), "past values"),
    ({}, ((1, 4, 5, 0), (1, 4, 6, 0), V), "without numbers"),
]


@pytest.mark.parametrize(("fields", "operands", "message"), BAD)
def test_bad_operands(shapes: Any, fields: dict[str, Any], operands: tuple[tuple[int, ...], ...], message: str) -> None:
    with pytest.raises(MLModelError, match=message):
        shapes(Attention(**{"heads": 4, "scale": 1.0, **fields}), *operands)


def test_open_sizes(shapes: Any) -> None:
    op = Attention(4, 1.0, True, True, True, False, True)
    assert shapes(op, (-1, -1, 4, 8), (-1, -1, 4, 8), (-1, 6, 4, 7)) == [(-1, -1, 4, 7)]
    assert shapes(Attention(4, 1.0), (-1, 5, 8), (4, -1, 8), (4, -1, 7)) == [(4, 5, 7)]
