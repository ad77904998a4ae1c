"""pyruntime make-updatable: a model that learns, from one that does not."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pyruntime.cli.console import Console
from pyruntime.cli.making import add_learning, learners, learning, noted, print_candidates
from pyruntime.cli.options import command
from pyruntime.cli.update import save, target_of

EXAMPLES = """\
  pyruntime make-updatable Flowers.mlmodel                           lists the layers that could learn
  pyruntime make-updatable Flowers.mlmodel --output Learner.mlmodel  the last one learns
  pyruntime make-updatable Flowers.mlmodel --layers fc7 fc8 --optimizer adam --output Learner.mlmodel
  pyruntime make-updatable House.mlmodel --loss mean_squared_error --allow epochs=1..50 --output Learner.mlmodel

Layers that converters leave (batchedMatmul, softmaxND, reshapes) are rewritten where Core ML could not train
through them; predictions stay the same.
"""


def add(commands: Any) -> None:
    parser = command(
        commands, "make-updatable", run, summary="Let layers of a model learn on the device", examples=EXAMPLES,
    )  # fmt: skip
    parser.add_argument("--layers", nargs="+", metavar="NAME", help="layers that learn (default: the last that can)")
    parser.add_argument("--output", metavar="PATH", help="where to save (.mlmodel or .mlmodelc); without: only list")
    parser.add_argument("--replace", action="store_true", help="also for a model that is updatable already")
    add_learning(parser)


def run(options: argparse.Namespace, console: Console) -> None:
    asked = learning(options)
    target = None if options.output is None else target_of(Path(options.output), f"--output {options.output}")
    from pyruntime.models.updatable import make_updatable, update_candidates

    found = update_candidates(options.model, options.loss_output)
    listed = [{"name": one.name, "type": one.kind, "numbers": one.numbers, "stored": one.stored, "core_ml": one.legal}
              for one in found]  # fmt: skip
    if target is None:
        if options.json:
            return console.json({"model": options.model, "candidates": listed})
        console.print(f"layers of {options.model} that could learn, the last one first:")
        print_candidates(console, found, [])
        return console.print("choose some with --layers, and --output PATH to save the model in which they learn")
    made = noted(console, lambda: make_updatable(options.model, replace=options.replace, **asked))
    save(made, target)
    names = learners(made.get_spec())
    inputs = [feature.name for feature in made.model_description.training_inputs]
    if options.json:
        return console.json({
            "model": options.model, "output": str(target), "layers": names, "training_inputs": inputs,
            "candidates": listed,
        })  # fmt: skip
    if options.layers is None:
        console.print("layers that could learn; those with * do, --layers chooses others:")
        print_candidates(console, found, names)
    console.print(f"learning: {', '.join(names)}; training inputs: {', '.join(inputs)}")
    return console.print(f"saved {target}")
