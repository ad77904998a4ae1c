"""kNearestNeighborsClassifier: votes of the nearest stored samples; learns by getting more of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyruntime.description import DictionaryConstraint, FeatureDescription, MultiArrayConstraint
from pyruntime.engines.base import STORED, Engine, ModelPart
from pyruntime.engines.neighbors import Neighbors, read_neighbors
from pyruntime.errors import SpecError
from pyruntime.features import number_array, wrong
from pyruntime.native.knn import NeighborIndex
from pyruntime.neighbors.messages import replaced
from pyruntime.neighbors.segments import Label
from pyruntime.parameters import ParameterKey, check_defaults, check_parameters, describe_parameters
from pyruntime.spec.lean import LeanModel

Floats = NDArray[np.float32]

PATIENCE = 200
"""Predictions before a kd-tree is made, which takes about as long as so many without it."""


class NearestNeighborsEngine(Engine):
    """k nearest neighbours by squared Euclidean distance.  Never changes: `updated` gives another one.

    What Core ML leaves open is decided in docs/updating.md: with fewer than k samples all vote; 1 / distance means
    the Euclidean distance; samples at distance 0, if there are some, vote alone; of labels with equal scores the one
    with the nearer neighbour wins, then the one stored first.
    """

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        described = describe_parameters(part.spec)
        check_defaults(described)
        given = check_parameters(part.parameters, described)
        message = part.spec.kNearestNeighborsClassifier
        self.neighbors: Neighbors = read_neighbors(part.spec, part.payloads)
        self.k: int = given.get(ParameterKey.NUMBER_OF_NEIGHBORS.path, message.numberOfNeighbors.defaultValue)
        self._power: int = given.get(ParameterKey.INVERSE_DISTANCE_POWER.path, 1)
        self.input = self._vector_input()
        self._check_outputs()
        store = self.neighbors.store
        self._known = tuple(store.table[place] for place in store.known)
        places = np.zeros(len(store.table), np.int64)
        places[store.known] = np.arange(len(self._known))
        self._place_of_code, self._codes = places, store.codes
        shown = store if part.vectors == STORED else store.converted(part.vectors)
        self._index = NeighborIndex(part.context, shown.samples(), self.neighbors.leaf_size, patience=PATIENCE)

    def _vector_input(self) -> FeatureDescription:
        inputs, width = self.description.inputs, self.neighbors.dimensions
        constraint = inputs[0].constraint if len(inputs) == 1 else None
        if isinstance(constraint, MultiArrayConstraint) and constraint.shape in ((width,), ()):
            return inputs[0]
        there = ", ".join(f"{f.name!r}: {f.type_name}" for f in inputs) or "none"
        raise SpecError(f"a k-NN of {width} dimensions needs one input, an array of {width} numbers, not {there}")

    def _check_outputs(self) -> None:
        d = self.description
        label, shares = d.predicted_feature_name, d.predicted_probabilities_name
        key = "Int64" if self.neighbors.label_type is int else "String"
        for feature in d.outputs:
            if feature.name == label and feature.kind == key.lower():
                continue
            if feature.name == shares and feature.constraint == DictionaryConstraint(key):
                continue
            raise SpecError(
                f"output {feature.name!r} ({feature.type_name}) of a k-NN with {key} labels: expected the label "
                f"(predictedFeatureName {label!r}, type {key}), or its probabilities "
                f"(predictedProbabilitiesName {shares!r}, a dictionary of {key} keys)"
            )
        if label not in d.output_descriptions_by_name:
            raise SpecError(f"predictedFeatureName of the k-NN is {label!r}, which is none of its outputs")

    def vector(self, features: Mapping[str, Any]) -> Floats:
        """The input: float32 (dimensions), finite.  Raises FeatureTypeError."""
        array = number_array(self.input, self.feature(features, self.input))
        width = self.neighbors.dimensions
        if array.shape != (width,):
            got = "x".join(map(str, array.shape)) or "(scalar)"
            raise wrong(self.input, f"an array of {width} numbers", f"an array of shape {got}")
        if not np.isfinite(array).all():
            raise wrong(self.input, "finite numbers", "an infinite one (or one too large for Float32)")
        return array

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        return self._outputs(*self.classify(self.vector(features)))

    def predict_many(self, examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """One search for all of them, which is several times faster than one for each."""
        vectors = np.empty((len(examples), self.neighbors.dimensions), np.float32)
        for i, example in enumerate(examples):
            with self.naming(i):
                vectors[i] = self.vector(example)
        return [self._outputs(label, scores) for label, scores in self.classify_many(vectors)]

    def _outputs(self, label: Label, scores: dict[Label, float]) -> dict[str, Any]:
        d = self.description
        named = {d.predicted_feature_name: label, d.predicted_probabilities_name: scores}
        return {feature.name: named[feature.name] for feature in d.outputs}

    def classify(self, vector: Floats) -> tuple[Label, dict[Label, float]]:
        """The label, and the share of the votes of every known label."""
        return self.classify_many(vector[None])[0]

    def classify_many(self, vectors: Floats) -> list[tuple[Label, dict[Label, float]]]:
        """`classify` of each of some vectors, float32 (count, dimensions)."""
        default = self.neighbors.default_label
        if not self._known:
            assert default is not None, "read_neighbors refuses an empty k-NN without default label"
            return [(default, {default: 1.0}) for _ in vectors]
        squares, samples = self._index.search(vectors, min(self.k, self._index.count))
        owners = self._place_of_code[self._codes[samples]]
        return [self._elected(*voters) for voters in zip(squares, owners, strict=True)]

    def _elected(self, squares: Floats, owners: NDArray[np.int64]) -> tuple[Label, dict[Label, float]]:
        """From the squared distances of the neighbours, nearest first, and the places of their labels."""
        scores = np.bincount(owners, self._votes(squares.astype(np.float64)), len(self._known))
        leaders = np.flatnonzero(scores == scores.max())
        best = leaders[0] if len(leaders) == 1 else self._nearest_of(leaders, squares, owners)
        shares = scores / scores.sum()
        return self._known[best], dict(zip(self._known, shares.tolist(), strict=True))

    def _votes(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """One number per neighbour, from squared distances."""
        if not self.neighbors.inverse_distance:
            return np.ones(squares.shape)
        if squares[0] == 0:
            return np.asarray(squares == 0, np.float64)
        if not np.isfinite(squares[0]):  # so far away that floats cannot tell them apart
            return np.ones(squares.shape)
        power = self._power / 2  # of squared distances
        return np.asarray((squares[0] / squares) ** power, np.float64)  # relative: 1 / a tiny one would overflow

    def _nearest_of(self, leaders: NDArray[Any], squares: Floats, owners: NDArray[np.int64]) -> int:
        """Of labels with equal scores: the one with the nearest neighbour, then the one stored first."""
        among = np.isin(owners, leaders)
        nearest = squares[among].min()
        return int(owners[among & (squares == nearest)].min())

    def updated(self, samples: Sequence[Floats], labels: Sequence[Label]) -> NearestNeighborsEngine:
        """Another engine that knows these examples too: finite float32 (dimensions) each, one label each."""
        vectors = np.array(samples, np.float32).reshape(len(labels), self.neighbors.dimensions)
        store = self.neighbors.store.appended(vectors, labels)
        spec, payloads = replaced(self.part.spec, self.part.payloads, "", store)
        return NearestNeighborsEngine(replace(self.part, lean=LeanModel(spec, payloads, self.part.lean.source)))
