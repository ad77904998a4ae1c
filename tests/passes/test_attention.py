"""Which graphs fuse_attention makes one operator, which it leaves, and that the answers stay."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from pyruntime.ir.graph import Value
from pyruntime.ir.ops import (  # fmt: skip
    Attention,
    BinaryKind,
    Concat,
    MaskKind,
    Matmul,
    Reshape,
    Select,
    Slice,
    Softmax,
    UnaryKind,
)
from pyruntime.ir.ops.move import LAST
from pyruntime.layers.builder import Builder
from pyruntime.native import lib
from pyruntime.passes.attention import fuse_attention
from pyruntime.passes.clean import drop_dead_nodes
from pyruntime.passes.layout import sink_transposes
from pyruntime.passes.reshapes import sink_reshapes

from .graphs import after, graph, run

HEADS, WIDTH = 3, 8
SWAP = (0, 2, 1, 3)
Writes = Callable[..., Any]


def heads(b: Builder, x: Value, axes: Sequence[int] = SWAP) -> Value:
    """(B, T, C) as (B, heads, T, C / heads)."""
    return b.transpose(b.reshape(x, 0, 0, HEADS, WIDTH), axes)


def merged(b: Builder, y: Value) -> Value:
    return b.reshape(b.transpose(y, SWAP), 0, 0, HEADS * WIDTH)


def scaled(b: Builder, x: Value, by: float = 0.25) -> Value:
    return b.unary(UnaryKind.LINEAR, x, by, 0.0)


def soft(b: Builder, x: Value, axis: int = 3) -> Value:
    return b.emit(Softmax(axis), x)


def product(b: Builder, x: Value, y: Value, **turns: bool) -> Value:
    return b.emit(Matmul(**turns), x, y)


def fused(write: Writes, *shapes: Sequence[int], nodes: int | None = None) -> list[Attention]:
    """The Attention operators of the graph that `write` writes; the answer with and without passes is the same."""
    before = graph(write, *shapes)
    made = after(before, sink_transposes, sink_reshapes, fuse_attention, drop_dead_nodes)
    rng, context = np.random.default_rng(4), lib.Context(threads=1)
    known = [tuple(3 if size < 0 else size for size in shape) for shape in shapes]
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in known]
    for got, expected in zip(run(made, arrays, context), run(before, arrays, context), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=3e-6 * max(1, np.abs(expected).max()))
    if nodes is not None:
        assert len(made.nodes) == nodes, [node.op for node in made.nodes]
    return [node.op for node in made.nodes if isinstance(node.op, Attention)]


def attention(b: Builder, q: Value, k: Value, v: Value, scores: Writes = lambda b, x: scaled(b, x)) -> Value:
    """As a PyTorch module is exported: (B, T, C) in and out."""
    turned = heads(b, k, (0, 2, 3, 1))
    return merged(b, product(b, soft(b, scores(b, product(b, heads(b, q), turned))), heads(b, v)))


X = (2, 10, HEADS * WIDTH)
MEMORY = (2, 7, HEADS * WIDTH)


def test_no_transpose_is_left() -> None:
    """Three reshapes, the operator, and the reshape of its result."""
    (op,) = fused(attention, X, X, X, nodes=5)
    assert op == Attention(HEADS, 0.25, True, True, True, False, True)


@pytest.mark.parametrize("length", [1, 2, 13])
def test_lengths(length: int) -> None:
    shape, memory = (1, length, HEADS * WIDTH), (1, 7, HEADS * WIDTH)
    assert len(fused(attention, shape, memory, memory)) == 1


def test_open_sizes() -> None:
    """One length, and that of another value: both names are followed."""

    def write(b: Builder, x: Value) -> Value:
        return attention(b, x, x, x)

    assert len(fused(write, (1, -1, HEADS * WIDTH))) == 1
    assert len(fused(write, (-1, -1, HEADS * WIDTH))) == 1


def test_entries_that_might_be_broadcast_stay() -> None:
    assert fused(attention, (-1, 4, HEADS * WIDTH), (-1, 4, HEADS * WIDTH), (-1, 4, HEADS * WIDTH)) == []


def test_keys_by_the_flag_of_the_product() -> None:
    def write(b: Builder, q: Value, k: Value, v: Value) -> Value:
        shares = soft(b, product(b, heads(b, q), heads(b, k), transpose_b=True))
        return merged(b, product(b, shares, heads(b, v)))

    assert fused(write, X, MEMORY, MEMORY, nodes=5) == [Attention(HEADS, 1.0, True, True, True, False, True)]


def test_three_axes_as_pytorchs_module_has_them() -> None:
    """(T, B * heads, D), scaled before the product."""

    def write(b: Builder, q: Value, k: Value, v: Value) -> Value:
        q, k, v = (b.transpose(x, (1, 0, 2)) for x in (scaled(b, q), k, v))
        shares = b.emit(Softmax(2), product(b, q, b.transpose(k, (0, 2, 1))))
        return b.transpose(product(b, shares, v), (1, 0, 2))

    assert fused(write, (9, 6, 8), (7, 6, 8), (7, 6, 5), nodes=1) == [Attention(6, 0.25, True, True, True, False, True)]


def test_factors_on_queries_and_keys() -> None:
    """As Whisper has them: each the fourth root of the width."""

    def write(b: Builder, q: Value, k: Value, v: Value) -> Value:
        return attention(b, scaled(b, q, 0.5), scaled(b, k, 0.5), v, lambda b, x: x)

    (op,) = fused(write, X, X, X, nodes=5)
    assert op.scale == 0.25


def test_a_factor_that_others_read_stays() -> None:
    def write(b: Builder, q: Value, k: Value, v: Value) -> tuple[Value, Value]:
        q = scaled(b, q)
        return attention(b, q, k, v, lambda b, x: x), b.unary(UnaryKind.ABS, q)

    (op,) = fused(write, X, X, X)
    assert op.scale == 1


@pytest.mark.parametrize("kind", [BinaryKind.MUL, BinaryKind.DIV])
def test_factors_that_are_constants(kind: BinaryKind) -> None:
    def scores(b: Builder, x: Value) -> Value:
        return b.binary(kind, x, b.constant(np.float32([4.0])))

    (op,) = fused(lambda b, *x: attention(b, *x, scores), X, X, X, nodes=5)
    assert op.scale == (4.0 if kind is BinaryKind.MUL else 0.25)


@pytest.mark.parametrize("shape", [(2, 1, 1, 10), (10, 10), (1, 1, 10, 10), (2, HEADS, 10, 10), (10,)])
@pytest.mark.parametrize("first", [False, True])
def test_a_mask_that_is_added(shape: tuple[int, ...], first: bool) -> None:
    def write(b: Builder, q: Value, k: Value, v: Value, mask: Value) -> Value:
        def scores(b: Builder, x: Value) -> Value:
            x = scaled(b, x)
            return b.binary(BinaryKind.ADD, mask, x) if first else b.binary(BinaryKind.ADD, x, mask)

        return attention(b, q, k, v, scores)

    (op,) = fused(write, X, X, X, shape)
    assert (op.mask, op.scale) == (MaskKind.ADD, 0.25)


def test_a_constant_causal_mask() -> None:
    mask = np.triu(np.full((10, 10), -1e9, np.float32), 1)[None, None]

    def scores(b: Builder, x: Value) -> Value:
        return b.binary(BinaryKind.ADD, scaled(b, x), b.constant(mask))

    (op,) = fused(lambda b, *x: attention(b, *x, scores), X, X, X)
    assert op.mask is MaskKind.ADD


@pytest.mark.parametrize("keep", [True, False])
def test_a_mask_that_chooses(keep: bool) -> None:
    """As GPT-2 has it: where(mask, scores, -10000), and masked_fill(mask, -inf)."""

    def scores(b: Builder, x: Value) -> Value:
        mask = b.constant(np.tril(np.ones((1, 1, 10, 10), np.float32)))
        fill = b.constant(np.float32([-1e4 if keep else -math.inf]))
        if keep:
            return b.emit(Select(), mask, scaled(b, x), fill)
        return b.emit(Select(), b.unary(UnaryKind.NOT, mask), fill, scaled(b, x))

    (op,) = fused(lambda b, *x: attention(b, *x, scores), X, X, X)
    assert (op.mask, op.fill) == ((MaskKind.KEEP, -1e4) if keep else (MaskKind.DROP, -math.inf))


def test_a_scale_behind_the_mask_stays() -> None:
    """It would be the mask's too."""

    def write(b: Builder, q: Value, k: Value, v: Value, mask: Value) -> Value:
        return attention(b, q, k, v, lambda b, x: scaled(b, b.binary(BinaryKind.ADD, x, mask)))

    assert fused(write, X, X, X, (10, 10)) == []


def test_parts_of_one_product() -> None:
    """Queries, keys and values side by side, cut apart: nothing is copied."""

    def write(b: Builder, x: Value) -> Value:
        size = HEADS * WIDTH
        parts = [b.emit(Slice((0, 0, at), (LAST, LAST, at + size), (1, 1, 1)), x) for at in (0, size, 2 * size)]
        return attention(b, *parts)

    (op,) = fused(write, (2, 10, 3 * HEADS * WIDTH))
    assert (op.q_head, op.k_head, op.v_head) == (0, HEADS, 2 * HEADS)


def test_a_part_that_does_not_begin_at_a_head() -> None:
    def write(b: Builder, x: Value, k: Value, v: Value) -> Value:
        q = b.emit(Slice((0, 0, 3), (LAST, LAST, 3 + HEADS * WIDTH), (1, 1, 1)), x)
        return attention(b, q, k, v)

    (op,) = fused(write, (2, 10, 4 * HEADS * WIDTH), X, X)
    assert op.q_head == 0


def cached(b: Builder, q: Value, k: Value, v: Value, past_k: Value, past_v: Value) -> Value:
    """One step of decoding; the caches are (B, heads, P, D)."""
    k, v = b.emit(Concat(2), past_k, heads(b, k)), b.emit(Concat(2), past_v, heads(b, v))
    shares = soft(b, scaled(b, product(b, heads(b, q), b.transpose(k, (0, 1, 3, 2)))))
    return merged(b, product(b, shares, v))


@pytest.mark.parametrize("length", [1, 4])
def test_a_cache_is_read_where_it_is(length: int) -> None:
    new, past = (1, length, HEADS * WIDTH), (1, HEADS, 12, WIDTH)
    (op,) = fused(cached, new, new, new, past, past)
    assert op.has_past
    assert op.past_inside is False


def test_a_cache_of_all_layers() -> None:
    def write(b: Builder, q: Value, k: Value, v: Value, past_k: Value, past_v: Value) -> Value:
        def taken(x: Value, i: int) -> Value:
            return b.emit(Slice((i, 0, 0, 0), (i + 1, LAST, LAST, LAST), (1, 1, 1, 1)), x)

        return cached(b, q, k, v, taken(past_k, 3), taken(past_v, 2))

    new, past = (1, 1, HEADS * WIDTH), (5, HEADS, 12, WIDTH)
    (op,) = fused(write, new, new, new, past, past)
    assert (op.past_k_batch, op.past_v_batch) == (3, 2)


def test_a_cache_that_is_a_result_is_made() -> None:
    def write(b: Builder, q: Value, k: Value, v: Value, past_k: Value, past_v: Value) -> tuple[Value, Value]:
        k, v = b.emit(Concat(2), past_k, heads(b, k)), b.emit(Concat(2), past_v, heads(b, v))
        shares = soft(b, product(b, heads(b, q), k, transpose_b=True))
        return merged(b, product(b, shares, v)), k

    new, past = (1, 1, HEADS * WIDTH), (1, HEADS, 12, WIDTH)
    (op,) = fused(write, new, new, new, past, past)
    assert not op.has_past


def test_caches_of_two_lengths_are_made() -> None:
    """Together as long as each other, but not part by part."""

    def write(b: Builder, q: Value, k: Value, v: Value, past_k: Value, past_v: Value) -> Value:
        k, v = b.emit(Concat(2), past_k, k), b.emit(Concat(2), past_v, v)
        return product(b, soft(b, product(b, heads(b, q), k, transpose_b=True)), v)

    x, y = (1, HEADS, 5, WIDTH), (1, HEADS, 7, WIDTH)
    (op,) = fused(write, (1, 2, HEADS * WIDTH), x, y, y, x)
    assert not op.has_past


def other(kind: str) -> Writes:
    """Attention with one thing that is not."""

    def write(b: Builder, q: Value, k: Value, v: Value) -> Value | tuple[Value, ...]:
        scores = product(b, heads(b, q), heads(b, k), transpose_b=True)
        shares = soft(b, scores, 2 if kind == "softmax over queries" else 3)
        if kind == "function of the shares":
            shares = b.unary(UnaryKind.ABS, shares)
        y = product(b, shares, heads(b, v), transpose_a=kind == "shares turned")
        if kind == "shares are a result":
            return y, shares
        if kind == "scores are read":
            return y, b.unary(UnaryKind.ABS, scores)
        return y

    return write


@pytest.mark.parametrize(
    "kind",
    ["softmax over queries", "function of the shares", "shares turned", "shares are a result", "scores are read"],
)
def test_what_is_not_attention(kind: str) -> None:
    assert fused(other(kind), X, X, X) == []
    assert len(fused(other("nothing else"), X, X, X)) == 1


def test_values_for_all_heads_are_broadcast() -> None:
    def write(b: Builder, q: Value, k: Value, v: Value) -> Value:
        return product(b, soft(b, product(b, heads(b, q), heads(b, k), transpose_b=True)), v)

    assert fused(write, X, X, (2, 1, 10, 5)) == []


def test_keys_that_lie_turned() -> None:
    """(B, heads, D, S) from elsewhere: no transpose to leave out."""

    def write(b: Builder, q: Value, k: Value, v: Value) -> Value:
        return product(b, soft(b, product(b, heads(b, q), k)), heads(b, v))

    assert fused(write, X, (2, HEADS, WIDTH, 10), X) == []


def test_a_result_that_is_read_twice_keeps_its_order() -> None:
    def write(b: Builder, q: Value, k: Value, v: Value) -> tuple[Value, Value]:
        shares = soft(b, product(b, heads(b, q), heads(b, k), transpose_b=True))
        y = product(b, shares, heads(b, v))
        return merged(b, y), b.emit(Reshape((2, HEADS * 10, WIDTH)), y)

    (op,) = fused(write, X, X, X)
    assert not op.y_inside
