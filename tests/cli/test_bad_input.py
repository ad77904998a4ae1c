"""Everything that can be wrong is one sentence on stderr and an exit code; nothing is half-written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from . import models
from .conftest import Run


def fails(run: Run, *arguments: object, code: int = 1) -> str:
    """The sentence of a run that must fail."""
    outcome = run(*arguments)
    assert outcome.code == code
    assert outcome.out == ""
    sentence = outcome.err.splitlines()[-1]
    assert sentence.startswith("pyruntime")
    assert "Traceback" not in outcome.err
    assert "fault of pyruntime itself" not in sentence
    return sentence


@pytest.mark.parametrize("command", ["describe", "predict", "compile", "benchmark"])
@pytest.mark.parametrize("damage", ["missing", "empty", "text", "truncated", "future", "folder"])
def test_a_file_that_is_no_model_is_named(run: Run, linear: str, tmp_path: Path, command: str, damage: str) -> None:
    path, data = tmp_path / f"{damage}.mlmodel", Path(linear).read_bytes()
    if damage == "folder":
        path.mkdir()
    elif damage == "future":
        spec = models.linear()
        spec.specificationVersion = 99
        path.write_bytes(spec.SerializeToString())
    elif damage != "missing":
        path.write_bytes({"empty": b"", "text": b"Dear model,\n", "truncated": data[: len(data) // 2]}[damage])
    assert damage in fails(run, command, path, *(["--input", "1,2"] if command == "predict" else []))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--input", "z=1,2"], ["z=1,2", "x: MultiArray (Float32 2)"]),
        (["--input", "x=a,b"], ["'x'", "MultiArray (Float32 2)", "'a'"]),
        (["--input", "x=1,2,3"], ["'x'", "MultiArray (Float32 2)", "shape 3"]),
        (["--input", "x=[[1, 2], [3]]"], ["'x'", "rows"]),
        (["--input", "x=nan,1"], ["'x'", "NaN"]),
        (["--input", "x={"], ["'x'", "JSON"]),
        (["--input", "x=/no/such/file.npy"], ["'x'", "/no/such/file.npy", "No such file"]),
        (["--inputs", "/no/such/file.json"], ["/no/such/file.json", "No such file"]),
    ],
)
def test_a_wrong_value_names_the_input_and_what_it_should_be(
    run: Run, linear: str, arguments: list[str], words: list[str]
) -> None:
    sentence = fails(run, "predict", linear, *arguments)
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", ["no examples"]),
        ("[1]", ["object", "int"]),
        ('{"z": 1}', ["'z'", "x"]),
        ('{"x": [1, 2]}\n{"x": ', ["line 2", "JSON"]),
        ('[{"x": [1, 2]}, {}]', ["'x'", "missing"]),
        ('{"x": ["a", "b"]}', ["'x'", "numbers"]),
    ],
)
def test_a_wrong_example_file_names_the_place(
    run: Run, linear: str, tmp_path: Path, content: str, words: list[str]
) -> None:
    path = tmp_path / "examples.json"
    path.write_text(content)
    outcome = run("predict", linear, "--inputs", path, "--json")
    assert outcome.code == 1
    assert all(word in outcome.err for word in words), outcome.err


def test_arrays_of_python_objects_are_not_unpickled(run: Run, linear: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([print, len], object), allow_pickle=True)
    assert "Python objects" in fails(run, "predict", linear, "--input", f"x={tmp_path / 'x.npy'}")


def test_a_file_that_is_no_picture_is_named(run: Run, sticker: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    sentence = fails(run, "predict", sticker, "--input", f"drawing={bad}")
    assert "'drawing'" in sentence
    assert str(bad) in sentence


def test_a_model_that_cannot_run_says_so(run: Run, private: str) -> None:
    assert "serializedModel" in fails(run, "predict", private, "--input", "1")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["predict"],
        ["predict", "MODEL"],
        ["predict", "MODEL", "--input", "1,2", "--inputs", "file"],
        ["predict", "MODEL", "--input", "1,2", "--threads", "-1"],
        ["predict", "MODEL", "--input", "1,2", "--level", "abacus"],
        ["predict", "MODEL", "--input", "1,2", "--parameter", "epochs"],
        ["compile", "MODEL", "--output", "somewhere.txt"],
        ["update", "MODEL", "--data", "folder"],
        ["update", "MODEL", "--data", "folder", "--output", "a.mlmodel", "--in-place"],
        ["update", "MODEL", "--data", "folder", "--output", "a.txt"],
        ["update", "MODEL", "--data", "folder", "--output", "a.mlmodel", "--hold-out", "2"],
        ["benchmark", "MODEL", "--target", "pi@kitchen"],
        ["benchmark", "MODEL", "--runs", "0"],
        ["benchmark", "MODEL", "--seconds", "-3"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2_and_says_where_help_is(
    run: Run, linear: str, arguments: list[str]
) -> None:
    sentence = fails(run, *(linear if argument == "MODEL" else argument for argument in arguments), code=2)
    assert sentence.endswith("--help")


def test_a_fault_of_ours_is_one_sentence_and_debug_shows_where(
    run: Run, linear: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("pyruntime.card.model_card", broken)
    assert "a fault of pyruntime itself (KeyError: 'oops')" in run("describe", linear).err
    with pytest.raises(KeyError):
        run("describe", linear, "--debug")


def test_output_into_a_file_is_refused(run: Run, linear: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("precious")
    assert "taken" in fails(run, "predict", linear, "--input", "1,2", "--output", tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(run: Run, linear: str, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "locked" in fails(run, "compile", linear, "--output", tmp_path / "locked" / "m.mlmodelc")


def test_a_compiled_model_is_not_written_over_somebody_elses_folder(run: Run, linear: str, tmp_path: Path) -> None:
    taken = tmp_path / "taken.mlmodelc"
    taken.mkdir()
    (taken / "letter.txt").write_text("precious")
    assert "taken.mlmodelc" in fails(run, "compile", linear, "--output", taken)
    assert os.listdir(taken) == ["letter.txt"]


def _picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4)).save(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, ["no such folder"]),
        (lambda folder: folder.mkdir(), ["no pictures", "one folder per class"]),
        (lambda folder: _picture(folder / "a.png"), ["lie in no class"]),
        (lambda folder: (folder / "cat").mkdir(parents=True), ["no pictures"]),
    ],
)
def test_training_data_that_is_none_is_refused_before_anything_is_written(
    run: Run, sticker: str, tmp_path: Path, make: Callable[[Path], None], words: list[str]
) -> None:
    make(tmp_path / "data")
    sentence = fails(run, "update", sticker, "--data", tmp_path / "data", "--output", tmp_path / "mine.mlmodel")
    assert all(word in sentence for word in words), sentence
    assert not (tmp_path / "mine.mlmodel").exists()


def test_a_model_that_does_not_learn_says_so(run: Run, linear: str, tmp_path: Path) -> None:
    _picture(tmp_path / "data" / "cat" / "a.png")
    sentence = fails(run, "update", linear, "--data", tmp_path / "data", "--output", tmp_path / "mine.mlmodel")
    assert "not updatable" in sentence


def test_an_output_folder_that_is_missing_is_noticed_before_learning(run: Run, sticker: str, tmp_path: Path) -> None:
    _picture(tmp_path / "data" / "cat" / "a.png")
    output = tmp_path / "nowhere" / "mine.mlmodel"
    assert "does not exist" in fails(run, "update", sticker, "--data", tmp_path / "data", "--output", output)


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bits_are_the_files_fault_or_do_no_harm(run: Run, sticker: str, tmp_path: Path, seed: int) -> None:
    data = np.frombuffer(Path(sticker).read_bytes(), np.uint8).copy()
    rng = np.random.default_rng(seed)
    data[rng.integers(len(data), size=2)] ^= np.uint8(1) << rng.integers(8, size=2, dtype=np.uint8)
    path = tmp_path / "flipped.mlmodel"
    path.write_bytes(data.tobytes())
    _picture(tmp_path / "a.png")
    for command in (["describe", path], ["predict", path, "--input", tmp_path / "a.png"]):
        outcome = run(*command)
        assert outcome.code in (0, 1)
        assert "fault of pyruntime itself" not in outcome.err, outcome.err


def test_a_part_of_a_pipeline_without_a_type_is_named(run: Run, tmp_path: Path) -> None:
    spec = models.sticker()
    spec.pipelineClassifier.pipeline.models[1].ClearField("kNearestNeighborsClassifier")
    path = tmp_path / "hollow.mlmodel"
    path.write_bytes(spec.SerializeToString())
    assert "at place 1 of the pipeline" in fails(run, "describe", path)
