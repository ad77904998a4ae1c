"""pyruntime split: a network as a frozen extractor and a head that learns."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pyruntime.cli.console import Console
from pyruntime.cli.failure import UsageError
from pyruntime.cli.making import add_learning, learners, learning, noted
from pyruntime.cli.options import command
from pyruntime.cli.update import save, target_of

EXAMPLES = """\
  pyruntime split Flowers.mlmodel --output Learner.mlmodel                    the last layer that can becomes the head
  pyruntime split Flowers.mlmodel --at pool5 --output Learner.mlmodel         all behind the layer pool5 does
  pyruntime split Flowers.mlmodel --at pool5 --head knn --output Mine.mlmodel an empty k-NN that compares its features

The extractor keeps its weights as they are stored.  The head is a network that predicts as before, or a k-NN that
knows nothing yet and learns classes of its own.
"""


def add(commands: Any) -> None:
    parser = command(commands, "split", run, summary="Split a model into extractor and head", examples=EXAMPLES)
    parser.add_argument("--output", required=True, metavar="PATH", help="where to save (.mlmodel or .mlmodelc)")
    parser.add_argument("--at", nargs="+", metavar="NAME", help="layers or blobs where the extractor ends")
    parser.add_argument("--head", choices=("network", "knn"), default="network", help="what learns (default: network)")
    parser.add_argument("--layers", nargs="+", metavar="NAME", help="layers of the head that learn (default: all)")
    parser.add_argument("--number-of-neighbors", type=int, metavar="K", help="of a k-NN, default 5")
    parser.add_argument("--default-label", metavar="LABEL", help="answer of a k-NN without examples (default: unknown)")
    add_learning(parser)


def run(options: argparse.Namespace, console: Console) -> None:
    asked = _asked(options)
    target = target_of(Path(options.output), f"--output {options.output}")
    from pyruntime.models.updatable import split_for_update

    made = noted(console, lambda: split_for_update(options.model, options.at, head=options.head, **asked))
    save(made, target)
    spec = made.get_spec()
    kind = spec.WhichOneof("Type")
    names = list((spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline).names)
    learning_layers = learners(spec) if options.head == "network" else []
    inputs = [feature.name for feature in made.model_description.training_inputs]
    if options.json:
        return console.json({
            "model": options.model, "output": str(target), "models": names, "layers": learning_layers,
            "training_inputs": inputs,
        })  # fmt: skip
    what = f", in which {', '.join(learning_layers)} learn" if learning_layers else ", a k-NN without examples"
    console.print(f"models: {', '.join(names)}{what}; training inputs: {', '.join(inputs)}")
    return console.print(f"saved {target}")


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    """Options of the head.  Raises UsageError for those of the other kind of head."""
    network = learning(options)
    label = options.default_label
    if label is not None and label.lstrip("-").isdigit():
        label = int(label)
    neighbors = {
        name: value
        for name, value in (("number_of_neighbors", options.number_of_neighbors), ("default_class_label", label))
        if value is not None
    }
    wrong = network if options.head == "knn" else neighbors
    if wrong:
        name = next(iter(wrong)).replace("default_class_label", "default_label").replace("_", "-")
        raise UsageError(f"--{name} is no option of --head {options.head}")
    return neighbors if options.head == "knn" else network
