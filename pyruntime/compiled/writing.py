"""A model and its compiled networks to a directory."""

from __future__ import annotations

import os

from pyruntime.compiled.folder import Content, write_folder
from pyruntime.compiled.manifest import NAME, File, Kernels, Manifest, Network, parse
from pyruntime.engines.base import Programs
from pyruntime.spec import LeanModel
from pyruntime.spec.writer import model_pieces


def write_compiled(
    lean: LeanModel | None, programs: Programs, kernels: Kernels, path: str | os.PathLike[str], *, renew: bool = True
) -> bool:
    """Write the directory `path` in one step that a power cut cannot divide; whether it was written.

    lean: the model, None in the cache.  kernels: what the programs were compiled for.  A compiled model that is there
    is replaced, or left when `renew` is False; any other folder or file is refused.  Raises ModelIOError.
    """
    files: dict[str, Content] = {}

    def add(stem: str, suffix: str, content: Content) -> str:
        name = f"{stem}-{content.sha256[:16]}.{suffix}"
        files[name] = content
        return name

    model = None if lean is None else add("model", "mlmodel", Content(tuple(model_pieces(lean))))
    networks = []
    for place, program in programs.items():
        stem = f"network.{place}" if place else "network"
        plan = add(stem, "plan", Content((program.plan.data,)))
        weights = add(stem, "weights", Content((program.weights.data,)))
        networks.append(Network(place, plan, weights, program.inputs, program.outputs, program.legacy))
    table = {name: File(content.size, content.sha256) for name, content in files.items()}
    manifest = Manifest(kernels, model, tuple(networks), table)
    source = os.path.join(os.fspath(path), NAME)
    return write_folder(path, files, manifest.to_bytes(), lambda old: frozenset(parse(old, source).files), renew=renew)
