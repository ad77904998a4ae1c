"""From scikit-learn: a fitted KNeighborsClassifier as a k-NN that goes on learning.

scikit-learn itself is not imported: the object that a caller brings is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyruntime.errors import BuildError
from pyruntime.model import MLModel
from pyruntime.models.interface import named_features
from pyruntime.models.nearest_neighbors.builder import KNearestNeighborsClassifierBuilder

_WEIGHTS = {"uniform": "uniform", "distance": "inverse_distance"}


def convert(
    sk_obj: Any,
    input_features: Any = None,
    output_feature_names: str | Sequence[str] | None = None,
    *,
    default_class_label: Any = None,
) -> MLModel:
    """An updatable model from a fitted `KNeighborsClassifier`.

    sk_obj: with Euclidean distance, weights "uniform" or "distance", one label per example, text or whole number.
    input_features: name of the array of numbers, `input` by default; or [(name, Array(n))].
    output_feature_names: of the label, or of the label and the scores; `classLabel`, `classProbability` by default.
    default_class_label: the answer once it has no examples any more; "unknown", or -1, by default.

    The examples become 32-bit floats.  Neighbours, scores and labels are those of scikit-learn; where several labels
    have the same score, this package answers the one with the nearer neighbour, scikit-learn the first in its order.
    Every way to search that scikit-learn has finds the same neighbours; only kd_tree has a counterpart in the file, the
    others become the linear search.
    Raises BuildError that says what has no counterpart.
    """
    _check(sk_obj)
    points = sk_obj._fit_X
    with np.errstate(over="ignore"):  # what becomes infinite is refused
        points = np.asarray(points.toarray() if hasattr(points, "toarray") else points, np.float32)
    if not np.isfinite(points).all():
        raise BuildError("the examples have numbers that are not finite as 32-bit floats; scale them before `fit`")
    labels = _labels(sk_obj)
    is_number = isinstance(labels[0], int)
    default = default_class_label if default_class_label is not None else -1 if is_number else "unknown"
    if isinstance(default, int) != is_number:
        raise BuildError(f"default_class_label is {default!r}, but labels are {'numbers' if is_number else 'texts'}")
    label, scores = _outputs(output_feature_names)
    tree = getattr(sk_obj, "_fit_method", sk_obj.algorithm) == "kd_tree"
    builder = KNearestNeighborsClassifierBuilder(
        _input(input_features, points.shape[1]), label, points.shape[1], default,
        number_of_neighbors=int(sk_obj.n_neighbors), weighting_scheme=_WEIGHTS[sk_obj.weights],
        index_type="kd_tree" if tree else "linear", leaf_size=max(1, int(sk_obj.leaf_size)),
    )  # fmt: skip
    _rename_scores(builder.spec.description, scores)
    builder.add_samples(points, labels)
    return MLModel(builder.spec)


def _check(sk_obj: Any) -> None:
    """Refuse what a k-NN of the format cannot be."""
    name = type(sk_obj).__name__
    if "KNeighborsClassifier" not in [one.__name__ for one in type(sk_obj).__mro__]:
        hint = "; convert its last step, and prepare features as the others do" if name == "Pipeline" else ""
        raise BuildError(f"convert: expected a KNeighborsClassifier of scikit-learn, got a {name}{hint}")
    if not hasattr(sk_obj, "_fit_X") or not hasattr(sk_obj, "classes_"):
        raise BuildError("convert: the classifier has seen no examples yet; call its `fit` first")
    metric = getattr(sk_obj, "effective_metric_", sk_obj.metric)
    power = getattr(sk_obj, "effective_metric_params_", {}).get("p", sk_obj.p)
    if metric != "euclidean" and not (metric == "minkowski" and power == 2):
        raise BuildError(
            f"convert: the distance is {metric!r} (p={power}); Core ML has the Euclidean one: metric='euclidean', or "
            "'minkowski' with p=2"
        )
    if not isinstance(sk_obj.weights, str) or sk_obj.weights not in _WEIGHTS:
        raise BuildError(f"convert: weights is {sk_obj.weights!r}, expected 'uniform' or 'distance'")


def _labels(sk_obj: Any) -> list[Any]:
    """The label of each example: all whole numbers of 64 bits, or all texts."""
    if isinstance(sk_obj.classes_, list):
        raise BuildError(f"convert: it predicts {len(sk_obj.classes_)} labels at once, a k-NN of Core ML predicts one")
    classes = np.asarray(sk_obj.classes_)
    if classes.dtype.kind in "iu" and classes.size and int(classes.min()) >= -(2**63) and int(classes.max()) < 2**63:
        known: list[Any] = [int(one) for one in classes]
    elif all(isinstance(one, str) for one in classes.tolist()) and classes.size:
        known = [str(one) for one in classes]
    else:
        kinds = sorted({type(one).__name__ for one in classes.tolist()})
        raise BuildError(f"convert: labels are of type {', '.join(kinds)}; expected whole numbers of 64 bits, or texts")
    return [known[int(place)] for place in np.asarray(sk_obj._y).ravel()]


def _input(features: Any, width: int) -> str:
    if features is None:
        return "input"
    found = named_features(features, width=width)
    if len(found) != 1:
        raise BuildError(f"convert: input_features: expected one array of {width} numbers, got {len(found)} features")
    name, datatype = found[0]
    elements = getattr(datatype, "num_elements", width)
    if elements != width and not (elements == 1 and width != 1 and isinstance(features, str)):
        raise BuildError(f"convert: input {name!r} is {datatype!r}, but examples have {width} numbers")
    return name


def _outputs(names: str | Sequence[str] | None) -> tuple[str, str]:
    if names is None:
        return "classLabel", "classProbability"
    if isinstance(names, str):
        return names, f"{names}Probs"
    if len(names) != 2 or names[0] == names[1]:
        raise BuildError(f"convert: output_feature_names is {list(names)}, expected those of the label and the scores")
    return names[0], names[1]


def _rename_scores(description: Any, name: str) -> None:
    description.output[1].name = description.predictedProbabilitiesName = name
