"""The public surface: every name is there, and nothing is imported before it is used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pyruntime

ROOT = Path(pyruntime.__file__).parent


def in_new_process(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_every_public_name_is_there():
    for name in pyruntime.__all__:
        assert getattr(pyruntime, name).__name__ == name


def test_lists_of_public_names_agree():
    """__all__, the table of homes, and what type checkers see."""
    tree = ast.parse((ROOT / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {(str(n.module), alias.name) for n in block.body if isinstance(n, ast.ImportFrom) for alias in n.names}
    homes = {(f"pyruntime.{module}", name) for module, names in pyruntime._HOME.items() for name in names}
    assert seen == homes
    assert sorted(pyruntime.__all__) == sorted(name for _, name in homes)
    assert set(pyruntime.__all__) <= set(dir(pyruntime))


def test_importing_the_package_imports_neither_numpy_nor_protobuf():
    code = "import pyruntime, sys; print(sorted({'numpy', 'google.protobuf', 'PIL', 'cffi'} & set(sys.modules)))"
    assert in_new_process(code) == "[]"


def test_opening_a_cached_model_imports_no_compiler(tmp_path):
    from tests.small_models import linear

    path = tmp_path / "m.mlmodel"
    pyruntime.save_spec(linear(), path)
    code = (
        "import sys, numpy; before = set(sys.modules); import pyruntime; "
        f"pyruntime.MLModel({str(path)!r}).predict({{'x': [0.0] * 40}}); "
        "late = {'PIL', 'pyruntime.passes', 'pyruntime.layers', 'pyruntime.compiler', 'pyruntime.ir.graph', 'asyncio', "
        "'pathlib', 'tempfile', 'google.protobuf.descriptor_pb2'}; print(sorted(late & (set(sys.modules) - before)))"
    )
    in_new_process(code)
    assert in_new_process(code) == "[]"


def test_coremltools_places_have_the_same_classes():
    assert import_module("pyruntime.models").MLModel is pyruntime.MLModel
    assert pyruntime.models.MLModel is pyruntime.MLModel
    assert pyruntime.utils.load_spec is pyruntime.load_spec


def test_unknown_name_is_an_attribute_error():
    assert not hasattr(pyruntime, "nothing")


def test_version_is_that_of_the_project():
    for name in ("pyproject.toml", "meson.build"):
        file = ROOT.parent / name
        if file.exists():
            found = re.search(r"""^version = "([^"]+)"|version: '([^']+)'""", file.read_text(), re.MULTILINE)
            assert found is not None
            assert pyruntime.__version__ in found.groups()


def test_units_have_coremltools_numbers():
    import pytest

    coremltools = pytest.importorskip("coremltools", reason="coremltools, the oracle here, is not installed")
    ours = {unit.name: unit.value for unit in pyruntime.ComputeUnit}
    assert ours == {unit.name: unit.value for unit in coremltools.ComputeUnit}
