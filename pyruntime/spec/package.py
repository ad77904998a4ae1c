"""Find the specification inside an .mlpackage folder.

Such a folder has Manifest.json with one entry per item and the identifier of the item that is the model;
items are under Data/.  The manifest comes from strangers: no path of it is followed out of the folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyruntime.errors import ModelIOError, SpecError

MAX_MANIFEST_BYTES = 1 << 20  # real ones have under 1 KB


def find_spec_in_package(path: str) -> str:
    """Path of the .mlmodel file of a package.

    Raises SpecError when the manifest is bad, and ModelIOError when it cannot be read.
    """
    folder = Path(path)
    manifest = _read_manifest(folder / "Manifest.json")
    root, entries = manifest.get("rootModelIdentifier"), manifest.get("itemInfoEntries")
    if not isinstance(entries, dict) or not isinstance(root, str):
        raise SpecError(f"{folder}/Manifest.json lacks rootModelIdentifier or itemInfoEntries")
    entry = entries.get(root)
    relative = entry.get("path") if isinstance(entry, dict) else None
    if not isinstance(relative, str) or not relative or "\0" in relative:
        raise SpecError(f"{folder}/Manifest.json: rootModelIdentifier {root!r} names no item with a path")
    data = (folder / "Data").resolve()
    spec = (data / relative).resolve()
    if not spec.is_relative_to(data):
        raise SpecError(f"{folder}/Manifest.json: path {relative!r} leaves the package; it must stay under Data/")
    return str(spec)


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise ModelIOError(f"cannot read {path}: {error.strerror}") from None
    if len(text) > MAX_MANIFEST_BYTES:
        raise SpecError(f"{path} has more than {MAX_MANIFEST_BYTES} bytes, expected a short manifest")
    import json  # only packages need it, and every start would pay for it

    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{path} is not JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise SpecError(f"{path} holds a {type(manifest).__name__}, expected an object")
    return manifest
