#!/usr/bin/env python3
"""Makes and measures examples/stickers: the demo's network, its drawings, its numbers.

    tools/train_sticker.py train TRAINING.npz MODEL     train on drawings of other classes, write the model
    tools/train_sticker.py drawings DRAWINGS.npz OUT    choose the demo's drawings
    tools/train_sticker.py evaluate MODEL DRAWINGS.npz  accuracy on unseen classes, against raw pixels

Needs PyTorch (a development dependency); the model that it writes does not.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
import torch
from sticker import measure
from sticker.drawings import LATER_STICKERS, RELATED, STICKERS, Drawings, centred, load, save, stickers
from sticker.export import sticker_model
from sticker.measure import Episodes
from sticker.network import DrawingEmbedding
from sticker.training import as_tensor, train

from pyruntime.spec import Model, load_spec, save_spec

MAX_BYTES = 500_000  # what the demo may ship
SAME = 1e-4  # largest difference between the trained network and the file's layers
HOLD_OUT_SEED = 7


def main() -> None:
    """Runs one command; see the module's text."""
    options = _options()
    torch.set_num_threads(1)
    match options.command:
        case "train":
            _train(options)
        case "drawings":
            save(stickers(load(options.drawings)), options.out)
        case "evaluate":
            _evaluate(options)


def _options() -> argparse.Namespace:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train the network and write the model")
    training.add_argument("drawings", type=Path, help="npz of drawings, none of the demo's classes")
    training.add_argument("model", type=Path, help="the .mlmodel to write")
    training.add_argument("--epochs", type=int, default=66)
    training.add_argument("--seed", type=int, default=1)
    training.add_argument(
        "--hold-out",
        type=int,
        default=0,
        metavar="N",
        help="leave N classes out and measure on them: for choices about the training itself",
    )
    training.add_argument("--weighting", choices=("inverse", "uniform"), default="inverse")
    choosing = commands.add_parser("drawings", help="write the demo's drawings")
    choosing.add_argument("drawings", type=Path, help="npz that has the demo's classes")
    choosing.add_argument("out", type=Path)
    evaluating = commands.add_parser("evaluate", help="measure a model on classes that it was not trained on")
    evaluating.add_argument("model", type=Path)
    evaluating.add_argument("drawings", type=Path)
    evaluating.add_argument("--episodes", type=int, default=1000)
    evaluating.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _train(options: argparse.Namespace) -> None:
    drawings = load(options.drawings)
    known = set(drawings.classes) & {*STICKERS, *LATER_STICKERS}
    if known:
        raise SystemExit(f"{options.drawings} holds classes of the demo: {', '.join(sorted(known))}")
    order = np.random.default_rng(HOLD_OUT_SEED).permutation(drawings.classes)
    held_out, used = sorted(order[: options.hold_out]), sorted(order[options.hold_out :])
    training = drawings.of(used)
    seconds = 0.0

    def progress(epoch: int, loss: float, elapsed: float) -> None:
        nonlocal seconds
        seconds = elapsed
        print(f"epoch {epoch}/{options.epochs}  loss {loss:.3f}  {elapsed:.0f} s", flush=True)

    network = train(training, epochs=options.epochs, seed=options.seed, progress=progress)
    release = torch.__version__.split("+")[0]
    remark = (
        f"{len(training.labels)} drawings of {len(used)} classes, {options.epochs} epochs, "
        f"seed {options.seed}, {seconds / 60:.1f} minutes of processor time, PyTorch {release}"
    )
    model = sticker_model(network, inverse_distance=options.weighting == "inverse", training=remark)
    _check_same(network, model, training)
    size = model.ByteSize()
    if size >= MAX_BYTES:
        raise SystemExit(f"the model has {size} bytes, the demo ships less than {MAX_BYTES}")
    save_spec(model, options.model)
    print(f"{options.model}: {size} bytes; {remark}")
    if held_out:
        _print_random(model, drawings.of(held_out), episodes=300, seed=0)


def _check_same(network: DrawingEmbedding, model: Model, drawings: Drawings) -> None:
    images = drawings.images[:200]
    with torch.no_grad():
        expected = network(as_tensor(images)).numpy()
    difference = float(np.abs(measure.embed(model, images) - expected).max())
    if difference > SAME:
        raise SystemExit(f"the exported layers differ from the network by {difference:.1e}, more than {SAME}")
    print(f"exported layers agree with the network within {difference:.1e}")


def _evaluate(options: argparse.Namespace) -> None:
    model, drawings = load_spec(options.model), load(options.drawings)
    print(f"file {options.model.stat().st_size} bytes, {measure.parameters(model)} weights and biases")
    print(f"trained: {model.description.metadata.userDefined['training']}")
    _print_random(model, drawings, episodes=options.episodes, seed=options.seed)
    _print_unrelated(model, drawings, episodes=options.episodes, seed=options.seed)
    _print_demo(model, drawings, episodes=options.episodes, seed=options.seed)


def _print_random(model: Model, drawings: Drawings, *, episodes: int, seed: int) -> None:
    """Averages over random choices of classes and examples; all columns see the same episodes."""
    middle = centred(drawings.images)
    vectors = {
        "raw pixels": measure.raw_pixels(drawings.images),
        "raw, centred": measure.raw_pixels(middle),
        "network": measure.embed(model, drawings.images),
        "network, centred": measure.embed(model, middle),
    }
    classes = len(drawings.classes)
    print(f"random choices among {classes} classes: percent right ± standard deviation of the episodes")
    print("  classes examples weighting episodes" + "".join(f"{name:>18}" for name in vectors))
    for ways, count in ((5, episodes), (classes, max(1, episodes // 5))):
        for shots, inverse in product((1, 2, 3, 5, 10), (True, False)):
            draw = Episodes(ways=ways, shots=shots, count=count, seed=seed, inverse=inverse)
            cells = [measure.random_episodes(each, drawings.labels, draw) for each in vectors.values()]
            weighting = "inverse" if inverse else "uniform"
            row = f"  {ways:7} {shots:8} {weighting:>9} {count:8}"
            print(row + "".join(f"{cell!s:>18}" for cell in cells))


def _print_unrelated(model: Model, drawings: Drawings, *, episodes: int, seed: int) -> None:
    """5 classes x 5 examples, only of classes that have no close relative among the training classes."""
    rest = drawings.of([name for name in drawings.classes if name not in RELATED])
    print(f"only the {len(rest.classes)} classes without a close relative in training, 5 classes x 5 examples")
    draw = Episodes(ways=5, shots=5, count=episodes, seed=seed)
    for name, vectors in _raw_and_network(model, rest):
        print(f"  {name:<10} {measure.random_episodes(vectors, rest.labels, draw)}")


def _print_demo(model: Model, drawings: Drawings, *, episodes: int, seed: int) -> None:
    """The demo's stickers: learned from the first five shipped drawings of each, and from random fives."""
    print("the demo's stickers, 5 examples of each: first five of those shipped | random five of all")
    for names in (STICKERS, STICKERS + LATER_STICKERS):
        shipped, everything = stickers(drawings).of(names), drawings.of(names)
        draw = Episodes(ways=len(names), shots=5, count=episodes, seed=seed)
        both = zip(_raw_and_network(model, shipped), _raw_and_network(model, everything), strict=True)
        for (kind, vectors), (_, all_vectors) in both:
            first = measure.first_examples(vectors, shipped.labels, names, shots=5)
            random = measure.random_episodes(all_vectors, everything.labels, draw)
            print(f"  {len(names)} stickers  {kind:<10} {first} | {random}")


def _raw_and_network(model: Model, drawings: Drawings) -> list[tuple[str, measure.Vectors]]:
    return [
        ("raw pixels", measure.raw_pixels(drawings.images)),
        ("network", measure.embed(model, drawings.images)),
    ]


if __name__ == "__main__":
    main()
