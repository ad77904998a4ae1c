"""Models that put features together into one array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyruntime.errors import BuildError
from pyruntime.models.datatypes import Array, Dictionary, Double, Int64, normalize_datatype
from pyruntime.models.interface import named_features, set_features
from pyruntime.spec import messages


def create_feature_vectorizer(
    input_features: Any, output_feature_name: str, known_size_map: Mapping[str, int] | None = None
) -> tuple[messages.Model, int]:
    """A model that gives numbers and arrays as one array, and the size of it.

    input_features: pairs of a name and a type; dictionaries need their size in known_size_map, by name.
    """
    spec = messages.Model(specificationVersion=1)
    features = [(name, normalize_datatype(datatype)) for name, datatype in named_features(input_features)]
    total = 0
    for name, datatype in features:
        size = (known_size_map or {}).get(name, datatype.num_elements)
        if not isinstance(datatype, Int64 | Double | Array | Dictionary) or size is None:
            raise BuildError(
                f"create_feature_vectorizer: {name!r} is {datatype!r}; expected numbers, or known_size_map"
            )
        spec.featureVectorizer.inputList.add(inputColumn=name, inputDimensions=size)
        total += size
    set_features(spec, features, [(output_feature_name, Array(total))])
    return spec, total
