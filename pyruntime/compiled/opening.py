"""From a path to a model and its compiled networks: compiled directories, and files with the cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from pyruntime.compiled.cache import Cache
from pyruntime.compiled.lineage import Lineage
from pyruntime.compiled.manifest import kernels_of
from pyruntime.compiled.reading import Opened, is_compiled, open_compiled, warn_fallback
from pyruntime.engines.base import Programs
from pyruntime.engines.interface import interface_of
from pyruntime.errors import MLModelError, ModelIOError, SpecError
from pyruntime.spec import LeanModel, load_lean_bytes
from pyruntime.spec.reader import check_bytes, find_spec_file, read_model_file

if TYPE_CHECKING:
    from pyruntime.config import MLModelConfiguration


_GIVE = "give the .mlmodel it was made from"


def _nothing() -> None:
    """For sources that keep no compiled networks."""


class Source(NamedTuple):
    """A model and what is compiled of it.

    keep: to be called when an engine has compiled the rest.  forget: when the programs turn out not to fit the model.
    compiled_path: the compiled directory that it came from.  lineage: the generation of it.
    older: when it turns out to be damaged after all: an older generation, with a warning.
    """

    lean: LeanModel
    programs: Programs
    keep: Callable[[], None] = _nothing
    forget: Callable[[], None] | None = None
    compiled_path: str | None = None
    lineage: Lineage = Lineage()
    older: Callable[[SpecError], Source] | None = None


def open_source(path: str | os.PathLike[str], configuration: MLModelConfiguration, *, verify: bool = False) -> Source:
    """Open a .mlmodel file, an .mlpackage or a compiled directory.  Raises ModelIOError or SpecError."""
    if is_compiled(path):
        return _open_compiled(path, configuration, verify)
    if os.path.exists(os.path.join(path, "coremldata.bin")):
        raise ModelIOError(f"{os.fspath(path)} was compiled by Apple's tools, whose format is not public: {_GIVE}")
    return _open_file(path, configuration)


def _open_compiled(path: str | os.PathLike[str], configuration: MLModelConfiguration, verify: bool) -> Source:
    return _compiled_source(os.fspath(path), configuration, open_compiled(path, verify=verify), verify)


def _compiled_source(path: str, configuration: MLModelConfiguration, opened: Opened, verify: bool) -> Source:
    if opened.lean is None:
        raise ModelIOError(f"{path} is an entry of the cache, without a model: {_GIVE}")
    manifest = opened.manifest

    def older(problem: SpecError) -> Source:
        try:
            found = open_compiled(path, verify=verify, below=manifest.generation)
        except MLModelError:
            raise problem from None
        warn_fallback(path, [problem], found.manifest)
        return _compiled_source(path, configuration, found, verify)

    return _generation_source(path, configuration, opened, older)


def generation_source(path: str, configuration: MLModelConfiguration, opened: Opened) -> Source:
    """One generation of a compiled directory, and never another one in its place."""
    return _generation_source(path, configuration, opened, None)


def _generation_source(
    path: str, configuration: MLModelConfiguration, opened: Opened, older: Callable[[SpecError], Source] | None
) -> Source:
    assert opened.lean is not None
    manifest = opened.manifest
    place = os.path.realpath(path)
    lineage = Lineage(place, manifest.generation, manifest.model_hash, manifest.provenance, seen=opened.newest)
    wanted = kernels_of(configuration.context())
    if manifest.kernels == wanted:
        return Source(opened.lean, opened.programs, compiled_path=path, lineage=lineage, older=older)
    import logging

    logging.getLogger("pyruntime").info(
        "%s was compiled for %s, this is %s: compiling in memory; compile it here to open it faster",
        path,
        manifest.kernels,
        wanted,
    )
    return Source(opened.lean, Programs(), lineage=lineage, older=older)


def _open_file(path: str | os.PathLike[str], configuration: MLModelConfiguration) -> Source:
    data, status = read_model_file(find_spec_file(path))
    source = os.fspath(path)
    check_bytes(data, source)
    if configuration.cache_folder is None:
        return Source(load_lean_bytes(data, source=source), Programs())
    cache = Cache(configuration.cache_folder)
    kernels = kernels_of(configuration.context())
    key = cache.key(data, status, kernels, configuration.weights)
    cached = cache.load(key)
    if cached is not None:
        # A model of this content was read before: a network's message may wait until something asks for it.
        lean = LeanModel.unread(source, lambda: load_lean_bytes(data, source=source))
        return Source(lean, cached, forget=lambda: cache.drop(key))
    lean, programs = load_lean_bytes(data, source=source), Programs()

    def keep() -> None:
        if programs.seconds >= cache.worth:
            cache.store(key, programs, kernels, interface_of(lean.spec))

    return Source(lean, programs, keep)
