"""Examples of k-NN in a compiled directory: segments, each in a file of its own that is mapped.

The model beside them has no examples.  In their place its k-NN has a text in its user-defined metadata: the next
number, how vectors are kept, and the hashes of its segments, so that the model's own hash stands for the examples too.
An update adds a file, forgetting replaces those that lose something, and all others stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from pyruntime.compiled.files import Content
from pyruntime.compiled.manifest import File
from pyruntime.errors import SpecError
from pyruntime.neighbors import layout
from pyruntime.neighbors.messages import KNN, SEGMENTS, neighbor_models, put_store, without_examples
from pyruntime.neighbors.segments import FORMS, Segment
from pyruntime.neighbors.store import ExampleStore
from pyruntime.spec import LeanModel

_TEXT = re.compile(r"next=(\d{1,18}) (\S{1,40})((?: [0-9a-f]{64}){0,64})")


class Files(Protocol):
    """Files of one manifest: see reading.py."""

    @property
    def manifest(self) -> Any: ...

    def path(self, name: str) -> str: ...

    def data(self, name: str) -> memoryview: ...


def segment_name(sha256: str) -> str:
    """Of the file of a segment.  It sorts behind the manifests, which are removed first."""
    return f"segment-{sha256[:16]}.examples"


def detached(lean: LeanModel) -> tuple[LeanModel, dict[str, Content]]:
    """The model as a directory has it, and the files of its segments by name."""
    spec, stores = without_examples(lean.spec, lean.payloads)
    files: dict[str, Content] = {}
    for place, model in neighbor_models(spec):
        if place in stores:
            hashes = []
            for segment in stores[place].segments:
                content = _content(segment)
                files[segment_name(content.sha256)] = content
                hashes.append(content.sha256)
            text = " ".join([f"next={stores[place].next_id}", stores[place].form, *hashes])
            model.description.metadata.userDefined[SEGMENTS] = text
    return LeanModel(spec, lean.payloads, lean.source), files


def attached(lean: LeanModel, files: Files) -> LeanModel:
    """The model with its examples, which stay in the mapped files.  Raises SpecError when they do not fit it."""
    for model, text in _texts(lean.spec):
        found = _TEXT.fullmatch(text)
        if not found or found[2] not in FORMS:
            raise SpecError(f"{lean.source}: the list of its examples is damaged; write the model again")
        width = model.kNearestNeighborsClassifier.nearestNeighborsIndex.numberOfDimensions
        kind = model.kNearestNeighborsClassifier.WhichOneof("ClassLabels")
        segments = tuple(_segment(files, sha256, width, kind) for sha256 in found[3].split())
        ends = [int(segment.ids[-1]) for segment in segments] + [int(found[1]) - 1]
        starts = [int(segment.ids[0]) for segment in segments]
        if any(start <= end for start, end in zip(starts[1:], ends, strict=False)) or ends[-1] < max(ends):
            raise SpecError(f"{lean.source}: the numbers of its examples do not rise; write the model again")
        put_store(model, lean.payloads, ExampleStore(width, segments, found[2], int(found[1])))
    return lean


def _texts(spec: Any) -> Iterator[tuple[Any, str]]:
    for _, model in neighbor_models(spec):
        text = model.description.metadata.userDefined.get(SEGMENTS)
        if text is not None:
            yield model, text


def _content(segment: Segment) -> Content:
    if segment.file is None:
        return Content(tuple(layout.to_pieces(segment)))
    return Content((segment.file[0],), segment.file[1])


def _segment(files: Files, sha256: str, width: int, kind: str | None) -> Segment:
    name = segment_name(sha256)
    listed: Mapping[str, File] = files.manifest.files
    if name not in listed or listed[name].sha256 != sha256:
        raise SpecError(f"{files.path(name)} is not among the files of the manifest; write the model again")
    segment = layout.from_bytes(files.data(name), sha256, files.path(name))
    wanted = int if kind == "int64ClassLabels" else str
    if segment.samples.shape[1] != width or not all(isinstance(label, wanted) for label in segment.table):
        raise SpecError(
            f"{files.path(name)} has {segment.samples.shape[1]} numbers per example and other labels than the {KNN}, "
            f"which has {width}; write the model again"
        )
    return segment
