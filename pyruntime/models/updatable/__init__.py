"""Models that learn, made of models that do not.

make_updatable    layers that learn, a loss, an optimizer
rewrite_for_update  what converters leave, as layers that Core ML can train
split_for_update  a network as a pipeline: a frozen extractor, and a head that learns
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyruntime.config import MLModelConfiguration
from pyruntime.model import MLModel
from pyruntime.models.updatable.candidates import Candidate
from pyruntime.models.updatable.make import lean_of, updatable, update_candidates
from pyruntime.models.updatable.rewriting import rewrite_for_update
from pyruntime.models.updatable.splitting import split
from pyruntime.spec.legality.rules import BEYOND

__all__ = [
    "Candidate",
    "make_updatable",
    "rewrite_for_update",
    "split_for_update",
    "update_candidates",
]


def make_updatable(model: Any, layers: Any = None, **options: Any) -> MLModel:
    """A copy of a model that learns on the device; the original stays as it is.

    model: an MLModel, a path or a Model message: a network (classifier, regressor or plain), or a pipeline that ends in
        one, of which that last network then learns.
    layers: names of the layers that learn; by default the last dense layer or convolution before the loss.
    loss: "categorical_cross_entropy" or "mean_squared_error"; by default the first for classifiers and where a softmax
        ends.  It is computed from `output`: the name of an output or blob, by default the scores or the only output.
    optimizer: "sgd" (default), "adam", or SgdParams or AdamParams of models.neural_network with their own ranges.
    learning_rate, epochs, mini_batch_size: defaults 0.01 (Adam 0.001), 10, 8.
    allowed: by parameter (`epochs`, `miniBatchSize`, `learningRate`, `momentum`, …) what callers of an update may
        choose: a pair (smallest, largest), or a set.  By default 1 to 1000, 1 to 256, 0 to 1.
    shuffle, seed: whether the order of examples changes from epoch to epoch, and the start of its random numbers.
    dequantize: make 32-bit floats of compressed weights where Core ML needs them to learn; they are refused without.
    add_softmax: give cross entropy a softmax of its own where the network has none; predictions stay as they are.
    core_ml_only: False lets layers and ways to them learn that Core ML cannot train, with a warning: the file then is
        marked as one that only this package trains.
    replace: make a model that is updatable already so anew.

    Layers that converters leave (`batchedMatmul`, `softmaxND`, reshapes) are rewritten where they stand in the way; see
    rewrite_for_update.  Training inputs are the model's inputs and the target: the label for classifiers,
    `<output>_true` for others.
    Raises BuildError that says what does not fit and what to do; UnsupportedError when no gradient passes a layer.
    """
    made = MLModel.from_lean(updatable(lean_of(model), layers, **options), configuration=_configuration(model))
    check_trainable(made)
    return made


def split_for_update(
    model: Any, at: str | Iterable[str] | None = None, *, head: str = "network", **options: Any
) -> MLModel:
    """A copy of a model as a pipeline: an extractor that stays as it is, and a head that learns.

    model: an MLModel, a path or a Model message: a network, or a pipeline that ends in one.
    at: where the extractor ends: the name of a layer or blob, or of several that separate the network together.  By
        default before the last dense layer or convolution that can learn.
    head: "network", what comes behind: predictions stay as they are, and all its layers that can learn do, unless
        `layers` names some; options are those of make_updatable.
        "knn": an empty k-NN that compares what the extractor makes; the rest of the network is left out.  Options:
        number_of_neighbors (5), default_class_label ("unknown"; a whole number makes all labels such), label ("label",
        the name of the output), weighting_scheme ("inverse_distance"), index_type ("linear"), leaf_size.

    The extractor keeps its weights as they are stored, 16-bit and quantized ones too.
    Raises BuildError that says what does not fit; for a cut that does not separate the network, what else crosses it.
    """
    made = MLModel.from_lean(split(lean_of(model), at, head=head, **options), configuration=_configuration(model))
    check_trainable(made)
    return made


def check_trainable(model: MLModel) -> None:
    """Raise what an update would raise at its start: a layer that no gradient passes, for one."""
    from pyruntime.parameters import describe_parameters
    from pyruntime.training.options import TrainingOptions
    from pyruntime.update.learner import make_learner

    lean = model._lean
    parameters = {key: model.parameter_value(key) for key in describe_parameters(lean.spec)}
    beyond = BEYOND[0] in lean.spec.description.metadata.userDefined
    make_learner(model, lean, parameters, TrainingOptions(low_precision="dequantize") if beyond else None)


def _configuration(model: Any) -> MLModelConfiguration | None:
    return model.configuration if isinstance(model, MLModel) else None
