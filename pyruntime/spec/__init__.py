"""Core ML files as messages: read, check, save, and weights as arrays.  Knows nothing of graphs.

load_spec, load_model_bytes     the standard Model message, as users see it
load_lean, load_lean_bytes      the same, large weights left in the mapped file; for the runtime
save_spec                       write either, atomically
messages                        every message class and enum of the format by name
weights                         weights of a layer as arrays
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyruntime.spec import messages
from pyruntime.spec.reader import LeanModel, load_lean, load_lean_bytes, load_model_bytes, load_spec

if TYPE_CHECKING:
    from pyruntime.spec.messages import Model
    from pyruntime.spec.writer import save_spec

__all__ = [
    "LeanModel",
    "Model",
    "load_lean",
    "load_lean_bytes",
    "load_model_bytes",
    "load_spec",
    "messages",
    "save_spec",
]


def __getattr__(name: str) -> Any:
    if name == "Model":  # on demand: building the message classes takes some milliseconds
        return messages.Model
    if name == "save_spec":
        from pyruntime.spec.writer import save_spec

        return save_spec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
