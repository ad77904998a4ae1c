"""Flags of `pyruntime update` that go beyond what the model's file says: TrainingOptions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyruntime.cli.failure import UsageError

if TYPE_CHECKING:
    from pyruntime.training.options import TrainingOptions


def add_training(parser: argparse.ArgumentParser) -> None:
    """--optimizer to --low-precision."""
    group = parser.add_argument_group("how a network trains, beyond Core ML (docs/training-options.md)")
    group.add_argument("--optimizer", metavar="NAME", help="sgd, adam or adamw instead of the file's")
    group.add_argument("--momentum", type=float, metavar="X", help="of sgd, where the file has none")
    group.add_argument("--weight-decay", type=float, default=0.0, metavar="X", help="pull weights towards 0")
    group.add_argument("--clip-norm", type=float, metavar="X", help="largest norm of all gradients together")
    group.add_argument("--clip-value", type=float, metavar="X", help="largest size of one gradient")
    group.add_argument(
        "--schedule", metavar="KIND", help="learning rate: constant, step, cosine or linear (default: constant)"
    )
    group.add_argument("--warmup", type=int, default=0, metavar="STEPS", help="steps in which the rate grows first")
    group.add_argument(
        "--class-weight", action="append", default=[], metavar="LABEL=X",
        help="weight of a class in the loss; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--label-smoothing",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of the target that all classes get",
    )
    group.add_argument(
        "--adapter", metavar="RANK[:ALPHA]", help="train low-rank adapters instead of the weights of dense layers"
    )
    group.add_argument(
        "--adapter-layer",
        action="append",
        metavar="NAME",
        help="a layer to adapt (default: all that learn)",
    )
    group.add_argument(
        "--keep-adapters", action="store_true", help="save adapters beside the weights, which stay as they are"
    )
    group.add_argument(
        "--low-precision", metavar="HOW", help="layers stored in less than 32 bits learn by an adapter, or dequantize"
    )


def training_options(options: argparse.Namespace, labels: Sequence[Any] | None) -> TrainingOptions:
    """What the flags say.  labels: of the model's classes.  Raises UsageError and ParametersError."""
    from pyruntime.training.options import LearningRateSchedule, TrainingOptions

    schedule = None
    if options.schedule is not None or options.warmup:
        schedule = LearningRateSchedule(options.schedule or "constant", warmup=options.warmup)
    return TrainingOptions(
        optimizer=options.optimizer, momentum=options.momentum, weight_decay=options.weight_decay,
        clip_norm=options.clip_norm, clip_value=options.clip_value, schedule=schedule,
        class_weights=_weights(options.class_weight, labels or ()), label_smoothing=options.label_smoothing,
        adapters=_adapters(options), low_precision=options.low_precision,
    )  # fmt: skip


def _weights(assignments: Sequence[str], labels: Sequence[Any]) -> dict[Any, float] | None:
    """{"cat": 2.0} from ["cat=2"]; a whole number is a label where labels are numbers, else a class number."""
    found: dict[Any, float] = {}
    for assignment in assignments:
        label, equals, text = assignment.rpartition("=")
        try:
            weight = float(text)
        except ValueError:
            equals = ""
        if not equals or not label:
            raise UsageError(f"--class-weight {assignment}: expected LABEL=NUMBER, such as cat=2.5")
        key: Any = int(label) if label not in labels and label.lstrip("-").isdigit() else label
        found[key] = weight
    return found or None


def _adapters(options: argparse.Namespace) -> Any:
    from pyruntime.training.options import Adapter

    if options.adapter is None:
        if options.adapter_layer or options.keep_adapters:
            raise UsageError("--adapter-layer and --keep-adapters: expected --adapter RANK too, such as --adapter 4")
        return None
    rank, colon, alpha = options.adapter.partition(":")
    try:
        numbers = int(rank), float(alpha) if colon else None
    except ValueError:
        raise UsageError(f"--adapter {options.adapter}: expected RANK or RANK:ALPHA, such as 4 or 4:8") from None
    return Adapter(numbers[0], numbers[1], options.adapter_layer, True if options.keep_adapters else None)
