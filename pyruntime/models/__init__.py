"""The place where coremltools has MLModel: `from pyruntime.models import MLModel`."""

from pyruntime.model import MLModel

__all__ = ["MLModel"]
