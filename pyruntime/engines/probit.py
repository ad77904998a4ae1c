"""bayesianProbitRegressor: the probability of an event from Gaussian beliefs about the weight of each feature's value.

m is the sum of the means of the weights of the values that are there and of the bias, v the sum of their variances.
The probability is Phi(m / sqrt(1 + v)).  The format does not store the scale of the noise; it is 1 here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyruntime.description import FeatureDescription
from pyruntime.engines.base import Engine, ModelPart
from pyruntime.engines.labels import normal_cdf
from pyruntime.engines.values import array, as_declared, check_holds, number
from pyruntime.errors import SpecError
from pyruntime.features import wrong


class BayesianProbitRegressor(Engine):
    """Input: a value per feature, or rows (feature, value); a value without a weight adds nothing.

    Outputs: mean m and variance v; pessimistic: Phi((m + optimism sqrt(v)) / sqrt(1 + v)), optimism 0 when absent;
    sampled: Phi of a draw around m with deviation samplingScale sqrt(v), at most samplingTruncation deviations away
    (absent: scale 0, so no draw).  An output of another name is the probability.
    """

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        message = part.spec.bayesianProbitRegressor
        self._bias = self._gaussian(message.bias, "bias") if message.HasField("bias") else (0.0, 0.0)
        self._features = int(message.numberOfFeatures)
        self._weights: dict[tuple[int, int], tuple[float, float]] = {}
        for feature in message.features:
            for weight in feature.weights:
                key = (int(feature.featureId), int(weight.featureValue))
                if key in self._weights or key[0] >= self._features:
                    raise self._broken(f"feature {key[0]} of {self._features}, value {key[1]}: twice, or out of range")
                self._weights[key] = self._gaussian(weight.featureWeight, f"feature {key[0]}, value {key[1]}")
        inputs = self.description.input_descriptions_by_name
        self._input = self._array_input(inputs, message.regressionInputFeatureName)
        self._optimism = inputs.get(message.optimismInputFeatureName)
        self._scale = inputs.get(message.samplingScaleInputFeatureName)
        self._truncation = inputs.get(message.samplingTruncationInputFeatureName)
        self._names = (
            message.meanOutputFeatureName, message.varianceOutputFeatureName,
            message.pessimisticProbabilityOutputFeatureName, message.sampledProbabilityOutputFeatureName,
        )  # fmt: skip
        for output in self.description.outputs:
            check_holds(output, 1)
        self._random = np.random.default_rng(0)

    def _broken(self, rule: str) -> SpecError:
        return SpecError(f"bayesianProbitRegressor: {rule}; the file is damaged or badly written")

    def _array_input(self, inputs: Mapping[str, FeatureDescription], name: str) -> FeatureDescription:
        feature = inputs.get(name)
        if feature is None or feature.kind != "multiArray":
            raise self._broken(f"regressionInputFeatureName {name!r} is no array among its inputs")
        return feature

    def _gaussian(self, message: Any, what: str) -> tuple[float, float]:
        """Mean and variance."""
        if not math.isfinite(message.mean) or not message.precision > 0:
            raise self._broken(f"{what} has mean {message.mean}, precision {message.precision}, expected above 0")
        return message.mean, 1 / message.precision

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        mean, variance = self._belief(features)
        noise = math.sqrt(1 + variance)
        lift = self._extra(self._optimism, features) * math.sqrt(variance)
        draw = self._draw(features) * math.sqrt(variance)
        mean_name, variance_name, pessimistic, sampled = self._names
        known = {mean_name: mean, variance_name: variance, pessimistic: _phi((mean + lift) / noise),
                 sampled: _phi(mean + draw)}  # fmt: skip
        return {
            output.name: as_declared(output, np.array([known.get(output.name, _phi(mean / noise))]))
            for output in self.description.outputs
        }

    def _belief(self, features: Mapping[str, Any]) -> tuple[float, float]:
        given = array(self._input, self.feature(features, self._input))
        if given.ndim == 2 and given.shape[1] == 2:
            pairs = given
        elif given.ndim == 1 and given.size == self._features:
            pairs = np.stack([np.arange(given.size, dtype=np.float64), given], axis=1)
        else:
            raise wrong(self._input, f"{self._features} values, or rows of (feature, value)", f"shape {given.shape}")
        beliefs = [self._bias]
        for feature, value in pairs.tolist():
            if not (0 <= feature < self._features and feature == int(feature)):
                raise wrong(self._input, f"features from 0 to {self._features - 1}", feature)
            beliefs.append(self._weights.get((int(feature), value), (0.0, 0.0)))
        return math.fsum(m for m, _ in beliefs), math.fsum(v for _, v in beliefs)

    def _extra(self, feature: FeatureDescription | None, features: Mapping[str, Any], default: float = 0.0) -> float:
        value = None if feature is None else self.feature(features, feature)
        return default if feature is None or value is None else number(feature, value)

    def _draw(self, features: Mapping[str, Any]) -> float:
        """Deviations from the mean."""
        scale, limit = self._extra(self._scale, features), self._extra(self._truncation, features, math.inf)
        drawn = float(self._random.standard_normal()) if scale else 0.0
        return scale * min(max(drawn, -abs(limit)), abs(limit))


def _phi(x: float) -> float:
    return float(normal_cdf(np.array([x]))[0])
