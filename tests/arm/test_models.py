"""tools/arm: what it reads, and the rules of its model; the counting itself where the emulator is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tools.arm import cortex_a53, cycles, inorder_tile
from tools.arm.assembly import VERSIONS, disassemble, instruction, multiply_adds
from tools.arm.counts import Counts, parse

has_llvm = any(shutil.which(f"llvm-mca-{version}") for version in VERSIONS)
needs_llvm = pytest.mark.skipif(not has_llvm, reason=f"LLVM {VERSIONS[-1]} or newer is not installed")

FMLA = "fmla v16.4s, v8.4s, v0.s[1]"


def test_counts_are_read() -> None:
    lines = ["region 1 0", "3 10", "4 2", "region 2 0", "3 1", "region 2 1", "3 5", "block 3 4000 d503201fd65f03c0"]
    counts = parse(lines)
    assert counts.regions[1].parts == [{3: 10, 4: 2}]
    assert counts.regions[2].counts == {3: 6}
    assert counts.words == {3: [0xD503201F, 0xD65F03C0]}
    assert counts.addresses == {3: 0x4000}
    assert parse([]) == Counts()


@pytest.mark.parametrize("line", ["block 3", "one two three", "3 x"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"not a line of counts|invalid literal"):
        parse([line])


@pytest.mark.parametrize(
    ("text", "kind", "reads", "writes"),
    [
        (FMLA, "vector", ("v8", "v0"), ("v16",)),
        ("ldr q0, [x1, x2]", "vector load", ("x1", "x2"), ("v0",)),
        ("ldr d8, [x1, #16]", "vector load", ("x1",), ("v8",)),
        ("ld1 { v0.4s, v1.4s }, [x0], #32", "vector load", ("x0",), ("v0", "v1", "x0")),
        ("ins v8.d[1], x16", "insert", ("x16", "v8"), ("v8",)),
        ("ldp x1, x2, [sp, #16]", "load", (), ("x1", "x2")),
        ("stp q0, q1, [x3]", "vector store", ("x3", "v0", "v1"), ()),
        ("subs x1, x1, #4", "integer", ("x1",), ("x1", "nzcv")),
        ("b.ne #-300", "branch", ("nzcv",), ()),
        ("prfm pldl2keep, [x6, #64]", "prefetch", ("x6",), ()),
        ("fadd s0, s1, s2", "half", ("v1", "v2"), ("v0",)),
    ],
)
def test_instructions_are_understood(text: str, kind: str, reads: tuple[str, ...], writes: tuple[str, ...]) -> None:
    found = instruction(text)
    assert (found.kind, found.reads, found.writes) == (kind, reads, writes)


@pytest.mark.parametrize(
    ("text", "count"),
    [(FMLA, 4), ("fmla v0.2d, v1.2d, v2.2d", 2), ("fmadd s0, s1, s2, s3", 1), ("fmul v0.4s, v1.4s, v2.4s", 0)],
)
def test_multiply_adds_are_counted(text: str, count: int) -> None:
    assert multiply_adds(text) == count


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (["add x1, x2, x3", "add x4, x5, x6"], 1),                                    # two a cycle
        ([f"fmla v{n}.4s, v1.4s, v2.4s" for n in range(16, 24)], 8),                  # one of 128 bits a cycle
        (["fmla v16.4s, v1.4s, v2.4s"], 4),                                           # a sum waits for the last
        (["fmul v16.4s, v16.4s, v2.4s"], 4),
        (["ldr q0, [x1]"], 2),                                                        # a cycle per 64 bits
        (["ld1 { v0.4s, v1.4s, v2.4s, v3.4s }, [x0]"], 8),
        (["ldr d0, [x1]", "ins v4.d[1], x16"], 3),                                    # they share a cycle
        (["fmla v16.4s, v1.4s, v2.4s", "ldr x3, [x1]", *[f"fmla v{n}.4s, v1.4s, v2.4s" for n in range(17, 20)]], 4),
    ],
)  # fmt: skip
def test_rules_of_the_cortex_a53(block: list[str], expected: float) -> None:
    assert cortex_a53.cycles(block) == expected


@pytest.mark.parametrize("last", [False, True])
def test_the_tile_in_order_does_every_product_once(last: bool) -> None:
    """Runs the text with symbols for numbers: sum (i, j) gets the products of all eight depths and nothing else."""
    registers: dict[str, object] = {f"v{i}": [("a", i, p) for p in range(4)] for i in range(4)}
    registers |= {f"v{8 + n}": ("b", n) for n in range(4)}
    sums: dict[int, list[object]] = {n: [] for n in range(16, 32)}
    halves: dict[str, object] = {}
    for text in (t for line in inorder_tile.lines(last=last) for t in line.split("; ")):
        words = text.replace(",", " ").split()
        if words[0] == "fmla":
            sums[int(words[1][1:3].rstrip("."))].append((registers[words[2].split(".")[0]], _lane(registers, words[3])))
        elif words[0] == "ldr":
            value = _loaded(words[2].strip("[]%"), int(words[3].strip("#]")) // 16)
            if words[1].startswith("d"):
                registers["v" + words[1][1:]] = None  # half a vector is none
                halves["low"] = value
            else:
                halves[words[1]] = value
        else:
            registers[words[1].split(".")[0]] = halves[words[2]]
    for j in range(4):
        for i in range(4):
            assert sums[16 + 4 * j + i] == [(("b", 4 * p + j), ("a", i, p)) for p in range(8)]
    if not last:
        assert [registers[f"v{8 + n}"] for n in range(4)] == [("b", 32 + n) for n in range(4)]
        assert [registers[f"v{i}"] for i in range(4)] == [[("a", i, 8 + p) for p in range(4)] for i in range(4)]


def _lane(registers: dict[str, object], word: str) -> object:
    name, _, lane = word.partition(".s[")
    row = registers[name]
    assert isinstance(row, list)
    return row[int(lane.strip("]"))]


def _loaded(address: str, number: int) -> object:
    if address.strip("[]%") == "b":
        return ("b", number)
    row = int(address.strip("[]%r"))
    return [("a", row, 4 * number + p) for p in range(4)]


def test_the_tile_in_order_is_as_written() -> None:
    assert inorder_tile.FILE.read_text() == inorder_tile.source()


def test_the_tile_in_order_has_its_speed() -> None:
    """128 multiply-adds and 40 vectors of a cycle each, by the model."""
    text = "; ".join(inorder_tile.lines(last=False))
    text = re.sub(r"\[%\[r(\d)\]", r"[x\1", text).replace("[%[b]", "[x4")
    assert cortex_a53.cycles(text.split("; ")) <= 170


@needs_llvm
def test_words_become_text() -> None:
    assert disassemble([0x4E22CC20, 0xFFFFFFFF, 0xD65F03C0]) == ["fmla v0.4s, v1.4s, v2.4s", "nop", "ret"]


@needs_llvm
@pytest.mark.parametrize(("core", "expected"), [("A72", 16), ("A76", 8)])
def test_limits_of_the_cores_that_reorder(core: str, expected: float) -> None:
    block = [f"fmla v{n}.4s, v0.4s, v1.4s" for n in range(16, 32)]
    assert cycles.by_llvm([block], core)[0] == pytest.approx(expected, rel=0.05)


def test_the_page_is_there() -> None:
    page = Path(__file__).resolve().parents[2] / "docs/arm.md"
    assert "<!-- table -->" in page.read_text()
