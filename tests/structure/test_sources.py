"""Rules of the source tree that a program can check: who includes whom, levels by suffix, sizes, docstrings."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CSRC, PACKAGE = ROOT / "csrc", ROOT / "pyruntime"
pytestmark = pytest.mark.skipif(not CSRC.is_dir(), reason="the sources are not beside the tests")

MAY_INCLUDE = {
    "include": {"include"},
    "base": {"include", "base"},
    "ops": {"include", "base", "ops"},
    "plan": {"include", "base", "ops", "plan"},
    "exec": {"include", "base", "ops", "plan", "exec"},
    "knn": {"include", "base", "ops", "exec", "knn"},
    "trees": {"include", "base", "exec", "trees"},
    "peak": {"include", "base", "ops", "exec", "peak"},
}
C_FILES = sorted(p for p in CSRC.rglob("*") if p.suffix in (".c", ".h", ".def")) if CSRC.is_dir() else []
PYTHON_FILES = sorted(PACKAGE.rglob("*.py"))
LONG_FOR_A_REASON = {
    "pyruntime/description.py": "every feature type of the format, one small class each",
    "pyruntime/models/neural_network/layer_methods.py": "written by tools/make_builder.py",
    "pyruntime/models/neural_network/table.py": "a table, one row per layer",
    "pyruntime/native/lib.py": "the only module that speaks to C",
    "pyruntime/model.py": "one class, and every way to open, ask and save it",
    "pyruntime/update/task.py": "one class: its states, its thread, and those who are told",
}
"""Files of more than 300 lines, and why one file is better than two."""


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", C_FILES, ids=relative)
def test_includes_point_downwards(path: Path) -> None:
    home = path.relative_to(CSRC).parts[0]
    for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.MULTILINE):
        target = "include" if "/" not in name and (CSRC / "include" / name).exists() else name.split("/")[0]
        assert target in MAY_INCLUDE[home], f"{relative(path)} includes {name}"
        assert (CSRC / name).exists() or (CSRC / "include" / name).exists(), f"{relative(path)}: {name} is not there"


def test_every_c_file_is_in_exactly_one_level() -> None:
    spec = importlib.util.spec_from_file_location("sources", ROOT / "tools" / "sources.py")
    assert spec
    assert spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    everywhere: set[str] = set()
    for family in ("x86_64", "aarch64"):
        for compiler in ("gcc", "zig"):
            built = [file for _, files in tool.sources(family, compiler).values() for file in files]
            assert len(built) == len(set(built)), f"a file stands in two levels of {family}"
            everywhere |= set(built)
    assert everywhere == {relative(p) for p in C_FILES if p.suffix == ".c"}


@pytest.mark.parametrize("path", PYTHON_FILES, ids=relative)
def test_files_are_short(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= 300 or relative(path) in LONG_FOR_A_REASON, f"{lines} lines"


@pytest.mark.parametrize("path", PYTHON_FILES, ids=relative)
def test_what_is_public_has_a_docstring(path: Path) -> None:
    """Modules, classes, and functions of a module.  Methods: where the name does not say it all."""
    tree = ast.parse(path.read_text())
    if path.read_text().strip():
        assert ast.get_docstring(tree), "the module"
    for node in tree.body:
        named = isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        if named and not node.name.startswith("_") and not (node.name in COMMAND and "cli" in path.parts):
            short = isinstance(node, ast.FunctionDef) and len(node.body) <= 3
            assert short or ast.get_docstring(node), f"{node.name} in line {node.lineno}"


COMMAND = {"add", "run"}
"""What every command has, for pyruntime/cli/__init__.py to call."""


def test_nothing_names_a_machine() -> None:
    """Paths of somebody's home or work folder have no place in the tree."""
    done = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    pattern = re.compile(rb"(?<![\w.])/(?:home|work|Users|root|mnt)/\w")
    found = []
    for name in done.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix in {
            ".py",
            ".c",
            ".h",
            ".def",
            ".md",
            ".toml",
            ".build",
            ".ini",
            ".options",
            "",
        }:
            found += [f"{name}: {m.group()!r}" for m in pattern.finditer(path.read_bytes())]
    assert not found


def test_every_layer_has_a_test_of_its_own() -> None:
    from pyruntime.layers.network import LAYERS

    tests = "\n".join(p.read_text() for p in (ROOT / "tests/layers").glob("test_*.py"))
    assert not [kind for kind in LAYERS if f'"{kind}"' not in tests]
