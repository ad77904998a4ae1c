"""pyruntime predict: outputs for inputs from the command line, files or a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pyruntime.cli.console import Console, no_progress
from pyruntime.cli.failure import UsageError
from pyruntime.cli.options import add_running, command, configuration, count

EXAMPLES = """\
  pyruntime predict Sticker.mlmodel --input sketch=cat.png
  pyruntime predict Sticker.mlmodel --input cat.png dog.png       one input needs no name; a line per file
  pyruntime predict Sticker.mlmodel --input drawings/             all pictures of a folder
  pyruntime predict House.mlmodel --input rooms=3 --input area=81.5
  pyruntime predict Net.mlmodel --input x=values.npy --output out/
  pyruntime predict Net.mlmodel --input x=0.1,0.2,0.3 --json
  pyruntime predict Net.mlmodel --inputs examples.json            {"x": …}, a list, or one per line

Images are turned as their EXIF data say and brought to the model's size and colours, which is said on stderr.
Arrays: numbers with commas (a flat list takes the declared shape), JSON, or a .npy, .npz or .json file.
Dictionaries: JSON, such as --input 'words={"good": 2}'.
"""


def add(commands: Any) -> None:
    parser = command(
        commands, "predict", run, summary="Predict from inputs given here or in files", examples=EXAMPLES,
        interrupted="outputs that are written are complete",
    )  # fmt: skip
    parser.add_argument(
        "--input",
        action="append",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="an input; repeat it for each input",
    )
    parser.add_argument(
        "--inputs", metavar="FILE", help="examples in a JSON file: an object, a list of them, or one per line"
    )
    parser.add_argument("--output", metavar="DIR", help="write arrays (.npy) and images (.png) into this folder")
    parser.add_argument("--top", type=count, default=5, metavar="K", help="probabilities to show (default 5)")
    add_running(parser)


def run(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.cli.examples import from_options
    from pyruntime.model import MLModel

    model = MLModel(options.model, configuration=configuration(options))
    description = model.model_description
    examples = from_options(options.input, options.inputs, description)
    if not options.input and not options.inputs and any(not feature.is_optional for feature in description.inputs):
        wanted = ", ".join(f"{feature.name}: {feature.type_name}" for feature in description.inputs[:10])
        raise UsageError(f"no inputs given, the model takes {wanted}; use --input NAME=VALUE or --inputs FILE")
    many = len(examples) > 1
    hidden = many and (options.json or not console.shows_results)
    found = []
    with (
        console.progress(f"Predicting {len(examples)} examples", len(examples)) if hidden else no_progress() as progress
    ):
        for i, example in enumerate(examples):
            outputs = model.predict(example.load(console.note_once))
            found.append(_report(options, console, description, i if many else None, example.name, outputs))
            progress(i + 1)
    if options.json:
        console.json({"model": options.model, "predictions": found})


def _report(
    options: argparse.Namespace,
    console: Console,
    description: Any,
    index: int | None,
    name: str,
    outputs: dict[str, Any],
) -> dict[str, Any] | None:
    """Save and print one result; with --json, give it back instead."""
    from pyruntime.cli import results
    from pyruntime.tables import escaped

    files = results.save(outputs, Path(options.output), results.stem(name, index or 0)) if options.output else {}
    if options.json:
        return {"example": name, "outputs": results.to_json(outputs, files)}
    if index is not None:
        console.print(f"{escaped(name)}: {escaped(results.one_line(outputs, description))}")
    else:
        for line in results.text(outputs, description, files, options.top):
            console.print(line)
    return None
