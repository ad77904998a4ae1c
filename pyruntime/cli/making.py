"""What `make-updatable` and `split` share: options of learning, where to save, the list of layers."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyruntime.cli.console import Console
from pyruntime.cli.failure import UsageError

if TYPE_CHECKING:
    from pyruntime.model import MLModel

LOSSES = ("categorical_cross_entropy", "mean_squared_error")


def add_learning(parser: argparse.ArgumentParser) -> None:
    """Options of how it learns: those of pyruntime.make_updatable."""
    group = parser.add_argument_group("how it learns")
    group.add_argument("--loss", choices=LOSSES, help="default: cross entropy where a softmax ends, else squared error")
    group.add_argument("--loss-output", metavar="NAME", help="the output or blob that the loss reads")
    group.add_argument("--optimizer", choices=("sgd", "adam"), help="default: sgd")
    group.add_argument("--learning-rate", type=float, metavar="RATE", help="default: 0.01, adam 0.001")
    group.add_argument("--epochs", type=int, metavar="N", help="default: 10")
    group.add_argument("--mini-batch-size", type=int, metavar="N", help="default: 8")
    group.add_argument(
        "--allow", action="append", default=[], metavar="KEY=VALUES",
        help="what an update may choose: a range such as epochs=1..50, or values such as miniBatchSize=4,8,16; may be "
        "repeated",
    )  # fmt: skip
    group.add_argument("--no-shuffle", action="store_true", help="take examples in their order in every epoch")
    group.add_argument(
        "--seed", type=int, metavar="N", help="start of the random order, drawn for each update by default"
    )
    group.add_argument("--dequantize", action="store_true", help="make 32-bit floats of compressed weights that learn")
    group.add_argument(
        "--add-softmax", action="store_true", help="give cross entropy a softmax where the model has none"
    )
    group.add_argument(
        "--beyond-core-ml", action="store_true", help="let layers learn that only pyruntime trains, not Core ML"
    )


def learning(options: argparse.Namespace) -> dict[str, Any]:
    """The options that were given, as make_updatable takes them.  Raises UsageError."""
    given = {
        "loss": options.loss, "output": options.loss_output, "optimizer": options.optimizer,
        "learning_rate": options.learning_rate, "epochs": options.epochs, "mini_batch_size": options.mini_batch_size,
        "seed": options.seed, "layers": options.layers, "allowed": _allowed(options.allow) or None,
    }  # fmt: skip
    switches = {
        "shuffle": False if options.no_shuffle else None, "dequantize": options.dequantize or None,
        "add_softmax": options.add_softmax or None, "core_ml_only": False if options.beyond_core_ml else None,
    }  # fmt: skip
    return {name: value for name, value in {**given, **switches}.items() if value is not None}


def _allowed(assignments: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for assignment in assignments:
        key, _, text = assignment.partition("=")
        first, dots, last = text.partition("..")
        try:
            found[key.strip()] = (float(first), float(last)) if dots else [float(one) for one in text.split(",")]
        except ValueError:
            raise UsageError(
                f"--allow {assignment}: expected KEY=LEAST..MOST or KEY=VALUE,VALUE, such as epochs=1..50"
            ) from None
    return found


def noted(console: Console, make: Callable[[], MLModel]) -> MLModel:
    """What `make` gives; its warnings become notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        model = make()
    for one in caught:
        console.note(str(one.message))
    return model


def learners(spec: Any) -> list[str]:
    """Names of the layers that learn, in a network or at the end of a pipeline."""
    from pyruntime.models.updatable.make import last_network

    network = last_network(spec)[0]
    return [layer.name for layer in getattr(network, network.WhichOneof("Type")).layers if layer.isUpdatable]


def print_candidates(console: Console, found: list[Any], chosen: list[str]) -> None:
    """The list of layers that could learn, the chosen ones marked."""
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        mark = "*" if one.name in chosen else " "
        note = "" if one.legal else "  only beyond Core ML"
        console.print(f"{mark} {one.name:<{width}}  {one.kind:<13}  {one.numbers:>10,} numbers, {one.stored}{note}")
