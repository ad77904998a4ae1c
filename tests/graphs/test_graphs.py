"""Random small networks of all layer types: every way to run one gives the answer of NumPy.

PYRUNTIME_GRAPHS=5000 pytest tests/graphs        as many networks, other ones each time
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyruntime import custom
from pyruntime.config import MLModelConfiguration
from pyruntime.description import describe_model
from pyruntime.errors import MLModelError, UnsupportedError
from pyruntime.layers.network import CORE_ML_2_LAYERS, lower_network
from pyruntime.model import MLModel, compile_model
from pyruntime.native import lib
from pyruntime.spec import messages

from ..passes.graphs import run
from . import rows_control
from .net import near
from .recipes import RECIPES, Case, Recipe, Source, answers, case_of, describe, other_inputs
from .rows import ROWS

MANY = int(os.environ.get("PYRUNTIME_GRAPHS", "0"))
SETTINGS = settings(
    max_examples=MANY or 120, deadline=None, derandomize=not MANY, database=None, print_blob=False,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
COUNTED: dict[str, int] = {"networks": 0, "with other inputs": 0, "layers": 0, "refused": 0}


@pytest.fixture(scope="module", autouse=True)
def our_layer() -> Iterator[None]:
    """The custom layer of the networks; at the end, how many there were."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(custom._LAYERS, rows_control.CLASS, rows_control.TwiceAndMore)
        yield
    if MANY:
        print(", ".join(f"{count} {what}" for what, count in COUNTED.items()))


def configuration(threads: int, level: str = "") -> MLModelConfiguration:
    levels = (1 << (lib.levels().index(level or lib.cpu_levels()[-1]) + 1)) - 1
    return MLModelConfiguration(threads=threads, levels=levels)


def same_bits(got: dict[str, Any], wanted: dict[str, Any], what: str) -> None:
    for name in wanted:
        np.testing.assert_array_equal(got[name], wanted[name], err_msg=f"{what}: {name}")


def right(case: Case, got: dict[str, Any], wanted: dict[str, list[np.ndarray]], what: str) -> None:
    for name, values in wanted.items():
        shape = values[0].shape
        array = np.asarray(got[name])
        if case.net.legacy and shape[:2] == (1, 1):
            array = array.reshape(1, 1, *array.shape)
        if name in case.free:
            assert array.shape == shape, f"{what}: {name}"
        else:
            near(array, values, f"{what}: {name}")


def check(case: Case, seed: int, folder: Path | None = None) -> None:
    net = case.net
    COUNTED["networks"] += 1
    COUNTED["layers"] += len(net.layers)
    inputs = case.features(net.inputs)
    wanted = answers(case, net.inputs)
    if wanted is None:  # a result that was not chaotic alone
        return
    fixed, open_ = net.spec(case.outputs), net.spec(case.outputs, flexible=True)
    flexible = not net.legacy and fixed != open_
    try:
        model = MLModel(fixed, configuration=configuration(1))
    except UnsupportedError as error:  # channels of PReLU behind a slice of open size
        assert "must be known when the model is loaded" in str(error)
        COUNTED["refused"] += 1
        return
    first = model.predict(inputs)
    right(case, first, wanted, "one thread")
    same_bits(model.predict(inputs), first, "the second time")
    same_bits(MLModel(fixed, configuration=configuration(3)).predict(inputs), first, "three threads")
    for level in lib.cpu_levels()[:-1]:
        slow = MLModel(fixed, configuration=configuration(1, level)).predict(inputs)
        right(case, slow, wanted, level)
        same_bits(slow, {name: first[name] for name in case.free}, level)
    if any(form in str(fixed) for form in ("rawValue", "float16Value")):
        small = replace(configuration(3), weights="compressed")
        right(case, MLModel(fixed, configuration=small).predict(inputs), wanted, "compressed weights")
    if not any(layer.WhichOneof("layer") == "custom" for layer in net.layers):
        plain(case, fixed, wanted)
    if flexible:
        refused_or_right(case, open_, seed)
    elif net.legacy:
        elsewhere(case, model, seed)
    if folder:
        place = compile_model(fixed, folder / "net.mlmodelc")
        same_bits(MLModel(place, configuration=configuration(1)).predict(inputs), first, "compiled")


def plain(case: Case, spec: Any, wanted: dict[str, list[np.ndarray]]) -> None:
    """Without any pass."""
    lowered = lower_network(spec.neuralNetwork, describe_model(spec), None, tuple(case.outputs))
    values = {one.name: one.value for one in case.net.inputs}
    results = run(lowered.graph, [values[name] for name in lowered.inputs], lib.Context(threads=1))
    for name, result in zip(lowered.outputs, results, strict=True):
        if name not in case.free:
            near(result, wanted[name], f"without passes: {name}")


def refused_or_right(case: Case, spec: Any, seed: int) -> None:
    """A network whose sizes are open may be one that cannot be lowered; its sentence says so."""
    try:
        model = MLModel(spec, configuration=configuration(1))
    except MLModelError:
        return
    right(case, model.predict(case.features(case.net.inputs)), answers(case, case.net.inputs) or {}, "with open sizes")
    elsewhere(case, model, seed)


def elsewhere(case: Case, model: MLModel, seed: int) -> None:
    """At other sizes and with other numbers: right, or refused where NumPy refuses too."""
    inputs = other_inputs(case, seed)
    wanted = answers(case, inputs)
    if wanted is None:
        with suppress(MLModelError):
            model.predict(case.features(inputs))
        return
    COUNTED["with other inputs"] += 1
    right(case, model.predict(case.features(inputs)), wanted, f"with other inputs, seed {seed}")


@SETTINGS
@given(recipe=RECIPES, seed=st.integers(0, 99))
def test_random_networks(recipe: Recipe, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    case = case_of(recipe)
    if case is None:
        return
    try:
        check(case, seed, tmp_path_factory.mktemp("compiled") if seed % 10 == 0 else None)
    except BaseException as error:
        error.args = (f"{error}\n{describe(case)}",)
        raise


START = [Source((2, 3, 4, 4), False, 0), Source((3, 1, 4), True, 0), Source((1, 2, 4, 1, 1), False, 0)]
OLD_START = [Source((2, 1, 4, 4, 4), False, 0), Source((1, 1, 4, 1, 1), True, 0), Source((1, 1, 2, 6, 6), False, 0)]


@pytest.mark.parametrize("legacy", [False, True], ids=["exact", "rank5"])
@pytest.mark.parametrize("kind", sorted(ROWS))
def test_every_row_finds_a_place(kind: str, legacy: bool) -> None:
    """And its layer gives the right answer there."""
    if legacy and kind not in CORE_ML_2_LAYERS:
        return
    for seed in range(40):
        case = case_of(Recipe(legacy, OLD_START if legacy else START, [(kind, seed)]))
        if case and any(m.WhichOneof("layer") == kind or kind.startswith("loop") for m in case.net.layers):
            check(case, seed)
            return
    pytest.fail("never")


def test_every_layer_type_has_a_row() -> None:
    types = {field.name for field in messages.NeuralNetworkLayer.DESCRIPTOR.oneofs_by_name["layer"].fields}
    assert set(ROWS) == types
