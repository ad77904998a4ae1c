"""pyruntime describe: the model card."""

from __future__ import annotations

import argparse
from typing import Any

from pyruntime.cli.console import Console
from pyruntime.cli.options import command

EXAMPLES = """\
  pyruntime describe Sticker.mlmodel             what it takes, gives, can learn, and what it costs here
  pyruntime describe Sticker.mlmodel --layers    every layer with its weights
  pyruntime describe Sticker.mlmodel --graph     the network as it runs, after optimisation
  pyruntime describe Sticker.mlmodel --json | jq '.parameters[].key'

A model that cannot run on this machine is described too, with the reason.
"""


def add(commands: Any) -> None:
    parser = command(commands, "describe", run, summary="Show the model card", examples=EXAMPLES)
    parser.add_argument("--layers", action="store_true", help="list every layer, not only their types")
    parser.add_argument(
        "--graph", action="store_true", help="print the optimised graph of each network instead of the card"
    )
    parser.add_argument(
        "--file-only",
        action="store_true",
        help="read the file only: compile nothing, say nothing about this machine",
    )


def run(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.card import card_text, model_card
    from pyruntime.card.read import open_messages

    if options.graph:
        return _graphs(options, console)
    spec, payloads = open_messages(options.model)
    card = model_card(options.model, spec, payloads, None if options.file_only else _run_card(options.model))
    if options.json:
        return console.json(card.to_dict())
    text = card_text(card, all_layers=options.layers, width=console.width, heading=console.heading)
    console.print(text.rstrip("\n"))
    return None


def _run_card(path: str) -> Any:
    from pyruntime.card.running import cannot_run, run_card
    from pyruntime.errors import MLModelError
    from pyruntime.model import MLModel

    try:
        return run_card(MLModel(path))
    except MLModelError as error:
        return cannot_run(error)


def _graphs(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.card.graphs import graphs
    from pyruntime.model import MLModel

    texts = graphs(MLModel(options.model))
    if options.json:
        return console.json({"graphs": texts})
    for name, text in texts.items():
        if name:
            console.print(console.heading(f"{name}:"))
        console.print(text)
    return None
