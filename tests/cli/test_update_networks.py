"""update of a network: hold-out metrics per epoch, the curves in a terminal, the picture."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pyruntime.cli.curves import curves
from pyruntime.spec import save_spec
from pyruntime.update import TrainingHistory

from ..training.test_task import classes, pictures
from .conftest import Run

NAMES = ["left", "middle", "right"]


def bars(tmp_path: Path) -> str:
    """A classifier of three kinds of bars that learns."""
    spec = classes(classes=NAMES, shuffle=True, seed=1)
    spec.description.trainingInput.pop()
    spec.description.trainingInput.add(name="label").type.stringType.SetInParent()
    save_spec(spec, tmp_path / "Bars.mlmodel", check=False)
    return str(tmp_path / "Bars.mlmodel")


@pytest.fixture
def network(tmp_path: Path) -> str:
    return bars(tmp_path)


def folder(path: Path, count: int) -> Path:
    for i, picture in enumerate(pictures(count)):
        (path / NAMES[i % 3]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path / NAMES[i % 3] / f"{i}.png")
    return path


def test_metrics_of_each_epoch_and_a_picture(run: Run, network: str, tmp_path: Path) -> None:
    data, plot = folder(tmp_path / "bars", 30), tmp_path / "curve.png"
    command = ("update", network, "--data", data, "--output", tmp_path / "Mine.mlmodel", "--plot", plot)
    found = run(*command, "--validation-split", "0.3", "--json").json
    assert (found["examples"], found["held_out"]) == (21, 9)
    for key in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert len(found[key]) == 20
    assert found["validation_accuracy"][-1] == found["after"]
    assert found["plot"] == str(plot)
    with Image.open(plot) as image:
        assert image.format == "PNG"
    again = run(*command, "--hold-out", "0.3", "--json").json
    assert again["validation_loss"] == found["validation_loss"], "the same examples, the same steps"


def test_examples_of_another_folder(run: Run, network: str, tmp_path: Path) -> None:
    data, others = folder(tmp_path / "bars", 18), folder(tmp_path / "others", 6)
    command = ("update", network, "--data", data, "--output", tmp_path / "Mine.mlmodel")
    outcome = run(*command, "--validation", others)
    assert outcome.code == 0, outcome.err
    assert re.search(r"^hold-out loss per epoch: [\d., e-]+$", outcome.out, re.MULTILINE)
    assert "accuracy on 6 examples not learned from" in outcome.out
    (others / "middle").rename(others / "centre")
    outcome = run(*command, "--validation", others)
    assert outcome.code == 1
    assert "'centre'" in outcome.err
    outcome = run(*command, "--validation", tmp_path / "none")
    assert "--validation" in outcome.err
    assert "there is no such folder" in outcome.err


def test_what_is_refused_before_anything_is_learned(run: Run, network: str, tmp_path: Path) -> None:
    data = folder(tmp_path / "bars", 6)
    command = ("update", network, "--data", data, "--output", tmp_path / "Mine.mlmodel")
    assert "expected a name that ends in .png or .svg" in run(*command, "--plot", "curve.pdf").err
    assert run(*command, "--validation", data, "--validation-split", "0.5").code == 2
    assert not (tmp_path / "Mine.mlmodel").exists()


def test_a_picture_that_cannot_be_written_costs_no_model(run: Run, network: str, tmp_path: Path) -> None:
    data = folder(tmp_path / "bars", 6)
    output = tmp_path / "Mine.mlmodel"
    outcome = run("update", network, "--data", data, "--output", output, "--plot", tmp_path / "none" / "c.svg")
    assert outcome.code == 0
    assert "c.svg: No such file or directory; the model is saved" in outcome.err
    assert output.exists()


def test_a_terminal_shows_curves(network: str, tmp_path: Path) -> None:
    """In a pseudo-terminal, as a person would see it."""
    pytest.importorskip("rich", reason="rich, which draws in terminals, is not installed")
    data = folder(tmp_path / "bars", 12)
    arguments = ["update", network, "--data", str(data), "--output", str(tmp_path / "M.mlmodel"), "--hold-out", "0.3"]
    shown = bytearray()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    environment.pop("NO_COLOR", None)
    code = _in_terminal([sys.executable, "-m", "pyruntime", *arguments], environment, shown)
    text = shown.decode("utf-8", "replace")
    assert code == 0, text
    assert "Accuracy" in text
    assert "hold-out" in text
    assert any("\u2801" <= character <= "\u28ff" for character in text)


def _in_terminal(command: list[str], environment: dict[str, str], shown: bytearray) -> int:
    own, other = pty.openpty()
    process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env=environment)
    os.close(other)
    while True:
        try:
            piece = os.read(own, 1 << 16)
        except OSError:  # how Linux says that nobody writes any more
            break
        if not piece:
            break
        shown.extend(piece)
    os.close(own)
    return process.wait()


# the curves themselves


def history(count: int = 9) -> TrainingHistory:
    made = TrainingHistory()
    for i in range(count):
        made.add({"epochIndex": i, "lossValue": 8.0 - i, "validationLoss": 9.0 - i, "accuracy": i / 8})
    return made


@pytest.mark.parametrize("width", [40, 80, 100, 300])
@pytest.mark.parametrize("colour", [False, True])
def test_no_line_is_wider_than_the_terminal(width: int, colour: bool) -> None:
    text = curves(history(), width, colour=colour)
    plain = re.sub(r"\x1b\[\d+m", "", text)
    assert (plain != text) is colour
    widths = {len(line) for line in plain.splitlines()}
    assert len(widths) == 1
    assert max(widths) <= width


def test_letters_stand_where_the_values_are() -> None:
    lines = curves(history(), 80, colour=False).splitlines()[1:-1]
    left = [line[: line.index("|", 10)] for line in lines]
    columns = np.array([[cell == "*" for cell in line[line.index("|") + 1 :]] for line in left])
    heights = [row.argmax() for row in columns.T if row.any()]
    assert heights == sorted(heights), "a loss that falls"
    assert columns.any(axis=1).sum() >= 4


def test_an_encoding_without_braille_gets_letters() -> None:
    assert "*" in curves(history(), 80, colour=True, encoding="iso-8859-1")
    curves(history(), 80, colour=True, encoding="iso-8859-1").encode("ascii")
    assert curves(TrainingHistory(), 80, colour=True) == ""


# what an update needs


def test_describe_tells_the_memory_of_learning(run: Run, network: str) -> None:
    found = run("describe", network, "--json").json["run"]["training"]
    learning = 4 * (4 * 9 + 4 + 144 * 3 + 3)
    assert found["batch"] == 4
    assert found["segments"] == 1
    assert found["values"] > 4 * 4 * 144, "of a mini-batch, what the convolution made"
    assert (found["parameters"], found["states"]) == (3 * learning, 2 * learning)
    text = " ".join(run("describe", network).out.split())
    assert "Memory to learn" in text
    assert "for values of a step of 4 examples" in text


def test_describe_says_why_a_model_cannot_learn(run: Run, tmp_path: Path) -> None:
    spec = classes(classes=NAMES)
    spec.neuralNetworkClassifier.layers[0].convolution.bias.isUpdatable = False
    save_spec(spec, tmp_path / "Half.mlmodel", check=False)
    found = run("describe", tmp_path / "Half.mlmodel", "--json").json["run"]
    assert found["runs"] is True
    assert found["training"] is None
    assert "bias are not marked" in found["no_training"]
    assert "Cannot learn" in run("describe", tmp_path / "Half.mlmodel").out


def test_describe_of_a_knn_has_no_steps(run: Run, sticker: str) -> None:
    found = run("describe", sticker, "--json").json["run"]
    assert (found["training"], found["no_training"]) == (None, "")
