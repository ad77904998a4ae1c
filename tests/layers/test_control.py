"""copy, branch, loop, loopBreak, loopContinue.  The oracle is a small interpreter of the same programs (control.py)."""

from __future__ import annotations

import random
import signal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime.config import MLModelConfiguration
from pyruntime.engines.neural_network import NeuralNetworkEngine
from pyruntime.errors import MLModelError, SpecError, UnsupportedError
from pyruntime.model import MLModel
from pyruntime.native.lib import Session
from pyruntime.spec import messages

from .control import OPERATIONS, Missing, Program, layers_of, run
from .network import ONE_THREAD, array, check, layer, model, numbers, refused, refused_at_predict, weights

A, B, C, D = NAMES = ("a", "b", "c", "d")
MORE = ("set", A, "one more", A, "")


def vector(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def network_of(layers: list[Any], outputs: tuple[str, ...] = (A,), inputs: tuple[str, ...] = (A, B)) -> Any:
    """Vectors of any length in, names out."""
    return model([array(name, (1,), ranges=[(1, -1)]) for name in inputs], layers, outputs, exact=True)


def agrees(program: Program, outputs: tuple[str, ...] = (A,), **features: np.ndarray) -> None:
    """The prediction is what the interpreter says."""
    names = dict(features)
    run(program, names, [1000])
    spec = network_of(layers_of(program), outputs, tuple(features))
    check(spec, features, {name: names[name] for name in outputs}, oracle=False)


def doing(network: Any, layers: list[Any]) -> None:
    network.layers.extend(layers)


TRUE = [3.0, -1.0, 1e-5, -1e-5, float("inf")]
FALSE = [0.0, -0.0, 1e-6, -1e-6, 1e-7]


@pytest.mark.parametrize("number", TRUE + FALSE)
def test_branch_asks_whether_a_number_is_near_zero(number: float) -> None:
    spec = model({"c": (1,), "x": (2,)}, [layer("branch", "c", ""), layer("copy", "x", "z")], ("y",), exact=True)
    doing(spec.neuralNetwork.layers[0].branch.ifBranch, [layer("activation", linear={"alpha": 2})])
    doing(spec.neuralNetwork.layers[0].branch.elseBranch, [layer("activation", linear={"alpha": 3})])
    x = vector(1, 5)
    check(spec, {"c": vector(number), "x": x}, x * (2 if np.float32(number) in np.float32(TRUE) else 3), oracle=False)


@pytest.mark.parametrize("number", [0.0, 1e-6, 2.0])
def test_a_condition_of_the_file_is_decided_when_the_model_is_loaded(number: float) -> None:
    constant = layer("loadConstantND", "", "c", shape=[1], data=weights([number]))
    branch = layer("branch", "c", "")
    doing(branch.branch.ifBranch, [layer("activation", linear={"alpha": 2})])
    doing(branch.branch.elseBranch, [layer("activation", linear={"alpha": 3})])
    spec = model({"x": (2,)}, [constant, branch], ("y",), exact=True)
    check(spec, {"x": vector(1, 5)}, vector(1, 5) * (2 if number == 2 else 3), oracle=False)


PROGRAMS: dict[str, Program] = {
    "branch without else": [("if", B, [MORE], [])],
    "copy over a name": [("copy", A, B), MORE],
    "a branch changes a name": [("if", B, [("copy", A, B)], [MORE]), MORE],
    "fixed number": [("loop", 4, None, "", [MORE])],
    "number from an input": [("loop", B, None, "", [MORE])],
    "condition": [("set", C, "less", A, B), ("loop", 0, [("set", C, "less", A, B)], C, [MORE])],
    "condition and number": [("loop", 3, [("set", C, "less", A, B)], C, [MORE])],
    "condition counts": [("loop", 3, [MORE], A, [("set", B, "join", B, A)])],
    "swap": [("loop", B, None, "", [("copy", C, A), ("copy", A, B), ("copy", B, C)])],
    "rotate": [("copy", C, A), ("loop", 5, None, "", [("copy", D, C), ("copy", C, B), ("copy", B, A), ("copy", A, D)])],
    "grows": [("loop", B, None, "", [("set", A, "join", A, B)])],
    "grows twice": [("loop", 2, None, "", [("loop", 2, None, "", [("set", A, "join", A, B)]), MORE])],
    "shrinks": [("loop", B, None, "", [("set", A, "tail", A, ""), ("set", B, "first", A, "")])],
    "break": [("loop", 9, None, "", [MORE, ("set", C, "less", B, A), ("if", C, [("break",)], [])])],
    "break before the rest": [("loop", 9, None, "", [("set", C, "less", B, A), ("if", C, [("break",)], []), MORE])],
    "continue before the rest": [
        ("loop", 4, None, "", [
            MORE, ("set", C, "less", B, A), ("if", C, [("continue",)], []), ("set", B, "join", B, A)])
    ],
    "continue asks the condition": [
        ("loop", 0, [("set", C, "less", A, B)], C, [MORE, ("if", A, [("continue",)], []), ("copy", A, B)])
    ],
    "break at once": [("loop", 0, [("copy", C, B)], C, [MORE, ("break",), ("copy", A, B)])],
    "continue at once": [("loop", 3, None, "", [MORE, ("continue",), ("copy", A, B)])],
    "break in the inner loop only": [("loop", 3, None, "", [("loop", 5, None, "", [MORE, ("break",)]), MORE])],
    "break deep in branches": [
        ("loop", 5, None, "", [
            MORE, ("if", B, [("if", A, [("break",)], [("copy", A, B)])], [("if", A, [], [("break",)])]), MORE])
    ],
    "either leaves": [("loop", 3, None, "", [MORE, ("if", B, [("break",)], [("continue",)]), ("copy", A, B)])],
    "a name of the last iteration": [
        ("set", D, "length", A, ""),
        ("loop", 3, None, "", [("set", D, "join", D, A), ("set", A, "first", D, "")]),
        ("set", A, "join", A, D),
    ],
    "a name that the iteration before made": [
        ("set", D, "one more", B, ""),
        ("loop", 3, None, "", [("if", D, [("set", C, "one more", A, "")], [("set", C, "join", C, A)]),
                               ("set", D, "negative", D, ""), ("set", D, "less", D, A), ("copy", A, C)])
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("b", [(0.0,), (2.0, 5.0), (4.0,)], ids=["0", "2", "4"])
def test_programs(name: str, b: tuple[float, ...]) -> None:
    agrees(PROGRAMS[name], a=vector(1, -2, 0), b=vector(*b))


def random_program(r: random.Random, depth: int, in_loop: bool, most: int) -> Program:
    """Statements on four names, nested up to `depth`."""
    made: Program = []
    for _ in range(r.randint(1, most)):
        kind = r.random()
        if kind < 0.5 or depth == 0:
            made.append(("set", r.choice(NAMES), r.choice(list(OPERATIONS)), r.choice(NAMES), r.choice(NAMES)))
        elif kind < 0.58:
            made.append(("copy", *r.sample(NAMES, 2)))
        elif kind < 0.75:
            other = random_program(r, depth - 1, in_loop, most) if r.random() < 0.6 else []
            made.append(("if", r.choice(NAMES), random_program(r, depth - 1, in_loop, most), other))
        elif kind < 0.92:
            condition = random_program(r, 0, False, 2) if r.random() < 0.4 else None
            limit = r.choice([1, 2, 3, r.choice(NAMES)] + ([0] if condition else []))
            body = random_program(r, depth - 1, True, most)
            made.append(("loop", limit, condition, r.choice(NAMES), body))
        elif in_loop:
            made.append((r.choice(["break", "continue"]),))
    return made


THREE_THREADS = MLModelConfiguration(threads=3)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_random_programs(seed: int, all_there: bool) -> None:
    """Whatever the interpreter computes, the executor does, run after run in used memory; 1 thread equals 3."""
    r = random.Random(seed)
    program = random_program(r, 3, False, 4)
    inputs = NAMES if all_there else (A, B)
    spec = network_of(layers_of(program), tuple(n for n in NAMES if n in inputs or n in written_to(program)), inputs)
    outputs = [feature.name for feature in spec.description.output]
    try:
        models = [MLModel(spec, configuration=c) for c in (ONE_THREAD, THREE_THREADS)]
    except SpecError as error:
        assert not all_there, error
        assert "earlier layer" in str(error) or "no layer of the network makes it" in str(error)
        return
    for _ in range(3):
        features = {n: vector(*r.choices([0, 1, 2, -1, 3.5], k=r.choice([1, 2, 4]))) for n in inputs}
        names = dict(features)
        try:
            run(program, names, [300])
        except OverflowError:
            return  # it does not end, or not soon
        except Missing:
            continue  # here a read that nobody needs does not count, so it may end otherwise
        for one in models:
            if all(name in names for name in outputs):
                got = one.predict(features)
                for name in outputs:
                    np.testing.assert_array_equal(got[name], names[name], err_msg=f"{name} {program}")
            else:
                with pytest.raises(MLModelError, match="does not exist, the branch or loop that makes it did not run"):
                    one.predict(features)


def written_to(program: Program) -> set[str]:
    """Names that some statement makes."""
    names: set[str] = set()
    for kind, *rest in program:
        if kind in ("set", "copy"):
            names.add(rest[0])
        for inner in rest:
            if isinstance(inner, list):
                names |= written_to(inner)
    return names


def test_matrix_power_iteration() -> None:
    """A loop with weights and a break: the weights are packed inside the loop, the answer is NumPy's."""
    w = numbers(16, 16, seed=3)
    w = w + w.T + 20 * np.eye(16, dtype=np.float32)
    loop = layer("loop", "", "", maxLoopIterations=200)
    branch = layer("branch", "small", "")
    doing(branch.branch.ifBranch, [layer("loopBreak", "", "")])
    doing(loop.loop.bodyNetwork, [
        layer("innerProduct", "x", "wx", inputChannels=16, outputChannels=16, weights=weights(w)),
        layer("reduceL2", "wx", "norm", axes=[0], keepDims=True),
        layer("divideBroadcastable", "wx norm", "next"),
        layer("subtractBroadcastable", "next x", "step"),
        layer("reduceL2", "step", "change", axes=[0], keepDims=True),
        layer("copy", "next", "x"),
        layer("lessThan", "change", "small", alpha=1e-6),
        branch,
    ])  # fmt: skip
    spec = model({"x": (16,)}, [loop, layer("copy", "norm", "y")], ("y",), exact=True)
    largest = np.abs(np.linalg.eigvalsh(w.astype(np.float64))).max()
    check(spec, {"x": np.ones(16, np.float32)}, vector(largest), tolerance=1e-4, oracle=False)


def session_memory(loaded: MLModel) -> tuple[int, int]:
    assert isinstance(loaded.engine, NeuralNetworkEngine)
    session = loaded.engine.session()
    loaded.engine.release(session)
    return session.memory()


def test_memory_of_a_loop_does_not_grow_with_its_iterations() -> None:
    def body(iterations: int) -> Any:
        loop = layer("loop", "", "", maxLoopIterations=iterations)
        doing(
            loop.loop.bodyNetwork,
            [layer("activation", "x", "t", linear={"alpha": 1.0, "beta": 1}), layer("copy", "t", "x")],
        )
        return model({"x": (1000,)}, [loop, layer("copy", "x", "y")], ("y",), exact=True)

    sizes = []
    for iterations in (1, 10, 1000):
        loaded = MLModel(body(iterations), configuration=ONE_THREAD)
        np.testing.assert_array_equal(loaded.predict({"x": np.zeros(1000)})["y"], np.full(1000, iterations))
        sizes.append(session_memory(loaded))
    assert sizes[0] == sizes[1] == sizes[2]


def test_memory_limit_inside_a_loop() -> None:
    double = layer("loop", "n", "")
    doing(double.loop.bodyNetwork, [layer("concatND", "x x", "t"), layer("copy", "t", "x")])
    spec = model({"n": (1,), "x": (1024,)}, [double, layer("copy", "x", "y")], ("y",), exact=True)
    loaded = MLModel(spec, configuration=MLModelConfiguration(threads=1, memory_limit=1 << 20))
    for n in (3, 60, 2):
        features = {"n": vector(n), "x": np.ones(1024, np.float32)}
        if n == 60:
            with pytest.raises(MemoryError, match="limit is 1024 KiB"):
                loaded.predict(features)
        else:
            assert loaded.predict(features)["y"].shape == (1024 << n,)
    assert session_memory(loaded)[0] <= 1 << 20


def endless() -> Session:
    """Runs until its input is 0, which it never becomes."""
    loop = layer("loop", "", "", name="forever", conditionVar="c")
    doing(loop.loop.conditionNetwork, [layer("copy", "x", "c")])
    doing(loop.loop.bodyNetwork, [layer("copy", "x", "y")])
    loaded = MLModel(model({"x": (1,)}, [loop], ("y",), exact=True), configuration=ONE_THREAD)
    assert isinstance(loaded.engine, NeuralNetworkEngine)
    return loaded.engine.session()


@pytest.mark.timeout(300)
def test_a_loop_can_be_interrupted() -> None:
    """As by Ctrl-C: what a signal's handler raises comes out of the prediction, and the session can be used again."""

    class Alarm(Exception):
        pass

    def ring(*_: object) -> None:
        raise Alarm

    session = endless()
    session.limit_iterations(1 << 62)
    before = signal.signal(signal.SIGVTALRM, ring)
    try:
        for _ in range(2):
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.2)
            with pytest.raises(Alarm):
                session.run([vector(1)], 1)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    session.limit_iterations(3)
    with pytest.raises(MLModelError, match="more than 3 iterations"):
        session.run([vector(1)], 1)


@pytest.mark.timeout(300)
def test_a_loop_that_does_not_end_is_ended() -> None:
    session = endless()
    for most in (1, 1000):
        session.limit_iterations(most)
        with pytest.raises(MLModelError, match=rf"forever.* more than {most} iterations"):
            session.run([vector(1)], 1)


@pytest.mark.parametrize(("number", "iterations"), [(0, 0), (-3, 0), (0.9, 0), (2.7, 2), (3, 3)])
def test_limits_that_are_computed(number: float, iterations: int) -> None:
    loop = layer("loop", "n", "", maxLoopIterations=7)  # an input beats the parameter
    doing(
        loop.loop.bodyNetwork,
        [layer("activation", "x", "t", linear={"alpha": 1.0, "beta": 1}), layer("copy", "t", "x")],
    )
    limit = [layer("activation", "m", "n", linear={"alpha": 1.0})]
    spec = model([array("m", (1,)), array("x", (2,))], [*limit, loop, layer("copy", "x", "y")], ("y",), exact=True)
    check(spec, {"m": vector(number), "x": vector(0, 5)}, vector(0, 5) + iterations, oracle=False)


def lonely(kind: str, **names: Any) -> Any:
    """A network of one layer of control flow, whose parameters `names` hold networks as lists of layers."""
    return model({"x": (1,)}, [layer(kind, "x" if kind == "branch" else "", "", name="m", **names)], ("x",), exact=True)


def networks(*layers: Any) -> dict[str, Any]:
    return {"layers": list(layers)}


STEP = layer("activation", "x", "t", linear={"alpha": 1.0, "beta": 1})

BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "branch without ifBranch": (lonely("branch"), ("m", "ifBranch")),
    "branch on nothing": (
        model([array("x", (0,))], [layer("branch", "x", "", name="m", ifBranch=networks(STEP))], ("x",), exact=True),
        ("m", "one number", "[0]"),
    ),
    "loop without body": (lonely("loop", maxLoopIterations=2), ("m", "bodyNetwork")),
    "loop without end": (lonely("loop", bodyNetwork=networks(STEP)), ("m", "maxLoopIterations", "condition")),
    "condition without name": (
        lonely("loop", bodyNetwork=networks(STEP), conditionNetwork=networks(STEP)), ("m", "conditionVar")),
    "name without condition": (lonely("loop", bodyNetwork=networks(STEP), conditionVar="t"), ("m", "conditionNetwork")),
    "condition name that nobody makes": (
        lonely("loop", bodyNetwork=networks(STEP), conditionNetwork=networks(STEP), conditionVar="u"),
        ("m", "conditionVar", "u"),
    ),
    "condition of several numbers": (
        model({"x": (3,)}, [layer("loop", "", "", name="m", bodyNetwork=networks(STEP),
                                  conditionNetwork=networks(STEP), conditionVar="t")], ("x",), exact=True),
        ("m", "one number", "[3]"),
    ),
    "limit of several numbers": (
        model({"x": (3,)}, [layer("loop", "x", "", name="m", bodyNetwork=networks(STEP))], ("x",), exact=True),
        ("m", "one number", "[3]"),
    ),
    "break outside": (model({"x": (1,)}, [layer("loopBreak", "", "", name="m")], ("x",), exact=True), ("m", "loop")),
    "continue in a branch outside": (
        lonely("branch", ifBranch=networks(layer("loopContinue", "", "", name="n"))), ("n", "loop")),
    "break in a condition": (
        lonely("loop", bodyNetwork=networks(STEP), conditionVar="t",
               conditionNetwork=networks(STEP, layer("loopBreak", "", "", name="n"))), ("n", "loop")),
    "cycle by name": (
        lonely("loop", maxLoopIterations=2, bodyNetwork=networks(
            layer("activation", "p", "q", name="n", linear={"alpha": 1.0}),
            layer("activation", "q", "p", linear={"alpha": 1.0}))),
        ("n", "earlier layer", "p"),
    ),
    "a name that is not there": (
        lonely("branch", ifBranch=networks(layer("activation", "u", "v", name="n", linear={"alpha": 1.0}))),
        ("n", "earlier layer", "u"),
    ),
    "copy onto itself": (
        model({"x": (1,)}, [layer("copy", "x", "x", name="m")], ("x",), exact=True), ("m", "another name")),
    "a name made twice in a block": (lonely("branch", ifBranch=networks(STEP, STEP)), ("not taken", "t")),
    "a name read after a loop that never runs": (
        model({"x": (1,)}, [layer("loadConstantND", "", "n", shape=[1], data=weights([0.0])),
                            layer("loop", "n", "", bodyNetwork=networks(STEP)),
                            layer("activation", "u", "y", name="m", linear={"alpha": 1.0})], ("y",), exact=True),
        ("m", "u"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files(case: str) -> None:
    refused(*BAD[case][:1], *BAD[case][1])


def test_ranks_that_hang_on_the_way_are_refused_where_they_are_read() -> None:
    branch = layer(
        "branch", "x", "", ifBranch=networks(STEP), elseBranch=networks(layer("expandDims", "x", "t", axes=[0]))
    )
    unread = model({"x": (1,)}, [branch], ("x",), exact=True)
    check(unread, {"x": vector(2)}, {"x": vector(2)}, oracle=False)
    read = model(
        {"x": (1,)}, [branch, layer("activation", "t", "y", name="m", linear={"alpha": 1.0})], ("y",), exact=True
    )
    refused(read, "m", "'t'", "rank 1", "rank 2", error=UnsupportedError)


def test_a_rank_that_grows_in_a_loop_is_refused_where_it_is_read() -> None:
    body = networks(layer("expandDims", "x", "t", name="m", axes=[0]), layer("copy", "t", "x"))
    spec = model({"x": (1,)}, [layer("loop", "", "", maxLoopIterations=2, bodyNetwork=body)], ("x",), exact=True)
    refused(spec, "m", "'x'", "rank 1", "rank 2", error=UnsupportedError)


def test_a_name_that_only_one_branch_makes() -> None:
    branch = layer("branch", "x", "", ifBranch=networks(STEP))
    last = layer("activation", "t", "y", name="the reader", linear={"alpha": 2.0})
    spec = model({"x": (1,)}, [branch, last], ("y",), exact=True)
    check(spec, {"x": vector(3)}, vector(8), oracle=False)
    refused_at_predict(spec, {"x": vector(0)}, "the reader", "t", "does not exist", error=MLModelError)


def test_a_name_that_a_loop_makes_which_may_not_run() -> None:
    loop = layer("loop", "n", "", bodyNetwork=networks(STEP))
    last = layer("activation", "t", "y", name="the reader", linear={"alpha": 2.0})
    spec = model({"x": (1,), "n": (1,)}, [loop, last], ("y",), exact=True)
    check(spec, {"x": vector(3), "n": vector(2)}, vector(8), oracle=False)
    refused_at_predict(spec, {"x": vector(3), "n": vector(0)}, "the reader", "t", "does not exist", error=MLModelError)


def nested(depth: int, kind: str) -> Any:
    inner = networks(STEP)
    for _ in range(depth):
        message = messages.NeuralNetworkLayer(name="m")
        if kind == "branch":
            message.input.append("x")
            message.branch.ifBranch.MergeFrom(messages.NeuralNetwork(**inner))
        else:
            message.loop.maxLoopIterations = 1
            message.loop.bodyNetwork.MergeFrom(messages.NeuralNetwork(**inner))
        inner = networks(message)
    return model({"x": (1,)}, inner["layers"], ("x",), exact=True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", ["branch", "loop"])
def test_nesting(kind: str) -> None:
    check(nested(20, kind), {"x": vector(1)}, {"x": vector(1)}, oracle=False)
    refused(nested(28, kind), "nested", error=UnsupportedError)


@pytest.mark.parametrize("kind", ["branch", "loop"])
def test_what_a_block_made_may_be_made_again_behind_it(kind: str) -> None:
    """Converters name the same constant in a loop's body and behind the loop."""
    block = (
        {"ifBranch": networks(STEP)} if kind == "branch" else {"bodyNetwork": networks(STEP), "maxLoopIterations": 2}
    )
    other = layer("activation", "x", "t", linear={"alpha": 3.0})
    spec = model({"x": (1,)}, [layer(kind, "x" if kind == "branch" else "", "", **block), other], ("t",), exact=True)
    for x in (0.0, 5.0):
        check(spec, {"x": vector(x)}, {"t": vector(3 * x)}, oracle=False)


@pytest.mark.parametrize("shape", [(2,), (1, 3)], ids=str)
def test_the_first_of_several_numbers_chooses_the_branch(shape: tuple[int, ...]) -> None:
    other = layer("activation", "x", "t", linear={"alpha": 3.0})
    both = layer("branch", "x", "", ifBranch=networks(STEP), elseBranch=networks(other))
    spec = model({"x": shape}, [both], ("t",), exact=True)
    x = np.ones(shape, np.float32)
    check(spec, {"x": x}, {"t": x + 1}, oracle=False)
    x.flat[0] = 0
    check(spec, {"x": x}, {"t": 3 * x}, oracle=False)


def test_files_of_coremltools_builder() -> None:
    """An outside writer: loop, branch, break and copy as NeuralNetworkBuilder spells them."""
    pytest.importorskip("coremltools", reason="coremltools, which writes the file of this test, is not installed")
    from coremltools.models import datatypes, neural_network

    inputs = [("x", datatypes.Array(1)), ("n", datatypes.Array(1))]
    b = neural_network.NeuralNetworkBuilder(inputs, [("y", None)], disable_rank5_shape_mapping=True)
    b.add_copy("start", "x", "y")
    loop = b.add_loop("loop", max_iterations=50)
    body = neural_network.NeuralNetworkBuilder(nn_spec=loop.loop.bodyNetwork)
    body.add_activation("step", "LINEAR", "y", "next", params=[2, 0])
    body.add_copy("again", "next", "y")
    body.add_greater_than("enough", ["y", "n"], "cond")
    branch = body.add_branch("branch", "cond")
    neural_network.NeuralNetworkBuilder(nn_spec=branch.branch.ifBranch).add_loop_break("break")
    spec = messages.Model.FromString(b.spec.SerializeToString())
    check(spec, {"x": vector(1), "n": vector(100)}, vector(128), oracle=False)
