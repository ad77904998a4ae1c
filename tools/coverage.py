"""Writes docs/coverage.md from the lists that the program itself uses: `tools/coverage.py [--check]`.

--check: exit 1 when the stored page is not what the lists say.

Which operators a layer becomes is read from the source of its lowering function and of the functions it calls; which
tests name a layer, from the tests' sources.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pyruntime.layers.families
import pyruntime.training.rules  # noqa: F401  (files every gradient rule)
from pyruntime.engines.registry import APPLE_ONLY, ENGINES
from pyruntime.ir.ops import OPERATORS, GetShape
from pyruntime.layers.builder import Builder
from pyruntime.layers.registry import LAYERS
from pyruntime.native import lib
from pyruntime.spec import messages
from pyruntime.training.gradients import NO_SLOPE, REFUSED, RULES

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"
LEVEL = re.compile(r"_(ref|avx2|avx512|neon)\.c$")
ROW = re.compile(r"^PR_OP\(\s*(\w+),\s*(\w+),", re.MULTILINE)
CONTROL = ("branch", "loop", "loopBreak", "loopContinue")
CONSTANTS = ("copy", "loadConstant", "loadConstantND")
STEPS = ("ceil", "floor", "round", "sign", "logicalNot", "floorDivBroadcastable", "argMax", "argMin")
NAMES = {operator.__name__: operator.code for operator in OPERATORS}


@cache
def operators_of(function: FunctionType) -> frozenset[str]:
    """Codes of the operators that a function of `pyruntime.layers` names, or that functions it calls name."""
    return frozenset(_operators(function, set()))


def _operators(function: FunctionType, seen: set[object]) -> Iterator[str]:
    if function in seen:
        return
    seen.add(function)
    scope = vars(inspect.getmodule(function))
    for node in ast.walk(ast.parse(_source(function))):
        if isinstance(node, ast.Name):
            if node.id in NAMES and node.id in scope:
                yield NAMES[node.id]
            yield from _called(scope.get(node.id), seen)
        elif isinstance(node, ast.Attribute):
            base = scope.get(node.value.id) if isinstance(node.value, ast.Name) else None
            yield from _called(getattr(base, node.attr, None) if isinstance(base, ModuleType) else None, seen)
            if isinstance(node.value, ast.Name) and node.value.id == "b":
                yield from _called(vars(Builder).get(node.attr), seen)


def _called(found: Any, seen: set[object]) -> Iterator[str]:
    if isinstance(found, FunctionType) and found.__module__.startswith("pyruntime.layers"):
        yield from _operators(found, seen)


def _source(function: Callable[..., Any]) -> str:
    lines, _ = inspect.getsourcelines(function)
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "".join(line[indent:] or "\n" for line in lines)


@cache
def families() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Operator -> its folder in csrc/ops, and the levels for which the folder has files."""
    functions = dict(ROW.findall((ROOT / "csrc/ops/ops.def").read_text()))
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for folder in sorted(path for path in (ROOT / "csrc/ops").iterdir() if path.is_dir()):
        text = "".join(path.read_text() for path in sorted(folder.glob("*.c")))
        for code, function in functions.items():
            if re.search(rf"\bpr_{function}_run\(|\bRUN\({function}\b", text):
                found[code] = (folder.name, levels_of(folder))
    return found


def levels_of(folder: Path) -> tuple[str, ...]:
    there = {m.group(1) for path in folder.glob("*.c") if (m := LEVEL.search(path.name))}
    return tuple(level for level in lib.levels() if level != "ref" and level in there)


def layers() -> list[str]:
    """One line per layer type of the format."""
    tests = {path: path.read_text() for path in sorted((ROOT / "tests").rglob("test_*.py"))}
    lines = ["| layer | number | operators | fast levels | weights | gradient | tests |"]
    lines.append("| --- | --: | --- | --- | --- | --- | --: |")
    oneof = messages.NeuralNetworkLayer.DESCRIPTOR.oneofs_by_name["layer"]
    for field in sorted(oneof.fields, key=lambda f: f.number):
        if field.name not in LAYERS:
            lines.append(f"| {field.name} | {field.number} | not supported | | | | |")
            continue
        codes = sorted(operators_of(LAYERS[field.name].lower))
        levels = [families()[code][1] for code in codes if code in families()]
        fast = sorted(set().union(*levels), key=lib.levels().index) if levels else []
        files = sum(f'"{field.name}"' in text for text in tests.values())
        lines.append(
            f"| {field.name} | {field.number} | {', '.join(code.lower() for code in codes)} | {', '.join(fast)} | "
            f"{_weights(field.message_type)} | {_gradient(field.name, codes)} | {files} |"
        )
    return [f"{len(LAYERS)} of {len(oneof.fields)} layer types run.", "", *lines]


def _gradient(name: str, codes: list[str]) -> str:
    """Whether gradients pass through a layer; sizes that operators read have none and need none."""
    lower = LAYERS[name].lower
    places = lower.__module__ == "pyruntime.layers.compare" and name != "whereBroadcastable"
    computing = set(codes) - {GetShape.code}
    if places or name in STEPS or (computing and computing <= ends()) or (codes and not computing):
        return "ends"
    if name in CONSTANTS:
        return "yes"
    if name in CONTROL or (codes and set(codes) <= {operator.code for operator in REFUSED}):
        return "refused"
    refused = {operator.code for operator in REFUSED}
    if not computing or not computing - refused <= gradients():
        return ""
    return "of constant sizes" if computing & refused else "yes"


def _weights(message: Any, depth: int = 2) -> str:
    """The forms in which a layer's weights may be stored, if it has some."""
    for field in message.fields:
        if field.message_type is None or depth == 0:
            continue
        if field.message_type.name == "WeightParams":
            return "f32, f16, 1–8 bit"
        if field.message_type.name.endswith("Params") and (inner := _weights(field.message_type, depth - 1)):
            return inner
    return ""


@cache
def gradients() -> frozenset[str]:
    """Operators with a gradient."""
    return frozenset(operator.code for operator in RULES) - {operator.code for operator in REFUSED} | {"LSTM", "RNN"}


@cache
def ends() -> frozenset[str]:
    """Operators at which gradients end."""
    return frozenset(operator.code for operator in NO_SLOPE)


def model_types() -> list[str]:
    """One line per model type of the format."""
    lines = ["| model type | runs |", "| --- | --- |"]
    oneof = messages.Model.DESCRIPTOR.oneofs_by_name["Type"]
    for field in oneof.fields:
        foreign = "with an implementation of yours" if field.name in APPLE_ONLY else "no"
        state = "yes" if field.name in ENGINES else foreign
        lines.append(f"| {field.name} | {state} |")
    return lines


def _of_operator(code: str) -> str:
    reasons = {operator.code: f"ends: it {why}" for operator, why in NO_SLOPE.items()}
    reasons |= {operator.code: f"refused: {why}" for operator, why in REFUSED.items()}
    return reasons.get(code, "yes" if code in gradients() else "")


def operators() -> list[str]:
    """One line per operator."""
    lines = ["| operator | family | fast levels | gradient |", "| --- | --- | --- | --- |"]
    for code in sorted(lib.operators()):
        family, levels = families().get(code, ("", ()))
        lines.append(f"| {code.lower()} | {family} | {', '.join(levels)} | {_of_operator(code)} |")
    return lines


def page() -> str:
    parts = [
        "# Coverage",
        "Written by `tools/coverage.py` from the lists that the program uses.",
        "## Model types",
        "\n".join(model_types()),
        "## Layers of neural networks",
        "Numbers between layers are float32. *operators*: what a layer may become, by its options. *fast levels*: "
        "instruction sets for which at least one of these operators' families has kernels of its own; every operator "
        "has plain C besides. *weights*: how they may be stored in the file. *gradient*: training passes through the "
        "layer, it ends there because results have no slope, or it is refused. "
        "*tests*: how many test files name the layer; coremltools' own tests are in "
        "[conformance.md](conformance.md).",
        "\n".join(layers()),
        "## Operators",
        "\n".join(operators()),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.read_text(encoding="utf-8") == page() else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
