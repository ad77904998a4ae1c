"""Training on the device: MLUpdateTask and what it tells its handlers.

task      states, threads, handlers
learner   what a model type does with examples: `neighbors` for k-NN, `networks` and `run` for networks
checkpoint  progress in a file
guard     refuses a model that became worse: `scores`
record    provenance of the result, and locks
holdout   how good a model is on examples that it does not learn from
history   metrics of the epochs, `plot` draws them
examples  training data by number, with errors that name the example
"""

from pyruntime.update.context import (
    MetricKey,
    MLUpdateContext,
    MLUpdateProgressHandlers,
    ParameterValues,
    TaskState,
    UpdateEvent,
)
from pyruntime.update.guard import UpdateGuard
from pyruntime.update.history import TrainingHistory
from pyruntime.update.task import MLUpdateTask

__all__ = [
    "MLUpdateContext",
    "MLUpdateProgressHandlers",
    "MLUpdateTask",
    "MetricKey",
    "ParameterValues",
    "TaskState",
    "TrainingHistory",
    "UpdateEvent",
    "UpdateGuard",
]
