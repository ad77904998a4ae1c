"""A network that learns: features of examples in, steps, and the weights as they are by then."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pyruntime.compiler import compile_graph
from pyruntime.engines.neural_network import NeuralNetworkEngine
from pyruntime.errors import FeatureTypeError, SpecError
from pyruntime.ir.types import Array, Shape
from pyruntime.layers.network import is_legacy, lower_network
from pyruntime.native import lib
from pyruntime.native.custom import compiling
from pyruntime.samples import sample_features
from pyruntime.training.adapters import Adapters
from pyruntime.training.builder import Parameter
from pyruntime.training.evaluation import Evaluator, measured
from pyruntime.training.losses import LossOptions
from pyruntime.training.optimizers import make_optimizer
from pyruntime.training.options import DEFAULT, LearningRateSchedule, TrainingOptions
from pyruntime.training.program import StepGraph, build_step, compile_step
from pyruntime.training.recipe import read_recipe
from pyruntime.training.split import split_network
from pyruntime.training.steps import StepRunner, Weights, room


class StepMemory(NamedTuple):
    """Bytes that training takes, besides the features of the examples.

    batch: examples in a mini-batch.  segments: of the way forward, more than 1 where values are computed twice to stay
    below the limit.  values: of one step; peak: the most of them alive at once.  results: what a step hands over, which
    lies in parameters and states.  parameters: numbers that learn, in three copies; states: the optimizer's, in two.
    """

    batch: int
    segments: int
    values: int
    peak: int
    results: int
    parameters: int
    states: int


class Trainer:
    """parameters: values by name, of those that cannot change in progress.

    Raises SpecError and UnsupportedError for what cannot be trained, ParametersError for options that do not fit the
    network, before any example is read.
    """

    def __init__(
        self,
        engine: NeuralNetworkEngine,
        parameters: Mapping[str, Any],
        source: str,
        options: TrainingOptions = DEFAULT,
    ) -> None:
        part = engine.part
        self._engine = engine
        self._source = source
        self.adapters = Adapters(getattr(part.spec, part.kind), part.payloads, options)
        self._payloads = self.adapters.payloads
        dequantize = options.low_precision == "dequantize"
        self.recipe = read_recipe(self.adapters.network, source, self._payloads, dequantize=dequantize)
        self._split = split_network(self.recipe, source)
        self._optimizer = make_optimizer(self.recipe.optimizer, parameters, options)
        self._chosen = LossOptions(options, engine.description.class_labels or ())
        self.options = options
        self._steps = (1, 1)
        self._legacy = is_legacy(self.recipe.network)
        with compiling(lambda: part.custom_layers):
            lowered = lower_network(self.recipe.network, part.description, self._payloads, self._split.features)
            plan, constants = compile_graph(lowered.graph, part.context)
        self._frozen = plan, constants
        self._idle: deque[lib.Session] = deque()
        """Sessions of the frozen part that nobody uses."""
        self._graphs: dict[tuple[Any, ...], StepGraph] = {}
        self._runners: dict[int, StepRunner] = {}
        self._evaluators: dict[int, Evaluator] = {}
        self.counts_right = False
        """Whether steps count right answers, which cross entropy alone has: set before the first runner is made."""
        self._hyper = room(self._optimizer.hyper.shape)
        self._shapes = self._expected_shapes()
        step = self._graph(max(1, int(parameters["miniBatchSize"])))
        self.parameters: tuple[Parameter, ...] = step.parameters
        self.weights = Weights([p.start for p in step.parameters], step.states)

    def _expected_shapes(self) -> tuple[Shape, ...]:
        """Shapes of the features of an example of the declared sizes."""
        arrays = self._engine.arrays(sample_features(self._engine.part.spec))
        session = self._session()
        found = session.bind(arrays, len(self._split.features))
        self._idle.append(session)
        return tuple(self._without_batch(shape) for _, shape in found)

    def _without_batch(self, shape: Shape) -> Shape:
        """A blob of one example, without the axis on which examples are stacked."""
        if not self._legacy:
            return shape
        if len(shape) != 5 or shape[1] != 1:
            raise FeatureTypeError(f"one example at a time, but features of shape {shape} are a batch of {shape[1]}")
        return shape[0], *shape[2:]

    def _graph(self, batch: int, *, collect: bool = True) -> StepGraph:
        key = (batch, self._shapes, collect)
        if key not in self._graphs:
            self._graphs[key] = build_step(
                self.recipe, self._split, self._shapes, batch, self._optimizer, self._payloads, self._chosen,
                collect=collect,
            )  # fmt: skip
        return self._graphs[key]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Of the features of one example."""
        return self._shapes

    @property
    def result_shape(self) -> Shape:
        """Of what the loss reads for one example."""
        return self._graph(1).result

    @property
    def target_shape(self) -> Shape:
        """Of the target of one example, as the loss takes it."""
        return self._graph(1).target[1:]

    def features(self, table: Mapping[str, Any]) -> list[Array]:
        """What the frozen part makes of one example; several threads may ask.  Raises FeatureTypeError."""
        arrays = self._engine.arrays(table)
        session = self._session()
        try:
            return session.run(arrays, len(self._split.features))
        finally:
            self._idle.append(session)

    def _session(self) -> lib.Session:
        try:
            return self._idle.pop()
        except IndexError:
            part = self._engine.part
            return lib.Session(part.context, *self._frozen, part.memory_limit, lambda: part.custom_layers)

    def fix(self, arrays: Sequence[Array]) -> None:
        """All examples are of the sizes of this one from here on."""
        self._shapes = tuple(self._without_batch(array.shape) for array in arrays)

    def check_shapes(self, arrays: Sequence[Array]) -> None:
        """Raises FeatureTypeError for an example of another size than the first."""
        shapes = tuple(self._without_batch(array.shape) for array in arrays)
        if shapes != self._shapes:
            raise FeatureTypeError(
                f"it gives features of shapes {list(shapes)}, the first example {list(self._shapes)}; "
                "examples of one training are of one size"
            )

    def runner(self, batch: int) -> StepRunner:
        """Runs steps of mini-batches of that size; there are two sizes at most, the usual one and the last."""
        if batch not in self._runners:
            part = self._engine.part
            graph = self._graph(batch)
            if [p.start.shape for p in graph.parameters] != [p.start.shape for p in self.parameters]:
                raise SpecError(f"{self._source}: weights whose shapes depend on the examples cannot learn")
            graph = measured(graph) if self.counts_right else graph
            program = compile_step(graph, part.context, part.memory_limit)
            self._runners[batch] = StepRunner(part.context, program, self.weights, self._hyper, part.memory_limit)
        return self._runners[batch]

    @property
    def is_classifier(self) -> bool:
        """Whether answers are right or wrong."""
        return self.recipe.loss.kind == "categoricalCrossEntropyLossLayer"

    def evaluator(self, batch: int) -> Evaluator:
        """Measures losses of mini-batches of that size, with the weights as they are by then."""
        if batch not in self._evaluators:
            part = self._engine.part
            graph = self._graph(batch, collect=not any(p.field == "variance" for p in self.parameters))
            self._evaluators[batch] = Evaluator(
                part.context, graph, self.weights, part.memory_limit, accuracy=self.is_classifier
            )
        return self._evaluators[batch]

    def memory(self, batch: int) -> StepMemory:
        """What steps of mini-batches of that size take."""
        program = self.runner(batch).program
        states = sum(array.nbytes for buffer in self.weights.states for array in buffer)
        parameters = sum(array.nbytes for buffer in self.weights.parameters for array in buffer)
        return StepMemory(batch, program.segments, program.arena, program.peak, program.results, parameters, states)

    def identity(self) -> Iterator[bytes | Array]:
        """What is trained: operators, frozen weights, and the weights before the first step."""
        yield repr(self.options).encode()
        graph = self._graph(1).graph
        for node in graph.nodes:
            yield node.op.code.encode() + node.op.encode()
        yield from graph.constants.values()
        for parameter in self.parameters:
            yield f"{parameter.layer}:{parameter.field}".encode()
            yield parameter.start

    def plan(self, steps_per_epoch: int, epochs: int) -> None:
        """How many steps there will be, for a schedule of the learning rate."""
        self._steps = steps_per_epoch, epochs

    def steer(self, parameter: Callable[[str], Any]) -> None:
        """The optimizer's parameters for the next step."""
        values = {name: parameter(name) for name in self._optimizer.names}
        schedule = self.options.schedule
        if isinstance(schedule, LearningRateSchedule):
            values["learningRate"] *= schedule.factor(self.weights.at, *self._steps)
        self._hyper[:] = self._optimizer.steer(values, self.weights.at + 1)
