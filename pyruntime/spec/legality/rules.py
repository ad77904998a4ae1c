"""What a rule is, and the list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pyruntime.spec import messages
from pyruntime.spec.payloads import Payloads

NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")

BEYOND = ("pyruntime.training", "beyond Core ML")
"""An entry of a model's metadata: its training goes beyond what Core ML can, so rules that are limits are not asked."""


@dataclass(frozen=True)
class Part:
    """A model that is judged: the whole one, or one inside a pipeline.  where: which, for sentences."""

    spec: messages.Model
    payloads: Payloads | None = None
    where: str = ""

    @property
    def kind(self) -> str | None:
        found: str | None = self.spec.WhichOneof("Type")
        return found

    @property
    def message(self) -> Any:
        """The message of the model's type."""
        return getattr(self.spec, self.kind) if self.kind else None


Check = Callable[[Part], Iterator[str]]


@dataclass(frozen=True)
class Rule:
    """A rule: what it is called, which models it is about, and what finds sentences about its breaches.

    limit: it says what Core ML's training can do, not what a network is: see BEYOND.
    """

    name: str
    kinds: tuple[str, ...] | None
    updatable: bool | None
    check: Check
    limit: bool = False


@dataclass(frozen=True)
class Broken:
    """A breach: the rule's name, and a sentence with what was expected and what came."""

    rule: str
    sentence: str


RULES: list[Rule] = []


def rule(*kinds: str, updatable: bool | None = None, limit: bool = False) -> Callable[[Check], Check]:
    """File a function as the rule of its name.

    kinds: model types that it is about, all without any.  updatable: only those that learn, or only others.
    limit: of Core ML's training.
    """

    def file(check: Check) -> Check:
        RULES.append(Rule(check.__name__.replace("_", " "), kinds or None, updatable, check, limit))
        return check

    return file


def applicable(part: Part) -> Iterator[Rule]:
    """The rules about a model."""
    beyond = part.spec.description.metadata.userDefined.get(BEYOND[0]) == BEYOND[1]
    for one in RULES:
        if one.limit and beyond:
            continue
        if one.kinds is not None and part.kind not in one.kinds:
            continue
        if one.updatable is None or one.updatable == bool(part.spec.isUpdatable):
            yield one


def text(names: Any) -> str:
    """Names in a sentence."""
    return ", ".join(repr(str(name)) for name in names) or "none"
