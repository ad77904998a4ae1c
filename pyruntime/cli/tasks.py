"""pyruntime tasks: work in the background, when the machine has time, power and coolness for it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pyruntime.cli.console import Console
from pyruntime.cli.failure import UsageError
from pyruntime.cli.options import parameters
from pyruntime.cli.training_options import add_training, training_options

if TYPE_CHECKING:
    from pyruntime.tasks import TaskScheduler

EXAMPLES = """\
examples:
  pyruntime tasks submit-update Sticker.mlmodel --data my-drawings/ --output Mine.mlmodelc --requires-external-power
  pyruntime tasks install                  a systemd timer of yours looks every five minutes
  pyruntime tasks status                   what waits and why, what ran and how it ended
  pyruntime tasks run --forever            the same without systemd
"""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "tasks", help="work in the background, such as learning over night",
        description="Work in the background, when power, temperature, load, memory and storage allow it.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_submit(inner)
    run_parser = _one(inner, "run", _run, "run what may run now, or wait for it with --forever")
    run_parser.add_argument("--forever", action="store_true", help="go on until SIGTERM or Ctrl-C")
    _add_import(run_parser)
    _one(inner, "status", _status, "what waits and why, what runs, how the last runs ended")
    cancel = _one(inner, "cancel", _cancel, "forget pending requests")
    cancel.add_argument("identifier", nargs="?", metavar="IDENTIFIER", help="as `status` shows it")
    cancel.add_argument("--all", action="store_true", help="all of them")
    install = _one(inner, "install", _install, "write and start a systemd timer of yours that calls `tasks run`")
    install.add_argument("--every", type=int, default=300, metavar="SECONDS", help="between looks (default 300)")
    _add_import(install)
    _one(inner, "uninstall", _uninstall, "stop and remove the timer; requests stay")


def _one(inner: Any, name: str, run: Any, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = inner.add_parser(name, help=summary, description=f"{summary}.")
    parser.add_argument("--database", metavar="PATH", help="the file of requests (default: one of yours)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing on stderr but errors")
    parser.add_argument("--debug", action="store_true", help="show where in pyruntime an error comes from")
    parser.set_defaults(run=run, parser=parser, interrupted="requests and checkpoints are as they were")
    return parser


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--import", dest="modules", action="append", default=[], metavar="MODULE",
        help="a Python module of yours that registers launch handlers with TaskScheduler.shared; may be repeated",
    )  # fmt: skip


def _add_submit(inner: Any) -> None:
    parser = _one(inner, "submit-update", _submit, "let a model learn when the conditions hold")
    parser.add_argument("model", metavar="MODEL", help="an updatable model")
    parser.add_argument("--data", required=True, metavar="DATA", help="as of `pyruntime update`")
    parser.add_argument("--output", required=True, metavar="PATH", help="where to save, .mlmodelc or .mlmodel")
    parser.add_argument("--identifier", metavar="NAME", help="a pending request of the same name is replaced")
    parser.add_argument("--parameter", action="append", default=[], metavar="KEY=VALUE", help="such as epochs=20")
    parser.add_argument("--checkpoint", metavar="PATH", help="where to keep progress (default: beside the requests)")
    parser.add_argument("--guard", metavar="DATA", help="as of `pyruntime update`: a worse model is not written")
    parser.add_argument("--guard-metric", choices=("accuracy", "loss"), default="accuracy", help="what it compares")
    parser.add_argument("--guard-tolerance", type=float, default=0.0, metavar="X", help="how much worse it may be")
    parser.add_argument("--keep-generations", type=int, metavar="N", help="that stay in a .mlmodelc (default 3)")
    add_training(parser)
    group = parser.add_argument_group("conditions")
    group.add_argument("--requires-external-power", action="store_true", help="only on mains")
    group.add_argument("--requires-network-connectivity", action="store_true", help="only with a default route")
    group.add_argument("--even-when-busy", action="store_true", help="also while other programs use the processor")
    group.add_argument("--earliest", metavar="DATE", help="not before, such as 2026-01-31T02:00 (local time)")
    group.add_argument("--max-temperature", type=float, metavar="CELSIUS", help="stop at (default 75)")
    group.add_argument("--max-duration", type=float, metavar="SECONDS", help="of one run (default 3600)")
    group.add_argument("--min-free-memory", type=float, metavar="MB", help="to start (default 67)")
    group.add_argument("--min-free-storage", type=float, metavar="MB", help="to start (default 134)")


def _scheduler(options: argparse.Namespace) -> TaskScheduler:
    """The user's, with a handler for updates and those that --import brings."""
    from importlib import import_module

    from pyruntime.tasks import TaskScheduler
    from pyruntime.tasks.updates import register_updates

    if options.database:
        TaskScheduler(options.database).become_shared()  # modules register with the shared one
    scheduler = TaskScheduler.shared
    register_updates(scheduler)
    modules = getattr(options, "modules", ())
    if modules and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does
    for module in modules:
        try:
            import_module(module)
        except ImportError as error:
            raise UsageError(f"--import {module}: {error}") from None
    return scheduler


def _submit(options: argparse.Namespace, console: Console) -> None:
    from datetime import datetime

    from pyruntime.model import MLModel
    from pyruntime.tasks import schedule_update

    conditions: dict[str, Any] = {
        "requires_external_power": options.requires_external_power,
        "requires_network_connectivity": options.requires_network_connectivity,
        "requires_idle": not options.even_when_busy,
    }
    if options.earliest:
        try:
            conditions["earliest_begin_date"] = datetime.fromisoformat(options.earliest)
        except ValueError:
            raise UsageError(f"--earliest {options.earliest}: expected a date such as 2026-01-31T02:00") from None
    for name in ("max_temperature", "max_duration", "min_free_memory", "min_free_storage"):
        if (value := getattr(options, name)) is not None:
            conditions[name] = int(value * 1e6) if name.startswith("min_free") else value
    request = schedule_update(
        options.model, options.data, options.output, identifier=options.identifier, scheduler=_scheduler(options),
        checkpoint=options.checkpoint, parameters=parameters(options.parameter),
        options=training_options(options, MLModel(options.model).model_description.class_labels), guard=options.guard,
        guard_metric=options.guard_metric, guard_tolerance=options.guard_tolerance,
        keep_generations=options.keep_generations, **conditions,
    )  # fmt: skip
    if options.json:
        return console.json({"identifier": request.identifier, "output": request.payload["output"]})
    console.print(f"{request.identifier} is pending")
    return None


def _run(options: argparse.Namespace, console: Console) -> None:
    scheduler = _scheduler(options)
    with _stopped_by_signals(scheduler):
        if options.forever:
            scheduler.run_forever()
            ended = []
        else:
            ended = scheduler.run_pending()
    if options.json:
        console.json([asdict(outcome) for outcome in ended])
    else:
        for outcome in ended:
            console.print(
                f"{outcome.identifier} {outcome.result} after {outcome.seconds:.1f} s{_because(outcome.error)}"
            )
    if scheduler.abandoned:
        from pyruntime.tasks import TaskSchedulerError

        raise TaskSchedulerError("a task did not end within its grace time; it ends with this process")


@contextmanager
def _stopped_by_signals(scheduler: TaskScheduler) -> Iterator[None]:
    """SIGTERM and Ctrl-C let the running task expire first: it keeps its progress."""

    def stop(*_: object) -> None:
        threading.Thread(target=scheduler.stop, daemon=True).start()  # locks have no place in a signal handler

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _status(options: argparse.Namespace, console: Console) -> None:
    from datetime import datetime

    from pyruntime.tables import counted, table
    from pyruntime.tasks import systemd

    scheduler = _scheduler(options)
    status = scheduler.status()
    installed = systemd.is_installed()
    if options.json:
        return console.json({
            "database": scheduler.path, "timer": installed,
            "pending": [
                {"identifier": one.request.identifier, "seconds_left": one.seconds_left, "attempts": one.attempts,
                 "permitted": one.permitted, "unmet": [asdict(condition) for condition in one.unmet]}
                for one in status.pending
            ],
            "running": [
                {"identifier": run.request.identifier, "pid": run.pid, "started": run.started} for run in status.running
            ],
            "outcomes": [asdict(outcome) for outcome in status.outcomes],
        })  # fmt: skip
    rows = [(one.request.identifier, "pending", _waits_for(one)) for one in status.pending]
    for run in status.running:
        alive = scheduler.is_alive(run)
        state = ("running", f"process {run.pid}") if alive else ("killed", f"process {run.pid}; tried again later")
        rows.append((run.request.identifier, *state))
    for outcome in status.outcomes:
        when = datetime.fromtimestamp(outcome.ended).strftime("%Y-%m-%d %H:%M")
        rows.append((outcome.identifier, outcome.result, f"{when}, {outcome.seconds:.1f} s{_because(outcome.error)}"))
    for line in table(rows, width=console.width):
        console.print(line)
    if not rows:
        console.print("nothing waits, and nothing has run")
    if status.pending and not installed:
        console.note(f"no timer is installed: {counted(len(status.pending), 'request')} wait for `pyruntime tasks run`")
    return None


def _waits_for(one: Any) -> str:
    reasons = [] if one.permitted else ["a program that registers a handler for it"]
    if one.seconds_left:
        reasons.append(f"{one.seconds_left:.0f} s" + (f" after crash {one.attempts}" if one.attempts else ""))
    reasons += [f"{condition.name} ({condition.detail})" for condition in one.unmet]
    return f"waits for {'; '.join(reasons)}" if reasons else "may run now"


def _because(error: str) -> str:
    return f": {error}" if error else ""


def _cancel(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.tasks import TaskSchedulerError

    scheduler = _scheduler(options)
    if bool(options.identifier) == options.all:
        raise UsageError("expected an IDENTIFIER, or --all")
    if options.all:
        count = scheduler.cancel_all()
    else:
        count = int(scheduler.cancel(options.identifier))
        if not count:
            raise TaskSchedulerError(
                f"no request {options.identifier!r} is pending; `pyruntime tasks status` lists them"
            )
    return console.json({"cancelled": count}) if options.json else console.print(f"cancelled {count}")


def _install(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.tasks import systemd

    if options.every < 10:
        raise UsageError(f"--every {options.every}: expected 10 seconds or more")
    arguments = [word for module in options.modules for word in ("--import", module)]
    arguments += ["--database", _scheduler(options).path]  # systemd may have another environment
    _tell(systemd.install(arguments, options.every), "wrote", options, console)


def _uninstall(options: argparse.Namespace, console: Console) -> None:
    from pyruntime.tasks import systemd

    _tell(systemd.uninstall(), "removed", options, console)


def _tell(done: Any, what: str, options: argparse.Namespace, console: Console) -> None:
    if options.json:
        return console.json(
            {"files": [str(path) for path in done.files], "active": done.active, "todo": list(done.todo)}
        )
    for path in done.files:
        console.print(f"{what} {path}")
    for command in done.todo:
        console.note(f"to do: {command}")
    return None
