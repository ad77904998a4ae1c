"""Generated classes: they pass strict checks, run, and answer as MLModel does."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
from PIL import Image

from pyruntime import MLModel
from pyruntime.card.read import open_messages
from pyruntime.errors import FeatureTypeError, MLModelError, ModelIOError
from pyruntime.generate import generate_classes
from pyruntime.samples import sample_features
from pyruntime.spec.writer import model_pieces, write_atomically

from .models import HOSTILE, MODELS, X

ROOT = Path(__file__).resolve().parents[2]
Load = Callable[[str], Any]


def put(spec: Any, path: Path) -> Path:
    """Saved as it is, legal or not."""
    write_atomically(path, model_pieces(spec))
    return path


def imported(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The generated module of one of MODELS, beside its model."""

    def generate(name: str) -> Any:
        path = put(MODELS[name](), tmp_path / f"{name}.mlmodel")
        module = tmp_path / f"{name.lower()}.py"
        module.write_text(generate_classes(path), encoding="utf-8")
        return imported(module, f"generated_{name.lower()}")

    return generate


def plain(output: Any) -> dict[str, Any]:
    return output.to_features()  # type: ignore[no-any-return]


def same(got: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(got[name], value)
            assert got[name].dtype == value.dtype
        else:
            assert got[name] == value, name


# they run


@pytest.mark.parametrize("name", ["Linear", "Classifier", "Pipeline", "IntegerLabels", "HostileLabels"])
def test_predictions_are_those_of_the_model(load: Load, tmp_path: Path, name: str) -> None:
    module = load(name)
    cls, inputs = getattr(module, name), getattr(module, f"{name}Input")
    model = cls()
    wanted = MLModel(tmp_path / f"{name}.mlmodel").predict({"x": X})
    same(plain(model.predict(x=X)), wanted)
    same(plain(model.predict(inputs(x=X))), wanted)
    for answer in model.predict([inputs(X), inputs(x=X)]):
        same(plain(answer), wanted)
    same(plain(asyncio.run(model.predict_async(inputs(X)))), wanted)
    again = asyncio.run(cls.load_async())
    same(plain(asyncio.run(again.predict_async([inputs(X)]))[0]), wanted)


def test_models_made_by_others_answer_the_same(models_dir: Path, tmp_path: Path) -> None:
    """Whatever of them runs here."""
    ran = 0
    for path in sorted(models_dir.glob("*.mlmodel")):
        spec, _ = open_messages(path)
        try:
            model = MLModel(path)
        except MLModelError:
            continue
        features = sample_features(spec)
        (tmp_path / f"{path.stem}.py").write_text(generate_classes(path, "Given"), encoding="utf-8")
        module = imported(tmp_path / f"{path.stem}.py", f"generated_given_{ran}")
        names = module.GivenInput.attributes_by_feature
        made = module.Given(model).predict(**{names[name]: value for name, value in features.items()})
        same(plain(made), model.predict(features))
        ran += 1
    assert ran > 0


def test_hostile_names_run_too(load: Load) -> None:
    module = load("Hostile")
    values = [np.full(2, i, np.float32) for i in range(len(HOSTILE))]
    features = module.HostileInput(*values)
    assert features.to_features().keys() == set(HOSTILE)
    names = list(module.HostileInput.attributes_by_feature.values())
    assert len(set(names)) == len(HOSTILE)
    assert all(name.isidentifier() and name.isascii() for name in names)
    total = sum(range(len(HOSTILE)))
    assert module.Hostile().predict(features).from_.tolist() == [total, total]
    assert module.Hostile().predict(**dict(zip(names, values, strict=True))).from_.tolist() == [total, total]


def test_names_that_can_stay_do(load: Load) -> None:
    module = load("Images")
    assert list(module.ImagesInput.attributes_by_feature.items()) == [("image", "image"), ("colour", "colour")]


def test_labels_become_an_enum(load: Load) -> None:
    module = load("Classifier")
    label = module.Classifier().predict(x=X).label
    assert isinstance(label, module.ClassifierLabel)
    assert [one.value for one in module.ClassifierLabel] == ["cat", "dog", "cow"]
    assert issubclass(module.ClassifierLabel, str)
    assert issubclass(module.ClassifierLabel, Enum)
    assert label == label.value
    assert module.Classifier().predict(x=X).scores[label] == max(module.Classifier().predict(x=X).scores.values())
    numbers = load("IntegerLabels")
    assert issubclass(numbers.IntegerLabelsLabel, IntEnum)
    assert {one.name: one.value for one in numbers.IntegerLabelsLabel} == {"LABEL_0": 0, "LABEL_7": -7, "LABEL_7_": 7}
    hostile = load("HostileLabels")
    assert [one.name for one in hostile.HostileLabelsLabel] == ["MRO", "LABEL_IMPORT_OS_OS_ABORT", "LABEL"]


def test_labels_that_an_update_adds_stay_text(load: Load) -> None:
    module = load("Knn")
    assert not hasattr(module, "KnnLabel")
    assert module.Knn().predict(vector=np.ones(2, np.float32)).label == "b"


def test_images_numbers_and_dictionaries(load: Load) -> None:
    module = load("Images")
    gray = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    colour = Image.new("RGB", (8, 5))
    made = module.Images().predict(image=gray, colour=colour).y
    np.testing.assert_array_equal(np.asarray(made), 255 - np.asarray(gray))
    assert load("Regressor").Regressor().predict(rooms=3, size=10.0).price == 12.0
    assert load("Words").Words().predict(words={"no": 2.0}).counts.tolist() == [0, 2]
    module = load("OfTypes")
    one = np.ones(2)
    made = module.OfTypes().predict(d=one, f=np.float32(one), h=np.float16(one), i=np.int32(one)).y
    assert (made.tolist(), made.dtype) == ([4, 4], np.float64)


def test_optional_inputs_have_defaults(load: Load) -> None:
    module = load("Flexible")
    x = np.zeros((4, 5), np.float32)
    assert module.FlexibleInput(x).feature_names == {"x"}
    np.testing.assert_array_equal(module.Flexible().predict(x=x).y, x + 2.5)
    np.testing.assert_array_equal(module.Flexible().predict(x=x, z=np.ones((1, 1), np.float32)).y, x + 1)
    text = (Path(module.__file__)).read_text(encoding="utf-8")
    assert "sizes 1 or more, 3 to 5" in text
    assert "when it is missing, 2.5 in every element" in text


def test_features_are_a_provider(load: Load) -> None:
    module = load("Linear")
    features = module.LinearInput(X)
    assert features.feature_names == {"x"}
    assert features.feature_value("x") is X
    assert features.feature_value("other") is None
    same(dict(MLModel(module.Linear.default_path()).prediction(features)), plain(module.Linear().predict(features)))


@pytest.mark.parametrize("name", ["Network", "Knn"])
def test_updates(load: Load, tmp_path: Path, name: str) -> None:
    module = load(name)
    model = getattr(module, name)()
    training = getattr(module, f"{name}TrainingInput")
    if name == "Network":
        data = [training(x=np.float32([i % 2, 1, 0, 0]), label=list(module.NetworkLabel)[i % 2]) for i in range(8)]
    else:
        data = [training(vector=np.float32([9, i]), label="far") for i in range(3)]
    task = model.update(data)
    task.resume()
    assert task.wait(60)
    assert task.error is None
    assert task.context is not None
    asked = {key: value for key, value in data[0].to_features().items() if key != "label"}
    before = plain(model.predict(**asked))
    model.model = task.context.model
    after = plain(model.predict(**asked))
    assert before != after
    if name == "Knn":
        assert after["label"] == "far"


def test_a_model_that_does_not_learn_has_no_update(load: Load) -> None:
    module = load("Linear")
    assert not hasattr(module, "LinearTrainingInput")
    assert not hasattr(module.Linear, "update")


def test_wrong_features_are_told_as_usual(load: Load) -> None:
    module = load("Linear")
    with pytest.raises(FeatureTypeError, match="feature 'x': expected MultiArray"):
        module.Linear().predict(x=X[:3])
    with pytest.raises(TypeError):
        module.Linear().predict(y=X)
    with pytest.raises(TypeError, match="not both"):
        module.Linear().predict(module.LinearInput(X), x=X)


def test_annotations_resolve(load: Load) -> None:
    for name in ("Linear", "Flexible", "Images", "Network", "Regressor", "Words", "OfTypes", "IntegerLabels"):
        module = load(name)
        for part in ("Input", "Output"):
            get_type_hints(getattr(module, f"{name}{part}"))


def test_the_models_place_is_beside_the_module_whatever_its_name(tmp_path: Path) -> None:
    path = put(MODELS["Linear"](), tmp_path / """2 '"; import os #.mlmodel""")
    (tmp_path / "m.py").write_text(generate_classes(path), encoding="utf-8")
    module = imported(tmp_path / "m.py", "generated_odd")
    assert module.Model2ImportOs.default_path() == str(path)
    assert module.Model2ImportOs().predict(x=X).y.shape == (3,)


@pytest.mark.parametrize("name", ["", "a b", "class", "1a", "é", "Any", "x; import os"])
def test_class_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    path = put(MODELS["Linear"](), tmp_path / "m.mlmodel")
    with pytest.raises(MLModelError, match="class name"):
        generate_classes(path, name)


def test_a_class_name_of_ones_own_and_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = put(MODELS["Linear"](), tmp_path / "m.mlmodel")
    assert "class Mine:" in generate_classes(path, "Mine")
    with pytest.raises(ModelIOError):
        generate_classes(tmp_path / "none.mlmodel")


def test_many_names_that_are_one(tmp_path: Path) -> None:
    """In time that grows with their number only."""
    from pyruntime.generate.names import identifiers

    names = identifiers(["?" * (i % 7 + 1) + str(i) * 0 + "é" for i in range(20000)])
    assert len(set(names)) == 20000


# they pass strict checks


def tool(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    return found or pytest.skip(f"{name} is not installed")


def checked(folder: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        arguments, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, "MYPYPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.replace(str(folder), "") + done.stderr


USER = """
from linear import Linear, LinearInput, LinearOutput
from network import Network, NetworkLabel, NetworkTrainingInput
import numpy as np
from typing_extensions import assert_type

def use(model: Linear, x: np.typing.NDArray[np.float32]) -> None:
    assert_type(model.predict(x=x), LinearOutput)
    assert_type(model.predict([LinearInput(x)]), list[LinearOutput])
    model.predict(x="text")  # type: ignore[call-overload]
    model.predict(LinearInput(y=x))  # type: ignore[call-arg]
    assert_type(Network().predict(x=x).label, NetworkLabel)
    Network().update([NetworkTrainingInput(x=x, label=NetworkLabel.LEFT)])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Modules of MODELS, and of the models in PYRUNTIME_MODELS when there are any."""
    place = tmp_path_factory.mktemp("generated")
    for name, make in MODELS.items():
        path = put(make(), place / f"{name}.mlmodel")
        (place / f"{name.lower()}.py").write_text(generate_classes(path), encoding="utf-8")
    given = os.environ.get("PYRUNTIME_MODELS")
    for path in sorted(Path(given).glob("*.mlmodel")) if given else []:
        (place / f"given_{path.stem.lower()}.py").write_text(generate_classes(path), encoding="utf-8")
    (place / "user.py").write_text(USER)
    return place


def test_mypy_strict(folder: Path) -> None:
    modules = sorted(map(str, folder.glob("*.py")))
    checked(folder, [tool("mypy"), "--strict", "--python-version", "3.10", *modules])


STRICT = ("--line-length", "120", "--select", "E,F,W,I,UP,B,SIM,RUF,PT,C4,PIE,RET", "--ignore", "RUF001,RUF002")


@pytest.mark.parametrize("options", [(), STRICT], ids=["default", "strict"])
def test_ruff(folder: Path, options: tuple[str, ...]) -> None:
    modules = [path for path in sorted(map(str, folder.glob("*.py"))) if not path.endswith("user.py")]
    checked(folder, [tool("ruff"), "check", "--isolated", "--target-version", "py310", *options, *modules])
