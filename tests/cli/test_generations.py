"""generations: list, show, diff, rollback; the guard of update; warnings as lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pyruntime import MLModel, generations
from pyruntime.compiled.locks import UpdateLock

from .conftest import Run, drawing


@pytest.fixture
def mine(run: Run, sticker: str, drawings: Path, tmp_path: Path) -> Path:
    """Two generations: 20 drawings, then the same again."""
    path = tmp_path / "Mine.mlmodelc"
    first = run("update", sticker, "--data", drawings, "--output", path)
    assert first.out.endswith(f"saved {path}, generation 1\n")
    second = run("update", path, "--data", drawings, "--in-place", "--guard", drawings)
    assert second.code == 0, second.err
    assert second.out.endswith(f"saved {path}, generation 2 (kept: 1)\n")
    return path


def test_list_tells_how_each_came_to_be(run: Run, mine: Path) -> None:
    lines = run("generations", "list", mine).out.splitlines()
    assert lines[0].split() == ["Generation", "How", "When", "(UTC)", "Examples", "From", "Result"]
    assert lines[1].split()[:2] == ["1", "updated"]
    assert lines[2].split()[:3] == ["*", "2", "updated"]
    assert lines[2].split()[-6:] == ["20", "1", "accuracy", "1", "→", "1"]
    found = run("generations", "list", mine, "--verify", "--json").json["generations"]
    assert [(g["generation"], g["newest"], g["from"], g["damage"]) for g in found] == [
        (1, False, None, None), (2, True, 1, None)
    ]  # fmt: skip
    assert found[1]["updates"][0]["guard"]["metric"] == "accuracy"


def test_show_tells_data_parameters_and_versions(run: Run, mine: Path) -> None:
    text = " ".join(run("generations", "show", mine).out.split())
    assert f"2 of {mine}, the newest" in text
    for part in ("20 examples in", "numberOfNeighbors", "numpy", "metric accuracy, before 1, after 1", "SHA-256"):
        assert part in text
    assert run("generations", "show", mine, 1, "--json").json["generation"] == 1
    wrong = run("generations", "show", mine, 7)
    assert (wrong.code, wrong.err) == (1, f"pyruntime: {mine} has no generation 7; it has 1, 2\n")


def test_diff_counts_examples(run: Run, mine: Path) -> None:
    assert run("generations", "diff", mine).out == (
        "generation 1 → generation 2\n  20 examples added  cat 10, dog 10\n"
    )
    assert run("generations", "diff", mine, 2, 1, "--json").json["examples_removed"] == {"cat": 10, "dog": 10}
    assert "equal, bit for bit" in run("generations", "diff", mine, 1, 1).out


def test_rollback_brings_the_old_one_back(run: Run, mine: Path) -> None:
    outcome = run("generations", "rollback", mine)
    assert outcome.out == (f"generation 3 of {mine} has the content of generation 1; the others are still there\n")
    assert run("generations", "rollback", mine, 2, "--json").json == {
        "model": str(mine), "restored": 2, "generation": 4
    }  # fmt: skip
    assert [g.number for g in generations(mine)] == [1, 2, 3, 4]
    refused = run("generations", "rollback", mine, 4)
    assert refused.code == 1
    assert "is the newest one already" in refused.err


def test_a_model_that_became_worse_is_not_saved(run: Run, mine: Path, tmp_path: Path) -> None:
    poison, held = tmp_path / "poison", tmp_path / "held"
    for folder in (poison / "dog", held / "cat"):
        folder.mkdir(parents=True)
    for i in range(4):
        Image.fromarray(drawing("cat", 50 + i)).save(held / "cat" / f"{i}.png")
        for copy in range(3):
            Image.fromarray(drawing("cat", 50 + i)).save(poison / "dog" / f"{i}-{copy}.png")
    outcome = run("update", mine, "--data", poison, "--in-place", "--guard", held)
    assert outcome.code == 1
    assert "refused: accuracy on 4 examples that were held out was 1 before and is 0 after" in outcome.err
    assert [g.number for g in generations(mine)] == [1, 2]
    assert run("update", mine, "--data", poison, "--in-place", "--guard", held, "--guard-tolerance", 1).code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--keep-generations", 0), "--keep-generations 0"), (("--guard-tolerance", -1, "--guard", "x"), "from 0")],
)
def test_numbers_that_cannot_be_meant(run: Run, mine: Path, drawings: Path, options: tuple, words: str) -> None:
    outcome = run("update", mine, "--data", drawings, "--in-place", *options)
    assert outcome.code == 2
    assert words in outcome.err


def test_guard_data_that_are_not_there_are_named(run: Run, mine: Path, drawings: Path, tmp_path: Path) -> None:
    outcome = run("update", mine, "--data", drawings, "--in-place", "--guard", tmp_path / "none")
    assert outcome.code == 1
    assert f"--guard {tmp_path / 'none'}: there is no such folder" in outcome.err


def test_keep_generations(run: Run, mine: Path, drawings: Path) -> None:
    assert run("update", mine, "--data", drawings, "--in-place", "--keep-generations", 1).out.endswith("generation 3\n")
    assert [g.number for g in generations(mine)] == [3]
    assert run("update", mine, "--data", drawings, "--in-place", "--json").json["generation"] == 4


@pytest.mark.parametrize("place", ["--in-place", "--output"])
def test_a_model_that_somebody_else_updates_is_refused_before_it_learns(
    run: Run,
    mine: Path,
    sticker: str,
    drawings: Path,
    place: str,
) -> None:
    lock = UpdateLock(str(mine / "update.lock"), "it")
    lock.acquire()
    where = (mine, "--in-place") if place == "--in-place" else (sticker, "--output", mine)
    outcome = run("update", where[0], "--data", drawings, *where[1:])
    lock.release()
    assert outcome.code == 1
    assert f"{mine} is being updated by this process" in outcome.err
    assert "Learning" not in outcome.err
    assert run("update", where[0], "--data", drawings, *where[1:]).code == 0
    assert not (mine / "update.lock").exists()


@pytest.mark.filterwarnings("ignore::pyruntime.DamageWarning")
def test_a_damaged_generation_is_said_even_when_all_is_quiet(run: Run, mine: Path) -> None:
    newest = generations(mine)[-1]
    (file,) = mine.glob(f"model-{newest.model_hash[:16]}.mlmodel")
    file.write_bytes(b"")
    outcome = run("describe", mine, "--quiet")
    assert outcome.code == 0
    assert outcome.err.startswith(f"pyruntime: warning: {file} has 0 bytes")
    assert "generation 1 of" in outcome.err
    assert "damaged: model-" in " ".join(run("generations", "list", mine).out.split())
    assert MLModel(mine, verify=False)._lineage.number == 1
