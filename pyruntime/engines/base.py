"""What engines are made from and what they do."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pyruntime.description import FeatureDescription, ModelDescription, describe_model
from pyruntime.engines.interface import Interface
from pyruntime.engines.links import Links
from pyruntime.errors import FeatureTypeError
from pyruntime.ir.types import Bytes
from pyruntime.native.lib import Context
from pyruntime.spec.lean import LeanModel

if TYPE_CHECKING:
    from pyruntime.engines.custom_layers import CustomLayers
    from pyruntime.spec.payloads import Payloads


STORED = "stored"
"""MLModelConfiguration.vectors: as the model has them."""


@dataclass(frozen=True)
class NetworkProgram:
    """A compiled network.  plan, weights: bytes aligned for C.  inputs, outputs: features and blobs in plan order."""

    plan: Bytes
    weights: Bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    legacy: bool


class Programs:
    """Compiled networks of a model by the place of their part: "" for the model itself, "0", "1" in a pipeline."""

    def __init__(
        self, programs: Mapping[str, NetworkProgram] | None = None, interface: Interface | None = None
    ) -> None:
        self._programs = dict(programs or {})
        self.interface = interface
        """Of a model that is one network, when it was kept beside it: its message need not be read to run it."""
        self.seconds = 0.0
        """Spent on compiling what was not there."""

    def get(self, place: str, make: Callable[[], NetworkProgram]) -> NetworkProgram:
        """The program of a part, compiled by `make` when it is not there yet."""
        if place not in self._programs:
            start = time.perf_counter()
            self._programs[place] = make()
            self.seconds += time.perf_counter() - start
        return self._programs[place]

    def without(self, places: Collection[str]) -> Programs:
        """All but those of some parts."""
        return Programs({place: program for place, program in self._programs.items() if place not in places})

    def items(self) -> Iterator[tuple[str, NetworkProgram]]:
        return iter(sorted(self._programs.items()))


@dataclass(frozen=True)
class ModelPart:
    """A model to be run, and what its engine may use.

    interface: of a network, when it is known without its message.
    place: where it sits in its pipeline (see Programs).  name: how errors and parameter scopes call it.
    parameters: values that replace the file's, by key of parameters.py.  links: where linked models may be.
    """

    lean: LeanModel
    programs: Programs
    context: Context
    memory_limit: int
    place: str = ""
    name: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    links: Links = field(default_factory=Links)
    open_source: Callable[[str], Any] | None = None
    """Opens the file of a linked model (compiled/opening.py); None where there are none."""
    vectors: str = STORED
    """How a k-NN keeps its vectors while it runs: MLModelConfiguration.vectors."""
    interface: Interface | None = None

    @property
    def spec(self) -> Any:
        """The Model message."""
        return self.lean.spec

    @property
    def payloads(self) -> Payloads:
        return self.lean.payloads

    @cached_property
    def description(self) -> ModelDescription:
        return self.interface.description if self.interface else describe_model(self.spec)

    @cached_property
    def custom_layers(self) -> CustomLayers:
        """The network's custom layers.  Raises CustomLayerError when a class for one is missing."""
        from pyruntime.engines.custom_layers import CustomLayers

        return CustomLayers(getattr(self.spec, self.kind), self.payloads)

    @property
    def kind(self) -> str:
        """The name of the model type in Model.proto."""
        return self.interface.kind if self.interface else str(self.spec.WhichOneof("Type"))


class Engine(ABC):
    """Runs one model.  Safe to use from several threads at once."""

    def __init__(self, part: ModelPart) -> None:
        self.part = part
        self.description = part.description

    @abstractmethod
    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs by name from inputs by name; inputs that the model does not know are ignored here.

        Raises FeatureTypeError when an input is missing or not what its description says.
        """

    def predict_many(self, examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """`predict` of each example.  Engines that are faster on many at once do it in their own way.

        Raises what `predict` raises, with the number of the example in front.
        """
        made = []
        for i, example in enumerate(examples):
            with self.naming(i):
                made.append(self.predict(example))
        return made

    @staticmethod
    @contextmanager
    def naming(index: int) -> Iterator[None]:
        """Puts the number of the example before the errors of its features."""
        try:
            yield
        except FeatureTypeError as error:
            raise FeatureTypeError(f"item {index} of the list: {error}") from None

    def feature(self, features: Mapping[str, Any], feature: FeatureDescription) -> Any:
        """The value of an input; None for a missing optional one."""
        value = features.get(feature.name)
        if value is None and not feature.is_optional:
            there = ", ".join(sorted(map(str, features))) or "nothing"
            raise FeatureTypeError(
                f"feature {feature.name!r}: expected {feature.type_name}, but it is missing; given: {there}"
            )
        return value
