"""A plan with any byte changed is refused, or runs within its memory.

`make sanitize` runs this file on a library that ends the process at the first access outside the memory of a value;
here a crash, a hang, or an exception outside the package's tree fails.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyruntime.errors import MLModelError
from pyruntime.native import lib

from .guarded import MEMORY, run_all
from .networks import NETWORKS, at_the_edge, encoded, sample_inputs

WORDS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 255, 1 << 10, 1 << 16, (1 << 20) - 1, 1 << 20, 1 << 24, 1 << 30,
         2**31 - 1, 2**31, 2**32 - 1, 2**32 - 2, 2**32 - 8, 0x3F800000, 0x7F800000, 0x7FC00000, 0xFF800000)  # fmt: skip
"""Values for a 32-bit field: small counts, limits and their neighbours, and floats 1, inf, NaN, -inf."""
RANDOM_PLANS = 4000


@pytest.fixture(scope="module", params=sorted(NETWORKS))
def network(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def context() -> lib.Context:
    return lib.Context(threads=1)


def every_byte(plan: bytes) -> Iterator[tuple[str, bytes]]:
    """Each byte with its lowest and highest bit turned, off by one, and with values that mean most as sign or size."""
    for at, old in enumerate(plan):
        for new in sorted({old ^ 1, old ^ 0x80, (old + 1) % 256, (old - 1) % 256, 0, 0x7F, 0xFF} - {old}):
            yield f"byte {at}: {old} -> {new}", plan[:at] + bytes([new]) + plan[at + 1 :]


def random_words(plan: bytes, seed: int) -> Iterator[tuple[str, bytes]]:
    """One to eight fields at once."""
    rng = np.random.default_rng(seed)
    for i in range(RANDOM_PLANS):
        damaged = bytearray(plan)
        for _ in range(int(rng.integers(1, 9))):
            at = 4 * int(rng.integers(18, len(plan) // 4))  # behind the header, which refuses nearly all
            struct.pack_into("<I", damaged, at, int(rng.choice(WORDS)))
        yield f"random {seed}/{i}", bytes(damaged)


@pytest.mark.parametrize("packed", [True, False], ids=["compiled", "plain"])
def test_every_single_byte(network: str, packed: bool, context: lib.Context) -> None:
    graph = NETWORKS[network]()
    plan, weights = encoded(graph, context, packed=packed)
    outcome = run_all(lambda: every_byte(plan), weights, sample_inputs(graph), len(graph.outputs))
    assert outcome["ran"] > 100, "changed numbers such as an activation's limit leave a plan that runs"
    assert outcome["refused"] > outcome["ran"] / 10
    print(f"{network}: {outcome['refused']} refused, {outcome['ran']} ran")


@pytest.mark.parametrize("packed", [True, False], ids=["compiled", "plain"])
def test_random_fields(network: str, packed: bool, context: lib.Context) -> None:
    graph = NETWORKS[network]()
    plan, weights = encoded(graph, context, packed=packed)
    outcome = run_all(lambda: random_words(plan, 7), weights, sample_inputs(graph), len(graph.outputs))
    assert outcome["ran"] + outcome["refused"] == RANDOM_PLANS


@pytest.mark.parametrize("level", range(len(lib.cpu_levels())), ids=lib.cpu_levels())
def test_damaged_attributes_on_every_level(network: str, level: int) -> None:
    """Only the words of attributes, each with every value of WORDS, on the kernels of one level."""
    bits = (1 << (level + 1)) - 1
    graph = NETWORKS[network]()
    plan, weights = encoded(graph, lib.Context(threads=1, levels=bits), packed=True)
    first, size = struct.unpack_from("<2I", plan, 56)

    def plans() -> Iterator[tuple[str, bytes]]:
        for at in range(first, first + size, 4):
            for word in WORDS:
                yield f"attribute word at {at}: {word:#x}", plan[:at] + struct.pack("<I", word) + plan[at + 4 :]

    outcome = run_all(plans, weights, sample_inputs(graph), len(graph.outputs), levels=bits)
    assert outcome["ran"] > 0 < outcome["refused"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_behind_a_good_header(data: st.DataObject) -> None:
    """Hypothesis looks for the smallest change that raises something else than the package's errors."""
    graph = NETWORKS[data.draw(st.sampled_from(sorted(NETWORKS)))]()
    context = lib.Context(threads=1)
    plan, weights = encoded(graph, context, packed=True)
    damaged = bytearray(plan)
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(72, len(plan) - 1), st.integers(0, 255)), min_size=1, max_size=6)
    ):
        damaged[at] = byte
    try:
        session = lib.Session(context, at_the_edge(bytes(damaged)), weights, MEMORY)
        session.limit_iterations(100)
        results = session.run(sample_inputs(graph), len(graph.outputs))
    except MLModelError as error:
        assert str(error)
    else:
        assert sum(r.nbytes for r in results) <= MEMORY
