"""Branches and loops around random pieces; random layers; a layer of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pyruntime.spec import messages

from ..layers.network import layer
from .net import Blob, Env, Net, NotHere
from .rows import ROWS, Chooser, grow, need, row

DEEPEST = 2
CLASS = "tests.graphs.TwiceAndMore"
"""The custom layer: 2 x + more."""


def run_all(steps: list[Any], env: Env, shake: int) -> None:
    for step in steps:
        step.run(env, shake)


@dataclass
class Branch:
    """outputs[0] = the last value of one list of steps or of the other."""

    condition: str
    steps: tuple[list[Any], list[Any]]
    results: tuple[str, str]
    outputs: tuple[str, ...]
    exact: bool = True

    def run(self, env: Env, shake: int) -> None:
        which = 0 if abs(env[self.condition].reshape(-1)[0]) > 1e-6 else 1
        run_all(self.steps[which], env, shake)
        env[self.outputs[0]] = env[self.results[which]]


@dataclass
class Loop:
    """outputs[0], which starts as `start`, is `result` after each iteration that comes to its end."""

    limit: str | int
    start: str
    steps: list[Any]
    result: str
    outputs: tuple[str, ...]
    leave: str = ""
    after: int = 0
    place: int = 0
    exact: bool = True

    def run(self, env: Env, shake: int) -> None:
        (state,) = self.outputs
        env[state] = env[self.start]
        limit = self.limit if isinstance(self.limit, int) else int(env[self.limit][0])
        for count in range(1, limit + 1):
            run_all(self.steps[: self.place], env, shake)
            if self.leave and count >= self.after:
                if self.leave == "loopBreak":
                    break
                continue
            run_all(self.steps[self.place :], env, shake)
            env[state] = env[self.result]


def depth(net: Net) -> int:
    return 1 + depth(net.parent) if net.parent else 0


def grown(g: Chooser, net: Net, count: int) -> None:
    kinds = [kind for kind in ROWS if not kind.startswith(("random", "categorical", "custom"))]
    for _ in range(count):
        grow(net, g.pick(kinds), g.int(0, 2**16))


def network(net: Net) -> Any:
    return messages.NeuralNetwork(layers=net.layers)


@row("branch")
def _branch(g: Chooser) -> Any:
    """What the two parts make has one rank; its sizes may differ."""
    need(depth(g.net) < DEEPEST)
    truth = g.wholes([1], 0, 1)
    condition = g.net.input(truth, whole=True) if g.random.random() < 0.8 else g.net.constant(truth)
    out = g.net.name()
    nets, results = (g.net.child(), g.net.child()), list[Blob]()
    for net in nets:
        grown(g, net, g.int(1, 3))
        good = [x for x in net.blobs if not results or x.rank == results[0].rank]
        need(good)
        results.append(good[-1])
        net.layers.append(layer("copy", results[-1].name, out, f"result {out}"))
    step = Branch(condition.name, (nets[0].steps, nets[1].steps), (results[0].name, results[1].name), (out,))
    _tried(g, step)
    whole, other = (network(net) for net in nets)
    g.net.layers.append(layer("branch", condition.name, "", f"branch {out}", ifBranch=whole, elseBranch=other))


@row("loop", "loopBreak", "loopContinue")
def _loop(g: Chooser) -> Any:
    need(depth(g.net) < DEEPEST)
    start, state, leave = g.blob(), g.net.name(), "" if g.kind == "loop" else g.kind
    before = [layer("copy", start.name, state, f"start {state}")]
    body = g.net.child()
    for env in body.envs:
        env[state] = env[start.name]
    body.blobs.append(Blob(state, start.value))
    own, counter = len(body.blobs), f"{state}.count"
    grown(g, body, g.int(0, 2))
    place, after = len(body.steps), g.int(1, 3)
    top, counted = body.layers, bool(leave) or g.flag()
    count = [layer("activation", counter, f"{counter}.next", f"next {state}", linear={"alpha": 1.0, "beta": 1.0}),
             layer("copy", f"{counter}.next", counter, f"count {state}")]  # fmt: skip
    if leave:
        top = [*top, *_leave(leave, counter, after)]
    body.layers = []
    grown(g, body, g.int(1, 3))
    result = _result(g, body, own, body.blobs[own - 1])
    bottom = [*body.layers, layer("copy", result.name, state, f"again {state}")]
    fields: dict[str, Any] = {
        "bodyNetwork": messages.NeuralNetwork(layers=[*(count if counted else []), *top, *bottom])
    }
    times = g.int(1, 3)
    limit: str | int = times
    inputs = ""
    if counted and g.flag():
        test = f"{counter}.test"
        smaller = layer("lessThan", counter, test, f"test {state}", alpha=float(times))
        fields |= {"conditionNetwork": messages.NeuralNetwork(layers=[smaller]), "conditionVar": test}
    elif g.flag():
        limit = inputs = g.operand([g.int(0, 3)]).name
    else:
        fields["maxLoopIterations"] = times
    if counted:
        before += [layer("fillStatic", "", f"{counter}.0", f"zero {state}", targetShape=[1]),
                   layer("copy", f"{counter}.0", counter, f"none {state}")]  # fmt: skip
    _tried(g, Loop(limit, start.name, body.steps, result.name, (state,), leave, after, place))
    g.net.layers += [*before, layer("loop", inputs, "", f"loop {state}", **fields)]


def _tried(g: Chooser, step: Branch | Loop) -> None:
    """A later iteration may have shapes that the body was not made for."""
    try:
        g.net.tried(step)
    except (ValueError, IndexError):
        raise NotHere from None


def _leave(kind: str, counter: str, after: int) -> list[Any]:
    way_out = messages.NeuralNetwork(layers=[layer(kind, "", "")])
    reached = f"{counter}.reached"
    return [layer("greaterEqual", counter, reached, f"reached {counter}", alpha=float(after)),
            layer("branch", reached, "", f"leave {counter}", ifBranch=way_out)]  # fmt: skip


def _result(g: Chooser, body: Net, own: int, state: Blob) -> Blob:
    """What the body gives to its next iteration: something of the same shape, or now and then a longer one."""
    if g.random.random() < 0.2:
        return body.add("concatND", [state, state], lambda a, b: np.concatenate([a, b], 0), axis=0)[0]
    good = [x for x in body.blobs[own:] if x.shape == state.shape and not x.free]
    if good:
        return good[-1]
    return body.add("activation", [state], lambda x: 0.5 * x + 1, rounds=True, linear={"alpha": 0.5, "beta": 1.0})[0]


FORMS = {"Normal": {"mean": 0.5, "stdDev": 2.0}, "Uniform": {"minVal": -1.0, "maxVal": 2.0}, "Bernoulli": {"prob": 0.3}}


@row(*[f"random{form}{of}" for form in FORMS for of in ("Like", "Static", "Dynamic")])
def _random(g: Chooser) -> Any:
    """Only its shape is known."""
    fields: dict[str, Any] = {**FORMS[next(form for form in FORMS if form in g.kind)], "seed": g.int(0, 9)}
    shape = [g.int(1, 4) for _ in range(g.int(1, 3))]
    if g.kind.endswith("Like"):
        return g.add([g.blob()], np.zeros_like, free=True, **fields)
    if g.kind.endswith("Static"):
        return g.add([], lambda: np.zeros(shape), free=True, outputShape=shape, **fields)
    return g.add([g.operand(shape)], lambda s: np.zeros(s.astype(int)), free=True, **fields)


@row("categoricalDistribution")
def _categorical(g: Chooser) -> Any:
    """Of numbers that every level has the same bits of."""
    x, count, logits = g.operand(np.abs(g.array(g.int(1, 3), g.int(1, 4))) + 0.25), g.int(1, 5), g.flag()
    fields = {"eps": 1e-3, "temperature": g.pick([0.0, 0.5]), "seed": g.int(0, 9)}
    return g.add(
        [x], lambda v: np.zeros((*v.shape[:-1], count)), free=True, numSamples=count, isLogits=logits, **fields
    )


class TwiceAndMore:
    """The custom layer."""

    def __init__(self, parameters: Any) -> None:
        self.more = parameters["more"]

    def set_weight_data(self, data: Any) -> None:
        pass

    def output_shapes(self, input_shapes: Any) -> Any:
        return input_shapes

    def evaluate(self, inputs: Any, outputs: Any) -> None:
        np.multiply(inputs[0], 2, out=outputs[0])
        outputs[0][...] += self.more


@row("custom", rounds=True)
def _custom(g: Chooser) -> Any:
    more = messages.CustomLayerParams(className=CLASS)
    more.parameters["more"].doubleValue = 0.5
    return g.add([g.blob()], lambda x: 2 * x + 0.5, className=CLASS, parameters=more.parameters)
