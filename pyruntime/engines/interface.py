"""What running a network asks of its message: kept beside a compiled one, so that opening it reads no message.

It is read from a stranger's directory: `from_json` checks everything that later code relies on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pyruntime.description import (
    COLOUR_SPACES,
    Constraint,
    DictionaryConstraint,
    FeatureDescription,
    ImageConstraint,
    ModelDescription,
    MultiArrayConstraint,
    SequenceConstraint,
    check_sizes,
    describe_model,
)
from pyruntime.errors import SpecError

NETWORKS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")
MOST_LABELS = 20_000
"""Class labels of an interface that is written down: a manifest is short."""
_TEXTS = ("predicted_feature_name", "predicted_probabilities_name", "short_description", "version", "author", "license")
_FEATURES = ("inputs", "outputs", "training_inputs")
_KINDS = ("invalid", "int64", "double", "string", "image", "multiArray", "dictionary", "sequence", "state")
_LARGEST = 2**40  # of a size, as in description.py


class Interface(NamedTuple):
    """kind: of NETWORKS.  scores: the blob of a classifier's scores, "" if there is none.

    plain: outputs that are blobs.  exact: images have rank 4, imageInputShapeMapping.
    """

    kind: str
    description: ModelDescription
    scores: str
    plain: tuple[str, ...]
    exact: bool


def interface_of(spec: Any) -> Interface | None:
    """Of a Model message; None when it is no network.  Raises SpecError."""
    kind = spec.WhichOneof("Type")
    if kind not in NETWORKS:
        return None
    network, description = getattr(spec, kind), describe_model(spec)
    scores, plain = _blobs(kind, description, network)
    return Interface(kind, description, scores, plain, bool(network.imageInputShapeMapping))


def _blobs(kind: str, d: ModelDescription, network: Any) -> tuple[str, tuple[str, ...]]:
    names = [feature.name for feature in d.outputs]
    if kind != "neuralNetworkClassifier":
        return "", tuple(names)
    if d.class_labels is None:
        raise SpecError("the classifier has no class labels")
    last = network.layers[-1].output[0] if network.layers and network.layers[-1].output else ""
    scores = network.labelProbabilityLayerName or last
    if not scores:
        raise SpecError("the classifier has no layers")
    special = {d.predicted_feature_name, d.predicted_probabilities_name}
    return scores, tuple(name for name in names if name not in special)


def to_json(interface: Interface) -> dict[str, Any] | None:
    """As JSON; None for one that is too long for a manifest."""
    d = interface.description
    if len(d.class_labels or ()) > MOST_LABELS:
        return None
    return {
        **interface._asdict(),
        "description": {
            **{name: getattr(d, name) for name in (*_TEXTS, "is_updatable", "class_labels")},
            "creator_defined": dict(d.creator_defined),
            **{name: [_feature_to_json(feature) for feature in getattr(d, name)] for name in _FEATURES},
        },
    }


def same_interface(one: Interface | None, other: Interface | None) -> bool:
    """Whether both say the same; a NaN, as of an input's default, is no other than itself."""
    texts = [json.dumps(to_json(i) if i else None, sort_keys=True) for i in (one, other)]
    return texts[0] == texts[1]


def _feature_to_json(feature: FeatureDescription) -> list[Any]:
    constraint = feature.constraint
    detail = list(vars(constraint).values()) if constraint else []
    return [feature.name, feature.kind, feature.is_optional, feature.description, detail]


def from_json(raw: Any) -> Interface:
    """The opposite of `to_json`.  Raises ValueError when anything is not as it must be."""
    fields = _table(raw, Interface._fields)
    d = _table(fields["description"], (*_TEXTS, *_FEATURES, "is_updatable", "class_labels", "creator_defined"))
    labels = d["class_labels"]
    if labels is not None:
        kind = str if isinstance(labels, list) and labels and isinstance(labels[0], str) else int
        labels = _all(kind, labels)
    own = d["creator_defined"]
    _all(str, list(_need(dict, own)) + list(own.values()))
    description = ModelDescription(
        _features(d["inputs"]), _features(d["outputs"]), _features(d["training_inputs"]),
        creator_defined=own, is_updatable=_need(bool, d["is_updatable"]), class_labels=labels,
        **{name: _need(str, d[name]) for name in _TEXTS},
    )  # fmt: skip
    if fields["kind"] not in NETWORKS:
        raise ValueError("is of no network")
    if fields["kind"] == "neuralNetworkClassifier" and (labels is None or not fields["scores"]):
        raise ValueError("is of a classifier without classes")
    plain = _all(str, fields["plain"])
    if not set(plain) <= set(description.output_descriptions_by_name):
        raise ValueError("has outputs that are not described")
    return Interface(fields["kind"], description, _need(str, fields["scores"]), plain, _need(bool, fields["exact"]))


def _features(raw: Any) -> tuple[FeatureDescription, ...]:
    features = tuple(map(_feature, _need(list, raw)))
    if len({feature.name for feature in features}) < len(features):
        raise ValueError("has two features of one name")
    return features


def _feature(raw: Any) -> FeatureDescription:
    name, kind, is_optional, text, detail = _items(raw, 5)
    if not _need(str, name) or kind not in _KINDS:
        raise ValueError("has a feature without name or kind")
    make = _CONSTRAINTS.get(kind)
    constraint = make(detail) if make else None
    return FeatureDescription(name, kind, _need(bool, is_optional), constraint, _need(str, text))


def _image(raw: Any) -> Constraint:
    width, height, colour_space, sizes, ranges = _items(raw, 5)
    if (
        not all(0 < _need(int, size) < 2**24 for size in (width, height))
        or _need(int, colour_space) not in COLOUR_SPACES
    ):
        raise ValueError("has an image that is none")
    pairs = _shapes(sizes, 2)
    spans = None if ranges is None else _shapes(ranges, 2)
    if spans is not None and len(spans) != 2:
        raise ValueError("has ranges of an image that are none")
    _check("an image", pairs, spans or ())
    return ImageConstraint(width, height, colour_space, pairs, spans)  # type: ignore[arg-type]


def _array(raw: Any) -> Constraint:
    shape, data_type, shapes, ranges, default = _items(raw, 5)
    sizes, others, spans = _all(int, shape), _shapes(shapes), _shapes(ranges, 2)
    ranks = {len(sizes), *map(len, others), *([len(spans)] if spans else [])}
    if len(ranks) > 1 or len(sizes) > 8 or not all(0 <= size < _LARGEST for size in sizes):
        raise ValueError("has an array of no legal shape")
    _check("an array", others, spans)
    return MultiArrayConstraint(sizes, _need(int, data_type), others, spans, _need(float, default))  # type: ignore[arg-type]


def _check(what: str, shapes: Sequence[tuple[int, ...]], ranges: Sequence[tuple[int, ...]]) -> None:
    try:
        check_sizes(what, tuple(shapes), tuple(ranges))  # type: ignore[arg-type]
    except SpecError as error:
        raise ValueError(f"has {error}") from None


_CONSTRAINTS: Mapping[str, Callable[[Any], Constraint]] = {
    "image": _image,
    "multiArray": _array,
    "dictionary": lambda raw: DictionaryConstraint(_all(str, _items(raw, 1))[0]),
    "sequence": lambda raw: SequenceConstraint(_all(str, _items(raw, 1))[0]),
}


def _shapes(raw: Any, length: int | None = None) -> tuple[tuple[int, ...], ...]:
    shapes = tuple(_all(int, shape) for shape in _need(list, raw))
    if length is not None and any(len(shape) != length for shape in shapes):
        raise ValueError("has sizes of another number of axes")
    return shapes


def _table(raw: Any, names: Sequence[str]) -> dict[str, Any]:
    if set(_need(dict, raw)) != set(names):
        raise ValueError("has other fields")
    found: dict[str, Any] = raw
    return found


def _items(raw: Any, count: int) -> list[Any]:
    items: list[Any] = _need(list, raw)
    if len(items) != count:
        raise ValueError("has a list of another length")
    return items


def _all(kind: type, raw: Any) -> tuple[Any, ...]:
    items = _need(list, raw)
    if any(type(item) is not kind for item in items):
        raise ValueError(f"has items that are no {kind.__name__}")
    return tuple(items)


def _need(kind: type, raw: Any) -> Any:
    if type(raw) is not kind:
        raise ValueError(f"has {str(raw)[:80]!r}, expected a {kind.__name__}")
    return raw
