"""Neural networks: neuralNetwork, neuralNetworkClassifier, neuralNetworkRegressor."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyruntime.description import FeatureDescription, ImageConstraint, MultiArrayConstraint
from pyruntime.engines.base import Engine, ModelPart, NetworkProgram
from pyruntime.engines.interface import interface_of
from pyruntime.errors import SpecError
from pyruntime.features import default_array, image_pixels, network_array, output_value
from pyruntime.native import lib


class NeuralNetworkEngine(Engine):
    """One plan; a session per thread that predicts at the same time."""

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        interface = part.interface or interface_of(part.spec)
        assert interface is not None, "the registry gives networks to this engine"
        self._scores, plain, self._exact = interface.scores, interface.plain, interface.exact
        wanted = tuple(dict.fromkeys([*plain, *([self._scores] if self._scores else [])]))
        self.program: NetworkProgram = part.programs.get(part.place, lambda: compile_network(part, wanted))
        if self.program.outputs != wanted or self.program.inputs != tuple(f.name for f in self.description.inputs):
            raise SpecError(
                f"the compiled network of {part.name or 'the model'} does not belong to this model: compile it again"
            )
        self._plain = plain
        self._idle: deque[lib.Session] = deque()
        self.release(self.session())

    def session(self) -> lib.Session:
        """A session that nobody uses; give it back with `release`."""
        try:
            return self._idle.pop()
        except IndexError:
            program = self.program
            part = self.part
            return lib.Session(
                part.context, program.plan, program.weights, part.memory_limit, lambda: part.custom_layers
            )

    def release(self, session: lib.Session) -> None:
        self._idle.append(session)

    def arrays(self, features: Mapping[str, Any]) -> list[Any]:
        """The plan's inputs from feature values."""
        return [self._array(feature, self.feature(features, feature)) for feature in self.description.inputs]

    def _array(self, feature: FeatureDescription, value: Any) -> Any:
        legacy = self.program.legacy
        if isinstance(feature.constraint, ImageConstraint):
            pixels = image_pixels(feature, feature.constraint, value)
            return pixels[None] if self._exact else pixels[None, None]
        assert isinstance(feature.constraint, MultiArrayConstraint)
        if value is None:
            value = default_array(feature, feature.constraint, self.part.memory_limit)
        return network_array(feature, feature.constraint, value, legacy=legacy)

    def blobs(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """The network's results by blob name, as float32 arrays in the graph's shapes."""
        inputs = self.arrays(features)
        session = self.session()
        try:
            results = session.run(inputs, len(self.program.outputs))
        finally:
            self.release(session)
        return dict(zip(self.program.outputs, results, strict=True))

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        blobs = self.blobs(features)
        described = self.description.output_descriptions_by_name
        outputs = {name: output_value(described[name], blobs[name], legacy=self.program.legacy) for name in self._plain}
        if self._scores:
            outputs.update(self._classify(blobs[self._scores].reshape(-1)))
        return outputs

    def _classify(self, scores: Any) -> dict[str, Any]:
        """The label of the largest score, and all scores by label.  No softmax is added."""
        labels = self.description.class_labels
        if labels is None or len(labels) != scores.size:
            raise SpecError(f"the network gives {scores.size} scores, the model has {len(labels or ())} class labels")
        named = {self.description.predicted_feature_name: labels[int(np.argmax(scores))]}
        if self.description.predicted_probabilities_name:
            named[self.description.predicted_probabilities_name] = dict(zip(labels, scores.tolist(), strict=True))  # type: ignore[assignment]
        return named


def compile_network(part: ModelPart, wanted: tuple[str, ...]) -> NetworkProgram:
    """Lower, optimise, pack and encode.  Imported here: a model that is compiled already needs none of it."""
    from pyruntime.compiler import compile_only
    from pyruntime.layers.network import lower_network
    from pyruntime.native.custom import compiling

    network = getattr(part.spec, part.kind)
    with compiling(lambda: part.custom_layers):
        lowered = lower_network(network, part.description, part.payloads, wanted)
        graphs, interface = [lowered.graph], (lowered.inputs, lowered.outputs, lowered.legacy)
        del lowered
        plan, weights = compile_only(graphs, part.context)
    return NetworkProgram(plan, weights, *interface)
