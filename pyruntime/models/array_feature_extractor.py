"""Models that pick numbers out of an array."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyruntime.errors import BuildError
from pyruntime.models.datatypes import Array, Double, normalize_datatype
from pyruntime.models.interface import named_features, set_features
from pyruntime.spec import messages


def create_array_feature_extractor(
    input_features: Any, output_name: str, extract_indices: Any, output_type: Any = None
) -> messages.Model:
    """A model that gives some numbers of an array.

    input_features: one pair of a name and an Array.  extract_indices: places, from 0; one alone gives a number.
    output_type: another type from `models.datatypes` for the result.
    """
    features = named_features(input_features)
    if len(features) != 1 or not isinstance(features[0][1], Array):
        raise BuildError(f"create_array_feature_extractor: expected one Array, got {features}")
    alone = isinstance(extract_indices, int | np.integer)
    places = [int(extract_indices)] if alone else [int(place) for place in extract_indices]
    count = features[0][1].num_elements or 0
    if not places or not all(0 <= place < count for place in places):
        raise BuildError(f"create_array_feature_extractor: expected places from 0 to {count - 1}, got {places}")
    spec = messages.Model(specificationVersion=1)
    result = normalize_datatype(output_type) if output_type is not None else Double() if alone else Array(len(places))
    set_features(spec, features, [(output_name, result)])
    spec.arrayFeatureExtractor.extractIndex.extend(places)
    return spec
