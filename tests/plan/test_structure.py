"""Plans that are no plans: pr_plan_check refuses them before anything runs, and says what is wrong."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from pyruntime.errors import SpecError
from pyruntime.native import lib
from pyruntime.plan.encode import HEADER, STEP

from .networks import at_the_edge, encoded, image_network, sample_inputs, sequence_network

WORDS = (
    "magic", "version", "bytes", "reserved", "values_at", "values", "steps_at", "steps", "indices_at", "indices",
    "inputs", "inputs_first", "outputs", "outputs_first", "attrs_at", "attrs_bytes", "text_at", "text_bytes",
)  # fmt: skip
VALUE_BYTES = 88


@pytest.fixture(scope="module")
def context() -> lib.Context:
    return lib.Context(threads=1)


@pytest.fixture(scope="module")
def good(context: lib.Context) -> tuple[bytes, np.ndarray]:
    return encoded(image_network(), context, packed=False)


def header(plan: bytes) -> dict[str, int]:
    return dict(zip(WORDS, HEADER.unpack_from(plan), strict=True))


def changed(plan: bytes, offset: int, value: int) -> bytes:
    """`plan` with another 32-bit word at `offset`."""
    return plan[:offset] + struct.pack("<I", value & 0xFFFFFFFF) + plan[offset + 4 :]


def with_header(plan: bytes, **words: int) -> bytes:
    for name, value in words.items():
        plan = changed(plan, 4 * WORDS.index(name), value)
    return plan


def open_plan(context: lib.Context, plan: bytes, weights: np.ndarray) -> lib.Session:
    return lib.Session(context, at_the_edge(plan), weights, 1 << 20)


def refused(context: lib.Context, plan: bytes, weights: np.ndarray, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        open_plan(context, plan, weights)


def test_the_plan_that_the_others_are_made_from_runs(context: lib.Context, good: tuple[bytes, np.ndarray]) -> None:
    graph = image_network()
    results = open_plan(context, *good).run(sample_inputs(graph), len(graph.outputs))
    assert [r.shape for r in results] == [v.shape for v in graph.outputs]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"magic": 0}, "mark of a plan"),
        ({"version": 1}, "version 1, this library reads version 3: compile the model again"),
        ({"version": 0}, "version 0"),
        ({"bytes": 72}, "72 bytes announced"),
        ({"values_at": 73}, "past the end"),
        ({"values_at": 0xFFFFFFF8}, "past the end"),
        ({"values": 0xFFFFFFFF}, "past the end"),
        ({"values": 0x0BA2E8BB}, "past the end"),  # times 88 it is 8 above 2^32
        ({"steps": 0x08000001}, "past the end"),  # times 32 it is 32 above 2^32
        ({"indices": 0x40000001}, "past the end"),
        ({"attrs_bytes": 0xFFFFFFFF}, "past the end"),
        ({"text_bytes": 0xFFFFFFFF}, "past the end"),
        ({"text_bytes": 0}, "names without an end"),
        ({"inputs_first": 0xFFFFFFFF}, "list of inputs or outputs"),
        ({"inputs": 0xFFFFFFFF}, "list of inputs or outputs"),
        ({"outputs": 0}, "list of inputs or outputs"),
        ({"outputs_first": 0xFFFFFFFE}, "list of inputs or outputs"),
        ({"inputs": 0}, "before it is there"),
        ({"steps": 1}, "never computed"),
        ({"values": 1}, "before it is there|is not an input|which is not its own"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_damaged_header(
    context: lib.Context, good: tuple[bytes, np.ndarray], words: dict[str, int], message: str
) -> None:
    plan, weights = good
    refused(context, with_header(plan, **words), weights, message)


def test_every_truncation(context: lib.Context, good: tuple[bytes, np.ndarray]) -> None:
    plan, weights = good
    for size in range(1, len(plan)):
        refused(context, plan[:size], weights, "only .* bytes" if size < HEADER.size else "bytes announced")


def test_every_truncation_that_admits_it(context: lib.Context, good: tuple[bytes, np.ndarray]) -> None:
    plan, weights = good
    for size in range(HEADER.size, len(plan)):
        refused(context, with_header(plan[:size], bytes=size), weights, "past the end|names without an end|has no name")


@pytest.mark.parametrize(
    ("word", "value", "message"),
    [
        (0, 10_000, "runs operator 10000"),
        (0, 0xFFFFFFFF, "runs operator"),
        (1, 1 << 30, "has no name"),
        (2, 0xFFFFFFF0, "past the end"),
        (3, 0xFFFFFFFF, "past the end"),
        (3, 0, "has 0 inputs"),
        (5, 0, "0 outputs"),
        (4, 0xFFFFFFF0, "past the end"),
        (6, 2, "attributes of step"),
        (6, 0xFFFFFFFC, "attributes of step"),
    ],
)
def test_damaged_step(
    context: lib.Context, good: tuple[bytes, np.ndarray], word: int, value: int, message: str
) -> None:
    plan, weights = good
    h = header(plan)
    for step in range(h["steps"]):
        refused(context, changed(plan, h["steps_at"] + step * STEP.size + 4 * word, value), weights, message)


@pytest.mark.parametrize(
    ("word", "value", "message"),
    [
        (0, 3, "of kind 3"),
        (0, -1, "of kind -1"),
        (1, 3, "has type 3"),
        (2, 9, "has rank 9"),
        (2, -1, "has rank -1"),
        (3, 1 << 30, "has no name"),
    ],
)
def test_damaged_value(
    context: lib.Context, good: tuple[bytes, np.ndarray], word: int, value: int, message: str
) -> None:
    plan, weights = good
    h = header(plan)
    for v in range(h["values"]):
        refused(context, changed(plan, h["values_at"] + v * VALUE_BYTES + 4 * word, value), weights, message)


def constants(plan: bytes) -> list[int]:
    """Offsets in the plan of the values that are constants."""
    h = header(plan)
    places = (h["values_at"] + v * VALUE_BYTES for v in range(h["values"]))
    return [at for at in places if struct.unpack_from("<i", plan, at)[0] == 2]


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (16, 32, "outside the weights"),  # not aligned
        (16, 1 << 30, "outside the weights"),
        (20, 1, "outside the weights"),  # upper half of the offset
        (28, 0x7FFFFFFF, "absurd shape|outside the weights"),  # upper half of a dimension
        (24, -1, "absurd shape|outside the weights"),
        (24, 1 << 30, "outside the weights|absurd shape"),
    ],
)
def test_constant_outside_the_weights(
    context: lib.Context, good: tuple[bytes, np.ndarray], offset: int, value: int, message: str
) -> None:
    plan, weights = good
    for at in constants(plan):
        refused(context, changed(plan, at + offset, value), weights, message)


def test_weights_that_are_too_short(context: lib.Context, good: tuple[bytes, np.ndarray]) -> None:
    plan, weights = good
    for size in (0, 1, 64, weights.nbytes // 2):
        refused(context, plan, at_the_edge(weights[:size]), "outside the weights")


def test_index_that_is_no_value(context: lib.Context, good: tuple[bytes, np.ndarray]) -> None:
    plan, weights = good
    h = header(plan)
    for i in range(h["indices"]):
        refused(context, changed(plan, h["indices_at"] + 4 * i, h["values"]), weights,
                "before it is there|is not its own|is not an input value|never computed")  # fmt: skip


def test_value_computed_twice_or_read_too_early(context: lib.Context, good: tuple[bytes, np.ndarray]) -> None:
    plan, weights = good
    h = header(plan)
    steps = [STEP.unpack_from(plan, h["steps_at"] + i * STEP.size) for i in range(h["steps"])]
    first, last = (plan[h["indices_at"] + 4 * s[4] : h["indices_at"] + 4 * s[4] + 4] for s in (steps[0], steps[-1]))
    at = h["indices_at"] + 4 * steps[-1][4]
    refused(context, plan[:at] + first + plan[at + 4 :], weights, "which is not its own")
    at = h["indices_at"] + 4 * steps[0][2]
    refused(context, plan[:at] + last + plan[at + 4 :], weights, "before it is there")


def test_a_sequence_plan_refuses_weights_packed_for_other_kernels(context: lib.Context) -> None:
    plan, weights = encoded(sequence_network(), context, packed=True)
    if len(lib.cpu_levels()) == 1:
        pytest.skip("this CPU has one level only")
    other = lib.Context(threads=1, levels=1)
    graph = sequence_network()
    with pytest.raises(Exception, match=r"compile the model again|packed for other kernels"):
        open_plan(other, plan, weights).run(sample_inputs(graph), len(graph.outputs))
