"""A64 machine code as text, and what a model of a core wants to know of an instruction: LLVM does the disassembling."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

FEATURES = "+v8.6a,+fullfp16,+dotprod,+i8mm,+bf16,+fp16fml"
VERSIONS = ("22", "21", "20", "19")
"""Releases of LLVM that were tried, newest first; older ones have no model of the Neoverse N1."""


def llvm(name: str) -> str:
    """The path of an LLVM program, in the newest version that is installed."""
    for version in VERSIONS:
        if found := shutil.which(f"{name}-{version}"):
            return found
    if found := shutil.which(name):
        return found
    raise SystemExit(f"{name} is needed: apt install llvm-{VERSIONS[0]}, or llvm-{VERSIONS[-1]} at least")


def disassemble(words: Iterable[int]) -> list[str]:
    """One line of text per word, "fmla v0.4s, v1.4s, v2.s[0]"; a word that is no instruction gives "nop"."""
    wanted = list(words)
    lines = "\n".join(" ".join(f"0x{byte:02x}" for byte in word.to_bytes(4, "little")) for word in wanted)
    command = [llvm("llvm-mc"), "--disassemble", "-triple=aarch64", f"-mattr={FEATURES}"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True)
    texts = [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip() and not _directive(line)]
    if len(texts) == len(wanted):
        return texts
    if len(wanted) == 1:
        return ["nop"]
    half = len(wanted) // 2
    return disassemble(wanted[:half]) + disassemble(wanted[half:])


def _directive(line: str) -> bool:
    return line.strip().startswith(".")


class Instruction(NamedTuple):
    """What an issue model looks at.

    kind: "load", "store", "prefetch" (integer registers), "vector load", "vector store", "vector" (128 bits),
    "half" (64 bits or a scalar), "insert" (an integer register into a lane), "branch" or "integer".
    reads, writes: registers, "v3", "x5", "nzcv".  registers: how many a load or store moves.  bits: of each of them.
    sums: the register that a multiply-add adds to, which may arrive late; "" for other instructions.
    """

    name: str
    kind: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    registers: int = 1
    bits: int = 0
    sums: str = ""


_REGISTER = re.compile(r"\b([vqdshbxw])(\d+)\b")
_ADDRESS = re.compile(r"\[((?:x\d+|sp)\b[^\]]*)\](.*)$")
_SUMMING = re.compile(r"(fmla|fmls|fmlal2?|fmlsl2?|mla|mls|[su]ml[as]l2?|[su]adalp|[su]dot|sqrdmlah|fmmla)$")
_BRANCH = re.compile(r"(b|bl|br|blr|ret|cbn?z|tbn?z|b\.\w+)$")
_BITS = {"b": 8, "h": 16, "s": 32, "d": 64, "q": 128, "v": 128}
_KEEPS_REST = re.compile(r"(bsl|bit|bif|ins|mov|sli|sri|tbx|[us]r?sra|\w*x?tn2|\w*shrn2|fmov)$")


def _names(text: str) -> list[str]:
    return [("v" if bank in "vqdshb" else "x") + number for bank, number in _REGISTER.findall(text)]


@cache
def instruction(text: str) -> Instruction:
    """A line of `disassemble`."""
    name, _, rest = text.partition(" ")
    address = _ADDRESS.search(rest)
    if address and re.match(r"ld|st|prfm|swp|cas", name):
        return _memory(name, rest[: address.start()], address[1], address[2])
    if _BRANCH.match(name):
        return Instruction(name, "branch", tuple(_names(rest)) + (("nzcv",) if name.startswith("b.") else ()), ())
    if re.search(r"\b[vqdshb]\d+\b", rest):
        return _vector(name, rest)
    names = _names(rest)
    flags = ("nzcv",) if re.match(r"(cmp|cmn|tst|subs|adds|ands|ccmp|fcmp)$", name) else ()
    if re.match(r"(cmp|cmn|tst|ccmp)$", name):
        return Instruction(name, "integer", tuple(names), flags)
    needs = ("nzcv",) if re.match(r"cs|cinc|cneg|cinv", name) else ()
    return Instruction(name, "integer", tuple(names[1:]) + needs, tuple(names[:1]) + flags)


def _memory(name: str, registers: str, inside: str, behind: str) -> Instruction:
    moved, address = _names(registers), _names(inside) + _names(behind)
    steps = tuple(_names(inside)[:1]) if behind.strip(" ,") else ()
    if name.startswith("prfm"):
        return Instruction(name, "prefetch", tuple(address), (), 0)
    is_load = name.startswith("ld")
    if not re.search(r"\b[vqdshb]\d", registers):
        if is_load:
            return Instruction(name, "load", tuple(address), (*moved, *steps), len(moved), 64)
        return Instruction(name, "store", (*address, *moved), steps, len(moved), 64)
    bits = _BITS[re.sub(r"[{\s]", "", registers)[0]]
    lane = bool(re.search(r"\}\s*\[", registers))
    if "{" in registers and (lane or re.match(r"ld\dr", name) or re.search(r"\.(8b|4h|2s|1d)", registers)):
        bits = 64
    if is_load:
        kept = moved if lane else []
        return Instruction(name, "vector load", (*address, *kept), (*moved, *steps), len(moved), bits)
    return Instruction(name, "vector store", (*address, *moved), steps, len(moved), bits)


def _vector(name: str, rest: str) -> Instruction:
    names, first = _names(rest), rest.split(",")[0].strip()
    if re.match(r"[xw]\d", first):  # a lane, or a conversion, to an integer register
        return Instruction(name, "vector", tuple(names[1:]), tuple(names[:1]))
    if name in ("mov", "ins", "fmov") and re.search(r"\b([xw]\d+|[xw]zr)\b", rest):
        kept = names[:1] if "[" in first else []
        return Instruction(name, "insert", (*names[1:], *kept), tuple(names[:1]))
    if name.startswith("fcmp"):
        return Instruction(name, "half", tuple(names), ("nzcv",))
    half = bool(re.match(r"[dshb]\d|v\d+\.(8b|4h|2s|1d)\b", first))
    sums = names[0] if _SUMMING.match(name) else ""
    kept = names[:1] if not sums and _KEEPS_REST.match(name) and ("[" in first or name not in ("mov", "fmov")) else []
    return Instruction(name, "half" if half else "vector", (*names[1:], *kept), tuple(names[:1]), sums=sums)


def multiply_adds(text: str) -> int:
    """Multiply-adds that an instruction does: its lanes, times the products that one of them sums."""
    name, _, rest = text.partition(" ")
    if name in ("fmadd", "fmsub", "fnmadd", "fnmsub"):
        return 1
    arrangement = re.match(r"v\d+\.(\d+)[bhsd]\b", rest)
    if not arrangement or not _SUMMING.match(name):
        return 0
    return int(arrangement[1]) * (4 if name in ("sdot", "udot") else 1)
