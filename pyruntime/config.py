"""How a model is loaded: MLModelConfiguration and compute units."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

from pyruntime.native.lib import ALL_LEVELS, Context


class ComputeUnit(Enum):
    """What a model may run on; numbers are coremltools', names are the same in both.

    This release runs every layer on the CPU, which each of these permits.
    """

    ALL = 1
    CPU_AND_GPU = 2
    CPU_ONLY = 3
    CPU_AND_NE = 4


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cache_folder() -> str | None:
    """Folder of the user's cache; None for a user without a home."""
    home = os.path.expanduser("~")
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # the standard says to ignore relative ones
        base = os.path.join(home, ".cache") if os.path.isabs(home) else ""
    return os.path.join(base, "pyruntime") if base else None


@lru_cache(maxsize=1)
def _say_once_that_there_is_no_neural_engine() -> None:
    import warnings

    warnings.warn(
        "ComputeUnit.CPU_AND_NE: there is no Neural Engine here, the model runs on the CPU",
        RuntimeWarning,
        stacklevel=5,
    )


@dataclass(frozen=True)
class MLModelConfiguration:
    """MLModelConfiguration, and settings that boards need.

    parameters: values that replace the file's defaults, by key: "numberOfNeighbors", or with the names of a pipeline's
        models in front, "stickerClassifier/numberOfNeighbors".  They must lie inside what the file allows.
    threads: threads of a prediction, 0 for one per usable core.
    levels: bits of the instruction-set levels to use (tests force a level with it).
    weights: "expanded": weights of 1 to 16 bits become floats when the model is compiled.  "compressed": those of dense
        layers and of convolutions in one group stay as small as the file has them, and kernels expand them piece by
        piece; answers are the same, docs/performance.md has the speed.  A compiled model directory keeps the form that
        it was compiled with.
    vectors: how a k-NN keeps the vectors of its examples while it runs: "stored", as the model has them, or "float32",
        "int8" or "int8+float32", docs/nearest-neighbors.md.  `write` and `save` keep what the model has.
    memory_limit: bytes that the values of one prediction may take, or of one step of an update, which computes values
        twice instead of keeping them where that helps to stay below it.
    feature_memory: bytes of examples, as the part of a network that does not learn sees them, that an update keeps in
        memory; more go to a mapped file.  None: a quarter of the memory that is available.
    scratch_folder: where that file is made; None: the system's folder of temporary files on a disk.
    cache_folder: where networks compiled from .mlmodel files are kept (docs/compiled-models.md); None for nowhere.
    linked_model_roots: folders that linked models must lie in; by default the folder of the model that is opened.
    bundles: folders of the application that search paths of linked models name: "main" is $BUNDLE_MAIN, others
        $BUNDLE_IDENTIFIER(name).  They are roots too.
    """

    compute_units: ComputeUnit = ComputeUnit.ALL
    preferred_device: str | None = None
    allow_low_precision_accumulation_on_gpu: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 0
    levels: int = ALL_LEVELS
    weights: str = "expanded"
    vectors: str = "stored"
    memory_limit: int = field(default_factory=_physical_memory)
    feature_memory: int | None = None
    scratch_folder: str | os.PathLike[str] | None = None
    cache_folder: str | os.PathLike[str] | None = field(default_factory=_cache_folder)
    linked_model_roots: Sequence[str | os.PathLike[str]] = ()
    bundles: Mapping[str, str | os.PathLike[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.weights not in ("expanded", "compressed"):
            raise ValueError(f'weights is {self.weights!r}, expected "expanded" or "compressed"')
        if self.vectors not in ("stored", "float32", "int8", "int8+float32"):
            raise ValueError(f'vectors is {self.vectors!r}, expected "stored", "float32", "int8" or "int8+float32"')
        if self.compute_units is ComputeUnit.CPU_AND_NE:
            _say_once_that_there_is_no_neural_engine()

    @property
    def preferred_metal_device(self) -> str | None:
        """Core ML's name of `preferred_device`."""
        return self.preferred_device

    @property
    def update_parameters(self) -> Mapping[str, Any]:
        """`parameters` under the name it had when Core ML 3 was shown."""
        return self.parameters

    def context(self) -> Context:
        """Kernels and thread pool, shared by all models with the same settings."""
        return _context(self.threads, self.levels, self.weights)


@lru_cache(maxsize=8)
def _context(threads: int, levels: int, weights: str) -> Context:
    return Context(threads=threads, levels=levels, weights=weights)
