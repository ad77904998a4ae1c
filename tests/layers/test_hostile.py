"""Layers with wrong fields, of every type: a sentence or an answer, and little memory."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyruntime.config import MLModelConfiguration
from pyruntime.errors import MLModelError
from pyruntime.layers.network import LAYERS
from pyruntime.model import MLModel
from pyruntime.models import datatypes
from pyruntime.models.neural_network import NeuralNetworkBuilder
from pyruntime.spec import messages
from tests.builder.calls import calls

from .dynamic import constant
from .mutations import mutate
from .network import layer, model, refused

LIMITED = MLModelConfiguration(threads=1, memory_limit=64 << 20, cache_folder=None)
ROOM = 512 << 20
"""Bytes of address space that all cases together may take."""
SHAPES = [(3, 4, 5), (4, 4), (1, 1, 4, 6, 6), (4,), (1, 4, 6, 6), (2, 3, 4)]
"""Shapes of the inputs, the first ones preferred."""


@pytest.fixture(autouse=True, scope="module")
def little_memory() -> Iterator[None]:
    """What asks for more than `ROOM` fails with a MemoryError, which is not among the errors that are allowed."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def built() -> dict[str, list[Any]]:
    """Layer messages by type: what the builder's methods write."""
    found: dict[str, list[Any]] = {}
    for method, arguments in calls():
        inputs = [(name, datatypes.Array(3, 4, 5)) for name in ("data", "data2", "data3")]
        builder = NeuralNetworkBuilder(inputs, [("out", datatypes.Array(2))], disable_rank5_shape_mapping=True)
        message = getattr(builder, f"add_{method}")("the layer", **arguments)
        found.setdefault(message.WhichOneof("layer"), []).append(message)
    return found


MESSAGES = built()


def around(message: Any, shape: tuple[int, ...], exact: bool) -> Any:
    """A model of one layer, whose inputs have one shape."""
    names = list(dict.fromkeys(message.input)) or ["data"]
    return model(dict.fromkeys(names, shape), [message], [*message.output[:1]] or ["out"], exact=exact, version=5)


def attempt(spec: Any, numbers: float = 1.0) -> bool:
    """Load and predict; whether there was an answer.  Anything but our errors goes up."""
    try:
        loaded = MLModel(spec, configuration=LIMITED)
        features = {f.name: np.full(f.type.multiArrayType.shape, numbers, np.float32) for f in spec.description.input}
        loaded.predict(features)
    except MLModelError:
        return False
    return True


def test_builder_writes_every_type():
    assert set(MESSAGES) == set(LAYERS)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_constant_that_is_no_whole_number(number: float):
    reshape = layer("reshapeDynamic", "x c")
    refused(
        model({"x": (2, 3)}, [constant("c", [3, number]), reshape], exact=True), "the reshapeDynamic", "whole numbers"
    )


@pytest.mark.parametrize("kind", sorted(MESSAGES))
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.randoms(use_true_random=False),
    st.sampled_from(SHAPES),
    st.booleans(),
    st.sampled_from([1.0, -1.0, 0.0, 2.5, 1e30]),
)
def test_wrong_fields(kind: str, random: Random, shape: tuple[int, ...], exact: bool, numbers: float):
    message = messages.NeuralNetworkLayer.FromString(random.choice(MESSAGES[kind]).SerializeToString())
    for _ in range(random.choice([0, 1, 1, 2, 3])):
        mutate(message if random.random() < 0.1 else getattr(message, kind), random)
    attempt(around(message, shape, exact), numbers)
