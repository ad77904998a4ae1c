"""docs/command-line.md shows what the command prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyruntime.cli import COMMANDS, build_parser

from .conftest import Run

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "command-line.md"
NAMES = [getattr(m, "COMMAND", m.__name__.rsplit(".", 1)[1].replace("_", "-")) for m in COMMANDS]
STICKER = ROOT / "examples" / "stickers" / "Sticker.mlmodel"


def test_the_card_on_the_page_is_the_card_of_the_model_that_ships(run: Run) -> None:
    shown = (
        PAGE.read_text(encoding="utf-8")
        .split("$ pyruntime describe Sticker.mlmodel\n")[1]
        .split("    On this machine")[0]
    )
    lines = [line.removeprefix("    ") for line in shown.splitlines()]
    assert "\n".join(lines).strip() == run("describe", STICKER, "--file-only").out.strip()


@pytest.mark.parametrize("command", NAMES)
def test_the_page_has_a_section_with_an_example_of_each_command(command: str) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {command}\n")[1].split("\n## ")[0]
    assert f"    $ pyruntime {command} " in section


def test_json_keys_on_the_page_are_those_of_the_card(run: Run) -> None:
    listed = PAGE.read_text(encoding="utf-8").split("JSON keys: `")[1].split("`")[0].split()
    assert listed == list(run("describe", STICKER, "--json").json)


def test_help_names_every_command() -> None:
    text = build_parser().format_help()
    assert all(f"\n    {name}" in text for name in NAMES)
