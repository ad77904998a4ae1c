"""manifest.json of a compiled model: which files it has, what they hold, which kernels their weights are packed for.

It is read from a stranger's directory, so `parse` checks everything that later code relies on: names are plain names,
sizes are sizes, every file that is used is listed with its hash, and a checksum over the whole finds damage of the
manifest itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pyruntime.engines.interface import Interface, from_json, to_json
from pyruntime.errors import SpecError

if TYPE_CHECKING:
    from pyruntime.native.lib import Context

NAME = "manifest.json"
FORMAT = "pyruntime compiled model"
VERSION = 2
"""Version 1 had no generations; it is read as a first one."""
MAX_BYTES = 1 << 22  # of a manifest; real ones have some KB
MAX_FILE_BYTES = 1 << 48
FILE_NAME = re.compile(r"(?:model|network(?:\.[0-9]+)*|segment)-[0-9a-f]{16}\.(?:mlmodel|plan|weights|examples)")
GENERATION_NAME = re.compile(r"generation-([1-9][0-9]{0,8})\.json")
MAX_GENERATION = 999_999_999
_PLACE = re.compile(r"(?:[0-9]+(?:\.[0-9]+)*)?")
_HASH = re.compile(r"[0-9a-f]{64}")


class Kernels(NamedTuple):
    """What plans and packed weights were made for; another one must compile again.

    pyruntime: release.  operators: fingerprint of the operator table that plans index.  levels: instruction-set levels,
    oldest first; packing depends on them.
    """

    pyruntime: str
    plan: int
    operators: str
    levels: tuple[str, ...]

    def __str__(self) -> str:
        return f"pyruntime {self.pyruntime} with {'+'.join(self.levels)}"


class File(NamedTuple):
    """Size in bytes and SHA-256 of a file of the directory."""

    bytes: int
    sha256: str


class Network(NamedTuple):
    """A compiled network: its place in the model ("" or "0", "0.1" in pipelines) and the names of its two files."""

    place: str
    plan: str
    weights: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    legacy: bool


class Manifest(NamedTuple):
    """The parts are named tuples: they take a fifth of the time of dataclasses to make, at every start of a program.

    model: name of the file with the complete specification, None in the cache, whose models have their own file.
    generation: its number, from 1; 0 in the cache.  provenance: how it came to be, see provenance.py; not checked here.
    interface: of a model that is one network, so that its message need not be read.
    """

    kernels: Kernels
    model: str | None
    networks: tuple[Network, ...]
    files: Mapping[str, File]
    generation: int = 0
    provenance: Mapping[str, Any] = {}
    interface: Interface | None = None

    @property
    def model_hash(self) -> str | None:
        """SHA-256 of the complete model: what provenance calls a model by."""
        return None if self.model is None else self.files[self.model].sha256

    def same_content(self, other: Manifest) -> bool:
        """Whether both name the same files for the same kernels."""
        return self[:4] == other[:4]

    def to_bytes(self) -> bytes:
        content = {
            "format": FORMAT,
            "version": VERSION,
            "kernels": self.kernels._asdict(),
            "model": self.model,
            "networks": [network._asdict() for network in self.networks],
            "files": {name: file._asdict() for name, file in self.files.items()},
            "generation": self.generation,
            "provenance": self.provenance,
        }
        described = None if self.interface is None else to_json(self.interface)
        if described is not None:
            content["interface"] = described
        return json.dumps({**content, "check": _checksum(content)}, indent=1).encode() + b"\n"


def kernels_of(context: Context) -> Kernels:
    """What a compilation for this context depends on, beside the model."""
    from pyruntime import __version__
    from pyruntime.native import lib
    from pyruntime.plan import VERSION as PLAN_VERSION

    operators = _sha256(repr(sorted(lib.operators().items())).encode())[:16]
    return Kernels(__version__, PLAN_VERSION, operators, context.levels)


def parse(data: bytes, source: str) -> Manifest:
    """The manifest in `data`.  Raises SpecError that begins with `source` when anything of it is not as it must be."""
    try:
        return _parse(data)
    except _Newer as error:
        raise NewerFormat(
            f"{source}: {error}; compile the model again with this release, into another folder"
        ) from None
    except _Bad as error:
        raise SpecError(f"{source}: {error}; remove the folder and compile the model again") from None


class _Bad(Exception):
    """What is wrong, without where."""


class NewerFormat(SpecError):
    """A manifest that a later release wrote: not damaged, but not for this one to read or replace."""


class _Newer(Exception):
    """Its sentence."""


def _parse(data: bytes) -> Manifest:
    if len(data) > MAX_BYTES:
        raise _Bad(f"has more than {MAX_BYTES} bytes, expected a short manifest")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _Bad(f"is damaged, it is not JSON ({error})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _Bad(f"is not the manifest of a {FORMAT}")
    version = content.get("version")
    if version not in (1, VERSION) or isinstance(version, bool | float):
        newer = type(version) is int and version > VERSION
        raise (_Newer if newer else _Bad)(f"has format version {version!r}, this release reads up to {VERSION}")
    if content.pop("check", None) != _checksum(content):
        raise _Bad("is damaged, its checksum does not fit")
    kernels = _fields(content.get("kernels"), "kernels", Kernels)
    levels = _texts(kernels["levels"], "levels")
    files = {
        _file_name(name): File(_size(file["bytes"], name), _matching(_HASH, file["sha256"], "hash"))
        for name, raw in _dict(content.get("files"), "files").items()
        for file in [_fields(raw, name, File)]
    }
    networks = tuple(_network(raw) for raw in _list(content.get("networks"), "networks"))
    model = content.get("model")
    used = [name for network in networks for name in (network.plan, network.weights)]
    for name in used if model is None else [*used, _file_name(model)]:
        if name not in files:
            raise _Bad(f"uses {name}, which is not among its files")
    if len({network.place for network in networks}) < len(networks):
        raise _Bad("has two networks for one place")
    numbers = kernels["pyruntime"], kernels["plan"], kernels["operators"]
    generation, provenance = (1, {}) if version == 1 else (content.get("generation"), content.get("provenance"))
    if type(generation) is not int or not (0 if model is None else 1) <= generation <= MAX_GENERATION:
        raise _Bad(f"has the generation {str(generation)[:80]}, expected a number from 1")
    provenance = _dict(provenance, "provenance")
    return Manifest(Kernels(*numbers, levels), model, networks, files, generation, provenance, _interface(content))


def _interface(content: Mapping[str, Any]) -> Interface | None:
    """Earlier releases wrote none."""
    if content.get("interface") is None:
        return None
    try:
        return from_json(content["interface"])
    except ValueError as error:
        raise _Bad(f"describes an interface that {error}") from None


def _network(raw: Any) -> Network:
    f = _fields(raw, "network", Network)
    place = _matching(_PLACE, f["place"], "place")
    inputs, outputs = _texts(f["inputs"], "inputs"), _texts(f["outputs"], "outputs")
    if not isinstance(f["legacy"], bool):
        raise _Bad(f"has legacy {f['legacy']!r}, expected true or false")
    return Network(place, _file_name(f["plan"]), _file_name(f["weights"]), inputs, outputs, f["legacy"])


def _fields(raw: Any, what: str, kind: type[Kernels] | type[File] | type[Network]) -> dict[str, Any]:
    names = set(kind._fields)
    if not isinstance(raw, dict) or set(raw) != names:
        raise _Bad(f"has no {what} with {', '.join(sorted(names))}")
    return raw


def _dict(raw: Any, what: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise _Bad(f"has no table of {what}")
    return raw


def _list(raw: Any, what: str) -> list[Any]:
    if not isinstance(raw, list):
        raise _Bad(f"has no list of {what}")
    return raw


def _texts(raw: Any, what: str) -> tuple[str, ...]:
    if not all(isinstance(text, str) for text in _list(raw, what)):
        raise _Bad(f"has {what} that are not text")
    return tuple(raw)


def _size(raw: Any, name: str) -> int:
    if type(raw) is not int or not 0 <= raw < MAX_FILE_BYTES:
        raise _Bad(f"gives {name} the size {raw!r}")
    return raw


def _file_name(raw: Any) -> str:
    return _matching(FILE_NAME, raw, "file name")


def _matching(pattern: re.Pattern[str], raw: Any, what: str) -> str:
    if not isinstance(raw, str) or not pattern.fullmatch(raw):
        raise _Bad(f"has the {what} {str(raw)[:80]!r}, which is none")
    return raw


def _checksum(content: Mapping[str, Any]) -> str:
    return _sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


def _sha256(data: bytes) -> str:
    from hashlib import sha256

    return sha256(data).hexdigest()
