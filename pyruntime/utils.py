"""The place where coremltools has these: `pyruntime.utils.load_spec`, `save_spec`, `compile_model`."""

from pyruntime.model import compile_model
from pyruntime.spec import load_spec, save_spec

__all__ = ["compile_model", "load_spec", "save_spec"]
