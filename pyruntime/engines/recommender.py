"""itemSimilarityRecommender: items similar to those that a user knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyruntime.description import DictionaryConstraint, FeatureDescription, SequenceConstraint
from pyruntime.engines.base import Engine, ModelPart
from pyruntime.engines.values import array, dictionary, integer, sequence
from pyruntime.errors import SpecError
from pyruntime.features import wrong

MAX_ITEMS = 1 << 24


class Recommender(Engine):
    """score(k) is the sum over known items i of similarity(i, k) (score of i - adjustment of k).

    Known items without a score count 1; items that the model does not know are left out.
    """

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        message = part.spec.itemSimilarityRecommender
        self._ids = self._read_ids(message)
        self._place = {name: i for i, name in enumerate(self._ids)}
        self._read_similarities(message)
        inputs, outputs = self.description.input_descriptions_by_name, self.description.output_descriptions_by_name
        self._items = inputs.get(message.itemInputFeatureName)
        self._count = inputs.get(message.numRecommendationsInputFeatureName)
        self._only = inputs.get(message.itemRestrictionInputFeatureName)
        self._without = inputs.get(message.itemExclusionInputFeatureName)
        self._list = outputs.get(message.recommendedItemListOutputFeatureName)
        self._scores = outputs.get(message.recommendedItemScoreOutputFeatureName)
        self._check_features(message)

    def _broken(self, rule: str) -> SpecError:
        return SpecError(f"itemSimilarityRecommender: {rule}; the file is damaged or badly written")

    def _read_ids(self, message: Any) -> tuple[Any, ...]:
        """Names of the items by their numbers in the file."""
        texts, numbers = list(message.itemStringIds.vector), list(message.itemInt64Ids.vector)
        numbered = [i.itemId for i in message.itemItemSimilarities]
        numbered += [k.itemId for i in message.itemItemSimilarities for k in i.similarItemList]
        most = max(numbered, default=-1) + 1
        if most > MAX_ITEMS or (texts and numbers):
            raise self._broken(f"its items go up to {most - 1}, with {len(texts)} text and {len(numbers)} number names")
        names: list[Any] = texts or numbers or list(range(most))
        if len(set(names)) < len(names) or most > len(names):
            raise self._broken(
                f"it has {len(names)} names for items up to {most - 1}, expected one each, all different"
            )
        if not names:
            raise self._broken("it has no items")
        return tuple(names)

    def _read_similarities(self, message: Any) -> None:
        self._shift = np.zeros(len(self._ids))
        self._similar: dict[int, tuple[Any, Any]] = {}
        for item in message.itemItemSimilarities:
            if item.itemId in self._similar:
                raise self._broken(f"item {item.itemId} has two lists of similar items")
            others = np.array([k.itemId for k in item.similarItemList], np.int64)
            numbers = np.array([k.similarityScore for k in item.similarItemList], np.float64)
            if not np.isfinite(numbers).all() or not np.isfinite(item.itemScoreAdjustment):
                raise self._broken(f"similarities or the adjustment of item {item.itemId} are not finite")
            self._similar[item.itemId] = (others, numbers)
            self._shift[item.itemId] = item.itemScoreAdjustment

    def _check_features(self, message: Any) -> None:
        key = "String" if isinstance(self._ids[0], str) else "Int64"
        if self._items is None:
            raise self._broken(f"itemInputFeatureName {message.itemInputFeatureName!r} is none of its inputs")
        if self._count is not None and self._count.kind != "int64":
            raise self._broken(f"input {self._count.name!r} is {self._count.type_name}, expected Int64")
        for feature in (self._items, self._only, self._without):
            if feature is not None and not _takes_items(feature, key):
                raise self._broken(f"input {feature.name!r} is {feature.type_name}, expected items by {key}")
        for made, wanted in ((self._list, SequenceConstraint(key)), (self._scores, DictionaryConstraint(key))):
            if made is not None and type(made.constraint) is not type(wanted):
                raise self._broken(f"output {made.name!r} is {made.type_name}, expected {wanted}")
        known = {feature.name for feature in (self._list, self._scores) if feature is not None}
        others = [feature.name for feature in self.description.outputs if feature.name not in known]
        if others or not known:
            raise self._broken(f"outputs {others} are neither recommendedItemList nor recommendedItemScore")

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        assert self._items is not None
        observed = self._given(self._items, self.feature(features, self._items))
        scores = np.zeros(len(self._ids))
        for item, score in observed.items():
            if item in self._similar:
                others, similarity = self._similar[item]
                np.add.at(scores, others, similarity * (score - self._shift[others]))
        allowed = np.ones(len(self._ids), bool)
        only, without = self._optional(self._only, features), self._optional(self._without, features)
        if only is not None:
            allowed[:] = False
            allowed[list(only)] = True
        allowed[list(observed if without is None else without)] = False
        places = np.flatnonzero(allowed)
        best = places[np.argsort(-scores[places], kind="stable")][: self._most(features)].tolist()
        made: dict[str, Any] = {}
        if self._list is not None:
            made[self._list.name] = [self._ids[i] for i in best]
        if self._scores is not None:
            made[self._scores.name] = {self._ids[i]: float(scores[i]) for i in best}
        return made

    def _most(self, features: Mapping[str, Any]) -> int | None:
        value = None if self._count is None else self.feature(features, self._count)
        if value is None or self._count is None:
            return None
        count = integer(self._count, value)
        if count < 0:
            raise wrong(self._count, "0 or more recommendations", count)
        return count

    def _optional(self, feature: FeatureDescription | None, features: Mapping[str, Any]) -> dict[int, float] | None:
        value = None if feature is None else self.feature(features, feature)
        return None if value is None or feature is None else self._given(feature, value)

    def _given(self, feature: FeatureDescription, value: Any) -> dict[int, float]:
        """Known items by their places, with their scores."""
        if feature.kind == "dictionary":
            scored = dictionary(feature, value)
        elif feature.kind == "sequence":
            scored = dict.fromkeys(sequence(feature, value), 1.0)
        else:
            scored = {int(item): 1.0 for item in array(feature, value).reshape(-1) if np.isfinite(item)}
        return {self._place[item]: score for item, score in scored.items() if item in self._place}


def _takes_items(feature: FeatureDescription, key: str) -> bool:
    if feature.kind == "multiArray":
        return key == "Int64"
    return feature.constraint == DictionaryConstraint(key) or (
        isinstance(feature.constraint, SequenceConstraint) and feature.constraint.element == key
    )
