"""From a recipe, which hypothesis shrinks, to a network and what it must answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from pyruntime.layers.network import CORE_ML_2_LAYERS

from . import (  # noqa: F401  (each files its rows)
    rows_axes,
    rows_control,
    rows_dense,
    rows_elementwise,
    rows_image,
    rows_index,
    rows_joins,
    rows_recurrent,
    rows_shapes,
    rows_volume,
)
from .net import Blob, Env, Input, Net, NotHere, Shape, acceptable
from .rows import ROWS, grow


class Source(NamedTuple):
    """An input: its shape, whether it has whole numbers, and which axes are open (bits)."""

    shape: Shape
    whole: bool
    open: int


class Recipe(NamedTuple):
    """steps: layer types, and a seed for all that there is to choose about each."""

    legacy: bool
    sources: list[Source]
    steps: list[tuple[str, int]]
    large: bool = False


OLD = sorted(set(ROWS) & CORE_ML_2_LAYERS)
SEEDS = st.integers(0, 2**16)
SIZES = st.integers(1, 5)


def _recipes(legacy: bool) -> st.SearchStrategy[Recipe]:
    rank = (5, 5) if legacy else (1, 5)
    shape = st.lists(SIZES, min_size=rank[0], max_size=rank[1]).map(tuple)
    sources = st.builds(Source, shape, st.booleans(), st.integers(0, 31))
    steps = st.lists(st.tuples(st.sampled_from(OLD if legacy else sorted(ROWS)), SEEDS), min_size=1, max_size=14)
    large = st.sampled_from([False, False, False, True])
    return st.builds(Recipe, st.just(legacy), st.lists(sources, min_size=1, max_size=3), steps, large)


RECIPES = st.sampled_from([True, False, False]).flatmap(_recipes)


@dataclass
class Case:
    """A network, the names of its results, and which of them nobody knows."""

    net: Net
    outputs: list[str]
    free: set[str]

    def features(self, inputs: list[Input]) -> dict[str, np.ndarray]:
        return {one.name: one.value.astype(np.float32) for one in inputs}


def filled(shape: Shape, whole: bool, seed: int) -> np.ndarray:
    r = np.random.default_rng(seed)
    return r.integers(-4, 5, shape).astype(np.float64) if whole else np.round(r.normal(size=shape) * 64) / 64


def case_of(recipe: Recipe) -> Case | None:
    """None: no step of it has a place."""
    net = Net(recipe.legacy, longest=200_000 if recipe.large else 2000)
    for i, source in enumerate(recipe.sources):
        shape = source.shape
        if recipe.large and i == 0:
            shape = (*shape[:-2], 23, 37)[-5:] if len(shape) > 1 else (3001,)
        shape = (min(shape[0], 3), min(shape[1], 2), *shape[2:]) if recipe.legacy else shape
        axes = () if recipe.legacy else tuple(axis for axis in range(len(shape)) if source.open >> axis & 1)
        net.input(filled(shape, source.whole, i), whole=source.whole, open_axes=axes)
    for kind, seed in recipe.steps:
        grow(net, kind, seed)
    results = [blob for blob in net.blobs if not blob.name.startswith("x")]
    return Case(net, *_chosen(results, len(recipe.steps))) if results else None


def _chosen(results: list[Blob], pick: int) -> tuple[list[str], set[str]]:
    """The last one, one in the middle, and all that are free."""
    free = [blob.name for blob in results if blob.free]
    return list(dict.fromkeys([results[-1].name, results[pick * 7 % len(results)].name, *free])), set(free)


def other_inputs(case: Case, seed: int) -> list[Input]:
    """Other numbers, and other sizes on open axes; in legacy ranks another sequence and batch."""
    r, whole = np.random.default_rng(seed), {blob.name for blob in case.net.blobs if blob.whole}
    batch = (int(r.integers(1, 4)), int(r.integers(1, 3)))
    made = []
    for one in case.net.inputs:
        shape = list(one.value.shape)
        for axis in one.open:
            shape[axis] = int(r.integers(1, 7))
        if case.net.legacy and not one.kept:
            shape[0], shape[1] = (batch[0] if shape[0] > 1 else 1), (batch[1] if shape[1] > 1 else 1)
        value = one.value if one.kept else filled(tuple(shape), one.name in whole, seed + len(made))
        made.append(Input(one.name, value, one.open, one.kept))
    return made


def answers(case: Case, inputs: list[Input]) -> dict[str, list[np.ndarray]] | None:
    """For each result its exact value and the shaken ones; None: some layer cannot take these inputs."""
    found: list[Env] = []
    try:
        for shake in range(len(case.net.envs)):
            env = {one.name: one.value for one in inputs}
            for step in case.net.steps:
                step.run(env, shake)
            found.append(env)
        for name in set(case.outputs) - case.free:
            acceptable([env[name] for env in found])
    except (NotHere, ValueError, IndexError):
        return None
    return {name: [env[name] for env in found] for name in case.outputs}


def describe(case: Case) -> Any:
    """The network as text, for a failure."""
    inputs = "; ".join(f"{one.name} {one.value.shape} open {one.open}" for one in case.net.inputs)
    lines = [f"{m.name}: {' '.join(m.input)} -> {' '.join(m.output)}" for m in case.net.layers]
    return "\n".join([inputs, *lines, f"results {case.outputs}"])
