"""The names that layers share, and the lowering of layers in order.

Core ML's branches and loops have no results: a block reads and writes the names of the network around it.  Here a name
stands for a value of the graph at each point, and a `Scope` says which.  Branches and loops (layers/control.py) compare
the scopes at the ends of their blocks and turn every difference into a result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pyruntime.errors import MLModelError
from pyruntime.ir.graph import Value
from pyruntime.ir.ops import Require

if TYPE_CHECKING:
    from pyruntime.layers.builder import Builder


@dataclass(frozen=True, slots=True)
class Blob:
    """What a name stands for.  made: a number that is 0 where the prediction did not make it; None: it is there."""

    value: Value
    made: Value | None = None


@dataclass(frozen=True, slots=True)
class Mixed:
    """A name whose rank hangs on the way that a prediction takes.  It may be there, but nobody may read it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """A name that an iteration reads before any has made it: of an unknown rank until the body was lowered once."""

    loop: OpenLoop


@dataclass(eq=False)
class OpenLoop:
    """A loop whose types are being found, and the layers that could not be lowered yet, as errors."""

    unread: list[MLModelError] = field(default_factory=list)


class NotYet(Exception):
    """A layer reads a `Later`: it is left out of this round.  `error` is for when no round finds the type."""

    def __init__(self, later: Later, error: MLModelError) -> None:
        super().__init__(str(error))
        self.later, self.error = later, error


@dataclass
class Scope:
    """The names at one point of a block."""

    names: dict[str, Blob | Mixed | Later] = field(default_factory=dict)
    sure: set[str] = field(default_factory=set)
    """Names that are there where the block was not left by a break or continue, whatever `made` says."""
    own: set[str] = field(default_factory=set)
    """Names that layers of this block made, and a network's inputs: only copy may make them again.

    What a branch or loop made may be made again behind it: coremltools' converters call constants alike in both.
    """
    left: int | Value = 0
    """Whether the block was left: by nothing, CONTINUE or BREAK; a value where a prediction decides."""
    path: tuple[int, ...] = ()
    """Where in the file: the place of the layer in its block, of the block's layer in the block around, ..."""
    in_loop: bool = False
    read: dict[str, Value] = field(default_factory=dict)
    """Names that were found to be there, in this block."""

    def inner(self) -> Scope:
        """The scope in which a block of a layer begins."""
        return replace(self, names=dict(self.names), sure=set(), own=set(), left=0, read=dict(self.read))

    def bind(self, name: str, blob: Blob | Mixed | Later) -> None:
        """From here on `name` stands for this."""
        self.names[name] = blob
        self.sure.discard(name)
        self.read.pop(name, None)


CONTINUE, BREAK = 1, 2
LEAVES = {"loopContinue": CONTINUE, "loopBreak": BREAK}
DEEPEST = 24
"""Branches and loops inside one another.  Files nest about as deep as protobuf reads; recursion must end before."""


def blocks_of(message: Any) -> tuple[Any, ...]:
    """The networks inside a layer."""
    kind = message.WhichOneof("layer")
    if kind == "branch":
        return (message.branch.ifBranch, message.branch.elseBranch)
    return (message.loop.conditionNetwork, message.loop.bodyNetwork) if kind == "loop" else ()


def written(networks: Iterable[Any]) -> tuple[str, ...]:
    """Names that layers in these networks make, at any depth, in order."""
    names: dict[str, None] = {}
    for network in networks:
        for message in network.layers:
            names.update(dict.fromkeys(message.output))
            names.update(dict.fromkeys(written(blocks_of(message))))
    return tuple(names)


def may_leave(message: Any) -> bool:
    """Whether this layer, or one in its branches, is a break or continue of the loop around it."""
    if message.WhichOneof("layer") == "branch":
        return any(may_leave(inner) for network in blocks_of(message) for inner in network.layers)
    return message.WhichOneof("layer") in LEAVES


def read(name: str, b: Builder) -> Value:
    """The value of a name, for a layer that reads it.  Raises NotYet, which only a loop around can have caused."""
    scope, blob = b.scope, b.scope.names.get(name)
    if blob is None:
        raise b.invalid("input", expected="a model input or the output of an earlier layer", got=name)
    if isinstance(blob, Later):
        raise NotYet(blob, b.invalid("input", expected="a model input or the output of an earlier layer", got=name))
    if isinstance(blob, Mixed):
        raise b.unsupported(f"{name!r} cannot be read here: {blob.reason}")
    if blob.made is None or name in scope.sure:
        return blob.value
    if name not in scope.read:
        array = b.constants.get(blob.made.name)
        if array is not None and not array.any():
            raise b.invalid("input", expected="a name that exists here", got=name)
        layer, b.layer = b.layer, f"{b.layer}, input {name}"
        scope.read[name] = blob.value if array is not None else b.emit(Require(), blob.value, blob.made)
        b.layer = layer
    return scope.read[name]


def lower_layers(messages: Sequence[Any], b: Builder) -> None:
    """Lower a block's layers in order.  What follows a layer that may leave the block runs only if it did not."""
    from pyruntime.layers.control import unless_left

    scope, start = b.scope, 0
    path = scope.path
    while start < len(messages) and not (isinstance(scope.left, int) and scope.left):
        end = next((i + 1 for i in range(start, len(messages)) if may_leave(messages[i])), len(messages))

        def lower(inner: Builder, first: int = start, behind: int = end) -> None:
            for i in range(first, behind):
                inner.scope.path = (*path, i)
                _lower(messages[i], inner)
            inner.scope.path = path

        if isinstance(scope.left, int):
            lower(b)
        else:
            unless_left(lower, b)
        start = end


def _lower(message: Any, b: Builder) -> None:
    """One layer: its operators, and the names it makes."""
    from pyruntime.layers.registry import lower_layer

    scope, kind = b.scope, message.WhichOneof("layer") or ""
    b.layer, b.kind = message.name or "(no name)", kind
    b.output_names = tuple(message.output)
    b.output_ranks = tuple(int(tensor.rank) for tensor in message.outputTensor)
    try:
        inputs = [read(name, b) for name in message.input]
    except NotYet as error:
        error.later.loop.unread.append(error.error)
        for name in (*message.output, *written(blocks_of(message))):
            if not isinstance(scope.names.get(name), Blob | Mixed):
                scope.names[name] = error.later
        return
    if kind == "copy" and set(message.input) & set(message.output):
        raise b.invalid("output", expected="another name than its input", got=message.output[0])
    results = lower_layer(message, inputs, b)
    if len(message.output) > len(results) or (results and not message.output):
        raise b.invalid("output", expected=f"{len(results)} name(s)", got=list(message.output))
    for name, value in zip(message.output, results, strict=False):
        if kind != "copy" and name in scope.own:
            raise b.invalid("output", expected="a name that is not taken", got=name)
        scope.bind(name, Blob(value))
        scope.own.add(name)
