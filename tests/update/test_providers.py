"""Batch providers and folders of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pyruntime.description import FeatureDescription, ImageConstraint
from pyruntime.errors import FeatureTypeError
from pyruntime.image_folder import ImageFolderProvider
from pyruntime.providers import ArrayBatchProvider, BatchProvider, DictionaryFeatureProvider

DRAWING = FeatureDescription("drawing", "image", constraint=ImageConstraint(4, 4, 10))


def test_columns_become_examples() -> None:
    batch = ArrayBatchProvider({"x": np.arange(6).reshape(3, 2), "label": np.array(["a", "b", "c"]), "n": [1, 2, 3]})
    assert isinstance(batch, BatchProvider)
    assert len(batch) == 3
    assert batch[1]["x"].tolist() == [2, 3]
    assert (type(batch[1]["label"]), batch[1]["label"], batch[-1]["n"]) == (str, "b", 3)
    with pytest.raises(IndexError):
        batch[3]


def test_a_list_of_providers_becomes_examples() -> None:
    batch = ArrayBatchProvider([{"n": 1}, DictionaryFeatureProvider({"n": 2})])
    assert [dict(batch[i]) for i in range(len(batch))] == [{"n": 1}, {"n": 2}]
    assert len(ArrayBatchProvider({})) == len(ArrayBatchProvider([])) == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": [1, 2], "b": [1]}, "equally many values, got {'a': 2, 'b': 1}"),
        (
            {"a": [1, 2.0]},
            r"'a' of a batch: expected values of one type, got int64 \(example 0\), double \(example 1\)",
        ),
        ({"a": [object()]}, "'a' of example 0: a object cannot be a feature"),
        ({"a": [True]}, "'a' of example 0: a bool"),
        ({"a": "text"}, "'a' of a batch: expected a list of values, got a str"),
        ([{"n": 1}, 3], "got a int"),
    ],
)
def test_what_cannot_be_a_batch_is_refused(data: object, message: str) -> None:
    with pytest.raises(FeatureTypeError, match=message):
        ArrayBatchProvider(data)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, name, value in (("cat", "2.png", 20), ("cat", "1.PNG", 10), ("7", "a.jpg", 70), (".git", "a.png", 0)):
        (tmp_path / label).mkdir(exist_ok=True)
        Image.new("L", (8, 8), value).save(tmp_path / label / name)
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    (tmp_path / "loose.png").write_bytes(b"")
    return tmp_path


def test_a_folder_gives_its_pictures_by_class_in_order(folder: Path) -> None:
    provider = ImageFolderProvider(folder, DRAWING, label_name="sticker")
    assert isinstance(provider, BatchProvider)
    assert provider.labels == ("7", "cat")
    examples = [provider[i] for i in range(len(provider))]
    assert [example["sticker"] for example in examples] == ["7", "cat", "cat"]
    assert [example["drawing"].getpixel((0, 0)) for example in examples] == [70, 10, 20]
    assert {example["drawing"].size for example in examples} == {(4, 4)}


def test_pictures_are_opened_when_asked_for(folder: Path) -> None:
    (folder / "cat" / "1.PNG").write_bytes(b"\x89PNG damaged")
    provider = ImageFolderProvider(folder, DRAWING)
    assert provider[2]["label"] == "cat"
    with pytest.raises(FeatureTypeError, match=r"cat/1\.PNG: cannot be read"):
        provider[1]


def test_folders_that_cannot_be_used_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FeatureTypeError, match=r"cat: expected a whole number as its name"):
        ImageFolderProvider(folder, DRAWING, label_type=int)
    with pytest.raises(FeatureTypeError, match=r"cannot be read"):
        ImageFolderProvider(folder / "missing", DRAWING)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FeatureTypeError, match=r"no pictures in it"):
        ImageFolderProvider(tmp_path / "empty", DRAWING)
    with pytest.raises(FeatureTypeError, match=r"'n': expected an image"):
        ImageFolderProvider(folder, FeatureDescription("n", "int64"))
