"""Where the file of a linked model is: search path, bundles, and the folders that a file may reach."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pyruntime.errors import ModelIOError, SpecError

_BUNDLE = re.compile(r"\$(?:BUNDLE_MAIN|BUNDLE_IDENTIFIER\(([^()]*)\))(?=/|$)")
MAIN = "main"
"""Name of $BUNDLE_MAIN among the bundles."""


@dataclass(frozen=True)
class Links:
    """What a model with links in it may look for.

    folder: where the file of the model is, "" for one without file.  roots: folders that links stay inside, by default
    `folder`.  bundles: the application's folders by name, which are roots too.  chain: the files that link to it.
    """

    folder: str = ""
    roots: tuple[str, ...] = ()
    bundles: Mapping[str, str] = field(default_factory=dict)
    chain: tuple[str, ...] = ()

    @classmethod
    def of_file(
        cls,
        path: str,
        roots: tuple[str | os.PathLike[str], ...] = (),
        bundles: Mapping[str, str | os.PathLike[str]] | None = None,
    ) -> Links:
        """Of the model at `path`, "" for a message in memory."""
        real = os.path.realpath(path) if path else ""
        folder = os.path.dirname(real)
        allowed = tuple(os.path.realpath(root) for root in roots) or ((folder,) if folder else ())
        named = {name: os.path.realpath(place) for name, place in (bundles or {}).items()}
        return cls(folder, allowed, named, (real,) if real else ())

    def inside(self, path: str) -> Links:
        """Of the model at `path`, which this one links to."""
        return replace(self, folder=os.path.dirname(path), chain=(*self.chain, path))

    def find(self, file_name: str, search_path: str) -> str:
        """The real path of the first file there is.  Raises SpecError or ModelIOError saying where was looked."""
        if not file_name or "\0" in file_name + search_path or os.path.isabs(file_name):
            raise SpecError(f"linkedModelFileName is {file_name!r}, expected the name of a file")
        tried = []
        for entry in search_path.split(":"):
            for place in self._candidates(entry or ".", file_name):
                real = os.path.realpath(place)
                if not self._allows(real):
                    tried.append(f"{place} (not allowed: outside of {', '.join(self._all_roots()) or 'any folder'})")
                elif os.path.exists(real):
                    return self._no_cycle(real)
                else:
                    tried.append(place)
        raise ModelIOError(
            f"linked model {file_name!r}: not found; looked for {'; '.join(tried) or 'nothing'}. Put it there, set the "
            "parameter linkedModelSearchPath, or give MLModelConfiguration linked_model_roots or bundles"
        )

    def _candidates(self, entry: str, file_name: str) -> Iterator[str]:
        """Paths that an entry of the search path means; for a compiled file also the one it is compiled from."""
        bundle = _BUNDLE.match(entry)
        if bundle:
            name = bundle.group(1) if bundle.group(1) is not None else MAIN
            if name not in self.bundles:
                return
            folder = self.bundles[name] + entry[bundle.end() :]
        elif os.path.isabs(entry):
            folder = entry
        elif self.folder:
            folder = os.path.join(self.folder, entry)
        else:
            return
        yield os.path.join(folder, file_name)
        stem, suffix = os.path.splitext(file_name)
        if suffix == ".mlmodelc":
            yield os.path.join(folder, f"{stem}.mlmodel")

    def _all_roots(self) -> tuple[str, ...]:
        return (*self.roots, *self.bundles.values())

    def _allows(self, path: str) -> bool:
        return any(os.path.commonpath([path, root]) == root for root in self._all_roots())

    def _no_cycle(self, path: str) -> str:
        if path in self.chain:
            circle = " → ".join(os.path.basename(p) for p in (*self.chain[self.chain.index(path) :], path))
            raise SpecError(f"linked models form a circle: {circle}")
        return path
