"""Which models are legal, beyond their messages being whole: rules for models that learn, k-NN and pipelines.

Every save asks `check_spec`.  Each rule is a small function in this package, and its name is what an error says:

    >>> check_spec(spec)
    SpecError: the rule 'one loss' is broken: the network has 2 losses (a, b), expected exactly one

Networks that only predict have no rules here; what is wrong with one shows when it is loaded.
"""

from __future__ import annotations

from pyruntime.errors import SpecError
from pyruntime.spec import messages
from pyruntime.spec.legality import neighbors, networks, optimizers, pipelines, training_inputs
from pyruntime.spec.legality.rules import BEYOND, RULES, Broken, Part, applicable
from pyruntime.spec.payloads import Payloads

LIMIT = (
    f". It is a limit of Core ML's training: a model for this package alone has {BEYOND[0]!r}: {BEYOND[1]!r} in its "
    "metadata (make_updatable with core_ml_only=False)"
)
"""Behind the sentence of a rule that BEYOND switches off."""

__all__ = ["RULES", "Broken", "broken_rules", "check_spec"]

_FILES = [file.__name__ for file in (networks, optimizers, training_inputs, neighbors, pipelines)]
RULES.sort(key=lambda rule: _FILES.index(rule.check.__module__))  # the order in which they are asked


def broken_rules(spec: messages.Model, payloads: Payloads | None = None) -> list[Broken]:
    """Every rule that a model breaks, and how; models inside pipelines too.  payloads: those of a LeanModel."""
    return [
        Broken(rule.name, f"{part.where}{sentence}")
        for part in pipelines.parts_of(Part(spec, payloads))
        for rule in applicable(part)
        for sentence in rule.check(part)
    ]


def check_spec(spec: messages.Model, payloads: Payloads | None = None) -> None:
    """Raise SpecError that names the first broken rule, if a model breaks any."""
    for part in pipelines.parts_of(Part(spec, payloads)):
        for rule in applicable(part):
            for sentence in rule.check(part):
                raise SpecError(
                    f"the rule {rule.name!r} is broken: {part.where}{sentence}{LIMIT if rule.limit else ''}"
                )
