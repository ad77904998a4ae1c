"""Board files are whole, and agree with the build's own lists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOARDS = sorted((ROOT / "boards").glob("*.toml"))
FIELDS = {"name": str, "target": str, "levels": list, "cores": int, "ram_mib": int, "serial": str, "baud": int}
OPTIONAL = {"vulkan": str, "emulator": str}


def read(path: Path) -> dict[str, Any]:
    tomllib = pytest.importorskip("tomllib", reason="reading board files needs Python 3.11")
    fields: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return fields


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_board_has_all_fields_and_no_others(path: Path) -> None:
    fields = read(path)
    assert set(FIELDS) <= set(fields) <= set(FIELDS) | set(OPTIONAL)
    assert all(isinstance(value, (FIELDS | OPTIONAL)[key]) for key, value in fields.items())


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_boards_levels_are_levels_of_its_target(path: Path) -> None:
    fields = read(path)
    rows = re.findall(r"^PR_ISA\(\s*(\w+),\s*(\w+)", (ROOT / "csrc/base/isa.def").read_text(), re.MULTILINE)
    family = fields["target"].split("-")[0]
    assert set(fields["levels"]) <= {level for level, of in rows if of == family}


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_foreign_target_can_be_built_and_emulated(path: Path) -> None:
    fields = read(path)
    if fields["target"].startswith("x86_64"):
        pytest.skip("built and run natively")
    assert (ROOT / "boards" / "targets" / f"{fields['target']}.ini").is_file()
    assert re.fullmatch(r"qemu-aarch64-static -cpu [\w-]+", fields["emulator"])


def test_no_boards_name_is_in_code() -> None:
    names = {word for path in BOARDS for word in (path.stem, read(path)["name"])}
    code = [
        p for folder in ("csrc", "pyruntime") for p in (ROOT / folder).rglob("*") if p.suffix in (".c", ".h", ".py")
    ]
    found = {name: p.name for name in names for p in code if name in p.read_text(encoding="utf-8")}
    assert not found
