"""linkedModel: a model in another file, loaded once for all that link to it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from pyruntime.engines.base import Engine, ModelPart
from pyruntime.engines.links import Links
from pyruntime.errors import SpecError, UnsupportedError

_loaded: WeakValueDictionary[tuple[Any, ...], Engine] = WeakValueDictionary()
_lock = threading.RLock()  # loading one linked model may load others

FILE_NAME, SEARCH_PATH = "linkedModelFileName", "linkedModelSearchPath"


class LinkedEngine(Engine):
    """Runs the model of the other file; file name and search path are parameters.

    path: the file that was found.  engine: what runs it, shared by all links to the same unchanged file.
    """

    def __init__(self, part: ModelPart) -> None:
        super().__init__(part)
        if part.spec.isUpdatable:
            raise SpecError("a linkedModel cannot be updatable")
        message = part.spec.linkedModel.linkedModelFile
        if part.spec.linkedModel.WhichOneof("LinkType") is None:
            raise SpecError("the linkedModel has no link, expected linkedModelFile")
        name = part.parameters.get(FILE_NAME, message.linkedModelFileName.defaultValue)
        search_path = part.parameters.get(SEARCH_PATH, message.linkedModelSearchPath.defaultValue)
        self.path = part.links.find(name, search_path)
        self.engine = _load(self.path, part)
        self._check_interface()

    def _check_interface(self) -> None:
        """What the link says of itself is what the linked model has."""
        own, other = self.description, self.engine.description
        for feature in other.inputs:
            here = own.input_descriptions_by_name.get(feature.name)
            if (here is None and not feature.is_optional) or (here is not None and here.kind != feature.kind):
                raise self._differs("input", feature.name, here.type_name if here else "none", feature.type_name)
        for feature in own.outputs:
            there = other.output_descriptions_by_name.get(feature.name)
            if there is None or there.kind != feature.kind:
                raise self._differs("output", feature.name, feature.type_name, there.type_name if there else "none")

    def _differs(self, what: str, name: str, here: str, there: str) -> SpecError:
        return SpecError(
            f"linked model {self.path}: {what} {name!r} of the link is {here}, that of the linked model is {there}"
        )

    def predict(self, features: Mapping[str, Any]) -> dict[str, Any]:
        made = self.engine.predict(features)
        return {feature.name: made[feature.name] for feature in self.description.outputs}

    def predict_many(self, examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        names = [feature.name for feature in self.description.outputs]
        return [{name: made[name] for name in names} for made in self.engine.predict_many(examples)]


def _load(path: str, part: ModelPart) -> Engine:
    """The engine of a file: one for all callers with equal settings, while one of them lives."""
    status = os.stat(path)
    links: Links = part.links.inside(path)
    stamp = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
    key = (path, stamp, id(part.context), part.memory_limit, links.roots, tuple(sorted(links.bundles.items())))
    with _lock:
        engine = _loaded.get(key)
        if engine is None:
            engine = _loaded[key] = _open(path, links, part)
        return engine


def _open(path: str, links: Links, part: ModelPart) -> Engine:
    from pyruntime.engines.registry import build

    if part.open_source is None:
        raise UnsupportedError(f"linked model {path}: this model was opened without access to other files")
    source = part.open_source(path)
    engine = build(
        replace(
            part, lean=source.lean, programs=source.programs, interface=source.programs.interface, place="",
            name=os.path.basename(path), parameters={}, links=links,
        )
    )  # fmt: skip
    source.keep()
    return engine
