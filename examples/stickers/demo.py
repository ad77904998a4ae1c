"""The drawing classifier learns your stickers: `make demo`, or `python demo.py --model Other.mlmodel`.

Shows the card, predicts before learning, learns five drawings of each of five stickers, predicts drawings that it has
not seen, gets two more stickers later, saves, loads again, and writes a page with all drawings and answers.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from report import Row, write_page

import pyruntime
from pyruntime.cli import main as command

HERE = Path(__file__).resolve().parent
EXAMPLES = 5
LATER = ("fish", "umbrella")
Labels = list[str]


class Drawings:
    """The drawings of some stickers: the first EXAMPLES of each to learn from, the others to ask about."""

    def __init__(self, names: Labels) -> None:
        with np.load(HERE / "drawings.npz") as file:
            images, labels = file["images"], file["labels"]
        place = np.concatenate([np.flatnonzero(labels == name) for name in names])
        rank = np.concatenate([np.arange((labels == name).sum()) for name in names])
        first = rank < EXAMPLES
        self.names = names
        self.examples, self.example_labels = images[place[first]], labels[place[first]].tolist()
        self.unseen, self.unseen_labels = images[place[~first]], labels[place[~first]].tolist()


def stickers() -> tuple[Labels, Labels]:
    """Names of the stickers learned at first, and later."""
    with np.load(HERE / "drawings.npz") as file:
        names = list(dict.fromkeys(file["labels"].tolist()))
    return [name for name in names if name not in LATER], list(LATER)


def feature_names(model: pyruntime.MLModel) -> tuple[str, str]:
    """The image and the label among the model's training inputs."""
    features = model.model_description.training_inputs
    image = next(f.name for f in features if f.kind == "image")
    return image, next(f.name for f in features if f.name != image)


def answers(model: pyruntime.MLModel, image: str, drawings: NDArray[np.uint8]) -> Labels:
    """The model's label for each drawing."""
    label = model.model_description.predicted_feature_name
    return [str(model.predict({image: Image.fromarray(drawing)})[label]) for drawing in drawings]


def raw_pixel_answers(drawings: Drawings, neighbours: int = 5) -> Labels:
    """What the same k-NN (inverse distance) says on the pixels themselves: the baseline."""
    known = drawings.examples.reshape(len(drawings.examples), -1).astype(np.float64)
    named = []
    for drawing in drawings.unseen.reshape(len(drawings.unseen), -1).astype(np.float64):
        distance = np.sqrt(((known - drawing) ** 2).sum(1))
        votes: dict[str, float] = {}
        for i in np.argsort(distance, kind="stable")[:neighbours]:
            name = drawings.example_labels[i]
            votes[name] = votes.get(name, 0.0) + 1 / max(distance[i], 1e-12)
        named.append(max(votes, key=lambda name: votes[name]))
    return named


def share(given: Labels, right: Labels) -> float:
    return 100 * sum(a == b for a, b in zip(given, right, strict=True)) / len(right)


def learn(path: Path, examples: NDArray[np.uint8], labels: Labels) -> pyruntime.MLModel:
    """The model at `path` after seeing the examples; the file itself stays as it was."""
    image, label = feature_names(pyruntime.MLModel(path))
    data = [{image: Image.fromarray(d), label: name} for d, name in zip(examples, labels, strict=True)]
    learned: list[pyruntime.MLModel] = []
    handlers = pyruntime.MLUpdateProgressHandlers(
        pyruntime.UpdateEvent.TRAINING_BEGIN | pyruntime.UpdateEvent.EPOCH_END,
        lambda context: print(f"    {context.event.name.lower().replace('_', ' ')}: {len(data)} drawings"),
        lambda context: learned.append(context.model),
    )
    task = pyruntime.MLUpdateTask(path, data, progress_handlers=handlers)
    start = time.perf_counter()
    task.resume()
    task.wait()
    if task.error is not None:
        raise task.error
    print(f"    learned in {1e3 * (time.perf_counter() - start):.0f} ms")
    return learned[0]


def report(title: str, given: Labels, drawings: Drawings, baseline: bool = True) -> None:
    """Right answers in all and by sticker."""
    print(f"  {title}: {share(given, drawings.unseen_labels):.1f} % of {len(given)} unseen drawings right")
    if baseline:
        print(f"    k-NN on raw pixels: {share(raw_pixel_answers(drawings), drawings.unseen_labels):.1f} %")
    for name in drawings.names:
        mine = [a for a, b in zip(given, drawings.unseen_labels, strict=True) if b == name]
        right = sum(a == name for a in mine)
        print(f"    {name:10} {'█' * round(20 * right / len(mine)):20} {right:2} of {len(mine)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--model", type=Path, default=HERE / "Sticker.mlmodel", help="an updatable drawing classifier, 28 x 28 gray"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("demo-output"), help="folder for the page and the learned model"
    )
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    first, later = stickers()
    start = Drawings(first)

    print("1. The model\n")
    command(["describe", str(options.model)])
    model = pyruntime.MLModel(options.model)
    image, _ = feature_names(model)

    print("\n2. Before learning")
    before = answers(model, image, start.unseen)
    report("it knows nothing", before, start, baseline=False)

    print(f"\n3. Learning {EXAMPLES} drawings each of {', '.join(first)}")
    model = learn(options.model, start.examples, start.example_labels)
    mine = options.output / "MyStickers.mlmodelc"
    model.write(mine)

    print("\n4. After learning")
    after = answers(model, image, start.unseen)
    report("it knows five stickers", after, start)

    print(f"\n5. Two more stickers, later: {', '.join(later)}")
    more, everything = Drawings(later), Drawings(first + later)
    model = learn(mine, more.examples, more.example_labels)
    final = answers(model, image, everything.unseen)
    report("it knows seven stickers", final, everything)

    print("\n6. Saved and loaded again")
    model.write(mine)
    again = pyruntime.MLModel(mine)
    probabilities = model.model_description.predicted_probabilities_name
    same = all(
        model.predict({image: Image.fromarray(d)})[probabilities]
        == again.predict({image: Image.fromarray(d)})[probabilities]
        for d in everything.unseen
    )
    print(
        f"  {mine}: {'the same answers to the last bit' if same else 'DIFFERENT ANSWERS'} "
        f"for {len(everything.unseen)} drawings"
    )
    print("  what it was before is kept:")
    command(["generations", "list", str(mine)])
    still = answers(pyruntime.MLModel(options.model), image, start.unseen[:1])[0]
    print(f"  {options.model.name} is as it was: it still says {still!r}")

    before += answers(pyruntime.MLModel(options.model), image, more.unseen)
    rows = [Row(*row) for row in zip(everything.unseen, everything.unseen_labels, before, final, strict=True)]
    page = options.output / "index.html"
    write_page(page, rows, everything.examples, everything.example_labels)
    print(f"\nAll drawings with answers before and after: {page}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
