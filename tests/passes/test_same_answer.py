"""Passes, levels and threads do not change the answer: random networks with and without them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyruntime.description import describe_model
from pyruntime.ir.graph import Graph
from pyruntime.ir.verify import verify
from pyruntime.layers.network import lower_network
from pyruntime.native import lib
from pyruntime.passes.pack import pack_weights
from pyruntime.passes.pipeline import PASSES, optimise

from ..layers.network import borders, layer, model, numbers, weights
from .graphs import run

Shape = tuple[int, ...]
TOLERANCE = 1e-4
"""Of the largest number: a dozen layers, each of which rounds in another order."""


class Network:
    """Layers on blobs of shape (C, H, W), written one after the other."""

    def __init__(self, shape: Shape, exact: bool) -> None:
        self.blobs: list[tuple[str, Shape]] = [("x", shape)]
        self.layers: list[Any] = []
        self.shape, self.exact = shape, exact

    def add(self, kind: str, a: int, b: int, seed: int) -> None:
        """The step of this kind on the a-th last blob, with a parameter b; nothing if it is not legal there."""
        blob = self.blobs[-1 - a % len(self.blobs)]
        made = STEPS[kind](blob[1], b, seed, self.blobs)
        if made is None:
            return
        message, shape, others = made
        name = f"b{len(self.blobs)}"
        message.name = f"{kind} {name}"
        del message.input[:], message.output[:]
        message.input.extend([blob[0], *others])
        message.output.append(name)
        self.layers.append(message)
        self.blobs.append((name, shape))

    def graph(self, middle: int) -> Graph:
        """Results: the last blob, and one in the middle."""
        names = dict.fromkeys([self.blobs[-1][0], self.blobs[middle % len(self.blobs)][0]])
        shape = (2, *self.shape) if self.exact else self.shape
        spec = model({"x": shape}, self.layers, list(names), exact=self.exact)
        return lower_network(spec.neuralNetwork, describe_model(spec), None, tuple(names)).graph


def _conv(shape: Shape, b: int, seed: int, _: Any) -> Any:
    c, h, w = shape
    size, groups = 1 + 2 * (b % 2), c if b % 3 == 0 else 1
    outputs = c if groups > 1 else 1 + b % 5
    values = numbers(outputs, c // groups, size, size, seed=seed) / np.float32(size * np.sqrt(c // groups))
    more = {"hasBias": True, "bias": weights(numbers(outputs, seed=seed + 1))} if b % 2 else {}
    message = layer(
        "convolution", outputChannels=outputs, kernelChannels=c // groups, nGroups=groups, kernelSize=(size, size),
        weights=weights(values), same={"asymmetryMode": b % 2}, stride=(1 + b // 5, 1), **more,
    )  # fmt: skip
    return message, (outputs, -(-h // (1 + b // 5)), w), []


def _pool(shape: Shape, b: int, seed: int, _: Any) -> Any:
    c, h, w = shape
    if b == 0:
        return layer("pooling", type=seed % 3, globalPooling=True, valid={}), (c, 1, 1), []
    return (
        layer("pooling", type=seed % 2, kernelSize=(2, 3), stride=(b % 2 + 1, 1), same={}),
        (c, -(-h // (b % 2 + 1)), w),
        [],
    )


ACTIVATIONS: list[dict[str, Any]] = [
    {"ReLU": {}}, {"linear": {"alpha": -1.0}}, {"leakyReLU": {"alpha": 0.25}}, {"sigmoid": {}}, {"tanh": {}},
    {"linear": {"alpha": 0.5, "beta": 0.25}}, {"linear": {"alpha": 1.0}}, {"softsign": {}},
]  # fmt: skip


def _activation(shape: Shape, b: int, _seed: int, _: Any) -> Any:
    return layer("activation", **ACTIVATIONS[b % len(ACTIVATIONS)]), shape, []


def _threshold(shape: Shape, b: int, _seed: int, _: Any) -> Any:
    return layer("unary", type=7, alpha=-1.0 + b / 4), shape, []


def _binary(shape: Shape, b: int, seed: int, blobs: Any) -> Any:
    fits = [(n, s) for n, s in blobs if all(p == q or 1 in (p, q) for p, q in zip(s, shape, strict=True))]
    other, there = fits[-1 - seed % len(fits)]
    kind = ("add", "average", "max", "min")[b % 4]
    return layer(kind), tuple(max(p, q) for p, q in zip(shape, there, strict=True)), [other]


def _constant(shape: Shape, b: int, seed: int, _: Any) -> Any:
    of = (1,) if b % 3 == 0 else (shape[0],) if b % 3 == 1 else shape
    values = numbers(int(np.prod(of)), seed=seed)
    if b % 2:
        return layer("bias", shape=of, bias=weights(values)), shape, []
    return (
        layer("scale", shapeScale=of, scale=weights(values), hasBias=b > 3, shapeBias=of, bias=weights(values)),
        shape,
        [],
    )


def _batchnorm(shape: Shape, b: int, seed: int, _: Any) -> Any:
    vectors = {n: weights(numbers(shape[0], seed=seed + i)) for i, n in enumerate(("gamma", "beta", "mean"))}
    variance = weights(np.abs(numbers(shape[0], seed=seed + 9)) + 0.5)
    return layer("batchnorm", channels=shape[0], variance=variance, **vectors), shape, []


def _concat(shape: Shape, _b: int, seed: int, blobs: Any) -> Any:
    fits = [(n, s) for n, s in blobs if s[1:] == shape[1:]]
    other, there = fits[-1 - seed % len(fits)]
    channels = shape[0] + there[0]
    return (layer("concat"), (channels, *shape[1:]), [other]) if channels < 20 else None


def _reduce(shape: Shape, b: int, _seed: int, _: Any) -> Any:
    axis = b % 5
    folded = ((0, 1, 2), (1, 2), (0,), (1,), (2,))[axis]
    message = layer("reduce", mode=(1, 7, 8)[b % 3], axis=axis)
    return message, tuple(1 if i in folded else d for i, d in enumerate(shape)), []


def _pad(shape: Shape, b: int, _seed: int, _: Any) -> Any:
    c, h, w = shape
    kind = (
        {"constant": {"value": 0.5}}
        if b % 3 == 0
        else {"replication": {}}
        if b % 3 == 1 or min(h, w) < 2
        else {"reflection": {}}
    )
    return (
        (layer("padding", paddingAmounts=borders((1, 0), (b % 2, 1)), **kind), (c, h + 1, w + 1 + b % 2), [])
        if h * w < 120
        else None
    )


def _slice(shape: Shape, b: int, _seed: int, _: Any) -> Any:
    axis = b % 3
    if shape[axis] < 2:
        return None
    size = len(range(shape[axis])[1 : shape[axis] : 1 + b % 2])
    message = layer("slice", axis=axis, startIndex=1, endIndex=shape[axis], stride=1 + b % 2)
    return message, tuple(size if i == axis else d for i, d in enumerate(shape)), []


def _softmax(shape: Shape, _b: int, _seed: int, _: Any) -> Any:
    return layer("softmax"), shape, []


def _lrn(shape: Shape, b: int, _seed: int, _: Any) -> Any:
    return layer("lrn", localSize=1 + b, alpha=0.5, beta=0.75, k=1.0), shape, []


def _upsample(shape: Shape, b: int, _seed: int, _: Any) -> Any:
    c, h, w = shape
    return (layer("upsample", scalingFactor=(2, 1), mode=b % 2), (c, 2 * h, w), []) if h < 10 else None


def _flatten(shape: Shape, b: int, _seed: int, _: Any) -> Any:
    return (layer("flatten", mode=b % 2), (int(np.prod(shape)), 1, 1), []) if np.prod(shape) < 40 else None


def _dense(shape: Shape, b: int, seed: int, _: Any) -> Any:
    count, outputs = int(np.prod(shape)), 1 + b
    values = weights(numbers(outputs, count, seed=seed) / np.float32(np.sqrt(count)))
    return layer("innerProduct", inputChannels=count, outputChannels=outputs, weights=values), (outputs, 1, 1), []


STEPS = {
    "conv": _conv, "pool": _pool, "activation": _activation, "threshold": _threshold, "binary": _binary,
    "constant": _constant, "batchnorm": _batchnorm, "concat": _concat, "reduce": _reduce, "pad": _pad, "slice": _slice,
    "softmax": _softmax, "lrn": _lrn, "upsample": _upsample, "flatten": _flatten, "dense": _dense,
}  # fmt: skip
STEP = st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 3), st.integers(0, 7), st.integers(0, 99))
SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 7), st.integers(1, 7))
NETWORKS = st.tuples(SHAPES, st.booleans(), st.lists(STEP, min_size=1, max_size=12), st.integers(0, 12))
QUICK = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def written(network: Any) -> tuple[Graph, list[np.ndarray]]:
    shape, exact, steps, middle = network
    net = Network(shape, exact)
    for step in steps:
        net.add(*step)
    lead = (2,) if exact else (1, 3)  # three examples in legacy ranks, where the graph leaves it open
    return net.graph(middle), [numbers(*lead, *shape, seed=7)]


@lru_cache(maxsize=16)
def context(level: str, threads: int) -> lib.Context:
    return lib.Context(threads=threads, levels=(1 << (lib.levels().index(level) + 1)) - 1)


def same(got: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for g, w in zip(got, wanted, strict=True):
        assert g.shape == w.shape
        assert np.abs(g - w).max(initial=0) <= TOLERANCE * max(np.abs(w).max(initial=0), 1e-3)


@QUICK
@given(network=NETWORKS, chosen=st.lists(st.booleans(), min_size=len(PASSES), max_size=len(PASSES)))
def test_any_of_the_passes_in_their_order(network: Any, chosen: list[bool]) -> None:
    graph, arrays = written(network)
    plain = run(graph, arrays, context("ref", 1))
    for step, use in zip(PASSES, chosen, strict=True):
        if use:
            graph = step(graph)
            verify(graph, step.__name__)
    same(run(graph, arrays, context("ref", 1)), plain)


@QUICK
@given(network=NETWORKS)
def test_all_passes_at_every_level_with_any_number_of_threads(network: Any) -> None:
    graph, arrays = written(network)
    plain = run(graph, arrays, context("ref", 1))
    for level in lib.cpu_levels():
        best = optimise(graph, context(level, 1))
        answers = [run(best, arrays, context(level, threads)) for threads in (1, 2, 3)]
        same(answers[0], plain)
        for other in answers[1:]:
            for a, b in zip(answers[0], other, strict=True):
                np.testing.assert_array_equal(a, b)


@QUICK
@given(network=NETWORKS)
def test_packed_weights_of_an_unchanged_graph(network: Any) -> None:
    graph, arrays = written(network)
    plain = run(graph, arrays, context("ref", 1))
    for level in lib.cpu_levels():
        same(run(pack_weights(graph, context(level, 1)), arrays, context(level, 1)), plain)


@settings(max_examples=1, deadline=None)
@given(network=NETWORKS)
@example(
    network=(
        (64, 40, 40),
        False,
        [("conv", 0, 1, 1), ("activation", 0, 0, 0), ("conv", 0, 3, 1), ("softmax", 0, 0, 0)],
        1,
    )
)
@example(
    network=(
        (32, 50, 30),
        True,
        [("batchnorm", 0, 0, 1), ("conv", 0, 3, 2), ("binary", 0, 0, 2), ("reduce", 0, 1, 0)],
        1,
    )
)
def test_work_that_is_shared_among_threads_gives_the_same_bits(network: Any) -> None:
    """Large enough that every thread gets some."""
    graph, arrays = written(network)
    for level in lib.cpu_levels():
        best = optimise(graph, context(level, 1))
        first = run(best, arrays, context(level, 1))
        for threads in (2, 3):
            for a, b in zip(first, run(best, arrays, context(level, threads)), strict=True):
                np.testing.assert_array_equal(a, b)
