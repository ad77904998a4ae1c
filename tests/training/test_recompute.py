"""Steps that compute values twice to save memory: the same bits in fewer bytes, down to the limit in the error."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from pyruntime import MLModel, MLModelConfiguration, MLUpdateTask
from pyruntime.native.lib import NoMemory
from pyruntime.passes.pipeline import optimise
from pyruntime.training import program
from pyruntime.training.recompute import choices, finish_early, recompute
from pyruntime.training.trainer import Trainer

from ..layers.network import array, layer
from .networks import activation, as_examples, convolution, dense, updatable, values
from .test_task import EXAMPLES, regression

DEPTH = 10


def deep(width: int = 16, size: int = 64, **more: Any) -> Any:
    """Dense layers and activations in a row, and a connection around each second one."""
    layers, x = [], "x"
    for i in range(DEPTH):
        layers += [dense(f"d{i}", x, f"z{i}", width, width), activation("tanh", f"z{i}", f"t{i}")]
        x = f"t{i}"
        if i % 2:
            layers.append(layer("add", f"t{i} z{i - 1}", f"s{i}", f"sum {i}"))
            x = f"s{i}"
    return updatable(
        {"x": (width,)}, layers, source=x, target=array(f"{x}_true", (width,)), exact=True, size=size, **more
    )


def images(**more: Any) -> Any:
    layers, x, channels = [], "x", 2
    for i in range(4):
        layers += [
            convolution(f"c{i}", x, f"a{i}", channels, 4, same={}), activation("ReLU", f"a{i}", f"r{i}"),
            layer("pooling", f"r{i}", f"p{i}", f"pool {i}", kernelSize=[2, 2], stride=[1, 1], same={}),
        ]  # fmt: skip
        x, channels = f"p{i}", 4
    layers += [
        layer("flatten", x, "f", "flat"), dense("d", "f", "z", 4 * 36, 3), layer("softmax", "z", "y", "softmax"),
    ]  # fmt: skip
    return updatable({"x": (2, 6, 6)}, layers, entropy=True, **more)


NETWORKS = {
    "deep": lambda: deep(momentum=0.5), "deep, adam": lambda: deep(adam=True, rate=0.01),
    "images": lambda: images(size=8, momentum=0.9), "images, adam": lambda: images(size=8, adam=True, rate=0.01),
}  # fmt: skip


def trainer(spec: Any, **settings: Any) -> Trainer:
    model = MLModel(spec, configuration=MLModelConfiguration(threads=1, **settings))
    size = spec.neuralNetwork.updateParams.optimizer
    chosen = getattr(size, size.WhichOneof("OptimizerType")).miniBatchSize.defaultValue
    return Trainer(model.engine, PARAMETERS | {"miniBatchSize": chosen}, "here")


PARAMETERS = {"learningRate": 1e-5, "momentum": 0.5, "beta1": 0.9, "beta2": 0.99, "eps": 1e-6}


def steps(made: Trainer, batch: int, count: int = 4) -> tuple[list[float], list[bytes]]:
    """Losses and weights of some steps on numbers that are always the same."""
    runner = made.runner(batch)
    rng = np.random.default_rng(0)
    for buffer in runner.features:
        buffer[...] = rng.normal(size=buffer.shape)
    runner.target[...] = rng.integers(0, 3, runner.target.shape)
    losses = []
    for _ in range(count):
        made.steer(PARAMETERS.__getitem__)
        losses.append(runner.run())
    return losses, [w.tobytes() for w in (*made.weights.now(), *made.weights.states_now())]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_way_to_cut_gives_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = NETWORKS[name]()
    batch = 8
    monkeypatch.setattr(program, "finish_early", lambda graph: graph)
    wanted = steps(trainer(spec), batch)
    assert np.isfinite(wanted[0]).all()
    assert len(set(wanted[0])) > 1
    monkeypatch.setattr(program, "finish_early", finish_early)
    assert steps(trainer(spec), batch) == wanted
    compiled = program._program
    made = trainer(spec)
    graph = finish_early(optimise(made._graph(batch).graph, MLModelConfiguration(threads=1).context()))
    counts = set()
    for segments in choices(graph):

        def cut(graph: Any, step: Any, context: Any, _: int, segments: int = segments) -> Any:
            graph = recompute(graph, segments)
            counts.add(len(graph.nodes))
            return compiled(graph, step, context, segments)

        monkeypatch.setattr(program, "_program", cut)
        assert steps(trainer(spec), batch) == wanted
    assert max(counts) > len(graph.nodes), "something is computed twice"


def learned(spec: Any, limit: int) -> MLUpdateTask:
    """An update, measured with the same examples that it learns from."""
    model = MLModel(spec, configuration=MLModelConfiguration(threads=1, memory_limit=limit))
    columns = {f.name: list(values(64, *f.type.multiArrayType.shape)) for f in spec.description.trainingInput}
    examples = as_examples(**columns)
    task = MLUpdateTask(model, examples, validation_data=examples)
    task.resume()
    assert task.wait(60)
    return task


def least(spec: Any) -> int:
    """The limit that the error names, in bytes."""
    task = learned(spec, 1 << 14)
    assert type(task.error) is NoMemory, task.error
    text = str(task.error)
    assert "mini-batches of 64" in text
    assert "miniBatchSize" in text
    assert "memory_limit" in text
    return int(re.search(r"at least (\d+) KiB", text).group(1)) << 10  # type: ignore[union-attr]


def test_the_limit_that_the_error_names_works_and_a_smaller_one_does_not() -> None:
    spec = deep(momentum=0.5, rate=1e-6)
    plain = trainer(spec).runner(64).program
    found = least(spec)
    assert found < 0.8 * plain.nbytes
    wanted = steps(trainer(spec), 64)
    assert learned(spec, found).error is None, "measuring fits, too"
    made = trainer(spec, memory_limit=found)
    assert steps(made, 64) == wanted
    assert made.runner(64).program.segments > 1
    assert made.memory(64).values < trainer(spec).memory(64).values
    with pytest.raises(NoMemory):
        trainer(spec, memory_limit=found - 1024).runner(64)


def test_nothing_is_computed_twice_without_need() -> None:
    spec = deep()
    made = trainer(spec).runner(64).program
    assert made.segments == 1
    enough = trainer(spec, memory_limit=made.nbytes).runner(64).program
    assert enough.segments == 1
    assert trainer(spec, memory_limit=made.nbytes - 1).runner(64).program.segments == 2


def test_gradients_are_free_as_soon_as_they_are_used() -> None:
    """The optimizer's nodes stand behind the gradients that they read, not at the end."""
    made = trainer(deep(width=64, size=1))
    graph = optimise(made._graph(1).graph, MLModelConfiguration(threads=1).context())
    early = finish_early(graph)
    assert sorted(id(node) for node in early.nodes) == sorted(id(node) for node in graph.nodes)
    step = made._graph(1)
    sizes = [program._program(g, step, MLModelConfiguration(threads=1).context(), 1).arena for g in (graph, early)]
    weights = 4 * 64 * 64
    assert sizes[0] > DEPTH * weights
    assert sizes[1] < 3 * weights


def test_operators_that_draw_are_never_run_twice() -> None:
    """Their values are kept instead."""
    from pyruntime.ir.graph import Graph, Node, Value
    from pyruntime.ir.ops import Random, Unary, UnaryKind
    from pyruntime.ir.ops.random import RandomKind, ShapeFormKind
    from pyruntime.ir.types import DType

    def value(name: str) -> Value:
        return Value(name, DType.F32, (4,))

    tanh = Unary(UnaryKind.TANH)
    draw = Random(RandomKind.NORMAL, ShapeFormKind.LIKE, 1, 0, 0.0, 1.0)
    nodes = [Node(tanh, (value("x"),), (value("a"),), "a"), Node(draw, (value("a"),), (value("r"),), "r")]
    for before, name in pairwise(["r", "b", "c", "d", "e", "f", "loss"]):
        nodes.append(Node(tanh, (value(before),), (value(name),), name))
    nodes += [Node(tanh, (value(name),), (value(f"g{name}"),), f"g{name}") for name in "bra"]
    graph = Graph((value("x"),), (value("loss"), value("gb"), value("gr"), value("ga")), tuple(nodes), {})
    cut = recompute(graph, 2)
    layers = [node.layer for node in cut.nodes]
    assert {name: layers.count(name) for name in "arbc"} == {"a": 2, "r": 1, "b": 2, "c": 1}


def test_no_room_for_a_step_is_known_before_the_examples_are_read() -> None:
    read: list[int] = []

    examples = EXAMPLES * 7

    class Counted:
        def __len__(self) -> int:
            return len(examples)

        def __getitem__(self, index: int) -> Any:
            read.append(index)
            return examples[index]

    model = MLModel(regression(size=64), configuration=MLModelConfiguration(memory_limit=4096))
    task = MLUpdateTask(model, Counted())
    task.resume()
    task.wait()
    assert type(task.error) is NoMemory
    assert read == [0]
