"""Rules of k-nearest-neighbours classifiers, whether they learn or not."""

from __future__ import annotations

from collections.abc import Iterator

from pyruntime.spec.legality.optimizers import parameter_faults
from pyruntime.spec.legality.rules import Part, rule
from pyruntime.spec.weights import read_floats

KNN = "kNearestNeighborsClassifier"


@rule(KNN)
def the_number_of_neighbors_is_allowed(part: Part) -> Iterator[str]:
    yield from parameter_faults("numberOfNeighbors", part.message.numberOfNeighbors)


@rule(KNN)
def votes_are_weighted(part: Part) -> Iterator[str]:
    if part.message.WhichOneof("WeightingScheme") is None:
        yield "no weighting scheme is set, expected uniformWeighting or inverseDistanceWeighting"


@rule(KNN)
def there_is_an_index(part: Part) -> Iterator[str]:
    index = part.message.nearestNeighborsIndex
    kind = index.WhichOneof("IndexType")
    if kind is None:
        yield "no kind of index is set, expected linearIndex or singleKdTreeIndex"
    elif kind == "singleKdTreeIndex" and index.singleKdTreeIndex.leafSize < 1:
        yield f"singleKdTreeIndex has leafSize {index.singleKdTreeIndex.leafSize}, expected at least 1"


@rule(KNN)
def there_is_a_distance(part: Part) -> Iterator[str]:
    if part.message.nearestNeighborsIndex.WhichOneof("DistanceFunction") is None:
        yield "no distance is set, expected squaredEuclideanDistance"


@rule(KNN)
def each_example_has_a_label(part: Part) -> Iterator[str]:
    """As many labels as examples."""
    kind = part.message.WhichOneof("ClassLabels")
    labels = len(getattr(part.message, kind).vector) if kind else 0
    examples = len(part.message.nearestNeighborsIndex.floatSamples)
    if labels != examples:
        yield f"there are {examples} examples and {labels} labels"


@rule(KNN)
def each_example_has_all_dimensions(part: Part) -> Iterator[str]:
    """Each has numberOfDimensions numbers."""
    index = part.message.nearestNeighborsIndex
    width = index.numberOfDimensions
    if width < 1:
        yield f"numberOfDimensions is {width}, expected at least 1"
    for place, sample in enumerate(index.floatSamples):
        size = len(sample.vector)
        if size != width and part.payloads is not None:
            size = read_floats(sample, part.payloads).size  # a large one, kept beside the message
        if size != width:
            yield f"example {place} has {size} numbers, expected {width}"


@rule(KNN)
def without_examples_there_is_a_default_label(part: Part) -> Iterator[str]:
    if not part.message.nearestNeighborsIndex.floatSamples and part.message.WhichOneof("DefaultClassLabel") is None:
        yield "there are no examples and no default label, so there is nothing to answer"


@rule(KNN)
def labels_are_of_one_type(part: Part) -> Iterator[str]:
    labels, default = part.message.WhichOneof("ClassLabels"), part.message.WhichOneof("DefaultClassLabel")
    same = {"stringClassLabels": "defaultStringLabel", "int64ClassLabels": "defaultInt64Label"}
    if labels is None:
        yield "no type of labels is set, expected stringClassLabels or int64ClassLabels"
    elif default is not None and default != same[labels]:
        yield f"labels are {labels}, but the default label is {default}"
