"""pyruntime generate: typed Python classes for a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pyruntime.cli.console import Console
from pyruntime.cli.options import command

EXAMPLES = """\
  pyruntime generate Sticker.mlmodel                        prints the module
  pyruntime generate Sticker.mlmodel --output sticker.py
  pyruntime generate Sticker.mlmodel --output app/models.py --class-name DrawnSticker

The module has the classes Sticker, StickerInput, StickerOutput, for a classifier StickerLabel, and for a model
that learns StickerTrainingInput.  By default Sticker() opens the model file that lies beside the module.
"""


def add(commands: Any) -> None:
    parser = command(commands, "generate", run, summary="Write typed Python classes for a model", examples=EXAMPLES)
    parser.add_argument("--output", metavar="FILE", help="where to write (default: stdout)")
    parser.add_argument("--class-name", metavar="NAME", help="of the model's class (default: after the file)")


def run(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.generate import generate_classes
    from pyruntime.spec.writer import write_atomically

    source = generate_classes(options.model, options.class_name)
    if options.output:
        write_atomically(Path(options.output), [source.encode()])
    if options.json:
        return console.json({"model": options.model, "output": options.output, "source": source})
    if options.output:
        console.print(f"wrote {options.output}")
    else:
        console.print(source.rstrip("\n"))
    return None
