"""What a card holds.  Frozen, without messages of the file and without arrays."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class FeatureCard:
    """An input or output.  type: as people read it, "Image (Grayscale 28 x 28)"."""

    name: str
    type: str
    description: str
    optional: bool


@dataclass(frozen=True)
class ParameterCard:
    """A parameter that the model lets users change.

    key: how --parameter and MLModelConfiguration.parameters call it.
    allowed: the values it may take, as text.
    in_progress: it may change while an update runs.
    """

    key: str
    type: str
    default: int | float | str | bool | None
    allowed: str
    description: str
    in_progress: bool


@dataclass(frozen=True)
class WeightCard:
    """Weights of one storage form: "float32", "8-bit table", "4-bit linear", …; nbytes: in the file."""

    form: str
    count: int
    nbytes: int


@dataclass(frozen=True)
class LayerCard:
    """One layer as the file has it.  updatable: an update changes its weights."""

    name: str
    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[WeightCard, ...]
    updatable: bool


@dataclass(frozen=True)
class NetworkCard:
    """A neural network of the model.  name: its place in the pipeline, "" for the model itself."""

    name: str
    type: str
    layers: tuple[LayerCard, ...]

    def by_type(self) -> dict[str, tuple[int, tuple[WeightCard, ...]]]:
        """Layer type -> (number of layers, their weights by form); most frequent first."""
        groups: dict[str, list[LayerCard]] = {}
        for layer in self.layers:
            groups.setdefault(layer.type, []).append(layer)
        ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
        return {kind: (len(layers), merge(w for x in layers for w in x.weights)) for kind, layers in ordered}

    @property
    def weights(self) -> tuple[WeightCard, ...]:
        return merge(weight for layer in self.layers for weight in layer.weights)


@dataclass(frozen=True)
class NeighborsCard:
    """A k-nearest-neighbours part: what it has learned and how it compares."""

    name: str
    samples: int
    dimensions: int
    index: str
    weighting: str
    default_label: str | int | None


@dataclass(frozen=True)
class MemoryCard:
    """Memory of one network's prediction in bytes.

    arena: taken for values; peak: the most that is alive at one step; weights: packed for the kernels.
    expanded, compressed: what `weights` is with each choice of MLModelConfiguration.weights; None for float32 only.
    """

    network: str
    steps: int
    arena: int
    peak: int
    weights: int
    expanded: int | None = None
    compressed: int | None = None


@dataclass(frozen=True)
class TrainingCard:
    """Memory of an update in bytes, besides that for its examples.

    batch: examples in a mini-batch.  segments: more than 1 where a memory limit makes a step compute values twice.
    values: of one step; parameters, states: numbers that learn, and the optimizer's, in all their copies.
    """

    batch: int
    segments: int
    values: int
    parameters: int
    states: int


@dataclass(frozen=True)
class RunCard:
    """Whether the model runs on this machine.  reason: why not, "" when it does.

    training: of a network that can be updated.  no_training: why an updatable model cannot learn here.
    """

    runs: bool
    reason: str = ""
    units: str = ""
    level: str = ""
    threads: int = 0
    memory: tuple[MemoryCard, ...] = ()
    training: TrainingCard | None = None
    no_training: str = ""


@dataclass(frozen=True)
class ModelCard:
    """Everything `describe` shows.  labels: None for models that are no classifiers."""

    name: str
    path: str
    kind: str
    type: str
    nbytes: int
    specification_version: int
    author: str
    description: str
    license: str
    version: str
    user_defined: dict[str, str]
    updatable: bool
    inputs: tuple[FeatureCard, ...]
    outputs: tuple[FeatureCard, ...]
    training_inputs: tuple[FeatureCard, ...]
    parameters: tuple[ParameterCard, ...]
    labels: tuple[str, ...] | tuple[int, ...] | None
    networks: tuple[NetworkCard, ...]
    neighbors: tuple[NeighborsCard, ...]
    run: RunCard | None = None

    def to_dict(self) -> dict[str, Any]:
        """The card for JSON; keys are the names of the fields."""
        return asdict(self)


def merge(weights: Any) -> tuple[WeightCard, ...]:
    """One WeightCard per form, largest first."""
    sums: dict[str, tuple[int, int]] = {}
    for weight in weights:
        count, nbytes = sums.get(weight.form, (0, 0))
        sums[weight.form] = (count + weight.count, nbytes + weight.nbytes)
    cards = [WeightCard(form, count, nbytes) for form, (count, nbytes) in sums.items()]
    return tuple(sorted(cards, key=lambda card: (-card.nbytes, card.form)))
