"""Open Core ML files: find the specification, parse it, check what every model must have.

`load_spec` gives users the standard message with every number in it.  `load_lean` is what the runtime uses:
the same message with large weights left in the mapped file (see payloads.py), so opening costs neither time
nor memory for them.
"""

from __future__ import annotations

import mmap
import os
import stat

from pyruntime.errors import ModelIOError, SpecError
from pyruntime.spec import messages, wire
from pyruntime.spec.lean import LeanModel as LeanModel
from pyruntime.spec.payloads import Payloads, attach, detach

NEWEST_VERSION = 10  # specificationVersion of iOS 26; every older one is a subset
MAP_FROM = 1 << 20  # bytes; below it, reading is as cheap as mapping and safe from a file that shrinks later

# How files begin that are taken for models by mistake.
_FOREIGN_STARTS = {
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"\x89PNG": "a PNG image",
    b"\x1f\x8b": "gzip data",
}


def whole_spec(lean: LeanModel) -> messages.Model:
    """The standard message with all numbers in it; an independent copy of the size of the file."""
    from pyruntime.neighbors.messages import with_examples

    data = with_examples(lean.spec, lean.payloads).SerializeToString(deterministic=True)
    pieces, _ = attach(data, lean.spec.DESCRIPTOR, lean.payloads)
    return parse_model(b"".join(pieces), lean.source)


def load_spec(path: str | os.PathLike[str]) -> messages.Model:
    """Read a .mlmodel file or .mlpackage folder into the standard Model message.

    Raises ModelIOError when it cannot be read and SpecError when it is not a valid model.
    """
    data, _ = read_model_file(find_spec_file(path), map_large=False)
    return load_model_bytes(data, source=os.fspath(path))


def load_model_bytes(data: bytes | memoryview, *, source: str = "model bytes") -> messages.Model:
    """Like `load_spec`, for the contents of a .mlmodel file.  source: how errors call it."""
    check_bytes(data, source)
    return check_model(parse_model(data, source), source)


def load_lean(path: str | os.PathLike[str]) -> LeanModel:
    """Read a .mlmodel file or .mlpackage folder without its large weights, which stay in the mapped file.

    The file may be replaced by another at any time, but not shortened in place while the result is used.
    Raises ModelIOError when it cannot be read and SpecError when it is not a valid model.
    """
    data, _ = read_model_file(find_spec_file(path))
    return load_lean_bytes(data, source=os.fspath(path))


def load_lean_bytes(data: bytes | memoryview, *, source: str = "model bytes") -> LeanModel:
    """Like `load_lean`, for the contents of a .mlmodel file; the result keeps views of `data`."""
    check_bytes(data, source)
    payloads = Payloads()
    try:
        skeleton = detach(memoryview(data), messages.Model.DESCRIPTOR, payloads)
    except SpecError as error:
        raise SpecError(f"{source} is not a valid Core ML model: {error}") from None
    return LeanModel(check_model(parse_model(skeleton, source), source), payloads, source)


def parse_model(data: bytes | memoryview, source: str) -> messages.Model:
    """Bytes to message, without looking at the contents.  Raises SpecError."""
    from google.protobuf.message import DecodeError

    model = messages.Model()
    try:
        model.MergeFromString(bytes(data))
    except (DecodeError, RuntimeError, ValueError) as error:
        raise SpecError(
            f"{source} is not a valid Core ML model: "
            f"it is truncated, damaged, nested too deeply or no model at all ({error})"
        ) from None
    return model


def check_model(model: messages.Model, source: str) -> messages.Model:
    """Check version and type of a parsed model, and give it back.  Raises SpecError."""
    version = model.specificationVersion
    if version > NEWEST_VERSION:
        raise SpecError(
            f"{source} has specification version {version}, this release reads 1 to {NEWEST_VERSION}; "
            "update pyruntime, or export the model for an older deployment target"
        )
    if version < 1:
        raise SpecError(
            f"{source} has specification version {version}, expected 1 to {NEWEST_VERSION}: "
            "it is damaged or no Core ML model"
        )
    _check_types(model, source, "")
    return model


def _check_types(model: messages.Model, source: str, inside: str) -> None:
    """The model, and every one inside its pipelines, has a type.  inside: where it is, for the message."""
    kind = model.WhichOneof("Type")
    if kind is None:
        raise SpecError(
            f"{source} has no model in it{inside}: none of the model types (neuralNetwork, pipeline, …) is set"
        )
    if kind in ("pipeline", "pipelineClassifier", "pipelineRegressor"):
        parts = (model.pipeline if kind == "pipeline" else getattr(model, kind).pipeline).models
        for number, part in enumerate(parts):
            _check_types(part, source, f"{inside} at place {number} of the pipeline")


def find_spec_file(path: str | os.PathLike[str]) -> str:
    """The file that holds the Model message: `path` itself, or a file inside an .mlpackage folder."""
    place = os.fspath(path)
    if not os.path.isdir(place):
        return place
    if os.path.isfile(os.path.join(place, "Manifest.json")):
        from pyruntime.spec.package import find_spec_in_package

        return find_spec_in_package(place)
    raise ModelIOError(f"{place} is a folder without Manifest.json, expected a .mlmodel file or an .mlpackage folder")


def read_model_file(path: str, *, map_large: bool = True) -> tuple[bytes | memoryview, os.stat_result]:
    """The contents of a regular file, and its status before they were read; large ones are mapped.

    Raises ModelIOError."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # asked before opening: a pipe would wait for a writer
            raise ModelIOError(f"{path} is not a regular file, expected a .mlmodel file")
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            _check_size(status.st_size, path)
            if map_large and status.st_size >= MAP_FROM:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), status
            return file.read(), status
    except (OSError, ValueError) as error:
        raise ModelIOError(f"cannot read the model {path}: {getattr(error, 'strerror', None) or error}") from None


def _check_size(size: int, source: str) -> None:
    if size > wire.MAX_BYTES:
        raise SpecError(f"{source} has {size} bytes; the format (protobuf) ends at 2 GiB, {wire.MAX_BYTES} bytes")


def check_bytes(data: bytes | memoryview, source: str) -> None:
    """Refuse what is no model at first sight.  Raises SpecError."""
    _check_size(len(data), source)
    if len(data) == 0:
        raise SpecError(f"{source} is empty, expected a Core ML model; the download or copy may not have finished")
    for start, what in _FOREIGN_STARTS.items():
        if bytes(data[: len(start)]) == start:
            raise SpecError(f"{source} is {what}, expected a Core ML model")
