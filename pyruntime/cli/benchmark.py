"""pyruntime benchmark: how fast a model is on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyruntime.cli.console import Console
from pyruntime.cli.failure import UsageError
from pyruntime.cli.options import add_running, command, configuration, count

if TYPE_CHECKING:
    from pyruntime.benchmark import Measurement
    from pyruntime.model import MLModel

EXAMPLES = """\
  pyruntime benchmark Sticker.mlmodel                    three seconds, with random inputs
  pyruntime benchmark Sticker.mlmodel --profile          and where the time goes, step by step
  pyruntime benchmark Sticker.mlmodel --trace trace.json and as a picture, in chrome://tracing
  pyruntime benchmark Sticker.mlmodel --input cat.png    with your input
  pyruntime benchmark A.mlmodel B.mlmodel --runs 200     turn by turn, so that both meet the same machine
  pyruntime benchmark Sticker.mlmodel --threads 1 --level avx2
"""


def add(commands: Any) -> None:
    parser = command(
        commands,
        "benchmark",
        run,
        summary="Measure load time, predictions and memory",
        examples=EXAMPLES,
        many=True,
    )
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="time for predictions (default 3)")
    parser.add_argument("--runs", type=count, metavar="N", help="predictions per model instead of a time")
    parser.add_argument(
        "--warm-up",
        type=count,
        default=3,
        metavar="N",
        help="predictions before the clock starts (default 3)",
    )
    parser.add_argument("--profile", action="store_true", help="time of every step, beside the machine's peaks")
    parser.add_argument("--trace", metavar="FILE", help="write a profile for chrome://tracing or ui.perfetto.dev")
    parser.add_argument(
        "--input",
        action="append",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="an input, as in `predict`",
    )
    parser.add_argument("--target", default="local", metavar="WHERE", help="machine to measure: local")
    add_running(parser)


def run(options: argparse.Namespace, console: Console) -> None:
    if options.target != "local":
        raise UsageError(f"--target {options.target}: this release measures the machine it runs on, expected local")
    if options.trace is not None and len(options.model) > 1:
        raise UsageError(f"--trace: expected one model, got {len(options.model)}")
    if options.runs == 0 or not 0 < options.seconds < 1e6:
        raise UsageError("expected --runs from 1 and --seconds above 0")
    from pyruntime.benchmark import benchmark

    settings = configuration(options)
    with console.progress("Measuring", 1.0) as progress:
        measured = benchmark(
            options.model,
            inputs=(lambda model: _features(options, console, model)) if options.input else None,
            configuration=settings,
            seconds=options.seconds,
            runs=options.runs,
            warm_up=options.warm_up,
            profile=options.profile or options.trace is not None,
            report=progress,
        )
    if options.trace is not None:
        _write_trace(options.trace, measured)
    if options.json:
        return console.json({"results": [result.to_dict() for result in measured]})
    for line in _text(measured, console):
        console.print(line)
    return None


def _write_trace(path: str, measured: Sequence[Measurement]) -> None:
    from pyruntime.profile import trace
    from pyruntime.spec.writer import write_atomically

    write_atomically(path, [trace(measured[0].profile, measured[0].model).encode()])


def _features(options: argparse.Namespace, console: Console, model: MLModel) -> Mapping[str, Any]:
    from pyruntime.cli.examples import from_options

    examples = from_options(options.input, None, model.model_description)
    if len(examples) > 1:
        raise UsageError(f"--input: got {len(examples)} values, benchmark takes one per input")
    return examples[0].load(console.note_once)


def _text(measured: Sequence[Measurement], console: Console) -> list[str]:
    from pyruntime.tables import counted, nbytes, table

    first = measured[0]
    rows = [
        (m.model, _ms(m.load), _ms(m.first), _ms(m.timing.minimum), _ms(m.timing.median), _ms(m.timing.p90),
         str(m.timing.runs), nbytes(m.arena), nbytes(m.peak))
        for m in measured
    ]  # fmt: skip
    header = ("Model", "Load", "First", "Min", "Median", "p90", "Runs", "Arena", "Peak live")
    lines = [
        console.heading(f"CPU, {first.level} kernels, {counted(first.threads, 'thread')}; times in ms"),
        *table(rows, header=header, right=range(1, 9)),
    ]
    for m in measured:
        if m.profile:
            lines += ["", console.heading(f"{m.model}: {counted(m.steps, 'step')}"), *_profile(m)]
    return lines


def _profile(measurement: Measurement) -> list[str]:
    """Steps that compute or move nothing worth a number have none."""
    from pyruntime.tables import table

    machine = measurement.machine
    assert machine
    rows = [
        (
            step.name,
            step.operator,
            f"{step.seconds * 1e6:.1f}",
            f"{step.share:.1%}",
            *_rate(step.operations, step.seconds, machine.operations),
            *_rate(step.bytes, step.seconds, machine.bandwidth),
        )
        for step in measurement.profile
    ]
    header = ("Layer", "Operator", "µs", "Share", "GFLOP/s", "of peak", "GB/s", "of memory")
    return [
        *table(rows, header=header, right=range(2, 8)),
        f"  This machine: {machine.operations / 1e9:.0f} GFLOP/s in registers, "
        f"{machine.bandwidth / 1e9:.1f} GB/s from memory; caches are faster.",
    ]


def _rate(amount: float, seconds: float, most: float) -> tuple[str, str]:
    """What a step does a second in 1e9, and as a share of what the machine does at most."""
    if not amount or seconds < 1e-7:
        return "", ""
    return f"{amount / seconds / 1e9:.1f}", f"{amount / seconds / most:.0%}"


def _ms(seconds: float) -> str:
    milliseconds = seconds * 1e3
    return f"{milliseconds:.3f}" if milliseconds < 10 else f"{milliseconds:.1f}"
