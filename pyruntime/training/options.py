"""TrainingOptions: what pyruntime can do in training beyond what a Core ML file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyruntime.training.checks import at_least, between, chosen, flag, is_number, whole, wrong_option
from pyruntime.training.schedule import LearningRateSchedule

__all__ = ["Adapter", "LearningRateSchedule", "TrainingOptions"]

OPTIMIZERS = ("sgd", "adam", "adamw")
LOW_PRECISION = ("adapter", "dequantize")


@dataclass(frozen=True)
class Adapter:
    """A low-rank adapter (LoRA): y = W x + bias + alpha / rank * B (A x), of which only A and B learn.

    rank: rows of A, columns of B; at most the smaller side of W.
    alpha: None for `rank`, a factor of 1.
    layers: names of inner products, of batchedMatmul with a weight, and of convolutions without groups; None for all
    of these that the file marks as updatable.
    keep: save A and B as two small layers beside W, whose bytes stay as they are; False adds them to W, which is then
    saved as floats; None keeps where W is stored in less than 32 bits.
    seed: of A, which begins with normal numbers of variance 1 / (columns of A).  B begins with zeros.
    """

    rank: int = 4
    alpha: float | None = None
    layers: Sequence[str] | None = None
    keep: bool | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        whole("adapters.rank", self.rank, 1)
        whole("adapters.seed", self.seed, 0)
        if self.alpha is not None:
            at_least("adapters.alpha", self.alpha, 0, above=True)
        if self.keep is not None:
            flag("adapters.keep", self.keep)
        names = self.layers
        if names is None:
            return
        if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(n, str) for n in names):
            raise wrong_option("adapters.layers", "a list of names of layers", repr(names))
        if not names:
            raise wrong_option("adapters.layers", "at least one name of a layer, or None", repr(names))
        object.__setattr__(self, "layers", tuple(names))

    @property
    def scale(self) -> float:
        return 1.0 if self.alpha is None else float(self.alpha) / self.rank


@dataclass(frozen=True)
class TrainingOptions:
    """What a network's update does beyond its file.  Ours, not Core ML's; every default means: as the file says.

    optimizer: "sgd", "adam" or "adamw" instead of the file's.
    momentum, beta1, beta2, eps: for the optimizer, where the file has no such parameter; without either 0, 0.9, 0.999
    and 1e-8.  nesterov: as PyTorch's SGD(nesterov=True).
    weight_decay: added to gradients times the weight (L2) by sgd and adam; adamw takes it from the weight itself, times
    the learning rate.  decay_biases: also for parameters with one axis: biases, scales of normalisation.
    clip_value: gradients are cut to -clip_value .. clip_value.  clip_norm: then all of them together are scaled down to
    this Euclidean norm.
    schedule: what the learning rate is multiplied with at each step; a text for the kind of one.
    class_weights: by label or number of a class, 1 for those left out; or one number per class, in order.
    label_smoothing: share of the target that is spread over all classes.
    adapters: low-rank adapters instead of whole weights.
    low_precision: how layers learn that the file stores as half floats or quantized: "adapter": their weights stay
    and an adapter learns; "dequantize": they become 32-bit floats.
    save_float16: "dequantize" and adapters that are merged write weights that were half floats as half floats again.

    Raises ParametersError naming the option.
    """

    optimizer: str | None = None
    momentum: float | None = None
    nesterov: bool = False
    beta1: float | None = None
    beta2: float | None = None
    eps: float | None = None
    weight_decay: float = 0.0
    decay_biases: bool = True
    clip_norm: float | None = None
    clip_value: float | None = None
    schedule: LearningRateSchedule | str | None = None
    class_weights: Mapping[Any, float] | Sequence[float] | None = None
    label_smoothing: float = 0.0
    adapters: Adapter | Sequence[Adapter] | None = None
    low_precision: str | None = None
    save_float16: bool = False

    def __post_init__(self) -> None:
        if self.optimizer is not None:
            chosen("optimizer", self.optimizer, OPTIMIZERS)
        for name in ("momentum", "beta1", "beta2"):
            if getattr(self, name) is not None:
                between(name, getattr(self, name), 0, 1, below=True)
        for name in ("eps", "clip_norm", "clip_value"):
            if getattr(self, name) is not None:
                at_least(name, getattr(self, name), 0, above=True)
        at_least("weight_decay", self.weight_decay, 0)
        between("label_smoothing", self.label_smoothing, 0, 1, below=True)
        for name in ("nesterov", "decay_biases", "save_float16"):
            flag(name, getattr(self, name))
        if self.low_precision is not None:
            chosen("low_precision", self.low_precision, LOW_PRECISION)
        self._check_schedule()
        self._check_class_weights()
        if not all(isinstance(adapter, Adapter) for adapter in self.adapter_list):
            raise wrong_option("adapters", "an Adapter, or a list of them", repr(self.adapters))

    def _check_schedule(self) -> None:
        if isinstance(self.schedule, str):
            object.__setattr__(self, "schedule", LearningRateSchedule(self.schedule))
        elif not isinstance(self.schedule, LearningRateSchedule | None):
            raise wrong_option("schedule", "a LearningRateSchedule or the kind of one", repr(self.schedule))

    def _check_class_weights(self) -> None:
        given: Any = self.class_weights
        if given is None:
            return
        if isinstance(given, str) or not hasattr(given, "__len__") or not hasattr(given, "__iter__"):
            raise wrong_option("class_weights", "weights by class, or a list of weights", repr(given))
        values = list(given.values()) if isinstance(given, Mapping) else list(given)
        wrong = [value for value in values if not is_number(value) or value < 0]
        if wrong or not values:
            raise wrong_option("class_weights", "finite numbers from 0", repr(wrong[0]) if wrong else "none")
        kept = dict(given) if isinstance(given, Mapping) else tuple(map(float, values))
        object.__setattr__(self, "class_weights", kept)

    @property
    def adapter_list(self) -> tuple[Adapter, ...]:
        if self.adapters is None:
            return ()
        return tuple(self.adapters) if isinstance(self.adapters, Sequence) else (self.adapters,)

    def decay_of(self, axes: int) -> float:
        """Weight decay of a parameter with so many axes."""
        return float(self.weight_decay) if self.decay_biases or axes > 1 else 0.0


DEFAULT = TrainingOptions()
"""As the file says."""
