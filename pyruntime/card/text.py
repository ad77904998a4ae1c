"""The card as text for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pyruntime.card.data import FeatureCard, ModelCard, NetworkCard, RunCard, WeightCard
from pyruntime.card.names import SYSTEMS
from pyruntime.tables import counted, nbytes, printable, table, wrapped

FIRST_LABELS = 10
LINE = 100

Heading = Callable[[str], str]


def card_text(card: ModelCard, *, all_layers: bool = False, width: int = LINE, heading: Heading = str) -> str:
    """The card in lines of at most `width` columns where its words allow it.

    all_layers: list every layer, not only their types.
    heading: how a heading is emphasised (a terminal's bold).
    """
    blocks = [
        [heading(printable(card.name)), *_head(card, width)],
        _features(heading("Prediction"), (("Inputs", card.inputs), ("Outputs", card.outputs)), width),
        _features(heading("Update"), (("Inputs", card.training_inputs),), width) if card.updatable else [],
        _parameters(heading("Parameters"), card, width),
        _labels(heading("Class labels"), card, width),
        _neighbors(heading, card, width),
        *(_network(heading, network, all_layers=all_layers) for network in card.networks),
        _run(heading("On this machine"), card.run, width) if card.run else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _head(card: ModelCard, width: int) -> list[str]:
    system = SYSTEMS.get(card.specification_version)
    rows = [
        ("Type", card.type),
        ("Size", f"{nbytes(card.nbytes)} ({card.nbytes:,} bytes)"),
        ("Author", card.author),
        ("Description", card.description),
        ("License", card.license),
        ("Version", card.version),
        (
            "Specification",
            f"version {card.specification_version}" + (f", {system} and newer" if system else ""),
        ),
        ("Updatable", "yes" if card.updatable else "no"),
        *(("Metadata", _abridged(f"{key}: {value}")) for key, value in card.user_defined.items()),
    ]
    return wrapped([row for row in rows if row[1]], width)


def _abridged(text: str) -> str:
    """Metadata can be whole documents; JSON has all of it."""
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text):,} characters)"


def _features(title: str, groups: Iterable[tuple[str, Sequence[FeatureCard]]], width: int) -> list[str]:
    rows = []
    for what, features in groups:
        shown = features if len(features) <= 20 else features[:20]
        rows += [(what if i == 0 else "", f.name, f.type, f.description) for i, f in enumerate(shown)]
        if len(features) > len(shown):
            rows.append(("", f"… and {len(features) - len(shown)} more", "", ""))
    return [title, *table(rows, width=width)]


def _parameters(title: str, card: ModelCard, width: int) -> list[str]:
    rows = [
        (
            p.key,
            p.type,
            _value(p.default),
            p.allowed,
            p.description + (". Adjustable in progress" if p.in_progress else ""),
        )
        for p in card.parameters
    ]
    header = ("Name", "Type", "Default", "Allowed", "Description")
    return [title, *table(rows, header=header, width=width)] if rows else []


def _value(value: int | float | str | bool | None) -> str:
    if value is None:
        return "random"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, float) and 1e-4 <= abs(value) < 1e6 else str(value)


def _labels(title: str, card: ModelCard, width: int) -> list[str]:
    if card.labels is None:
        return []
    if not card.labels:
        return [title, "  none yet: an update adds them"]
    first = ", ".join(map(str, card.labels[:FIRST_LABELS]))
    more = ", …" if len(card.labels) > FIRST_LABELS else ""
    return [title, *wrapped([(str(len(card.labels)), first + more)], width)]


def _neighbors(heading: Heading, card: ModelCard, width: int) -> list[str]:
    lines: list[str] = []
    for part in card.neighbors:
        rows = [
            ("Examples", str(part.samples)),
            ("Dimensions", str(part.dimensions)),
            ("Index", part.index),
            ("Weighting", part.weighting),
            ("Without examples", "" if part.default_label is None else f"answers {part.default_label!r}"),
        ]
        title = heading("K nearest neighbors" + (f" {printable(part.name)}" if part.name else ""))
        lines += [title, *wrapped([row for row in rows if row[1]], width)]
    return lines


def _network(heading: Heading, network: NetworkCard, *, all_layers: bool) -> list[str]:
    name = f"{network.type} {printable(network.name)}" if network.name else network.type
    title = heading(f"{name}: {counted(len(network.layers), 'layer')}, {_weights(network.weights) or 'no weights'}")
    if all_layers:
        rows = [
            (str(i), layer.name, layer.type + (" (updatable)" if layer.updatable else ""),
             f"{', '.join(layer.inputs)} → {', '.join(layer.outputs)}", _weights(layer.weights))
            for i, layer in enumerate(network.layers)
        ]  # fmt: skip
        return [title, *table(rows, header=("", "Layer", "Type", "Reads → makes", "Weights"), right=(0,))]
    types = [(kind, str(count), _weights(weights)) for kind, (count, weights) in network.by_type().items()]
    return [title, *table(types, header=("Type", "Layers", "Weights"), right=(1,))] if types else [title]


def _weights(weights: Iterable[WeightCard]) -> str:
    return ", ".join(f"{w.count:,} {w.form} ({nbytes(w.nbytes)})" for w in weights)


def _training(run: RunCard) -> list[tuple[str, str]]:
    """Memory of an update, or why there can be none."""
    if run.no_training:
        return [("Cannot learn", run.no_training)]
    t = run.training
    if t is None:
        return []
    twice = ", some of them computed twice" if t.segments > 1 else ""
    return [
        ("Memory to learn", f"{nbytes(t.values)} for values of a step of {counted(t.batch, 'example')}{twice}, "
                            f"{nbytes(t.parameters)} for parameters, {nbytes(t.states)} for the optimizer")
    ]  # fmt: skip


def _run(title: str, run: RunCard, width: int) -> list[str]:
    if not run.runs:
        return [title, *wrapped([("Does not run", run.reason)], width)]
    rows = [
        (
            "Units",
            f"{run.units}, {counted(run.threads, 'thread')}, kernels for {run.level}",
        )
    ]
    for memory in run.memory:
        what = f"Memory of {memory.network}" if memory.network else "Memory"
        rows.append(
            (what, f"{nbytes(memory.arena)} for values (at least {nbytes(memory.peak)} alive at once), "
                   f"{nbytes(memory.weights)} packed weights, {counted(memory.steps, 'step')}")
        )  # fmt: skip
        if memory.expanded is not None and memory.compressed is not None:
            both = f"{nbytes(memory.expanded)} expanded, {nbytes(memory.compressed)} compressed"
            rows.append(("Weights", f"{both} (MLModelConfiguration.weights)"))
    rows += _training(run)
    return [title, *wrapped(rows, width)]
