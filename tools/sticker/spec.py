"""The message class of a Core ML file, and the two enum values that the export needs."""

from __future__ import annotations

try:
    from pyruntime.spec import Model
except ImportError:
    from coremltools.proto.Model_pb2 import Model

__all__ = ["FLOAT32", "GRAYSCALE", "Model"]

GRAYSCALE = 10  # ImageFeatureType.ColorSpace
FLOAT32 = 65568  # ArrayFeatureType.ArrayDataType: 0x10000 | 32 bits
