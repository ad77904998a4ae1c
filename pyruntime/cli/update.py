"""pyruntime update: let a model learn from examples, and save what it has learned."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyruntime.cli.console import Console
from pyruntime.cli.failure import UsageError
from pyruntime.cli.options import add_running, command, configuration
from pyruntime.cli.training_options import add_training, training_options

if TYPE_CHECKING:
    from pyruntime.description import ModelDescription
    from pyruntime.model import MLModel
    from pyruntime.update import TrainingHistory, UpdateGuard

EXAMPLES = """\
  pyruntime update Sticker.mlmodel --data my-drawings/ --output Mine.mlmodelc
  pyruntime update Sticker.mlmodel --data my-drawings/ --output Mine.mlmodel --validation-split 0.2
  pyruntime update Mine.mlmodelc --data more-drawings/ --in-place
  pyruntime update Digits.mlmodel --data digits/ --output Mine.mlmodel --validation others/ --plot curve.png
  pyruntime update House.mlmodel --data sold.jsonl --output Mine.mlmodel --parameter epochs=20
  pyruntime update Digits.mlmodel --data digits/ --output Mine.mlmodel --optimizer adamw --schedule cosine
  pyruntime update Mine.mlmodelc --data more-drawings/ --in-place --guard known-drawings/

DATA is a folder with one folder of pictures per class (my-drawings/cat/1.png), or a file with a JSON object
of the model's training inputs on each line.  --validation-split 0.2 keeps a fifth of each class out of the
training, always the same ones, and prints how many of them are answered right before and after; a network is
measured with them after each epoch, too.  --validation has other examples for that.

The original is never changed, unless --in-place asks for it, and then in one step: Ctrl-C, or a full disk,
leave what was there.
"""
SUFFIXES = (".mlmodel", ".mlmodelc")
PLOTS = (".png", ".svg")


def add(commands: Any) -> None:
    parser = command(
        commands, "update", run, summary="Let a model learn from your examples", examples=EXAMPLES,
        interrupted="nothing was saved, the model is as it was",
    )  # fmt: skip
    parser.add_argument(
        "--data", required=True, metavar="DATA", help="folder with one folder per class, or a JSON-lines file"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--output", metavar="PATH", help="where to save: .mlmodelc for use here, .mlmodel for use anywhere"
    )
    where.add_argument("--in-place", action="store_true", help="save over MODEL")
    tests = parser.add_mutually_exclusive_group()
    tests.add_argument(
        "--validation-split", "--hold-out", dest="hold_out", type=float, default=0.0, metavar="SHARE",
        help="share of the examples to test with (0 to 0.9, default 0)",
    )  # fmt: skip
    tests.add_argument("--validation", metavar="DATA", help="examples to test with, in the forms of --data")
    parser.add_argument(
        "--plot", metavar="PATH", help="save curves of loss and accuracy of the epochs as a picture, .png or .svg"
    )
    parser.add_argument(
        "--guard", metavar="DATA", help="examples that are not learned from; a model that answers them worse is refused"
    )
    parser.add_argument(
        "--guard-metric", choices=("accuracy", "loss"), default="accuracy", help="what the guard compares"
    )
    parser.add_argument(
        "--guard-tolerance", type=float, default=0.0, metavar="X", help="by how much it may be worse (default 0)"
    )
    parser.add_argument(
        "--keep-generations", type=int, metavar="N",
        help="generations that stay in a .mlmodelc, the new one included (default 3); docs/generations.md",
    )  # fmt: skip
    add_training(parser)
    add_running(parser)


def run(options: argparse.Namespace, console: Console) -> None:
    target = target_from(options)
    if options.keep_generations is not None and options.keep_generations < 1:
        raise UsageError(f"--keep-generations {options.keep_generations}: expected a number from 1")
    if not 0 <= options.hold_out <= 0.9:
        raise UsageError(f"--validation-split {options.hold_out:g}: expected a share from 0 to 0.9, such as 0.2")
    if options.plot and Path(options.plot).suffix.lower() not in PLOTS:
        raise UsageError(f"--plot {options.plot}: expected a name that ends in {' or '.join(PLOTS)}")
    from pyruntime.compiled.locks import updating

    with updating(options.model, target):
        _update(options, console, target)


def _update(options: argparse.Namespace, console: Console, target: Path) -> None:
    from pyruntime.cli.judge import judge
    from pyruntime.cli.learning import learn
    from pyruntime.cli.training_data import Examples, read_examples, split
    from pyruntime.errors import UpdateError
    from pyruntime.model import MLModel
    from pyruntime.tables import counted

    model = MLModel(options.model, configuration=configuration(options))
    if not model.model_description.is_updatable:
        raise UpdateError(
            f"{options.model} is not updatable: make it so with `pyruntime make-updatable` or `pyruntime split`"
        )
    chosen = training_options(options, model.model_description.class_labels)
    items, held = split(read_examples(options.data, model.model_description, console.note), options.hold_out)
    if options.validation:
        held = read_examples(options.validation, model.model_description, console.note, option="--validation")
    examples, test = Examples(items, console.note_once), Examples(held, console.note_once)
    before = judge(model, test)
    started = time.perf_counter()
    guarded = guard(options, model.model_description, console)
    learned = learn(model, examples, test, console, guard=guarded, options=chosen)
    seconds = time.perf_counter() - started
    after = judge(learned.model, test)
    save(learned.model, target, options.keep_generations)
    plot = _plot(learned.history, options.plot, console)
    losses = _values(learned.history, "lossValue")
    if options.json:
        return console.json({
            "model": options.model, "output": str(target), "examples": len(examples), "held_out": len(test),
            "classes": examples.labels, "score": after.kind if after else None,
            "before": before.value if before else None, "after": after.value if after else None,
            "loss": losses, "accuracy": _values(learned.history, "accuracy"),
            "validation_loss": _values(learned.history, "validationLoss"),
            "validation_accuracy": _values(learned.history, "validationAccuracy"),
            "plot": plot, "parameters": learned.parameters, "seconds": seconds,
            "generation": _generations(target)[0],
        })  # fmt: skip
    classes = f" of {counted(len(examples.labels), 'class')}" if examples.labels else ""
    console.print(f"learned {counted(len(examples), 'example')}{classes} in {seconds:.1f} s")
    for what, values in (("loss", losses), ("hold-out loss", _values(learned.history, "validationLoss"))):
        if values:
            console.print(f"{what} per epoch: {', '.join(f'{value:.4g}' for value in _shortened(values))}")
    if before and after:
        console.print(
            f"{after.kind} on {counted(len(test), 'example')} not learned from: {before} before, {after} after"
        )
    console.print(f"saved {target}{_generations(target)[1]}")
    if plot:
        console.print(f"plotted {plot}")
    return None


def _values(history: TrainingHistory, key: str) -> list[float]:
    return [value for _, value in history.series(key)]


def _plot(history: TrainingHistory, path: str | None, console: Console) -> str | None:
    """The picture, where there are epochs to show; the model is saved by then, so trouble is only told."""
    from pyruntime.errors import MLModelError

    if path is None:
        return None
    try:
        history.save_plot(path)
    except MLModelError as error:
        console.error(f"--plot {path}: {error}; the model is saved")
        return None
    return path


def target_from(options: argparse.Namespace) -> Path:
    """Where to save, checked before the work begins."""
    target = Path(options.model if options.in_place else options.output)
    return target_of(target, "--in-place" if options.in_place else f"--output {target}")


def target_of(target: Path, what: str) -> Path:
    """A path to save a model at, if it is one.  what: how the caller gave it.  Raises UsageError or ModelIOError."""
    from pyruntime.errors import ModelIOError

    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{what}: a model is saved as {' or '.join(SUFFIXES)}; give --output with such a name")
    folder = target.resolve().parent
    if not folder.is_dir():
        raise ModelIOError(f"--output {target}: the folder {folder} does not exist; make it first, nothing was done")
    if not os.access(folder, os.W_OK):
        raise ModelIOError(f"--output {target}: no permission to write into {folder}; nothing was done")
    return target


def guard(options: argparse.Namespace, description: ModelDescription, console: Console) -> UpdateGuard | None:
    """What --guard asks for.  Raises UsageError, UpdateError or FeatureTypeError."""
    if options.guard is None:
        return None
    if not 0 <= options.guard_tolerance < float("inf"):
        raise UsageError(f"--guard-tolerance {options.guard_tolerance:g}: expected a number from 0")
    from pyruntime.cli.training_data import Examples, read_examples
    from pyruntime.update import UpdateGuard

    held = Examples(read_examples(options.guard, description, console.note, option="--guard"), console.note_once)
    return UpdateGuard(held, options.guard_metric, options.guard_tolerance)


def save(model: MLModel, target: Path, keep: int | None = None) -> None:
    """Save a learned model; where that fails, keep it in the temporary folder: learning takes long."""
    import tempfile

    from pyruntime.errors import ModelIOError

    try:
        _write(model, target, keep)
    except ModelIOError as error:
        rescue = Path(tempfile.mkdtemp(prefix="pyruntime-")) / target.name
        try:
            _write(model, rescue, keep)
        except ModelIOError:
            rescue.parent.rmdir()
            raise error from None
        raise ModelIOError(f"{error}; what was learned is saved in {rescue}") from None


def _write(model: MLModel, target: Path, keep: int | None) -> None:
    if target.suffix.lower() == ".mlmodel":
        model.save(target)
    else:
        model.write(target, keep_generations=keep)


def _generations(target: Path) -> tuple[int | None, str]:
    """The number of what was written, and for people also what is kept; None and "" for a file."""
    if target.suffix.lower() == ".mlmodel":
        return None, ""
    from pyruntime.cli.generations import kept

    number, text = kept(target)
    return number, f", {text}"


def _shortened(losses: list[float]) -> list[float]:
    """At most ten of them, the first and the last included."""
    if len(losses) <= 10:
        return losses
    return [losses[round(i * (len(losses) - 1) / 9)] for i in range(10)]
