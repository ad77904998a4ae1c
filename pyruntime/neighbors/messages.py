"""Between the examples of a k-NN as the format has them, one message each, and a store.

Inside a LeanModel a store stands among the payloads, and one reference in `floatSamples` stands for all examples.
What a message of the format has no field for, the numbers of the examples and when they were added, is a text in the
k-NN's own user-defined metadata, so that a .mlmodel file keeps it and stays one that every Core ML reads:

    next=25 0*20@1767225600 22*3

are 23 examples: the numbers 0 to 19, added at that second since 1970, and 22 to 24, of which that is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from pyruntime.errors import SpecError
from pyruntime.neighbors.samples import Array, Samples
from pyruntime.neighbors.segments import UNKNOWN, Label, Segment, coded
from pyruntime.neighbors.store import ExampleStore
from pyruntime.spec import messages, wire
from pyruntime.spec.payloads import Payloads
from pyruntime.spec.samples import read_samples

KNN = "kNearestNeighborsClassifier"
METADATA = "pyruntime.examples"
SEGMENTS = "pyruntime.segments"
"""Metadata of a k-NN in a compiled directory: see compiled/examples.py."""
_PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")
_RUN = re.compile(r"(\d{1,18})\*(\d{1,18})(?:@(\d{1,18}))?")


def neighbor_models(spec: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """(place, Model message) of every k-NN: "" for the model itself, "0", "0.1" in pipelines."""
    kind = spec.WhichOneof("Type")
    if kind == KNN:
        yield place, spec
    elif kind in _PIPELINES:
        parts = (spec.pipeline if kind == "pipeline" else getattr(spec, kind).pipeline).models
        for number, part in enumerate(parts):
            yield from neighbor_models(part, f"{place}.{number}" if place else str(number))


def stored(knn: Any, payloads: Payloads | None) -> ExampleStore | None:
    """The store that a reference in a k-NN message stands for; None when the examples are messages."""
    vectors = knn.nearestNeighborsIndex.floatSamples
    if payloads is None or len(vectors) != 1:
        return None
    store: ExampleStore | None = payloads.examples(vectors[0].SerializeToString())
    return store


def read_store(model: Any, payloads: Payloads | None) -> ExampleStore:
    """The examples of a k-NN model.  Raises SpecError when their messages do not fit each other."""
    knn = model.kNearestNeighborsClassifier
    found = stored(knn, payloads)
    if found is not None:
        return found
    if SEGMENTS in model.description.metadata.userDefined:
        raise SpecError(f"{KNN}: its examples are in the compiled model (.mlmodelc) that this file was taken out of")
    vectors = read_samples(knn.nearestNeighborsIndex, payloads)
    width, count = knn.nearestNeighborsIndex.numberOfDimensions, len(vectors)
    labels = _labels(knn)
    if len(labels) != count:
        raise SpecError(
            f"{KNN}: it has {count} samples and {len(labels)} labels, expected one label per sample; "
            "the file is damaged or badly written"
        )
    ids, added, next_id = _parse_metadata(model.description.metadata.userDefined.get(METADATA, ""), count)
    if not count:
        return ExampleStore(width, next_id=next_id)
    vectors = np.require(vectors, np.float32, ["C", "A"])
    return ExampleStore(width, (Segment(Samples(vectors), *coded(labels), ids, added),), next_id=next_id)


def put_store(model: Any, payloads: Payloads, store: ExampleStore) -> None:
    """Let a reference stand for the examples of a k-NN model; the messages that were there go."""
    knn = model.kNearestNeighborsClassifier
    _clear(model)
    if len(store) or store.next_id:
        vector = knn.nearestNeighborsIndex.floatSamples.add()
        reference = payloads.add_examples(store)
        vector.MergeFromString(wire.length_field(1, len(reference)) + reference)
    _name_labels(model, store)


def replaced(spec: Any, payloads: Payloads, place: str, store: ExampleStore) -> tuple[Any, Payloads]:
    """A copy of a model in which the k-NN at `place` has other examples."""
    old = [m.kNearestNeighborsClassifier.SerializeToString() for p, m in neighbor_models(spec) if p == place]
    copy, branch = messages.Model(), payloads.branch(without=old)
    copy.CopyFrom(spec)
    for found, model in neighbor_models(copy):
        if found == place:
            put_store(model, branch, store)
    return copy, branch


def with_examples(spec: Any, payloads: Payloads | None) -> Any:
    """The model with a message for each example again: itself, or a copy when stores stand for some.

    Raises SpecError when that is more than a file of the format can hold.
    """
    stores = {place: s for place, m in neighbor_models(spec) if (s := stored(_knn(m), payloads)) is not None}
    if not stores:
        return spec
    size = sum(len(store) * (4 * store.dimensions + 12) for store in stores.values())
    if size > wire.MAX_BYTES:
        raise SpecError(
            f"the examples of the k-NN take {size} bytes; a .mlmodel file (protobuf) ends at {wire.MAX_BYTES}: "
            "write it as .mlmodelc, or forget some"
        )
    copy = messages.Model()
    copy.CopyFrom(spec)
    for place, model in neighbor_models(copy):
        if place in stores:
            _write_messages(model, stores[place])
    return copy


def without_examples(spec: Any, payloads: Payloads) -> tuple[Any, dict[str, ExampleStore]]:
    """The model without examples, a copy where it has some, and the stores by place: how a compiled model has them."""
    stores = {}
    for place, model in neighbor_models(spec):
        store = read_store(model, payloads)
        if len(store) or store.next_id:
            stores[place] = store
    if not stores:
        return spec, stores
    copy = messages.Model()
    copy.CopyFrom(spec)
    for place, model in neighbor_models(copy):
        if place in stores:
            _clear(model)
            _name_labels(model, stores[place])
    return copy, stores


def _knn(model: Any) -> Any:
    return model.kNearestNeighborsClassifier


def _clear(model: Any) -> None:
    """No examples; the kind of labels stays."""
    knn = model.kNearestNeighborsClassifier
    del knn.nearestNeighborsIndex.floatSamples[:]
    labels = knn.WhichOneof("ClassLabels")
    if labels:
        getattr(knn, labels).ClearField("vector")
        getattr(knn, labels).SetInParent()
    for name in (METADATA, SEGMENTS):
        if name in model.description.metadata.userDefined:
            del model.description.metadata.userDefined[name]


def _name_labels(model: Any, store: ExampleStore) -> None:
    """Where no message has the examples, class labels are those that have some, each once: what descriptions show."""
    knn = model.kNearestNeighborsClassifier
    labels = [store.table[place] for place in store.known]
    if labels:
        kind = "stringClassLabels" if isinstance(labels[0], str) else "int64ClassLabels"
        getattr(knn, knn.WhichOneof("ClassLabels") or kind).vector.extend(labels)


def _write_messages(model: Any, store: ExampleStore) -> None:
    """One message per example in place of the reference; built as bytes: no Python object per example."""
    _clear(model)
    knn, width = model.kNearestNeighborsClassifier, store.dimensions
    inner = wire.length_field(1, 4 * width)
    head = wire.length_field(2, len(inner) + 4 * width) + inner  # FloatVector floatSamples = 2, float vector = 1
    for segment in store.segments:
        rows = np.empty((len(segment), len(head) + 4 * width), np.uint8)
        rows[:, : len(head)] = np.frombuffer(head, np.uint8)
        rows[:, len(head) :] = np.ascontiguousarray(segment.floats(), "<f4").view(np.uint8)
        knn.nearestNeighborsIndex.MergeFromString(rows.tobytes())
    kind = knn.WhichOneof("ClassLabels")
    if len(store):
        getattr(knn, kind).vector.extend(store.labels())
    text = _metadata(store)
    if text:
        model.description.metadata.userDefined[METADATA] = text


def _labels(knn: Any) -> list[Label]:
    kind = knn.WhichOneof("ClassLabels")
    return list(getattr(knn, kind).vector) if kind else []


def _metadata(store: ExampleStore) -> str:
    """The text for a store; "" when it says nothing that reading a file without it would not say."""
    ids, added = store.ids, store.added
    if store.next_id == len(ids) and (added == UNKNOWN).all():  # so the ids are 0, 1, 2, …
        return ""
    breaks = np.flatnonzero((np.diff(ids) != 1) | (np.diff(added) != 0)) + 1
    begins = np.concatenate([np.zeros(min(1, len(ids)), np.int64), breaks])
    ends = np.append(begins[1:], len(ids)) if len(ids) else begins
    runs = [
        f"{ids[begin]}*{end - begin}" + (f"@{added[begin]}" if added[begin] >= 0 else "")
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
    ]
    return " ".join([f"next={store.next_id}", *runs])


def _parse_metadata(text: str, count: int) -> tuple[Array, Array, int]:
    """ids, times of adding and the next id of `count` examples.

    Another program may have added examples, which have numbers behind those of the text then, or changed the text or
    the examples otherwise: then the text says nothing.
    """
    plain = np.arange(count, dtype=np.int64), np.full(count, UNKNOWN, np.int64), count
    first, *words = text.split() or [""]
    runs = [_RUN.fullmatch(word) for word in words]
    following = re.fullmatch(r"next=(\d{1,18})", first)
    if not following or not all(runs):
        return plain
    numbers = [tuple(int(n) if n else UNKNOWN for n in run.groups()) for run in runs if run]
    described, next_id = sum(size for _, size, _ in numbers), int(following[1])
    if described > count:
        return plain
    numbers.append((next_id, count - described, UNKNOWN))
    ids = np.concatenate([np.arange(begin, begin + size, dtype=np.int64) for begin, size, _ in numbers])
    added = np.concatenate([np.full(size, when, np.int64) for _, size, when in numbers])
    if not (np.diff(ids) > 0).all() or (ids[-1:] >= next_id + count - described).any():
        return plain
    return ids, added, next_id + count - described
