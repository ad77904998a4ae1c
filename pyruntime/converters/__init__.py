"""Models of other libraries as models of this one, where coremltools has its converters.

sklearn    k-nearest-neighbours classifiers, which go on learning on the device
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyruntime.converters import sklearn

__all__ = ["sklearn"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(f"pyruntime.converters.{name}")
    raise AttributeError(f"module 'pyruntime.converters' has no attribute {name!r}")
