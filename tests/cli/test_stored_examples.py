"""pyruntime examples, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime import MLModel
from pyruntime.cli import main
from tests.knn.models import knn_spec


@pytest.fixture
def path(tmp_path: Path) -> Path:
    empty = MLModel(knn_spec(default="none", dimensions=2)).examples()
    empty.add([[0, 0], [1, 0], [0, 0], [5, 5]], ["cat", "dog", "cat", "dog"]).write(tmp_path / "k.mlmodelc")
    return tmp_path / "k.mlmodelc"


def told(capsys: Any, *arguments: Any) -> Any:
    assert main(["examples", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_labels_and_examples_are_listed(path: Path, capsys: Any) -> None:
    lines = told(capsys, "list", path).splitlines()
    assert [line.split() for line in lines[:3]] == [["Label", "Examples"], ["cat", "2"], ["dog", "2"]]
    assert lines[3] == "4 examples of 2 labels, 2 numbers each, kept as float32"
    rows = [line.split() for line in told(capsys, "list", path, "--all").splitlines()]
    assert [row[:2] for row in rows[1:5]] == [["0", "cat"], ["1", "dog"], ["2", "cat"], ["3", "dog"]]
    found = json.loads(told(capsys, "list", path, "--all", "--json"))
    assert found["labels"] == [{"label": "cat", "examples": 2}, {"label": "dog", "examples": 2}]
    assert [example["id"] for example in found["all"]] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["forget", "--label", "cat"], [1, 3]),
        (["forget", "--label", "cat", "--label", "dog"], []),
        (["forget", "--id", 1, "--id", 2], [0, 3]),
        (["forget", "--older-than", "1d"], [0, 1, 2, 3]),
        (["forget", "--before", "2999-01-01"], []),
        (["cap", "--per-label", 1], [2, 3]),
        (["dedup"], [0, 1, 3]),
        (["dedup", "--within", "100"], [0, 1]),
    ],
)
def test_examples_are_forgotten(path: Path, capsys: Any, arguments: list[Any], left: list[int], tmp_path: Path) -> None:
    said = told(capsys, *arguments, path, "--output", tmp_path / "other.mlmodel")
    gone = 4 - len(left)
    assert said.startswith(f"forgot {gone} example{'s' if gone != 1 else ''} of 4; {len(left)} are left")
    assert MLModel(tmp_path / "other.mlmodel").examples().ids.tolist() == left
    assert len(MLModel(path).examples()) == 4
    told(capsys, *arguments, path, "--in-place", "--json")
    assert MLModel(path).examples().ids.tolist() == left


def test_erasing_leaves_no_generation_with_them(path: Path, capsys: Any) -> None:
    told(capsys, "forget", path, "--label", "dog", "--in-place")
    assert len(list(path.glob("generation-*.json"))) == 2
    told(capsys, "forget", path, "--id", 0, "--in-place", "--erase")
    assert len(list(path.glob("generation-*.json"))) == 1
    assert not any(np.float32([5, 5]).tobytes() in file.read_bytes() for file in path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["forget", "--in-place"], 2, "name what shall be forgotten"),
        (["forget", "--label", "cow", "--in-place"], 1, "no example has the label 'cow'"),
        (["forget", "--older-than", "3", "--in-place"], 2, "invalid age value: '3'"),
        (["cap", "--per-label", "0", "--in-place"], 1, "at least 1"),
        (["cap", "--in-place"], 2, "--per-label"),
        (["dedup"], 2, "--output"),
    ],
)
def test_what_cannot_be_done_is_said(path: Path, capsys: Any, arguments: list[str], code: int, message: str) -> None:
    try:
        got = main(["examples", *arguments[:1], str(path), *arguments[1:]])
    except SystemExit as stopped:
        got = int(str(stopped.code))
    assert got == code
    assert message in capsys.readouterr().err
    assert len(MLModel(path).examples()) == 4


def test_labels_that_are_numbers_are_numbers(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "n.mlmodel"
    MLModel(knn_spec([[0, 0], [1, 1]], [7, 8])).save(path)
    told(capsys, "forget", path, "--label", "7", "--in-place")
    assert MLModel(path).examples().labels == [8]
    with pytest.raises(SystemExit):
        main(["examples", "forget", str(path), "--label", "cat", "--in-place"])
