"""What runs a model: one engine per model type of the format, found by `build`."""

from pyruntime.engines.base import Engine, ModelPart, NetworkProgram, Programs
from pyruntime.engines.registry import build

__all__ = ["Engine", "ModelPart", "NetworkProgram", "Programs", "build"]
