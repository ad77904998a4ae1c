"""k-nearest-neighbours classifiers: KNearestNeighborsClassifierBuilder."""

from pyruntime.models.nearest_neighbors import builder
from pyruntime.models.nearest_neighbors.builder import KNearestNeighborsClassifierBuilder

__all__ = ["KNearestNeighborsClassifierBuilder", "builder"]
