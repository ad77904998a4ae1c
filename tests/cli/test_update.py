"""update: learning from folders and JSON lines, held-out examples, saving, and leaving the original alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from . import models
from .conftest import PROTOTYPES, Run, drawing


@pytest.mark.parametrize("suffix", [".mlmodel", ".mlmodelc"])
def test_a_saved_model_knows_the_classes_and_the_original_is_unchanged(
    run: Run, sticker: str, drawings: Path, tmp_path: Path, suffix: str
) -> None:
    before = Path(sticker).read_bytes()
    output = tmp_path / f"Mine{suffix}"
    outcome = run("update", sticker, "--data", drawings, "--output", output)
    assert outcome.code == 0
    assert outcome.out.startswith("learned 20 examples of 2 classes in ")
    assert outcome.out.endswith(f"saved {output}{', generation 1' if suffix == '.mlmodelc' else ''}\n")
    assert "Learning 20 examples" in outcome.err
    assert Path(sticker).read_bytes() == before
    for label in PROTOTYPES:
        path = tmp_path / "new.png"
        Image.fromarray(drawing(label, 99)).save(path)
        assert run("predict", output, "--input", path, "--json").json["predictions"][0]["outputs"]["label"] == label


def test_accuracy_on_held_out_examples_is_scikit_learns(run: Run, sticker: str, drawings: Path, tmp_path: Path) -> None:
    result = run(
        "update", sticker, "--data", drawings, "--output", tmp_path / "Mine.mlmodel", "--hold-out", "0.3", "--json"
    ).json
    assert (result["examples"], result["held_out"], result["score"]) == (14, 6, "accuracy")
    assert result["before"] == 0.0
    assert result["classes"] == ["cat", "dog"]
    assert result["parameters"] == {"neighbors:numberOfNeighbors": 3}
    vectors = {
        label: np.stack([models.projection() @ drawing(label, i).ravel() for i in range(10)]) for label in PROTOTYPES
    }
    rows, labels = np.concatenate(list(vectors.values())), np.repeat(list(vectors), 10)
    right = KNeighborsClassifier(3).fit(rows, labels).score(rows, labels)
    assert result["after"] == right == 1.0


def test_text_says_the_accuracy_before_and_after(run: Run, sticker: str, drawings: Path, tmp_path: Path) -> None:
    outcome = run("update", sticker, "--data", drawings, "--output", tmp_path / "Mine.mlmodel", "--hold-out", "0.3")
    assert "accuracy on 6 examples not learned from: 0.0% before, 100.0% after\n" in outcome.out


def test_in_place_adds_to_what_was_learned(run: Run, sticker: str, drawings: Path) -> None:
    assert run("update", sticker, "--data", drawings, "--in-place").code == 0
    assert run("update", sticker, "--data", drawings, "--in-place").code == 0
    card = run("describe", sticker, "--json").json
    assert card["neighbors"][0]["samples"] == 40
    assert card["labels"] == ["cat", "dog"]


def test_json_lines_have_paths_relative_to_the_file(run: Run, sticker: str, drawings: Path, tmp_path: Path) -> None:
    lines = [
        json.dumps({"drawing": f"{label}/{i}.png", "label": label.upper()}) for label in PROTOTYPES for i in (1, 2)
    ]
    (drawings / "data.jsonl").write_text("\n".join(lines))
    output = tmp_path / "Mine.mlmodel"
    assert run("update", sticker, "--data", drawings / "data.jsonl", "--output", output).code == 0
    assert run("describe", output, "--json").json["labels"] == ["CAT", "DOG"]


def test_a_damaged_picture_stops_the_update_and_nothing_is_written(
    run: Run, sticker: str, drawings: Path, tmp_path: Path
) -> None:
    (drawings / "cat" / "5.png").write_bytes(b"no picture")
    outcome = run("update", sticker, "--data", drawings, "--output", tmp_path / "Mine.mlmodel")
    assert outcome.code == 1
    assert "5.png" in outcome.err.splitlines()[-1]
    assert not (tmp_path / "Mine.mlmodel").exists()


def test_a_parameter_out_of_its_range_is_refused(run: Run, sticker: str, drawings: Path, tmp_path: Path) -> None:
    outcome = run(
        "update", sticker, "--data", drawings, "--output", tmp_path / "M.mlmodel", "--parameter", "numberOfNeighbors=99"
    )
    assert outcome.code == 1
    assert "numberOfNeighbors" in outcome.err
    assert "99" in outcome.err


def test_what_was_learned_is_kept_elsewhere_when_the_disk_is_full(
    run: Run, sticker: str, drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyruntime.cli import update
    from pyruntime.errors import ModelIOError

    output, write = tmp_path / "Mine.mlmodel", update._write

    def full(model: object, target: Path, keep: int | None) -> None:
        if target == output:
            raise ModelIOError(f"cannot write the model {target}: No space left on device")
        write(model, target, keep)  # type: ignore[arg-type]

    monkeypatch.setattr(update, "_write", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    outcome = run("update", sticker, "--data", drawings, "--output", output)
    assert outcome.code == 1
    assert "No space left" in outcome.err
    (rescued,) = tmp_path.glob("pyruntime-*/Mine.mlmodel")
    assert str(rescued) in outcome.err
    assert run("describe", rescued, "--json").json["neighbors"][0]["samples"] == 20


def test_ctrl_c_leaves_the_original_and_nothing_else(sticker: str, tmp_path: Path) -> None:
    data = tmp_path / "data" / "cat"
    data.mkdir(parents=True)
    for i in range(3000):
        Image.fromarray(drawing("cat", i)).save(data / f"{i}.png")
    before = Path(sticker).read_bytes()
    process = subprocess.Popen(
        [sys.executable, "-m", "pyruntime", "update", sticker, "--data", str(data.parent), "--in-place"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )  # fmt: skip
    assert process.stderr
    assert process.stderr.readline() == "Learning 3,000 examples …\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "pyruntime: interrupted; nothing was saved, the model is as it was"
    assert Path(sticker).read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.name != "cache") == ["Sticker.mlmodel", "data"]
